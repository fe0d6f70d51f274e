"""`[project.optional-dependencies]` (PEP 621): the extras that were chosen, and requirements of the project on itself.

`all = ["me[gpu,test]"]` in the project `me` means those extras' own requirements: the project is not fetched from an index.
"""

import re
from collections.abc import Sequence

from packaging.markers import Marker
from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from envbuild.formats.project.projecttables import Line, dependencies
from envbuild.formats.toml.tomltable import Table

__all__ = ["Extras"]

_KEY = "optional-dependencies"
_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?")


class Extras:
    """The extras of a project, by their normalized names (PEP 685)."""

    def __init__(self, project: Table) -> None:
        """What is wrong with them becomes a fault when one is asked for."""
        self._project = project
        self._name = canonicalize_name(project.string("name"))
        self._dynamic = _KEY in project.strings("dynamic")
        self._table = project.table(_KEY)
        self._spelled: dict[str, str] = {}
        for key in self._table.values if self._table else ():
            self._spelled.setdefault(canonicalize_name(key), key)

    def lines(self, extras: Sequence[str]) -> list[Line]:
        """The requirements of these extras, each with its line."""
        if extras:
            self._refuse_twins()
        found = [line for extra in extras for line in self._of(canonicalize_name(extra))]
        return list(dict.fromkeys(found))

    def resolved(self, lines: Sequence[Line]) -> list[Line]:
        """The same with the project's requirements on itself replaced by those of the extras that they name."""
        found: list[Line] = []
        seen: set[tuple[str, str]] = set()
        waiting = list(reversed(lines))
        while waiting:
            line = waiting.pop()
            own = self._on_itself(line[0])
            if own is None:
                found.append(line)
                continue
            marker = str(own.marker or "")
            new = [name for extra in sorted(own.extras) if (name := canonicalize_name(extra), marker) not in seen]
            seen |= {(name, marker) for name in new}
            waiting += [_with_marker(inner, own.marker) for name in reversed(new) for inner in reversed(self._of(name))]
        return list(dict.fromkeys(found))

    def _of(self, name: str) -> list[Line]:
        if self._dynamic:
            self._project.fault(
                "dynamic", "the extras are known to the build backend alone", "write them into [project]"
            )
        elif name in self._spelled and self._table is not None:
            return dependencies(self._table, self._spelled[name])
        else:
            there = ", ".join(sorted(self._spelled))
            self._project.fault(_KEY, f"there is no extra {name!r}", f"there are: {there}" if there else "it has none")
        return []

    def _refuse_twins(self) -> None:
        for key in self._table.values if self._table else ():
            first = self._spelled[canonicalize_name(key)]
            if first != key and self._table is not None:
                what = f"the same name as {first!r}, once normalized (PEP 685)"
                self._table.fault(key, what, "join them, or rename one")

    def _on_itself(self, text: str) -> Requirement | None:
        """The requirement, where it is one on the project itself and not on some file of it."""
        name = _NAME.match(text)
        if not self._name or not name or canonicalize_name(name[0]) != self._name:
            return None
        try:
            parsed = Requirement(text)
        except InvalidRequirement:
            return None
        return None if parsed.url else parsed


def _with_marker(line: Line, marker: Marker | None) -> Line:
    """The line, where the marker of whoever asks for it holds too."""
    if marker is None:
        return line
    try:
        parsed = Requirement(line[0])
    except InvalidRequirement:
        return line
    parsed.marker = Marker(f"({parsed.marker}) and ({marker})") if parsed.marker else marker
    return str(parsed), line[1]
