"""`Listed`: a complete list is its own answer: exact pins need no resolver, whatever made them.

Two kinds of request are lists. One is said to be complete (`no-deps`: another tool's lock); it is taken as it is, and
`Completeness` says what is missing in it, as `pip check` would. The other has a hash on every exact pin, as pip's
hash-checking mode wants it: nothing but the list can be the answer, and pip refuses a list that lacks something. So where
the indexes tell what each wheel needs (PEP 658) and the list has it all, the list is taken; else a resolver has the word.

What a wheel needs is one small request a package, only where a lock is made, and never where one is found.
"""

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Protocol

from packaging.metadata import parse_email
from packaging.requirements import InvalidRequirement
from packaging.requirements import Requirement as Parsed
from packaging.utils import canonicalize_name
from packaging.version import Version

from envbuild.definition import Requirement
from envbuild.errors import EnvbuildError, ResolveFailed
from envbuild.markersets import marker_environment
from envbuild.ports import Reporter
from envbuild.resolvers.pins import Indexes, NoSolution, Pin, Pinner, PinRequest, serving
from envbuild.resolvers.providedwheels import readable
from envbuild.resolvers.pypi import Chosen, Review
from envbuild.wheelfiles import IndexFile, Target, best_file, release_of, releases

__all__ = ["Completeness", "Gap", "Listed", "gaps"]

_AT_ONCE = 16


class _Metadata(Indexes, Protocol):
    def metadata(self, file: IndexFile) -> str | None:
        """A wheel's METADATA as its index offers it beside the file, or None."""


@dataclass(frozen=True, slots=True, order=True)
class Gap:
    """What a package needs, and what is listed or provided of it: a version that is not meant, or nothing."""

    package: str
    needs: str
    listed: str = ""
    provided: bool = False

    def __str__(self) -> str:
        by = "conda" if self.provided else "the list"
        there = f"{by} has {self.listed}" if self.listed else "it is not in the list"
        return f"{self.package} needs {self.needs}, and {there}"


class Listed:
    """A pinner that takes lists as they are, and leaves all other requests to another one."""

    def __init__(self, pinner: Pinner, indexes: _Metadata) -> None:
        self._pinner, self._indexes = pinner, indexes
        self.name = pinner.name

    def pins(self, request: PinRequest) -> tuple[Pin, ...]:
        """The list; for other requests what the other pinner says. ResolveFailed: two versions of one package apply."""
        asked = _to_install(request)
        listed = _list(asked)
        if request.complete:
            if loose := [r.text for r in asked if _pin(r) is None]:
                what = f"no exact version: {', '.join(sorted(loose)[:8])}"
                raise ResolveFailed(what, hint="with no-deps every package is pinned: name==1.0")
            return _once(listed)
        if listed and len(listed) == len(asked) and not request.constraints and self._has_all(request, listed):
            return _once(listed)
        return self._pinner.pins(request)

    def _has_all(self, request: PinRequest, listed: Sequence[Pin]) -> bool:
        """Whether every wheel's needs are known, and in the list."""
        if not all(requirement.hashes for requirement in _to_install(request)):
            return False
        if len({pin.name for pin in listed}) < len(listed) or any(pin.url for pin in listed):
            return False
        files = {pin.name: self._file(pin, request) for pin in listed}
        known = _needs({name: file for name, file in files.items() if file is not None}, self._indexes)
        return known.keys() == files.keys() and not gaps(listed, known, request)

    def _file(self, pin: Pin, request: PinRequest) -> IndexFile | None:
        """The wheel that will be chosen, where the first index that has the package offers what the wheel needs."""
        hashes = {
            text.removeprefix("sha256:") for r in request.requirements if _name(r) == pin.name for text in r.hashes
        }
        try:
            for index in serving(pin.name, request.indexes):
                project = self._indexes.project(index, pin.name)
                if project is not None:
                    found = releases(project.files, pin.name).get(Version(pin.version), ())
                    file = best_file([one for one in found if one.sha256 in hashes], request.target)
                    return file if file is not None and file.metadata else None
        except EnvbuildError:
            # Whoever resolves will meet it too, and tell it.
            return None
        return None


