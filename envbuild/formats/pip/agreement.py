"""Whether requirements and constraints on the same package can hold together, as far as their text shows it."""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import chain

from packaging.specifiers import Specifier

from envbuild.errors import Fault
from envbuild.formats.pip.specline import Spec

__all__ = ["Placed", "conflicts"]


@dataclass(frozen=True, slots=True)
class Placed:
    """A requirement or constraint, and its place (file:line or field path)."""

    at: str
    spec: Spec
    kind: str = "requirement"


def conflicts(placed: Iterable[Placed]) -> list[Fault]:
    """A fault for each line that an exact pin elsewhere excludes; both places are named."""
    groups: dict[tuple[str, str], _Group] = {}
    faults = []
    for one in placed:
        group = groups.setdefault(one.spec.key, _Group())
        if earlier := group.against(one):
            faults.append(_fault(earlier, one))
        else:
            group.add(one)
    return faults


class _Group:
    """The lines of one package that hold together: each pin and each range once, with the first line that has it."""

    def __init__(self) -> None:
        self._urls: dict[str, Placed] = {}
        self._pins: dict[Specifier, Placed] = {}
        self._ranges: dict[Specifier, Placed] = {}

    def against(self, later: Placed) -> Placed | None:
        """The line that excludes this one, if there is one."""
        parsed = later.spec.parsed
        if parsed.url:
            return next((one for url, one in self._urls.items() if url != parsed.url), None)
        new = [one for one in parsed.specifier if one not in self._pins and one not in self._ranges]
        for one in new:
            if _is_pin(one):
                # Of two pins one excludes the other at once, so that those come first.
                others = chain(self._pins.items(), self._ranges.items())
                found = next((line for other, line in others if not _agree(one, other)), None)
            else:
                found = next((line for pin, line in self._pins.items() if not _agree(pin, one)), None)
            if found:
                return found
        return None

    def add(self, line: Placed) -> None:
        """Keep it for those that come."""
        if line.spec.parsed.url:
            self._urls.setdefault(line.spec.parsed.url, line)
        for one in line.spec.parsed.specifier:
            (self._pins if _is_pin(one) else self._ranges).setdefault(one, line)


def _agree(pin: Specifier, other: Specifier) -> bool:
    """Whether a version that is pinned is in a range; of two pins, each in the other."""
    return other.contains(pin.version, prereleases=True) and (
        not _is_pin(other) or pin.contains(other.version, prereleases=True)
    )


def _is_pin(specifier: Specifier) -> bool:
    return specifier.operator in ("==", "===") and not specifier.version.endswith(".*")


def _fault(earlier: Placed, later: Placed) -> Fault:
    what = f"the {later.kind} {_text(later)} excludes the {earlier.kind} {_text(earlier)} ({earlier.at})"
    return Fault(later.at, what, "change one of the two lines")


def _text(one: Placed) -> str:
    return one.spec.requirement.text.split(";")[0].strip()
