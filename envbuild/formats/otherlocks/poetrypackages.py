"""The packages of a poetry.lock as values, whichever version wrote them."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from packaging.utils import canonicalize_name

from envbuild.formats.otherlocks.lockopening import entries, headers
from envbuild.formats.toml.tomltable import Table

__all__ = ["PoetryPackage", "poetry_packages"]


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
    hashes: tuple[str, ...]
    has_wheel: bool

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


def poetry_packages(document: Table) -> list[PoetryPackage]:
    """All packages; what does not fit goes to the document's faults."""
    metadata = document.table("metadata")
    # Before version 2.0 the files of all packages stood together.
    together = _mapping(metadata, "files") if metadata is not None else {}
    return [_package(table, together) for table in entries(document, "package", headers(document, "package"))]


def _package(table: Table, together: Mapping[str, Any]) -> PoetryPackage:
    name = canonicalize_name(table.string("name"))
    files: Any = table.take("files") or together.get(table.string("name"))
    rows = [row for row in files if isinstance(row, dict)] if isinstance(files, list) else []
    markers: Any = table.take("markers")
    return PoetryPackage(
        at=table.standing,
        name=name,
        version=table.string("version"),
        groups=tuple(map(canonicalize_name, table.strings("groups"))),
        markers=markers if isinstance(markers, (str, dict)) else "",
        needs=_mapping(table, "dependencies"),
        extras=_mapping(table, "extras"),
        source=_mapping(table, "source"),
        hashes=tuple(str(row["hash"]) for row in rows if "hash" in row),
        has_wheel=any(str(row.get("file", "")).endswith(".whl") for row in rows),
    )


def _mapping(table: Table, key: str) -> Mapping[str, Any]:
    value = table.take(key)
    if isinstance(value, dict):
        return value
    if value is not None:
        table.fault(key, "expected a table", "was the lock edited by hand?")
    return {}
