"""`LeftBehind`: something of an existing environment that is not in the definition made of it, and why."""

from dataclasses import dataclass
from enum import StrEnum

__all__ = ["Left", "LeftBehind"]


class Left(StrEnum):
    """The sort of reason; what a person should look at stands first."""

    EDITABLE = "editable"
    VCS = "vcs"
    LOCAL = "local"
    URL = "url"
    BROKEN = "broken"
    SYSTEM = "system"
    TOOL = "tool"
    OVERWRITTEN = "overwritten"
    BUILD = "build"
    VARIABLE = "variable"
    PYTHON = "python"
    OWN = "own"
    BY_ITSELF = "by-itself"
    BASE = "base"


@dataclass(frozen=True, slots=True)
class LeftBehind:
    """A distribution (or conda package, or variable). Fields for people; none has credentials in it."""

    name: str
    version: str
    reason: Left
    why: str
    """What that means, and what to do where something can be done."""
    origin: str = ""
    """Where it came from, for what did not come from an index."""

    def __str__(self) -> str:
        origin = f" ({self.origin})" if self.origin else ""
        return f"{self.name}{f' {self.version}' if self.version else ''}{origin}: {self.why}"
