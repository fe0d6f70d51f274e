"""The walk through a poetry.lock from before version 2.1, which says neither groups nor markers of a package.

It starts from the dependencies in the pyproject.toml beside it, as `poetry install` of that time did.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from envbuild.errors import Fault
from envbuild.formats.otherlocks.lockchoice import Choice
from envbuild.formats.otherlocks.lockgraph import reached
from envbuild.formats.otherlocks.lockproject import LockProject
from envbuild.formats.otherlocks.poetrypackages import PoetryPackage, is_need
from envbuild.formats.otherlocks.poetryproject import poetry_table
from envbuild.formats.otherlocks.poetryversions import allows, python_marker
from envbuild.markersets import MarkerSets

__all__ = ["PoetryGraph"]

_ANEW = "make it anew: poetry lock"
_ROOT = -1
_Node = tuple[int, str]
"""A package's number and one of its extras, or nothing."""


@dataclass(frozen=True, slots=True)
class _Need:
    name: str
    version: str = "*"
    marker: str = ""
    python: str = ""
    extras: tuple[str, ...] = ()
    optional: bool = False


class PoetryGraph:
    """A lock's packages, and what the project asks for."""

    def __init__(
        self, project: LockProject, packages: Sequence[PoetryPackage], choice: Choice, faults: list[Fault]
    ) -> None:
        """What is wrong on the way goes to `faults`."""
        self._packages, self._faults, self._path = packages, faults, project.path
        self._by_name: dict[str, list[int]] = {}
        for number, package in enumerate(packages):
            self._by_name.setdefault(package.name, []).append(number)
        self._roots = tuple(_roots(project, choice))
        self._faults += _misread(project)
        self._named = {canonicalize_name(name) for needed in _lists(project) for name in needed}

    def markers(self) -> list[str]:
        """All markers in the project's own dependencies."""
        return [f"{need.marker} {need.python}" for need in self._roots]

    def orphans(self) -> list[str]:
        """The packages that nothing names, whichever extras and groups are chosen and wherever."""
        seen, waiting = set(self._named), [*self._named]
        while waiting:
            for number in self._by_name.get(waiting.pop(), ()):
                found = set(map(canonicalize_name, self._packages[number].needs)) - seen
                seen |= found
                waiting += found
        return [package.name for package in self._packages if package.name not in seen]

    def walked(self, sets: MarkerSets) -> dict[int, int]:
        """Where each package is needed.

        Several of one package may answer what another asks for: then it is the one that is there for other reasons, as
        Poetry would find when it solves among what is locked, else the newest.
        """
        told: dict[Fault, None] = {}
        sure = reached({(_ROOT, ""): sets.all}, lambda node: self._edges(node, sets, None, told))
        found = reached({(_ROOT, ""): sets.all}, lambda node: self._edges(node, sets, sure, told))
        self._faults += list(told)
        return {number: where for (number, extra), where in found.items() if number != _ROOT and not extra}

    def _edges(
        self, node: _Node, sets: MarkerSets, sure: Mapping[_Node, int] | None, told: dict[Fault, None]
    ) -> Iterator[tuple[_Node, int]]:
        number, extra = node
        at = self._packages[number].at if number != _ROOT else self._path
        if extra:
            yield (number, ""), sets.all
        for need in self._needs(node):
            try:
                where = sets.of(need.marker, lambda name: canonicalize_name(name) == extra)
                where &= sets.of(python_marker(need.python)) if need.python else sets.all
            except ValueError as error:
                told[Fault(at, f"{need.name}: {error}", _ANEW)] = None
                continue
            meant = self._meant(need)
            if not meant:
                told[Fault(at, f"it needs {need.name} {need.version}, which is not in the lock", _ANEW)] = None
            for candidate, share in _shares(meant, where, sure):
                yield (candidate, ""), share
                yield from (((candidate, name), share) for name in need.extras)

    def _needs(self, node: _Node) -> Iterator[_Need]:
        number, extra = node
        if number == _ROOT:
            yield from self._roots
            return
        package = self._packages[number]
        wanted = _names_in(package.extras, extra)
        for name, value in package.needs.items():
            for need in _needs(name, value):
                # Where Poetry wrote no marker for it, the list of the extra says what is meant.
                if not need.optional or (extra and ("extra" in need.marker or need.name in wanted)):
                    yield need

    def _meant(self, need: _Need) -> list[int]:
        found = self._by_name.get(need.name, [])
        if len(found) < 2:
            return found
        fitting = [n for n in found if allows(need.version, self._packages[n].version)] or found
        return sorted(fitting, key=lambda n: _version(self._packages[n].version), reverse=True)


