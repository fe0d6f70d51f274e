"""Debian control data (deb822): stanzas of `Field: value` lines, where a line that begins with a space goes on.

Debian Policy 5.1. Field names are compared without case, so they are given in lower case.
"""

from collections.abc import Iterator

__all__ = ["Stanza", "parse_stanza", "parse_stanzas"]

Stanza = dict[str, str]
"""Lower-case field name -> value. A folded value keeps its line breaks, without the leading space of each line."""


def parse_stanza(text: str) -> Stanza:
    """The fields of one stanza; comment lines (`#`) are passed over. ValueError: a line that is none of these."""
    fields: Stanza = {}
    last = ""
    for line in text.split("\n"):
        if not line.strip() or line.startswith("#"):
            continue
        if line[0] in " \t":
            if not last:
                raise ValueError(f"a continuation line before any field: {line!r}")
            fields[last] += "\n" + line[1:]
            continue
        name, colon, value = line.partition(":")
        if not colon or not name or " " in name:
            raise ValueError(f"not a field: {line[:80]!r}")
        last = name.lower()
        if last in fields:
            raise ValueError(f"the field {name} is there twice")
        fields[last] = value.strip()
    return fields


def parse_stanzas(text: str) -> Iterator[Stanza]:
    """Each stanza of a control file, in order. ValueError as `parse_stanza`."""
    lines: list[str] = []
    for line in [*text.split("\n"), ""]:
        if line.strip():
            lines.append(line)
            continue
        if stanza := parse_stanza("\n".join(lines)):
            yield stanza
        lines = []
