"""`Diagnosis`: what was found on this machine, line by line, and what can be done here."""

from collections import Counter
from dataclasses import dataclass
from enum import StrEnum

__all__ = ["Ability", "Check", "Diagnosis", "Verdict"]


class Verdict(StrEnum):
    """How a check ended."""

    OK = "ok"
    NONE = "none"
    """There is none, and nothing is lost by that."""
    WARNING = "warning"
    """It works, and may not for long or not for everybody."""
    FAILING = "failing"
    """It is there, and does not work."""
    MISSING = "missing"
    """It is not there, and something does not work for that."""


class Ability(StrEnum):
    """What envbuild is for."""

    LOCK = "locking"
    BUILD = "building"
    PUSH = "pushing"
    CONTAINERS = "running in containers"
    DIRECT = "running directly"


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One line. `found` and `remedy` are for people; the remedy says what to type or do next."""

    name: str
    """`uv`, `index pypi`: the same for every machine that has it."""
    topic: str
    verdict: Verdict
    found: str
    remedy: str = ""
    without: str = ""
    """What works all the same."""
    stops: tuple[Ability, ...] = ()
    """What does not work because of it."""


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """All checks, in the order of their topics."""

    checks: tuple[Check, ...]

    def works(self, ability: Ability) -> bool:
        """Whether nothing that was found stops it."""
        return not self.because(ability)

    def because(self, ability: Ability) -> tuple[str, ...]:
        """The names of the checks that stop it."""
        return tuple(c.name for c in self.checks if ability in c.stops)

    def count(self, verdict: Verdict) -> int:
        """How many checks ended so."""
        return Counter(c.verdict for c in self.checks)[verdict]
