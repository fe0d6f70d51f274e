"""Who needs whom among installed distributions: what was asked for, what comes by itself, what does not fit."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping

from packaging.requirements import Requirement as Pep508
from packaging.utils import canonicalize_name

from envbuild.sources.installed.dists import Distribution

__all__ = ["Graph", "asked_for", "reached"]

Needs = Callable[[str], Collection[str]]


def reached(names: Iterable[str], needs: Needs) -> frozenset[str]:
    """These, and all that they need, directly or not."""
    found: set[str] = set()
    waiting = [*names]
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting += needs(name)
    return frozenset(found)


def asked_for(names: Collection[str], needs: Needs, requested: Iterable[str]) -> frozenset[str]:
    """What was requested, and what no other one needs: together they need all. Of those in a circle, the first by name."""
    needed = {other for name in names for other in needs(name) if other != name}
    asked = {*requested} | {name for name in names if name not in needed}
    there = reached(asked, needs)
    in_circles = []
    for name in sorted(names):
        if name not in there:
            in_circles.append(name)
            there |= reached([name], needs)
    for name in in_circles:
        # One that was met before the circle that needs it.
        rest = [other for other in in_circles if other != name]
        if name in reached(rest, needs):
            in_circles = rest
    return frozenset(asked | {*in_circles})


class Graph:
    """Installed distributions, seen from a system: `markers` are PEP 508's for it."""

    def __init__(self, distributions: Mapping[str, Distribution], markers: Mapping[str, str]) -> None:
        self._distributions, self._markers = distributions, markers
        self._extras = self._asked_extras()
        self._needs = {
            name: frozenset(canonicalize_name(need.name) for need in self._needed(name)) & distributions.keys()
            for name in distributions
        }

    def needs(self, name: str) -> frozenset[str]:
        """What one needs, of those that are here, with the extras that others want of it."""
        return self._needs.get(name, frozenset())

    def asked(self, but: Collection[str] = ()) -> frozenset[str]:
        """What a person asked for: what is marked so, and what nothing else needs; `but` were put there by a tool."""
        requested = [one.name for one in self._distributions.values() if one.requested and one.name not in but]
        return asked_for(self._distributions.keys(), self.needs, requested)

    def misfits(self, names: Iterable[str]) -> Iterator[str]:
        """What these need that is missing, or there in a version that does not do, each in words."""
        for name in sorted(names):
            one = self._distributions[name]
            for need in sorted(self._needed(name), key=str):
                other = self._distributions.get(canonicalize_name(need.name))
                asks = f"{name} {one.version} needs {need.name}{need.specifier}"
                if other is None:
                    yield f"{asks}, which is not there: the image will have the version that fits"
                elif not need.url and not _allows(need, other.version):
                    yield f"{asks}, and {other.version} is installed: no resolver takes both, change one of the two"

    def _needed(self, name: str) -> Iterator[Pep508]:
        one = self._distributions[name]
        return (need for need in one.requires if self._holds(need, self._extras.get(name, frozenset())))

    def _holds(self, need: Pep508, extras: Collection[str]) -> bool:
        if need.marker is None:
            return True
        try:
            return any(need.marker.evaluate({**self._markers, "extra": extra}) for extra in ("", *extras))
        except ValueError:
            # A marker that compares what cannot be compared holds nowhere.
            return False

    def _asked_extras(self) -> dict[str, frozenset[str]]:
        """By name, the extras that others want of it; an extra may want another one's."""
        found: dict[str, frozenset[str]] = {}
        waiting = [*self._distributions]
        while waiting:
            one = self._distributions[waiting.pop()]
            for need in one.requires:
                other = canonicalize_name(need.name)
                wanted = found.get(other, frozenset()) | {canonicalize_name(extra) for extra in need.extras}
                known = found.get(other, frozenset())
                if other in self._distributions and wanted != known and self._holds(need, found.get(one.name, ())):
                    found[other] = wanted
                    waiting.append(other)
        return found


def _allows(need: Pep508, version: str) -> bool:
    try:
        return need.specifier.contains(version, prereleases=True)
    except ValueError:
        return False
