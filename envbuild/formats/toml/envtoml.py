"""envbuild.toml, the native format: every key of a `Definition`, checked by type and reported with line and field path.

`format = 1` is the first key. An item of `pypi` is a PEP 508 string, or `{ requirement = "...", hashes = ["sha256:..."] }`.
An item of `copy` is a table, `{ from = "src", to = "/opt/app/src" }`: two bare strings would not say which is which.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from envbuild.definition import (
    DEFAULT_PYTHON,
    NEWEST_LAYOUT,
    SUITE_PYTHONS,
    Base,
    CopyStep,
    DebianBase,
    Definition,
    Index,
    Project,
    Requirement,
)
from envbuild.errors import Fault, InvalidDefinition
from envbuild.formats.conda.condaspecs import spec_name
from envbuild.formats.finishing import finished
from envbuild.formats.pip.agreement import Placed, conflicts
from envbuild.formats.pip.reqindexes import Logins
from envbuild.formats.pip.specline import BadSpec, read_constraint, read_spec
from envbuild.formats.sourcefile import Loader, Reading, ReadRequest, load_text
from envbuild.formats.toml.envtomlbase import base_in
from envbuild.formats.toml.tomlplaces import Places, parse_toml
from envbuild.formats.toml.tomltable import Table, kind_of
from envbuild.formats.urls import address
from envbuild.indexurl import HostNotAscii
from envbuild.platforms import LINUX_AMD64, Platform

__all__ = ["FORMAT", "definition_in", "read_envtoml"]

FORMAT = 1
"""The newest format that is understood."""

_MEANT = {
    "apt": "system",
    "cuda": "accelerator",
    "dependencies": "pypi",
    "env": "variables",
    "environment": "variables",
    "dockerfile": "base.dockerfile",
    "image": "base.image",
    "indexes": "index",
    "packages": "pypi",
    "pip": "pypi",
    "platform": "platforms",
    "python-version": "python",
    "requirements": "pypi",
    "requires-python": "python",
    "version": "format",
}
"""What other tools call our keys."""

_REQUIREMENTS = "a list of strings (or tables with requirement and hashes)"


def read_envtoml(path: str, load: Loader, asked: ReadRequest) -> Reading:
    """The definition in an envbuild.toml.

    InvalidDefinition has all faults; UsageError: the file cannot be read.
    """
    text = load_text(path, load)
    document = parse_toml(text, path)
    places = Places.in_text(text, path)
    table = Table(document, places, [])
    _check_format(table, text)
    logins = Logins()
    definition = definition_in(table, logins)
    definition = replace(definition, name=definition.name or asked.name)
    definition = finished(definition, asked.finish, table.faults, table.line_of)
    return Reading(definition, logins.pairs(), (), (path,))


def definition_in(table: Table, logins: Logins) -> Definition:
    """The definition that a table with these keys says, as written; what is wrong with it goes to the table's faults."""
    definition = _Reader(table, logins).definition()
    # A project's settings: read where settings are, and no part of the definition.
    table.take("settings")
    table.unknown(_MEANT)
    return definition


def _check_format(table: Table, text: str) -> None:
    """Ends the reading where the document is empty or of another format: nothing else in it can be judged then."""
    path = table.places.path
    if not table.values:
        what = "no definition: only comments" if text.strip() else "no definition: the file is empty"
        raise InvalidDefinition([Fault(path, what, f"start with `format = {FORMAT}`, then `pypi = [...]`")])
    value: Any = table.take("format")
    at = table.at("format")
    if value is None:
        raise InvalidDefinition([Fault(path, "format: missing", f"make `format = {FORMAT}` the first line")])
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        what = f"format: expected the integer {FORMAT}, got {kind_of(value)}"
        raise InvalidDefinition([Fault(at, what, f"write `format = {FORMAT}`")])
    if value > FORMAT:
        what = f"format {value} needs a newer envbuild: this one reads up to format {FORMAT}"
        raise InvalidDefinition([Fault(at, what, "upgrade: pip install -U envbuild")])
    if next(iter(table.values)) != "format":
        what = "format: must be the first key, so that a reader knows what follows"
        raise InvalidDefinition([Fault(at, what, f"move `format = {FORMAT}` to the top")])


