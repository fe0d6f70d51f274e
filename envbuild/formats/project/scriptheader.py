"""A Python script's own header (PEP 723, "Inline script metadata"): what it needs stands in the script."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace

from envbuild.definition import Definition
from envbuild.errors import Fault, InvalidDefinition
from envbuild.formats.pip.reqindexes import Logins
from envbuild.formats.pip.requirementlist import in_order, read_requirement_list
from envbuild.formats.project.projecttables import based_on, dependencies, uv_indexes
from envbuild.formats.sourcefile import Loader, Reading, ReadRequest, load_text
from envbuild.formats.toml.tomlplaces import Places, parse_toml
from envbuild.formats.toml.tomltable import Table

__all__ = ["has_header", "header_document", "read_script"]

_OPENED = re.compile(r"# /// (?P<type>[a-zA-Z0-9-]+)[ \t]*")
_START = re.compile(rb"(?m)^# /// script[ \t]*\r?$")


def has_header(data: bytes) -> bool:
    """Whether a script says what it needs, as far as its first line shows."""
    return _START.search(data) is not None


def read_script(path: str, load: Loader, asked: ReadRequest) -> Reading:
    """The definition in a script's header.

    InvalidDefinition has all faults; UsageError: the file cannot be read.
    """
    text = load_text(path, load)
    toml = header_document(text, path)
    table = Table(parse_toml(toml, path), Places.in_text(toml, path), [])
    logins = Logins()
    definition = based_on(table, Definition(name=asked.name))
    lines = dependencies(table, "dependencies")
    indexes = uv_indexes(table.table("tool"), logins)
    table.unknown({"python": "requires-python", "packages": "dependencies"})

    def whole(pip: Definition) -> Definition:
        return asked.finish(replace(definition, pypi=pip.pypi, indexes=indexes))

    if table.faults:
        raise in_order(table.faults)
    reading = read_requirement_list(path, load, lines, whole)
    return replace(reading, logins=tuple(sorted({*reading.logins, *logins.pairs()})))


def header_document(text: str, path: str) -> str:
    """The header's TOML, on the lines that it has in the script. InvalidDefinition where there is none, or several."""
    lines = text.split("\n")
    blocks = list(_blocks(lines))
    if not blocks:
        hint = "`# /// script`, then `# dependencies = [...]`, then `# ///` (PEP 723)"
        raise InvalidDefinition([Fault(path, "the script has no header that says what it needs", hint)])
    if len(blocks) > 1:
        line = blocks[1][0] + 1
        raise InvalidDefinition([Fault(f"{path}:{line}", "a second header: PEP 723 allows one", "join them")])
    first, last = blocks[0]
    rows = [line.removeprefix("#").removeprefix(" ") for line in lines[first + 1 : last]]
    return "\n" * (first + 1) + "\n".join(rows)


def _blocks(lines: Sequence[str]) -> Iterator[tuple[int, int]]:
    """First and last line of each block of type `script`; as PEP 723 has it, a block ends at the last `# ///` of its comment."""
    at = 0
    while at < len(lines):
        opened = _OPENED.fullmatch(lines[at])
        if opened is None:
            at += 1
            continue
        end, last = at + 1, 0
        while end < len(lines) and (lines[end] == "#" or lines[end].startswith("# ")):
            last = end if lines[end].rstrip() == "# ///" and end > at + 1 else last
            end += 1
        if last and opened["type"] == "script":
            yield at, last
        at = last + 1 if last else end
