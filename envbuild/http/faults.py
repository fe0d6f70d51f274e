"""Network failures in words: what happened at which host, and what to do next; and which of them pass."""

import email.utils
import re
import ssl
import time
from collections.abc import Mapping

from envbuild.errors import EnvironmentFault, ProxyFault
from envbuild.httpsettings import host_of, public_url

__all__ = [
    "PASSING",
    "Forbidden",
    "Passing",
    "no_passage",
    "refused",
    "refused_by_proxy",
    "retry_after",
    "tls_fault",
    "unexpected",
]

PASSING = frozenset({408, 425, 429, 500, 502, 503, 504, 507, 509, 520, 521, 522, 523, 524, 529})
"""Statuses that another try may get past."""

_X509 = {
    9: ("the certificate is not valid yet", "is this machine's clock right?"),
    10: ("the certificate has expired", "is this machine's clock right?"),
    18: ("the certificate is self-signed", "name its authority: ENVBUILD_CA_BUNDLE=FILE.pem (or SSL_CERT_FILE)"),
    19: ("the certificate's authority is not trusted here", "name it: ENVBUILD_CA_BUNDLE=FILE.pem (or SSL_CERT_FILE)"),
    20: ("the certificate's authority is not trusted here", "name it: ENVBUILD_CA_BUNDLE=FILE.pem (or SSL_CERT_FILE)"),
    62: ("the certificate is for another host", "a proxy or a wrong address stands between; check the URL"),
}
"""OpenSSL's X509_V_ERR codes (openssl/x509_vfy.h)."""

_OURS = re.compile("ALERT_(.*CERTIFICATE.*|UNKNOWN_CA)")
"""The alerts by which a server says that it is our certificate that is wrong or missing (RFC 8446, 6.2)."""


class Passing(Exception):
    """A failure that another try may get past: `tries` is how many it is worth, `wait` what the server asked for."""

    def __init__(self, fault: EnvironmentFault, *, tries: int, wait: float | None = None) -> None:
        self.fault, self.tries, self.wait = fault, tries, wait
        super().__init__(str(fault))


class Forbidden(EnvironmentFault):
    """403. A few servers give it for what is not there."""


def refused(status: int, url: str) -> EnvironmentFault:
    """401, 403: who refused, and where a login is put."""
    host = host_of(url)
    if status == 401:
        return EnvironmentFault(
            "a login is needed, or the one given is wrong (401)",
            at=host,
            hint="keep one in the keyring: envbuild login INDEX-URL; or add a line to ~/.netrc: "
            f"machine {host.partition(':')[0]} login USER password PASSWORD",
        )
    return Forbidden(f"access is forbidden (403): {public_url(url)}", at=host, hint="is the login the right one?")


def refused_by_proxy(url: str, proxy: str) -> ProxyFault:
    """407 (RFC 9110, 15.5.8), on the way to `url`."""
    shown = f": {public_url(proxy)}" if proxy else ""
    return ProxyFault(
        f"the proxy asks for a login, or refuses the one given (407){shown}",
        at=host_of(url),
        hint="put it in the proxy's URL: ENVBUILD_PROXY=http://USER:PASSWORD@HOST:PORT (or HTTPS_PROXY)",
    )


def no_passage(why: str, url: str, proxy: str) -> ProxyFault:
    """There is no way through the proxy to `url`."""
    return ProxyFault(
        f"the proxy gives no connection: {public_url(proxy)}: {why}",
        at=host_of(url),
        hint="check ENVBUILD_PROXY (or HTTPS_PROXY, HTTP_PROXY); NO_PROXY names the hosts that need none",
    )


def unexpected(status: int, url: str, wait: float | None) -> EnvironmentFault:
    """A status that no try got past."""
    if status == 429:
        when = f"; it asks to wait {wait:.0f} s" if wait is not None else ""
        return EnvironmentFault(f"too many requests (429){when}", at=host_of(url), hint="try again later")
    word = "failed" if status >= 500 else "answered"
    hint = "the server's fault; try again later" if status >= 500 else "check the URL"
    return EnvironmentFault(f"{word} with {status}: {public_url(url)}", at=host_of(url), hint=hint)


def tls_fault(error: BaseException, url: str) -> EnvironmentFault | Passing:
    """A TLS connection that could not be made or broke; a refused certificate is told from OpenSSL's code for it."""
    host = host_of(url)
    cause = next((e for e in _chain(error) if isinstance(e, ssl.SSLCertVerificationError)), None)
    if any(_OURS.search(str(getattr(e, "reason", ""))) for e in _chain(error)):
        return EnvironmentFault(
            "wants a certificate of ours, and there is none or it is refused",
            at=host,
            hint="for a registry: ENVBUILD_REGISTRY_CERTS=FOLDER, with HOST/NAME.cert and HOST/NAME.key in it",
        )
    if cause is None:
        fault = EnvironmentFault(f"no secure connection: {error}", at=host, hint="is this an https address?")
        return Passing(fault, tries=3)
    what, hint = _X509.get(cause.verify_code, (f"the certificate is refused: {cause.verify_message}", ""))
    return EnvironmentFault(what, at=host, hint=hint)


def _chain(error: BaseException) -> list[BaseException]:
    """An error, what it wraps and what caused it."""
    found: list[BaseException] = []
    todo: list[object] = [error]
    while todo:
        one = todo.pop()
        if isinstance(one, BaseException) and one not in found:
            found.append(one)
            todo += [*one.args, one.__cause__, one.__context__, getattr(one, "reason", None)]
    return found


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds that a server asks to wait (RFC 9110, 10.2.3): a number, or a date by its own clock where it tells it."""
    text = headers.get("retry-after", "").strip()
    if text.isascii() and text.isdigit():
        return float(text)
    until = _seconds(text)
    if until is None:
        return None
    return max(0.0, until - (_seconds(headers.get("date", "")) or time.time()))


def _seconds(date: str) -> float | None:
    try:
        return email.utils.parsedate_to_datetime(date).timestamp()
    except (TypeError, ValueError):
        return None
