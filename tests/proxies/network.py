"""A network namespace that reaches one address of this machine and nothing else: no default route, no names."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

__all__ = ["Network", "made"]


@dataclass(frozen=True, slots=True)
class Network:
    """One that is there."""

    name: str
    gate: str
    """The one address that can be reached from inside."""
    beyond: str
    """An address of this machine that cannot."""
    inner: str
    """Its own address."""

    @property
    def prefix(self) -> tuple[str, ...]:
        """What to put before a command so that it runs inside."""
        return ("ip", "netns", "exec", self.name)


@contextmanager
def made() -> Iterator[Network]:
    """Make one, and take it away afterwards. Needs root."""
    number = _free()
    name, outer, inner = f"envbuild-{os.getpid()}", f"eb{os.getpid()}o", f"eb{os.getpid()}i"
    network = Network(name, f"10.203.{number}.1", f"10.203.{number}.129", f"10.203.{number}.2")
    _ip("netns", "add", name)
    try:
        _ip("link", "add", outer, "type", "veth", "peer", "name", inner, "netns", name)
        _ip("address", "add", f"{network.gate}/30", "dev", outer)
        _ip("address", "add", f"{network.beyond}/32", "dev", outer)
        _ip("link", "set", outer, "up")
        _ip("-n", name, "address", "add", f"{network.inner}/30", "dev", inner)
        _ip("-n", name, "link", "set", inner, "up")
        _ip("-n", name, "link", "set", "lo", "up")
        yield network
    finally:
        # Its end of the pair goes with it, and so does ours.
        _ip("netns", "delete", name)


def _free() -> int:
    """A third octet of 10.203 that no interface here has."""
    taken = _ip("-o", "address")
    return next(n for n in (os.getpid() % 250, *range(250)) if f" 10.203.{n}." not in taken)


def _ip(*words: str) -> str:
    done = subprocess.run(["ip", *words], capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"ip {' '.join(words)}: {done.stderr}"
    return done.stdout
