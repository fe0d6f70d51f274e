"""The pyproject.toml beside a lock: what the lock was made from, and what `[tool.envbuild]` adds to it."""

import posixpath
from dataclasses import dataclass, field, replace

from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.utils import canonicalize_name

from envbuild.definition import DEFAULT_PYTHON, SUITE_PYTHONS, DebianBase, Definition, Index
from envbuild.errors import Fault
from envbuild.formats.pip.reqindexes import Logins
from envbuild.formats.project.projecttables import based_on, uv_indexes
from envbuild.formats.pythons import minor_of
from envbuild.formats.sourcefile import Loader, is_absent, load_text
from envbuild.formats.toml.envtoml import definition_in
from envbuild.formats.toml.tomlplaces import Places, parse_toml
from envbuild.formats.toml.tomltable import Table

__all__ = ["LockProject", "lock_project"]


@dataclass(slots=True)
class LockProject:
    """A lock's project; `document` is empty where there is none beside the lock."""

    path: str
    document: Table
    there: bool
    definition: Definition
    """What `[tool.envbuild]` says, with the project's name."""
    own: Table | None = None
    indexes: tuple[Index, ...] = ()
    """Those of `[tool.envbuild]` and of `[tool.uv]`."""
    faults: list[Fault] = field(default_factory=list)

    @property
    def files(self) -> tuple[str, ...]:
        """The file, where it was read."""
        return (self.path,) if self.there else ()

    @property
    def absent(self) -> tuple[str, ...]:
        """The file, where it was looked for and is not."""
        return () if self.there else (self.path,)

    def based(self, requires: Table) -> Definition:
        """The definition, on a base whose Python the lock's `requires-python` allows, unless it names its own."""
        meant = self.definition
        if not meant.python:
            suite = meant.base.suite if isinstance(meant.base, DebianBase) else ""
            meant = replace(meant, python=SUITE_PYTHONS.get(suite, DEFAULT_PYTHON))
        if self.own is None or not {"python", "base"} & set(self.own.values):
            return based_on(requires, meant)
        wanted = requires.string("requires-python")
        try:
            allowed = SpecifierSet(wanted)
        except InvalidSpecifier:
            return based_on(requires, meant)
        python = meant.python
        releases = [python] if python != minor_of(python) else [f"{python}.{patch}" for patch in range(20)]
        if not any(allowed.contains(release) for release in releases):
            self.own.fault("python", f"the lock is for Python {wanted}, not {python}", "change one, and lock it again")
        return meant

    def table(self, *keys: str) -> Table | None:
        """A table of the document, by the keys that lead to it."""
        found: Table | None = self.document
        for key in keys:
            found = found.table(key) if found is not None else None
        return found


def lock_project(lock: str, load: Loader, logins: Logins, again: str) -> LockProject:
    """The pyproject.toml in a lock's folder; `again` is the command that makes the lock anew.

    InvalidDefinition where it is there and cannot be read at all; `faults` has what is wrong in `[tool.envbuild]`.
    """
    path = posixpath.join(posixpath.dirname(lock), "pyproject.toml")
    try:
        load(path)
    except OSError as error:
        if is_absent(error):
            return LockProject(path, Table({}, Places.in_text("", path), []), there=False, definition=Definition())
    text = load_text(path, load, at=lock)
    # What uv or Poetry would not take in their own tables is not ours to judge: the lock has what came of it.
    document = Table(parse_toml(text, path), Places.in_text(text, path), [])
    tool = document.table("tool")
    faults: list[Fault] = []
    own = _own(tool, faults)
    definition = definition_in(own, logins) if own else Definition()
    if own:
        for key in ("pypi", "constraints"):
            if key in own.values:
                what = f"the packages are those of {posixpath.basename(lock)}"
                own.fault(key, what, f"name them in [project], then: {again}")
    indexes = (*definition.indexes, *uv_indexes(tool, logins))
    name = definition.name or canonicalize_name(_name_in(document) or "")
    definition = replace(definition, name=name, pypi=(), constraints=(), indexes=())
    return LockProject(path, document, there=True, definition=definition, own=own, indexes=indexes, faults=faults)


def _own(tool: Table | None, faults: list[Fault]) -> Table | None:
    """`[tool.envbuild]`, whose faults are told."""
    found = tool.table("envbuild") if tool else None
    if found is not None:
        found.faults = faults
    return found


def _name_in(document: Table) -> str:
    project = document.table("project")
    tool = document.table("tool")
    poetry = tool.table("poetry") if tool else None
    return (project.string("name") if project else "") or (poetry.string("name") if poetry else "")
