"""uv.lock: what `uv sync` would install in an image, found by the walk from the project through its lock.

uv documentation, "Locking and syncing" and "Dependency groups"; the lock's own format is `version = 1`, in any revision.
An extra or a group is installed where it is asked for, as with `uv sync --no-default-groups`; the project's own packages
are not.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from envbuild.definition import Project
from envbuild.errors import Fault, InvalidDefinition
from envbuild.formats.otherlocks.lockchoice import left_out, unneeded
from envbuild.formats.otherlocks.lockindexes import LockIndexes
from envbuild.formats.otherlocks.lockopening import lock_table, too_new
from envbuild.formats.otherlocks.lockpins import LockedPackage, LockPins
from envbuild.formats.otherlocks.lockproject import LockProject, lock_project
from envbuild.formats.otherlocks.lockreading import lock_reading
from envbuild.formats.otherlocks.uvgraph import Node, UvGraph
from envbuild.formats.otherlocks.uvpackages import UvPackage, uv_packages
from envbuild.formats.otherlocks.uvstale import behind
from envbuild.formats.pip.reqindexes import Logins
from envbuild.formats.project.projecttables import NOT_THE_PROJECT
from envbuild.formats.sourcefile import Loader, Reading, ReadRequest
from envbuild.formats.toml.tomltable import Table
from envbuild.markersets import MarkerSets

__all__ = ["read_uv_lock"]

_AGAIN = "uv lock"
_NEWEST = 1


def read_uv_lock(path: str, load: Loader, asked: ReadRequest) -> Reading:
    """The definition that lists what a uv.lock installs, with what `[tool.envbuild]` beside it says.

    InvalidDefinition has all faults; UsageError: the file cannot be read.
    """
    document = lock_table(path, load, _AGAIN)
    _check_version(document)
    logins = Logins()
    project = lock_project(path, load, logins, _AGAIN)
    definition = project.based(document)
    packages = uv_packages(document)
    graph = UvGraph(document, packages, asked.selection)
    if asked.selection.project:
        definition = replace(definition, project=_own_package(document, graph.roots))
    if faults := [*document.faults, *project.faults]:
        raise InvalidDefinition(faults)
    sets = _sets(document, packages, definition.python)
    target = sets.on(definition.platforms)
    where = graph.walked(sets)
    _check_supported(document, sets, target)
    pins = LockPins(sets, target, LockIndexes(logins, project.indexes), logins, _AGAIN)
    for number, package in enumerate(packages):
        if number not in graph.own:
            pins.add(_locked(package, where.get((number, ""), 0)))
    definition = replace(definition, name=definition.name or graph.name or asked.name)
    notices = [
        *behind(project, graph.roots),
        *_notices(project, graph, where, installed=definition.project is not None),
    ]
    return lock_reading(path, asked, definition, pins, logins, project=project, faults=document.faults, notices=notices)


def _check_version(document: Table) -> None:
    version = document.integer("version", 0)
    if version > _NEWEST:
        raise too_new(document.at("version"), f"uv.lock of version {version}", f"version {_NEWEST}")
    if version < 1:
        what = "this is no uv.lock: it has no version"
        raise InvalidDefinition([Fault(document.places.path, what, f"make it anew: {_AGAIN}")])


def _sets(document: Table, packages: Sequence[UvPackage], python: str) -> MarkerSets:
    markers = [marker for package in packages for marker in package.markers()]
    return MarkerSets(python, [*markers, *document.strings("supported-markers")], document.string("requires-python"))


def _check_supported(document: Table, sets: MarkerSets, target: int) -> None:
    """`tool.uv.environments`: what the lock was not made for, it says nothing of."""
    texts = document.strings("supported-markers")
    covered = 0
    for text in texts:
        try:
            covered |= sets.of(text)
        except ValueError as error:
            document.fault("supported-markers", f"not a marker (PEP 508): {error}", f"make it anew: {_AGAIN}")
    if texts and target & ~covered:
        what = f"the lock is for other environments than the image's: {' or '.join(texts)}"
        document.fault("supported-markers", what, f"add Linux to tool.uv.environments, then: {_AGAIN}")


def _locked(package: UvPackage, where: int) -> LockedPackage:
    kind, place = package.kind, package.place
    return LockedPackage(
        at=package.at,
        name=package.name,
        version=package.version,
        where=0 if kind == "virtual" else where,
        hashes=package.hashes,
        files=package.files,
        index=place if kind == "registry" else "",
        url=place if kind == "url" else "",
        source="" if kind in ("registry", "url") else kind or "unknown",
        has_wheel=kind != "registry" or package.wheels > 0,
    )


def _own_package(document: Table, roots: Sequence[UvPackage]) -> Project | None:
    folders = [package.place for package in roots if package.kind != "virtual"]
    if len(folders) == 1:
        return Project(folders[0])
    what = "the workspace has several packages" if folders else "the project has no package of its own to install"
    hint = "leave --project out" + ("" if folders else "; a [build-system] makes a project a package")
    document.faults.append(Fault(document.places.path, what, hint))
    return None


def _notices(project: LockProject, graph: UvGraph, where: Mapping[Node, int], *, installed: bool) -> Iterable[str]:
    if not installed and any(package.kind != "virtual" for package in graph.roots):
        yield NOT_THE_PROJECT
    names = {package.name for package in graph.roots}
    members = [graph.packages[n] for n in sorted(graph.own) if (n, "") in where and graph.packages[n].name not in names]
    for member in members:
        if member.kind != "virtual":
            yield f"{member.name} ({member.place}) is of the workspace and not installed, only what it depends on"
    uv = project.table("tool", "uv")
    usual: tuple[str, ...] = ("dev",)
    if uv is not None and "default-groups" in uv.values:
        usual = tuple(graph.groups()) if uv.values["default-groups"] == "all" else uv.strings("default-groups")
    yield from left_out("uv", graph.unasked(usual))
    yield from unneeded(graph.orphans())
