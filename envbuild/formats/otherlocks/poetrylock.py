"""poetry.lock: what `poetry install --no-root --only main` would install in an image, with the groups and extras asked for.

Poetry documentation, "The pyproject.toml file" and "Managing dependencies". A lock of version 2.1 says of each package for
which groups and in which environments it is; older ones are walked from the pyproject.toml beside them (`poetrygraph`).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from packaging.utils import canonicalize_name

from envbuild.definition import Project
from envbuild.errors import Fault, InvalidDefinition
from envbuild.formats.otherlocks.lockchoice import Choice, left_out, unneeded
from envbuild.formats.otherlocks.lockindexes import LockIndexes
from envbuild.formats.otherlocks.lockopening import lock_table, too_new
from envbuild.formats.otherlocks.lockpins import LockedPackage, LockPins
from envbuild.formats.otherlocks.lockproject import LockProject, lock_project
from envbuild.formats.otherlocks.lockreading import lock_reading
from envbuild.formats.otherlocks.poetrygraph import PoetryGraph
from envbuild.formats.otherlocks.poetrypackages import PoetryPackage, poetry_packages
from envbuild.formats.otherlocks.poetryproject import default_index, groups_of, is_package, is_stale
from envbuild.formats.otherlocks.poetryversions import specifier_sets
from envbuild.formats.pip.reqindexes import Logins
from envbuild.formats.project.projecttables import NOT_THE_PROJECT
from envbuild.formats.sourcefile import Loader, Reading, ReadRequest
from envbuild.formats.toml.tomltable import Table
from envbuild.markersets import MarkerSets

__all__ = ["read_poetry_lock"]

_AGAIN = "poetry lock"
_MAIN = "main"


def read_poetry_lock(path: str, load: Loader, asked: ReadRequest) -> Reading:
    """The definition that lists what a poetry.lock installs, with what `[tool.envbuild]` beside it says.

    InvalidDefinition has all faults; UsageError: the file cannot be read.
    """
    document = lock_table(path, load, _AGAIN)
    walk = _check_version(document)
    logins = Logins()
    project = lock_project(path, load, logins, _AGAIN)
    requires = _requires_python(document)
    definition = project.based(requires)
    packages = poetry_packages(document, with_groups=not walk)
    choice = Choice(asked.selection)
    _check(document, project, packages, choice, walk=walk, wants_project=asked.selection.project)
    if faults := [*document.faults, *project.faults]:
        raise InvalidDefinition(faults)
    graph = PoetryGraph(project, packages, choice, document.faults) if walk else None
    sets = MarkerSets(
        definition.python,
        [*(text for package in packages for text in package.all_markers()), *(graph.markers() if graph else ())],
        requires.string("requires-python"),
    )
    where = graph.walked(sets) if graph else _marked(document, packages, choice, sets)
    names = {
        str(p.source["url"]): str(p.source.get("reference", ""))
        for p in packages
        if p.kind == "legacy" and p.source.get("url")
    }
    indexes = LockIndexes(logins, [*project.indexes, *default_index(project)], names)
    pins = LockPins(sets, sets.on(definition.platforms), indexes, logins, _AGAIN)
    for number, package in enumerate(packages):
        pins.add(_locked(package, where.get(number, 0)))
    if asked.selection.project:
        definition = replace(definition, project=Project("."))
    definition = replace(definition, name=definition.name or asked.name)
    notices = [
        *_notices(document, project, packages, choice, installed=definition.project is not None),
        *unneeded(graph.orphans() if graph else ()),
    ]
    return lock_reading(path, asked, definition, pins, logins, project=project, faults=document.faults, notices=notices)


def _metadata(document: Table) -> Table:
    found = document.table("metadata")
    if found is None:
        what = "this is no poetry.lock: it has no [metadata]"
        raise InvalidDefinition([Fault(document.places.path, what, f"make it anew: {_AGAIN}")])
    return found


def _check_version(document: Table) -> bool:
    """Whether the lock has to be walked: before 2.1 it says neither groups nor markers. InvalidDefinition: not read."""
    metadata = _metadata(document)
    version = metadata.string("lock-version", "1.0")
    major, _, minor = version.partition(".")
    if not major.isdigit() or not minor.isdigit():
        raise InvalidDefinition([Fault(metadata.at("lock-version"), f"{version!r} is no version of a poetry.lock")])
    if int(major) > 2:
        raise too_new(metadata.at("lock-version"), f"poetry.lock of version {version}", "up to version 2")
    return (int(major), int(minor)) < (2, 1)


def _requires_python(document: Table) -> Table:
    """The lock's Python as `requires-python`; of alternatives, the first that a base has."""
    metadata = _metadata(document)
    text = metadata.string("python-versions")
    at = metadata.at("python-versions")
    try:
        sets = specifier_sets(text) if text else []
    except ValueError as error:
        document.faults.append(Fault(at, str(error), f"make it anew: {_AGAIN}"))
        sets = []
    from_bases = [one for one in sets if any(one.contains(f"3.{minor}.2") for minor in (11, 13))]
    wanted = str((from_bases or sets)[0]) if sets else ""
    return Table({"requires-python": wanted}, document.places, document.faults, standing=at)


