"""What can go wrong. Each error says where, what, and what to do next.

    EnvbuildError
    ├── UsageError               the call's words are off
    ├── InvalidDefinition        a definition or requirements file; all its faults together
    ├── ResolveFailed            no set of packages fits, or a package cannot be had
    │   └── LockStale            a lock is missing or does not fit, and was not to be changed
    ├── BuildFailed              an artifact cannot become part of an image
    ├── EnvironmentFault         this machine: daemon, network, disk, login
    │   ├── EngineFault          an engine is there and does not do what it is asked
    │   ├── ProxyFault           the proxy does not let us through: no other host fares better
    │   ├── StoreFault           the store's disk does not take what is to be kept
    │   └── MissingExtra         an optional part of envbuild is not installed
    ├── IntegrityError           bytes are not what their digest says, or an archive is hostile
    ├── Busy                     somebody else holds what is needed
    └── TimeLimit                the time that was allowed ran out

The library raises these and never exits; the command line turns them into exit codes in one place (cli/exits.py).
"""

from collections.abc import Sequence
from dataclasses import dataclass

__all__ = [
    "BuildFailed",
    "Busy",
    "EngineFault",
    "EnvbuildError",
    "EnvironmentFault",
    "Fault",
    "IntegrityError",
    "InvalidDefinition",
    "LockStale",
    "MissingExtra",
    "ProxyFault",
    "ResolveFailed",
    "StoreFault",
    "TimeLimit",
    "UsageError",
]


_LONGEST = 400
_KEPT = 200
"""Characters: of a text that is longer, so much of its start is told, and its last words."""
_TOLD = 50
"""Faults of one document that are told one by one."""


def shortened(text: str) -> str:
    """A text that may quote a whole file, at a length that is read. No URL is cut within: what hides its login would fail."""
    if len(text) <= _LONGEST:
        return text
    head = text[:_KEPT]
    last = max(head.rfind(blank) for blank in " \t\n\"'") + 1
    if "://" in head[last:]:
        head = head[: head.index("://", last)]
    tail = text[-_KEPT // 2 :]
    if "://" in text:
        tail = tail[tail.find(" ") :] if " " in tail else ""
    return f"{head} ... ({len(text)} characters) ...{tail}"


class EnvbuildError(Exception):
    """What is wrong (`what`), where (`at`: file:line, field path, host), what to do next (`hint`)."""

    def __init__(self, what: str, *, at: str = "", hint: str = "") -> None:
        self.what, self.at, self.hint = what, at, hint
        super().__init__(what)

    @property
    def words(self) -> tuple[str, str, str]:
        """`what`, `at` and `hint`."""
        return self.what, self.at, self.hint

    def __str__(self) -> str:
        place = f"{self.at}: " if self.at else ""
        advice = f"\n  {self.hint}" if self.hint else ""
        return f"{place}{self.what}{advice}"


class UsageError(EnvbuildError):
    """The call's words are off: an option, a reference, a path."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing wrong in a document: `at` is file:line or a field path."""

    at: str
    what: str
    hint: str = ""

    def __str__(self) -> str:
        return f"{self.at}: {self.what}" + (f"\n  {self.hint}" if self.hint else "")


class InvalidDefinition(EnvbuildError):
    """A definition cannot be understood or served; `faults` are all that were found, in order.

    What they quote is cut to a length that is read. As a text, it has the first of them, and how many more there are.
    """

    def __init__(self, faults: Sequence[Fault]) -> None:
        self.faults = tuple(Fault(shortened(f.at), shortened(f.what), shortened(f.hint)) for f in faults)
        first = self.faults[0]
        super().__init__(first.what, at=first.at, hint=first.hint)

    def __str__(self) -> str:
        more = len(self.faults) - _TOLD
        lines = list(map(str, self.faults[:_TOLD]))
        return "\n".join([*lines, f"and {more:,} more"] if more > 0 else lines)


class ResolveFailed(EnvbuildError):
    """No set of packages meets the request, or a package that a lock names cannot be had."""


class LockStale(ResolveFailed):
    """A lock is missing or does not fit the request, and it was not to be changed."""


class BuildFailed(EnvbuildError):
    """An artifact cannot become part of an image by this builder."""


class EnvironmentFault(EnvbuildError):
    """The machine or its network does not give what is needed: daemon, mirror, disk, login."""


class EngineFault(EnvironmentFault):
    """An engine is there, and cannot take an image or start a container."""


class ProxyFault(EnvironmentFault):
    """The proxy is not there, or asks for a login: what is behind it cannot be reached, whichever host it is."""


class StoreFault(EnvironmentFault):
    """The store cannot be written: its disk is full, read-only or broken. No other source of the same bytes helps."""


class MissingExtra(EnvironmentFault):
    """An optional part of envbuild is not installed; the hint has the line that installs it."""

    def __init__(self, extra: str, needed_for: str) -> None:
        super().__init__(f"{needed_for} needs the extra {extra!r}", hint=f"pip install 'envbuild[{extra}]'")


class IntegrityError(EnvbuildError):
    """Bytes are not what their digest says, a document was changed by hand, or an archive leaves its place."""


class Busy(EnvbuildError):
    """Somebody else holds what is needed, and the wait for it ended."""


class TimeLimit(EnvbuildError):
    """The time that was allowed ran out."""
