"""Whether requirements and constraints on the same package can hold together, as far as their text shows it."""

from collections.abc import Iterable
from dataclasses import dataclass

from packaging.specifiers import SpecifierSet

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
    groups: dict[tuple[str, str], list[Placed]] = {}
    for one in placed:
        groups.setdefault(one.spec.key, []).append(one)
    faults = []
    for group in groups.values():
        for number, later in enumerate(group):
            earlier = next((e for e in group[:number] if not _agree(e.spec, later.spec)), None)
            if earlier is not None:
                faults.append(_fault(earlier, later))
    return faults


def _agree(one: Spec, other: Spec) -> bool:
    if one.parsed.url and other.parsed.url:
        return one.parsed.url == other.parsed.url
    both = one.parsed.specifier & other.parsed.specifier
    return all(both.contains(version, prereleases=True) for version in pins(both))


def pins(specifiers: SpecifierSet) -> list[str]:
    """The versions that are asked for exactly."""
    return [s.version for s in specifiers if s.operator in ("==", "===") and not s.version.endswith(".*")]


def _fault(earlier: Placed, later: Placed) -> Fault:
    what = f"the {later.kind} {_text(later)} excludes the {earlier.kind} {_text(earlier)} ({earlier.at})"
    return Fault(later.at, what, "change one of the two lines")


def _text(one: Placed) -> str:
    return one.spec.requirement.text.split(";")[0].strip()
