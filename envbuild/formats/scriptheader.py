"""A Python script's own header (PEP 723, "Inline script metadata"): what it needs stands in the script."""

import re
from collections.abc import Collection
from dataclasses import replace

from envbuild.definition import Definition
from envbuild.errors import Fault, InvalidDefinition
from envbuild.formats.finishing import Finish
from envbuild.formats.projecttables import based_on, dependencies, places_of, uv_indexes
from envbuild.formats.reqindexes import Logins
from envbuild.formats.requirementlist import in_order, read_requirement_list
from envbuild.formats.sourcefile import Loader, Reading, load_text
from envbuild.formats.tomlplaces import parse_toml
from envbuild.formats.tomltable import Table

__all__ = ["has_header", "read_script"]

_BLOCK = re.compile(r"(?m)^# /// (?P<type>[a-zA-Z0-9-]+)[ \t]*$\n(?P<content>(?:^#(?:| .*)$\n)+)^# ///[ \t]*$")
_START = re.compile(rb"(?m)^# /// script[ \t]*\r?$")


def has_header(data: bytes) -> bool:
    """Whether a script says what it needs, as far as its first line shows."""
    return _START.search(data) is not None


def read_script(path: str, load: Loader, name: str, pypi_urls: Collection[str], finish: Finish) -> Reading:
    """The definition in a script's header, as `finish` makes it.

    InvalidDefinition has all faults; UsageError: the file cannot be read.
    """
    text = load_text(path, load)
    toml = _toml_of(text, path)
    table = Table(parse_toml(toml, path), places_of(toml, path), [])
    logins = Logins()
    definition = based_on(table, Definition(name=name))
    lines = dependencies(table, "dependencies")
    indexes = uv_indexes(table.table("tool"), logins)
    table.unknown({"python": "requires-python", "packages": "dependencies"})

    def whole(pip: Definition) -> Definition:
        return finish(replace(definition, pypi=pip.pypi, indexes=indexes))

    if table.faults:
        raise in_order(table.faults)
    reading = read_requirement_list(path, load, lines, pypi_urls, whole)
    return replace(reading, logins=tuple(sorted({*reading.logins, *logins.pairs()})))


def _toml_of(text: str, path: str) -> str:
    """The header's document, on the lines that it has in the script."""
    blocks = [block for block in _BLOCK.finditer(text + "\n") if block["type"] == "script"]
    if not blocks:
        hint = "`# /// script`, then `# dependencies = [...]`, then `# ///` (PEP 723)"
        raise InvalidDefinition([Fault(path, "the script has no header that says what it needs", hint)])
    if len(blocks) > 1:
        line = text.count("\n", 0, blocks[1].start()) + 1
        raise InvalidDefinition([Fault(f"{path}:{line}", "a second header: PEP 723 allows one", "join them")])
    above = text.count("\n", 0, blocks[0].start("content"))
    lines = [line.removeprefix("#").removeprefix(" ") for line in blocks[0]["content"].splitlines()]
    return "\n" * above + "\n".join(lines)
