"""Proxies, trust and clock: what stands between this machine and every server."""

import socket
from collections.abc import Iterator, Sequence
from statistics import median
from urllib.parse import urlsplit

from envbuild.http.listening import Heard
from envbuild.httpsettings import public_url
from envbuild.workspace.doctor.diagnosis import Check, Verdict
from envbuild.workspace.doctor.subject import NETWORK, Subject

__all__ = ["clock_check", "proxy_checks"]

_CONNECT = 3.0
_MOST_SKEW = 300.0
_PORTS = {"http": 80, "https": 443}


def proxy_checks(subject: Subject) -> Iterator[Check]:
    """Each proxy, with the hosts that do not use it."""
    machine = subject.machine
    if not machine.proxies:
        yield Check(name="proxy", topic=NETWORK, verdict=Verdict.NONE, found="none is set: hosts are asked directly")
        return
    kinds: dict[str, list[str]] = {}
    for scheme, url in machine.proxies.items():
        kinds.setdefault(url, []).append("http and https" if scheme == "all" else scheme)
    direct = f"; not for {', '.join(machine.no_proxy)}" if machine.no_proxy else "; for every host (no-proxy is empty)"
    for url, schemes in kinds.items():
        words = f"{public_url(url)} for {' and '.join(schemes)}{direct}"
        fault = _connects(url)
        if fault:
            yield Check(
                name="proxy", topic=NETWORK, verdict=Verdict.FAILING, found=f"{words}: {fault}",
                remedy="is its address right, and are you in its network? envbuild config set proxy URL; "
                "hosts that need none: no-proxy",
                without="hosts that no-proxy names",
            )  # fmt: skip
        else:
            yield Check(name="proxy", topic=NETWORK, verdict=Verdict.OK, found=f"{words}; it takes connections")


def _connects(url: str) -> str:
    """Why a proxy takes no connection; empty where it does."""
    try:
        parts = urlsplit(url)
        port = parts.port or _PORTS.get(parts.scheme, 80)
        if parts.scheme not in _PORTS or not parts.hostname:
            return "not an address of http:// or https://"
        socket.create_connection((parts.hostname, port), _CONNECT).close()
    except socket.gaierror:
        return "its name is not known here (DNS)"
    except TimeoutError:
        return "no connection within the time limit"
    except (OSError, ValueError) as error:
        return f"it takes no connection ({getattr(error, 'strerror', None) or error})"
    return ""


def clock_check(heard: Sequence[Heard]) -> Check:
    """The clock of this machine beside those of the servers that answered: the one in the middle counts."""
    if not heard:
        return Check(
            name="clock", topic=NETWORK, verdict=Verdict.NONE, found="not compared: no server told its time",
        )  # fmt: skip
    ahead = median(h.offset for h in heard)
    hosts = len({h.host for h in heard})
    of = f"the clock{'s' if hosts > 1 else ''} of {hosts} host{'s' if hosts > 1 else ''}"
    if abs(ahead) <= _MOST_SKEW:
        words = "agrees with" if abs(ahead) < 30 else f"is {_span(abs(ahead))} {_side(ahead)}"
        return Check(name="clock", topic=NETWORK, verdict=Verdict.OK, found=f"{words} {of}")
    return Check(
        name="clock", topic=NETWORK, verdict=Verdict.WARNING,
        found=f"{_span(abs(ahead))} {_side(ahead)} {of}: certificates and Debian's signatures may be refused for that",
        remedy="set it: timedatectl set-ntp true, or ask whoever runs this machine",
    )  # fmt: skip


def _side(ahead: float) -> str:
    return "behind" if ahead > 0 else "ahead of"


def _span(seconds: float) -> str:
    for name, size in (("day", 86400), ("hour", 3600), ("minute", 60)):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {name}s"
    return f"{seconds:.0f} seconds"