def _check(
    document: Table,
    project: LockProject,
    packages: Sequence[PoetryPackage],
    choice: Choice,
    *,
    walk: bool,
    wants_project: bool,
) -> None:
    path = document.places.path
    if walk and not project.there:
        hint = f"keep the two together, or make the lock anew with Poetry 2: {_AGAIN}"
        document.faults.append(Fault(path, f"a lock this old needs its pyproject.toml beside it: {project.path}", hint))
        return
    extras = document.table("extras")
    known = {canonicalize_name(name) for name in extras.values} if extras is not None else set()
    groups = {group for package in packages for group in package.groups} | groups_of(project).keys()
    document.faults += choice.unknown(path, known, groups - {_MAIN})
    if wants_project and not (project.there and is_package(project)):
        what = "the project has no package of its own to install"
        document.faults.append(Fault(path, what, "leave --project out; tool.poetry.package-mode makes it a package"))


def _marked(document: Table, packages: Sequence[PoetryPackage], choice: Choice, sets: MarkerSets) -> dict[int, int]:
    """Where each package is installed, as a lock since 2.1 says it itself."""
    chosen = choice.groups | {_MAIN}
    found: dict[int, int] = {}
    for number, package in enumerate(packages):
        where = 0
        for group in package.groups:
            if group in chosen:
                try:
                    where |= sets.of(package.marker(group), lambda extra: canonicalize_name(extra) in choice.extras)
                except ValueError as error:
                    what = f"{package.name}: not a marker (PEP 508): {error}"
                    document.faults.append(Fault(package.at, what, f"make it anew: {_AGAIN}"))
        found[number] = where
    return found


def _locked(package: PoetryPackage, where: int) -> LockedPackage:
    kind, url = package.kind, str(package.source.get("url", ""))
    return LockedPackage(
        at=package.at,
        name=package.name,
        version=package.version,
        where=where,
        hashes=package.hashes,
        files=package.files,
        index=url if kind == "legacy" else "",
        url=url if kind == "url" else "",
        source="" if kind in ("", "legacy", "url") else kind,
        has_wheel=kind not in ("", "legacy") or package.has_wheel,
    )


def _notices(
    document: Table, project: LockProject, packages: Sequence[PoetryPackage], choice: Choice, *, installed: bool
) -> Iterable[str]:
    content: Mapping[str, Any] = _metadata(document).values
    if project.there and is_stale(project, str(content.get("content-hash", ""))):
        what = f"{document.places.path} is older than {project.path}, or was made from another"
        yield f"{what}. It is used as it is; {_AGAIN} brings it up to date"
    if not installed and project.there and is_package(project):
        yield NOT_THE_PROJECT
    unasked = {name for name, optional in groups_of(project).items() if not optional} - choice.groups
    if not project.there:
        unasked = {"dev"} - choice.groups
    having = {group for package in packages for group in package.groups} or unasked
    yield from left_out("Poetry", unasked & having)