class Completeness:
    """A review: of a complete list, a notice for what it lacks; other requests are reviewed as they were."""

    def __init__(self, indexes: _Metadata, review: Review) -> None:
        self._indexes, self._review = indexes, review

    def __call__(self, request: PinRequest, chosen: Sequence[Chosen], report: Reporter) -> None:
        """Look at what was chosen."""
        if not request.complete:
            self._review(request, chosen, report)
            return
        known = _needs({one.pin.name: one.file for one in chosen if one.file.metadata}, self._indexes)
        for gap in gaps(_once(_list(_to_install(request))), known, request):
            report.notice(f"{gap}; it is installed without")


def gaps(pins: Sequence[Pin], needs: Mapping[str, Sequence[Parsed]], request: PinRequest) -> list[Gap]:
    """What the listed packages need that the list does not have; `needs` by name, as far as they are known."""
    there = {one.name: one for one in request.provided}
    versions = {pin.name: pin.version or _version_of(pin) for pin in pins}
    versions |= {one.name: one.version for one in request.provided}
    needs = {**needs, **{name: readable(one.extras) for name, one in there.items()}}
    waiting = [(_name(r), extra) for r in request.requirements for extra in ("", *Parsed(r.text).extras)]
    seen: set[tuple[str, str]] = set()
    found: set[Gap] = set()
    while waiting:
        name, extra = one = waiting.pop()
        if one in seen:
            continue
        seen.add(one)
        for need in needs.get(name, ()):
            if not _applies(need, extra, request.target):
                continue
            needed = canonicalize_name(need.name)
            waiting += [(needed, canonicalize_name(more)) for more in need.extras]
            version = versions.get(needed)
            if version is None or (version and not need.specifier.contains(version, prereleases=True)):
                asked = f"{need.name}{need.specifier}"
                found.add(Gap(name, asked, f"{needed} {version}" if version else "", needed in there))
    return sorted(found)


def _applies(need: Parsed, extra: str, target: Target) -> bool:
    if need.marker is None:
        return not extra
    plain = marker_environment(target.platform.machine, target.python)
    # What it needs without any extra is told once, without.
    return need.marker.evaluate(plain | {"extra": extra}) and not (extra and need.marker.evaluate(plain))


def _needs(files: Mapping[str, IndexFile], indexes: _Metadata) -> dict[str, list[Parsed]]:
    """What wheels need, by package; those of which nothing can be learnt are left out."""

    def read(file: IndexFile) -> list[Parsed] | None:
        try:
            text = indexes.metadata(file)
            if text is None:
                return None
            return [Parsed(line) for line in parse_email(text)[0].get("requires_dist", [])]
        except (EnvbuildError, InvalidRequirement):
            return None

    with ThreadPoolExecutor(_AT_ONCE) as pool:
        found = dict(zip(files, pool.map(read, files.values()), strict=True))
    return {name: needs for name, needs in found.items() if needs is not None}


def _to_install(request: PinRequest) -> list[Requirement]:
    """What is asked for, without what is there already: that was held against it before."""
    there = {one.name for one in request.provided}
    return [requirement for requirement in request.requirements if _name(requirement) not in there]


def _list(requirements: Sequence[Requirement]) -> list[Pin]:
    return [pin for requirement in requirements if (pin := _pin(requirement)) is not None]


def _pin(requirement: Requirement) -> Pin | None:
    """The one version, or the one file, that a requirement allows; None where it allows several."""
    parsed = Parsed(requirement.text)
    name = canonicalize_name(parsed.name)
    if parsed.url is not None:
        return Pin(name, "", parsed.url)
    exact = [s.version for s in parsed.specifier if s.operator == "==" and not s.version.endswith(".*")]
    return Pin(name, exact[0]) if len(exact) == 1 == len(parsed.specifier) else None


def _once(pins: Sequence[Pin]) -> tuple[Pin, ...]:
    found: dict[str, Pin] = {}
    for pin in sorted(pins):
        before = found.setdefault(pin.name, pin)
        if (before.version, before.url) != (pin.version, pin.url):
            both = " and ".join(p.version or p.url for p in (before, pin))
            raise NoSolution(
                f"two of {pin.name} apply at once: {both}", hint="give each a marker that excludes the other"
            )
    return tuple(found.values())


def _name(requirement: Requirement) -> str:
    return canonicalize_name(Parsed(requirement.text).name)


def _version_of(pin: Pin) -> str:
    """The version of a direct reference, by its file's name; nothing where that does not tell."""
    return str(release_of(pin.url.rpartition("/")[2].replace("%2B", "+"), pin.name) or "")