class _Reader:
    def __init__(self, table: Table, logins: Logins) -> None:
        self._table = table
        self._placed: list[Placed] = []
        self.logins = logins

    def definition(self) -> Definition:
        table = self._table
        name = table.string("name")
        if "name" in table.values and not name:
            table.fault("name", "is empty", "leave the key out, or give a name")
        pypi, base = self._pypi(), base_in(table)
        if "base" not in table.values and isinstance(python := table.values.get("python"), str):
            base = DebianBase.with_python(python)
        conda = table.strings("conda")
        constraints = self._constraints()
        table.faults += conflicts(self._placed)
        return Definition(
            name=name,
            description=table.string("description"),
            tags=table.pairs("tags"),
            base=base,
            python=self._python(base, conda, wanted=bool(pypi) or "project" in table.values),
            interpreter=table.string("interpreter"),
            pypi=pypi,
            constraints=constraints,
            no_deps=table.boolean("no-deps"),
            project=self._project(),
            indexes=tuple(self._index(one) for one in table.tables("index")),
            conda=conda,
            channels=table.strings("channels"),
            channel_priority=table.string("channel-priority", "strict"),
            system=table.strings("system"),
            platforms=self._platforms(),
            sdists=table.string("sdists", "refuse"),
            accelerator=table.string("accelerator"),
            virtual_packages=table.pairs("virtual-packages"),
            variables=table.pairs("variables"),
            user=table.string("user"),
            workdir=table.string("workdir"),
            entrypoint=table.strings("entrypoint"),
            activate=table.boolean("activate"),
            run=table.strings("run"),
            copy=tuple(self._copy(one) for one in table.tables("copy")),
            bytecode=table.string("bytecode", "none"),
            layout=table.integer("layout", NEWEST_LAYOUT),
        )

    def _python(self, base: Base, conda: Sequence[str], *, wanted: bool) -> str:
        """As written; else the one that the base has, and none where nothing needs it or conda brings it."""
        default = SUITE_PYTHONS.get(base.suite, DEFAULT_PYTHON) if isinstance(base, DebianBase) else DEFAULT_PYTHON
        if "python" not in self._table.values and (conda or not wanted):
            return ""
        if "python" in self._table.values and any(spec_name(spec) == "python" for spec in conda):
            self._table.fault("python", "conda's packages name a Python, too", "keep one of the two")
        value = self._table.take("python")
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            hint = 'quote it: python = "3.11" (unquoted, 3.10 is the number 3.1)'
            self._table.fault("python", f"expected a string, got {kind_of(value)}", hint)
            return DEFAULT_PYTHON
        return self._table.string("python", default)

    def _project(self) -> Project | None:
        path = self._table.string("project")
        if "project" in self._table.values and not path:
            self._table.fault("project", "is empty", 'leave the key out, or name a folder: project = "."')
        return Project(path) if path else None

    def _pypi(self) -> tuple[Requirement, ...]:
        found: list[Placed] = []
        hashed = False
        for number, item in self._table.mixed("pypi", _REQUIREMENTS):
            path = f"pypi[{number}]"
            if isinstance(item, dict):
                at = self._table.at("pypi", str(item.get("requirement", "")))
                inner = Table(item, self._table.places, self._table.faults, field_path=path, standing=at)
                text, hashes = inner.string("requirement"), inner.strings("hashes")
                inner.unknown()
            elif isinstance(item, str):
                text, hashes = item, ()
            else:
                what = f"expected a string (or a table with requirement and hashes), got {kind_of(item)}"
                self._table.fault("pypi", what, 'such as "numpy>=2"', item=str(item), path=path)
                continue
            hashed = hashed or bool(hashes)
            self._one(found, "pypi", path, text, hashes)
        if hashed:
            self._need_hashes(found)
        self._placed += found
        return tuple(placed.spec.requirement for placed in found)

    def _constraints(self) -> tuple[str, ...]:
        found: list[Placed] = []
        for number, item in self._table.mixed("constraints", "a list of strings"):
            path = f"constraints[{number}]"
            if isinstance(item, str):
                self._one(found, "constraints", path, item, ())
            else:
                what = f"expected a string, got {kind_of(item)}"
                self._table.fault("constraints", what, 'such as "numpy<3"', item=str(item), path=path)
        self._placed += found
        return tuple(placed.spec.requirement.text for placed in found)

    def _one(self, found: list[Placed], key: str, path: str, text: str, hashes: tuple[str, ...]) -> None:
        try:
            spec = read_constraint(text, hashes) if key == "constraints" else read_spec(text.strip(), hashes)
        except BadSpec as bad:
            self._table.fault(key, bad.what, bad.hint, item=text, path=path)
            return
        if not self.logins.add(spec.host, spec.login):
            self._table.fault(key, f"two different logins for {spec.host}", "keep one", item=text, path=path)
        kind = "constraint" if key == "constraints" else "requirement"
        found.append(Placed(self._table.at(key, text), spec, kind))

    def _need_hashes(self, found: list[Placed]) -> None:
        hint = 'write { requirement = "...", hashes = ["sha256:..."] } for every one'
        for placed in found:
            if not placed.spec.requirement.hashes:
                what = f"pypi: {placed.spec.requirement.text}: no hash, but others have one: all or none"
                self._table.faults.append(Fault(placed.at, what, hint))

    def _index(self, table: Table) -> Index:
        name, url = table.string("name"), table.string("url")
        explicit, packages = table.boolean("explicit"), table.strings("packages")
        table.unknown({"default": "name"})
        if not name:
            table.fault("name", "an index needs a name", "the lock names it as the source of its packages")
        if not url:
            if name != "pypi":
                table.fault("url", "an index needs a url", "only pypi has one of its own")
            return Index(name, "", explicit, packages)
        try:
            place = address(url)
        except HostNotAscii as bad:
            table.fault("url", bad.what, bad.hint)
            return Index(name, "", explicit, packages)
        except ValueError:
            table.fault("url", "not a URL", "write https://host/path/simple")
            return Index(name, "", explicit, packages)
        if not self.logins.add(place.host, place.login):
            table.fault("url", f"two different logins for {place.host}", "keep one; netrc or a keyring serve better")
        return Index(name, place.url, explicit, packages)

    def _copy(self, table: Table) -> CopyStep:
        source, target = table.string("from"), table.string("to")
        table.unknown({"source": "from", "src": "from", "target": "to", "dst": "to", "destination": "to"})
        if not source or not target:
            self._table.fault("copy", "expected from and to", 'write { from = "src", to = "/opt/app/src" }')
        return CopyStep(source, target)

    def _platforms(self) -> tuple[Platform, ...]:
        texts = self._table.strings("platforms")
        platforms = []
        for number, text in enumerate(texts):
            try:
                platforms.append(Platform.parse(text))
            except ValueError as error:
                hint = 'such as platforms = ["linux/amd64"]'
                self._table.fault("platforms", str(error), hint, item=text, path=f"platforms[{number}]")
        if "platforms" in self._table.values and not texts:
            self._table.fault("platforms", "is empty", 'leave the key out, or name one: "linux/amd64"')
        return tuple(platforms) or (LINUX_AMD64,)
