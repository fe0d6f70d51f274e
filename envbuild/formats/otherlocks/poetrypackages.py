"""The packages of a poetry.lock as values, whichever version wrote them."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from packaging.utils import canonicalize_name

from envbuild.formats.otherlocks.lockedfiles import LockedFile
from envbuild.formats.otherlocks.lockopening import entries, headers, needed
from envbuild.formats.toml.tomltable import Table

__all__ = ["PoetryPackage", "is_need", "poetry_packages"]

_AGAIN = "poetry lock"
_EDITED = f"was the lock edited by hand? Make it anew: {_AGAIN}"


@dataclass(frozen=True, slots=True)
class PoetryPackage:
    """One `[[package]]`."""

    at: str
    name: str
    version: str
    groups: tuple[str, ...]
    """Empty before version 2.1 of the lock."""
    markers: str | Mapping[str, Any]
    """For all groups, or by group."""
    needs: Mapping[str, Any]
    """Constraints by name, as they are written."""
    extras: Mapping[str, Any]
    source: Mapping[str, Any]
    files: tuple[LockedFile, ...]

    @property
    def hashes(self) -> tuple[str, ...]:
        """Those of all its files."""
        return tuple(text for file in self.files for text in file.hashes)

    @property
    def has_wheel(self) -> bool:
        """Whether a wheel is among its files."""
        return any(file.is_wheel for file in self.files)

    @property
    def kind(self) -> str:
        """The kind of its source: `legacy`, `git`, `url`, `directory`, `file`; nothing for PyPI."""
        return str(self.source.get("type", ""))

    def marker(self, group: str) -> str:
        """Where it is installed as one of a group's packages."""
        return self.markers if isinstance(self.markers, str) else str(self.markers.get(group, ""))

    def all_markers(self) -> Iterator[str]:
        """Every marker in it, those on what it needs among them."""
        yield from [self.markers] if isinstance(self.markers, str) else map(str, self.markers.values())
        for value in self.needs.values():
            for one in value if isinstance(value, list) else [value]:
                if isinstance(one, dict):
                    yield f"{one.get('markers', '')} {one.get('python', '')}"


def poetry_packages(document: Table, *, with_groups: bool) -> list[PoetryPackage]:
    """All packages; what does not fit goes to the document's faults.

    `with_groups`: each says for which groups it is, as since version 2.1; one that does not would never be installed.
    """
    needed(document, "package", _AGAIN)
    metadata = document.table("metadata")
    # Before version 2.0 the files of all packages stood together.
    together = _mapping(metadata, "files") if metadata is not None else {}
    found = []
    for table in entries(document, "package", headers(document, "package")):
        package = _package(table, together)
        if with_groups:
            _check_groups(table, package)
        found.append(package)
    return found


def _package(table: Table, together: Mapping[str, Any]) -> PoetryPackage:
    name = canonicalize_name(table.string("name"))
    own = table if "files" in table.values else _beside(table, together)
    markers: Any = table.take("markers")
    if markers is not None and not isinstance(markers, (str, dict)):
        table.fault("markers", "expected a marker, or one for each group", _EDITED)
    return PoetryPackage(
        at=table.standing,
        name=name,
        version=table.string("version"),
        groups=tuple(map(canonicalize_name, table.strings("groups"))),
        markers=markers if isinstance(markers, (str, dict)) else "",
        needs=_needs(table),
        extras=_extras(table),
        source=_source(table),
        files=tuple(_file(row) for row in entries(own, "files")),
    )


def _beside(table: Table, together: Mapping[str, Any]) -> Table:
    """A package's files, where those of all packages stand together."""
    name = table.string("name")
    files = {"files": together[name]} if name in together else {}
    return Table(files, table.places, table.faults, field_path=table.field_path, standing=table.standing)


def _file(row: Table) -> LockedFile:
    text = row.string("hash")
    needed(row, "file", _AGAIN)
    return LockedFile(row.string("file"), (text,) if text else ())


def _check_groups(table: Table, package: PoetryPackage) -> None:
    if not package.groups:
        table.fault("groups", f"none for {package.name}: whether it is installed is not known", _EDITED)
    elif isinstance(package.markers, dict):
        named = set(map(canonicalize_name, package.markers))
        for group in sorted(named - set(package.groups)):
            table.fault("markers", f"one for the group {group}, which {package.name} is not in", _EDITED)


def _source(table: Table) -> Mapping[str, Any]:
    """Where a package is from; nothing for PyPI. A fault where the lock names a place, and not which."""
    source = _mapping(table, "source")
    if "source" in table.values:
        words = [source.get(key) for key in ("type", "url")]
        if not all(isinstance(word, str) and word for word in words):
            table.fault("source", "expected its type and its url", _EDITED)
    return source


def _needs(table: Table) -> Mapping[str, Any]:
    needs = _mapping(table, "dependencies")
    for name, value in needs.items():
        for one in value if isinstance(value, list) and value else [value]:
            if not is_need(one):
                table.fault("dependencies", f"{name}: expected a version, or a table with one", _EDITED)
    return needs


def _extras(table: Table) -> Mapping[str, Any]:
    extras = _mapping(table, "extras")
    for name, value in extras.items():
        if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
            table.fault("extras", f"{name}: expected a list of strings", _EDITED)
    return extras


def is_need(value: object) -> bool:
    """Whether a constraint is in one of the forms that Poetry has for it."""
    if not isinstance(value, dict):
        return isinstance(value, str) and bool(value)
    words = (value.get(key, "") for key in ("version", "markers", "python", "platform"))
    listed = value.get("extras", [])
    return (
        bool(value)
        and all(isinstance(word, str) for word in words)
        and isinstance(listed, list)
        and all(isinstance(one, str) for one in listed)
        and isinstance(value.get("optional", False), bool)
    )


def _mapping(table: Table, key: str) -> Mapping[str, Any]:
    value = table.take(key)
    if isinstance(value, dict):
        return value
    if value is not None:
        table.fault(key, "expected a table", _EDITED)
    return {}
