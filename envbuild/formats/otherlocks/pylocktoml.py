"""pylock.toml (PEP 751): its packages as a complete list. `pylock` writes such files, this reads them.

As the specification has it: a package is installed where its marker holds; `extras` and `dependency_groups` in markers are
what was chosen, and where no group was, those of `default-groups`.
"""

from collections.abc import Sequence
from dataclasses import replace

from packaging.utils import canonicalize_name

from envbuild.errors import Fault, InvalidDefinition
from envbuild.formats.otherlocks.lockchoice import Choice
from envbuild.formats.otherlocks.lockedfiles import LockedFile, file_name
from envbuild.formats.otherlocks.lockindexes import LockIndexes
from envbuild.formats.otherlocks.lockopening import entries, headers, lock_table, needed, too_new
from envbuild.formats.otherlocks.lockpins import LockedPackage, LockPins
from envbuild.formats.otherlocks.lockproject import lock_project
from envbuild.formats.otherlocks.lockreading import lock_reading
from envbuild.formats.otherlocks.pypifiles import is_of_pypi
from envbuild.formats.pip.reqindexes import Logins
from envbuild.formats.project.projecttables import NOT_THE_PROJECT
from envbuild.formats.sourcefile import Loader, Reading, ReadRequest
from envbuild.formats.toml.tomltable import Table
from envbuild.markersets import MarkerSets

__all__ = ["read_pylock"]

_AGAIN = "uv export --format pylock.toml -o pylock.toml"


def read_pylock(path: str, load: Loader, asked: ReadRequest) -> Reading:
    """The definition that lists what a pylock.toml installs, with what `[tool.envbuild]` beside it says.

    InvalidDefinition has all faults; UsageError: the file cannot be read.
    """
    document = lock_table(path, load, _AGAIN)
    notices = _check_version(document)
    logins = Logins()
    project = lock_project(path, load, logins, _AGAIN)
    definition = project.based(document)
    choice = Choice(asked.selection)
    extras, groups = _normal(document, "extras"), _normal(document, "dependency-groups")
    document.faults += choice.unknown(path, extras, groups)
    if asked.selection.project and not project.there:
        hint = "leave --project out, or keep the lock beside its pyproject.toml"
        document.faults.append(
            Fault(path, "no pyproject.toml is beside the lock, whose package would be installed", hint)
        )
    needed(document, "packages", _AGAIN)
    tables = entries(document, "packages", headers(document, "packages"))
    environments = document.strings("environments")
    if faults := [*document.faults, *project.faults]:
        raise InvalidDefinition(faults)
    sets = MarkerSets(
        definition.python,
        [*(table.string("marker") for table in tables), *environments],
        document.string("requires-python"),
        extras=choice.extras,
        groups=choice.groups or _normal(document, "default-groups"),
    )
    target = sets.on(definition.platforms)
    _check_environments(document, sets, target, environments)
    pins = LockPins(sets, target, LockIndexes(logins, project.indexes), logins, _AGAIN)
    own = [table for table in tables if _is_own(table)]
    packages = [_locked(table, sets) for table in tables if table not in own]
    for package in packages:
        pins.add(package)
    notices += _unindexed([package for package in packages if package.where & target], tables)
    definition = replace(definition, name=definition.name or asked.name)
    without = not asked.selection.project and definition.project is None
    notices += [NOT_THE_PROJECT] if without and (own or project.table("project") is not None) else []
    return lock_reading(path, asked, definition, pins, logins, project=project, faults=document.faults, notices=notices)


def _check_version(document: Table) -> list[str]:
    """What there is to say of the lock's version. InvalidDefinition where it cannot be read."""
    version = document.string("lock-version")
    major, _, minor = version.partition(".")
    if not version or not major.isdigit():
        what = "this is no pylock.toml: it has no lock-version"
        raise InvalidDefinition([Fault(document.places.path, what, 'PEP 751: lock-version = "1.0"')])
    if major != "1":
        raise too_new(document.at("lock-version"), f"pylock.toml of version {version}", "version 1")
    return [f"the lock is of version {version}: what is new in it since 1.0 is not looked at"] if minor != "0" else []


def _normal(document: Table, key: str) -> frozenset[str]:
    return frozenset(map(canonicalize_name, document.strings(key)))


def _check_environments(document: Table, sets: MarkerSets, target: int, environments: Sequence[str]) -> None:
    covered = 0
    for text in environments:
        covered |= _where(document, "environments", text, sets)
    # One release of Python, or one machine, is enough: which one it will be, the base decides.
    if environments and not target & covered:
        what = f"the lock is for other environments than the image's: {' or '.join(environments)}"
        document.fault("environments", what, "lock it for Linux and this Python")


def _where(table: Table, key: str, text: str, sets: MarkerSets) -> int:
    try:
        return sets.of(text)
    except ValueError as error:
        table.fault(key, f"not a marker (PEP 508): {error}", "was the lock edited by hand?")
        return 0


def _is_own(table: Table) -> bool:
    """Whether a package is the folder that the lock lies in."""
    directory = table.table("directory")
    return directory is not None and directory.values.get("path") in (".", "./")


def _locked(table: Table, sets: MarkerSets) -> LockedPackage:
    wheels, sdists, archives = (_files(table, key) for key in ("wheels", "sdist", "archive"))
    source = next((key for key in ("vcs", "directory") if key in table.values), "")
    archive = archives[0] if archives else None
    url = archive.string("url") if archive else ""
    if archive and not url:
        source = "path"
    files = tuple(LockedFile(_name(file), tuple(_hashes(file))) for file in (*sdists, *wheels, *archives))
    return LockedPackage(
        at=table.standing,
        name=table.string("name"),
        version=table.string("version"),
        where=_where(table, "marker", table.string("marker"), sets),
        hashes=tuple(text for file in files for text in file.hashes),
        files=files,
        # A lock may leave the index out: PyPI is meant then.
        index="" if url or source else table.string("index"),
        url=url,
        source=source,
        has_wheel=bool(wheels or archive or source),
    )


def _unindexed(packages: Sequence[LockedPackage], tables: Sequence[Table]) -> list[str]:
    """What is said of packages without an index whose files are elsewhere than on PyPI, which is asked for them."""
    urls = {
        table.string("name"): file.string("url")
        for table in tables
        for file in _files(table, "wheels")
        if not is_of_pypi(file.string("url"))
    }
    found = sorted({one.name for one in packages if not (one.index or one.url or one.source) and urls.get(one.name)})
    if not found:
        return []
    more = f" and {len(found) - 1} more" if len(found) > 1 else ""
    return [f"the lock names no index for {found[0]}{more}: PyPI is asked, though the files were found elsewhere"]


def _files(table: Table, key: str) -> list[Table]:
    value = table.values.get(key)
    if isinstance(value, dict):
        return [Table(value, table.places, table.faults, field_path=table.path_of(key), standing=table.standing)]
    return entries(table, key)


def _name(file: Table) -> str:
    """A file's name; where the lock has none, its URL's or its path's, as the specification says."""
    name = file.string("name") or file_name(file.string("url") or file.string("path"))
    if not name:
        file.fault("url", "missing, so which file is meant is not known", f"make it anew: {_AGAIN}")
    return name


def _hashes(file: Table) -> list[str]:
    needed(file, "hashes", _AGAIN)
    hashes = file.pairs("hashes")
    if not hashes and file.values.get("hashes") == {}:
        file.fault("hashes", "none of this file", f"make it anew: {_AGAIN}")
    return [f"{kind}:{value}" for kind, value in hashes]