def _shares(meant: Sequence[int], where: int, sure: Mapping[_Node, int] | None) -> Iterator[tuple[int, int]]:
    """Where each of several is the one that is meant; nothing of them while it is not known what is sure."""
    if len(meant) == 1:
        yield meant[0], where
    elif meant and sure is not None:
        left = where
        for number in meant:
            yield number, left & sure.get((number, ""), 0)
            left &= ~sure.get((number, ""), 0)
        yield meant[0], left


def _version(text: str) -> Version:
    try:
        return Version(text)
    except InvalidVersion:
        return Version("0")


def _lists(project: LockProject) -> Iterator[Mapping[str, Any]]:
    """The project's dependencies, and those of each group."""
    yield poetry_table(project, "dependencies")
    yield poetry_table(project, "dev-dependencies")
    for group in poetry_table(project, "group").values():
        needed = group.get("dependencies") if isinstance(group, dict) else None
        yield needed if isinstance(needed, dict) else {}


def _misread(project: LockProject) -> list[Fault]:
    """A fault for each dependency of the project in a form that Poetry has not: it would be passed over."""
    return [
        Fault(project.path, f"tool.poetry: {name} is no dependency", "poetry check says more")
        for needed in _lists(project)
        for name, value in needed.items()
        for one in (value if isinstance(value, list) and value else [value])
        if not is_need(one)
    ]


def _roots(project: LockProject, choice: Choice) -> Iterator[_Need]:
    chosen = {
        canonicalize_name(name)
        for extra, names in poetry_table(project, "extras").items()
        if canonicalize_name(extra) in choice.extras and isinstance(names, list)
        for name in names
        if isinstance(name, str)
    }
    lists = [poetry_table(project, "dependencies")]
    if "dev" in choice.groups:
        lists.append(poetry_table(project, "dev-dependencies"))
    for name, group in poetry_table(project, "group").items():
        if canonicalize_name(name) in choice.groups and isinstance(group, dict):
            lists.append(group.get("dependencies", {}))
    for needed in lists:
        for name, value in needed.items() if isinstance(needed, dict) else ():
            if canonicalize_name(name) != "python":
                yield from (n for n in _needs(name, value) if not n.optional or n.name in chosen)


def _needs(name: str, value: Any) -> Iterator[_Need]:
    """What a constraint asks for, as a string, a table or a list of those."""
    for one in value if isinstance(value, list) else [value]:
        row: Mapping[str, Any] = one if isinstance(one, dict) else {"version": one}
        extras = row.get("extras", ())
        platform = row.get("platform")
        marker = " and ".join(
            filter(None, (_bracketed(str(row.get("markers", ""))), platform and f'sys_platform == "{platform}"'))
        )
        yield _Need(
            canonicalize_name(name),
            str(row.get("version", "*")),
            marker,
            str(row.get("python", "")),
            tuple(canonicalize_name(str(extra)) for extra in extras) if isinstance(extras, list) else (),
            row.get("optional") is True,
        )


def _bracketed(marker: str) -> str:
    return f"({marker})" if " or " in marker else marker


def _names_in(extras: Mapping[str, Any], extra: str) -> set[str]:
    """The packages that an extra lists: `["speedups (>=1)"]`."""
    found: set[str] = set()
    for name, lines in extras.items():
        if canonicalize_name(name) == extra and isinstance(lines, list):
            for line in lines:
                try:
                    found.add(canonicalize_name(Requirement(str(line)).name))
                except InvalidRequirement:
                    found.add(canonicalize_name(str(line).partition(" ")[0]))
    return found
