"""pyproject.toml: `[project]`'s dependencies and extras (PEP 621), dependency groups (PEP 735), and `[tool.envbuild]`.

`[tool.envbuild]` has envbuild.toml's keys. Of extras and groups those are in the definition that were chosen.
"""

import re
from dataclasses import replace

from packaging.utils import canonicalize_name

from envbuild.definition import Definition
from envbuild.errors import Fault, InvalidDefinition
from envbuild.formats.pip.reqindexes import Logins
from envbuild.formats.pip.requirementlist import in_order, read_requirement_list
from envbuild.formats.project.dependencygroups import group_lines
from envbuild.formats.project.projectextras import Extras
from envbuild.formats.project.projecttables import (
    NOT_THE_PROJECT,
    Line,
    based_on,
    dependencies,
    uv_indexes,
    with_python,
)
from envbuild.formats.selection import Selection
from envbuild.formats.sourcefile import Loader, Reading, ReadRequest, load_text
from envbuild.formats.toml.envtoml import definition_in
from envbuild.formats.toml.tomlplaces import Places, parse_toml
from envbuild.formats.toml.tomltable import Table

__all__ = ["read_pyproject"]

_PYPI = re.compile(r"pypi\[(\d+)\]")


def read_pyproject(path: str, load: Loader, asked: ReadRequest) -> Reading:
    """The definition in a pyproject.toml, with its project's name.

    InvalidDefinition has all faults; UsageError: the file cannot be read.
    """
    text = load_text(path, load)
    document = Table(parse_toml(text, path), Places.in_text(text, path), [])
    logins = Logins()
    tool = document.table("tool")
    own = tool.table("envbuild") if tool else None
    definition = definition_in(own, logins) if own else Definition()
    project = document.table("project")
    _check_parts(document, project, own, asked.selection)
    lines = group_lines(document, asked.selection.groups)
    if project is not None:
        lines = _project_lines(project, lines, asked.selection)
        definition = replace(definition, name=definition.name or canonicalize_name(project.string("name")))
        if own is None or not {"python", "base"} & set(own.values):
            definition = based_on(project, definition)
        # An empty `python` in our own table says that none is wanted.
        definition = definition if own is not None and "python" in own.values else with_python(definition)
    indexes = (*definition.indexes, *uv_indexes(tool, logins))
    if document.faults:
        raise in_order(document.faults)

    def whole(pip: Definition) -> Definition:
        # The project's own first, so that their numbers are those of the lines.
        meant = replace(definition, pypi=(*pip.pypi, *definition.pypi), indexes=indexes)
        return asked.finish(replace(meant, name=meant.name or asked.name))

    def elsewhere(field: str) -> str:
        number = _PYPI.fullmatch(field)
        named = f"pypi[{int(number[1]) - len(lines)}]" if number else field
        return own.line_of(named) if own is not None else path

    reading = read_requirement_list(path, load, lines, whole, elsewhere)
    without = project is not None and definition.project is None and not asked.selection.project
    notices = (*reading.notices, *([NOT_THE_PROJECT] if without else []))
    return replace(reading, notices=notices, logins=tuple(sorted({*reading.logins, *logins.pairs()})))


def _check_parts(document: Table, project: Table | None, own: Table | None, chosen: Selection) -> None:
    """InvalidDefinition where there is nothing in the file to take what is asked for from."""
    path = document.places.path
    if document.faults:
        raise in_order(document.faults)
    if project is None and own is None and not (chosen.groups and "dependency-groups" in document.values):
        hint = 'such as: [project] name = "x", version = "0", dependencies = ["numpy"]'
        raise InvalidDefinition([Fault(path, "neither [project] nor [tool.envbuild] is in it", hint)])
    for option, used in (("--extra", chosen.extras), ("--project", chosen.project)):
        if used and project is None:
            what = f"{option}: there is no [project] in the file"
            raise InvalidDefinition([Fault(path, what, "a project has a [project] with name and version (PEP 621)")])


def _project_lines(project: Table, groups: list[Line], chosen: Selection) -> list[Line]:
    """What the project depends on, with the chosen extras and what the chosen groups say."""
    if "dependencies" in project.strings("dynamic"):
        hint = "write them into [project], or make a lock of them: uv pip compile pyproject.toml -o requirements.txt"
        project.fault("dynamic", "the dependencies are known to the build backend alone", hint)
    extras = Extras(project)
    return extras.resolved([*dependencies(project, "dependencies"), *extras.lines(chosen.extras), *groups])
