"""pyproject.toml: `[project]`'s dependencies (PEP 621) and, with envbuild.toml's keys, `[tool.envbuild]`."""

from collections.abc import Collection
from dataclasses import replace

from packaging.utils import canonicalize_name

from envbuild.definition import Definition
from envbuild.errors import Fault, InvalidDefinition
from envbuild.formats.envtoml import definition_in
from envbuild.formats.finishing import Finish
from envbuild.formats.projecttables import based_on, dependencies, uv_indexes
from envbuild.formats.reqindexes import Logins
from envbuild.formats.requirementlist import in_order, read_requirement_list
from envbuild.formats.sourcefile import Loader, Reading, load_text
from envbuild.formats.tomlplaces import Places, parse_toml
from envbuild.formats.tomltable import Table

__all__ = ["read_pyproject"]

_NOT_THE_PROJECT = "the project's own package is not installed, only what it depends on; its folder is there when a script of it is run"


def read_pyproject(path: str, load: Loader, name: str, pypi_urls: Collection[str], finish: Finish) -> Reading:
    """The definition in a pyproject.toml, as `finish` makes it; its project's name, else `name`.

    InvalidDefinition has all faults; UsageError: the file cannot be read.
    """
    text = load_text(path, load)
    document = Table(parse_toml(text, path), Places.in_text(text, path), [])
    logins = Logins()
    tool = document.table("tool")
    own = tool.table("envbuild") if tool else None
    definition = definition_in(own, logins) if own else Definition()
    project = document.table("project")
    if project is None and own is None:
        hint = 'such as: [project] name = "x", version = "0", dependencies = ["numpy"]'
        raise InvalidDefinition([Fault(path, "neither [project] nor [tool.envbuild] is in it", hint)])
    lines: list[tuple[str, int]] = []
    if project is not None:
        if "dependencies" in project.strings("dynamic"):
            hint = "write them into [project], or build from a lock or requirements file"
            project.fault("dynamic", "the dependencies are known to the build backend alone", hint)
        lines = dependencies(project, "dependencies")
        definition = replace(definition, name=definition.name or canonicalize_name(project.string("name")))
        if own is None or not {"python", "base"} & set(own.values):
            definition = based_on(project, definition)
    indexes = (*definition.indexes, *uv_indexes(tool, logins))
    if document.faults:
        raise in_order(document.faults)

    def whole(pip: Definition) -> Definition:
        asked = replace(definition, pypi=(*definition.pypi, *pip.pypi), indexes=indexes)
        return finish(replace(asked, name=asked.name or name))

    reading = read_requirement_list(path, load, lines, pypi_urls, whole)
    notices = (*reading.notices, *([_NOT_THE_PROJECT] if project is not None else []))
    return replace(reading, notices=notices, logins=tuple(sorted({*reading.logins, *logins.pairs()})))
