"""The packages of a uv.lock as values."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from packaging.utils import canonicalize_name

from envbuild.formats.otherlocks.lockedfiles import LockedFile, file_name
from envbuild.formats.otherlocks.lockopening import entries, headers
from envbuild.formats.toml.tomltable import Table

__all__ = ["Need", "UvPackage", "needs", "uv_packages"]


@dataclass(frozen=True, slots=True)
class Need:
    """A dependency: `version` and `source` where a name alone would not tell which package is meant."""

    name: str
    version: str
    source: Mapping[str, Any] | None
    marker: str
    extras: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class UvPackage:
    """One `[[package]]`."""

    table: Table
    at: str
    name: str
    version: str
    source: Mapping[str, Any]
    needs: tuple[Need, ...]
    extras: Mapping[str, tuple[Need, ...]]
    groups: Mapping[str, tuple[Need, ...]]
    files: tuple[LockedFile, ...]
    wheels: int

    @property
    def hashes(self) -> tuple[str, ...]:
        """Those of all its files."""
        return tuple(text for file in self.files for text in file.hashes)

    @property
    def kind(self) -> str:
        """The kind of its source: `registry`, `url`, `git`, `path`, `directory`, `editable`, `virtual`."""
        return next((key for key in _KINDS if key in self.source), "")

    @property
    def place(self) -> str:
        """Where its source is: a URL, or a path from the lock's folder."""
        return str(self.source.get(self.kind, ""))

    def markers(self) -> list[str]:
        """All markers on what it needs."""
        return [need.marker for need in self.all_needs()]

    def all_needs(self) -> Iterator[Need]:
        """What it needs, with every extra and group."""
        for needed in (self.needs, *self.extras.values(), *self.groups.values()):
            yield from needed


_KINDS = ("registry", "url", "git", "path", "directory", "editable", "virtual")


def uv_packages(document: Table) -> list[UvPackage]:
    """All packages; what does not fit goes to the document's faults."""
    return [_package(table) for table in entries(document, "package", headers(document, "package"))]


def needs(table: Table, key: str) -> tuple[Need, ...]:
    """A list of dependencies."""
    return tuple(_need(one) for one in entries(table, key))


def _package(table: Table) -> UvPackage:
    sdist, wheels = _files(table, "sdist"), _files(table, "wheels")
    return UvPackage(
        table=table,
        at=table.standing,
        name=canonicalize_name(table.string("name")),
        version=table.string("version"),
        source=_source(table),
        needs=needs(table, "dependencies"),
        extras=_lists(table, "optional-dependencies"),
        groups=_lists(table, "dev-dependencies"),
        files=tuple(_file(file) for file in (*sdist, *wheels)),
        wheels=len(wheels),
    )


def _files(table: Table, key: str) -> list[Table]:
    value = table.values.get(key)
    if isinstance(value, dict):
        return [Table(value, table.places, table.faults, field_path=table.path_of(key), standing=table.standing)]
    return entries(table, key)


def _file(file: Table) -> LockedFile:
    name = file.string("filename") or file_name(file.string("url") or file.string("path"))
    if not name:
        file.fault(
            "url", "missing, so which file is meant is not known", "was the lock edited by hand? uv lock makes it"
        )
    text = file.string("hash")
    return LockedFile(name, (text,) if text else ())


def _source(table: Table) -> Mapping[str, Any]:
    """Where a package is from. A fault where that is nowhere: it would be taken from PyPI."""
    source = _mapping(table, "source")
    if not any(isinstance(place := source.get(kind), str) and place for kind in _KINDS):
        what = f"expected one of {', '.join(_KINDS)}, and where that is"
        table.fault("source", what, "was the lock edited by hand? Make it anew: uv lock")
    return source


def _lists(table: Table, key: str) -> dict[str, tuple[Need, ...]]:
    """Dependencies by the name of an extra or a group."""
    inner = table.table(key)
    if inner is None:
        return {}
    inner.standing = table.standing
    return {canonicalize_name(name): needs(inner, name) for name in inner.values}


def _need(table: Table) -> Need:
    source = _mapping(table, "source")
    return Need(
        canonicalize_name(table.string("name")),
        table.string("version"),
        source or None,
        table.string("marker"),
        tuple(map(canonicalize_name, (*table.strings("extra"), *table.strings("extras")))),
    )


def _mapping(table: Table, key: str) -> Mapping[str, Any]:
    value = table.take(key)
    if isinstance(value, dict):
        return value
    if value is not None:
        table.fault(key, "expected a table", "was the lock edited by hand?")
    return {}
