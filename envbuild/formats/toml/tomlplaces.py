"""Where things stand in a TOML text: lines for keys, and what tomllib's complaints mean."""

import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Self

from envbuild.errors import Fault, InvalidDefinition
from envbuild.formats.sourcefile import LONGEST, is_too_long

__all__ = ["Places", "parse_toml"]

_AT = re.compile(r"\(at line (\d+), column (\d+)\)")
_TWICE = (
    "Cannot overwrite a value",
    "Cannot declare",
    "Cannot redefine",
    "Cannot mutate",
    "Duplicate inline table key",
)
_HEADER = re.compile(r"\s*\[")


@dataclass(frozen=True, slots=True)
class Places:
    """Finds the line of a key, by its text: good enough to point at, never a reason to fail."""

    path: str
    lines: tuple[str, ...]

    @classmethod
    def in_text(cls, text: str, path: str) -> Self:
        """Of the file at `path`, whose text this is."""
        return cls(path, tuple(text.split("\n")))

    def of(self, key: str, *, table: str = "", number: int = 0, item: str = "") -> str:
        """`path:line` of a key (of the n-th table of that name, if one is given), or the path alone."""
        start, end = self._section(table, number)
        found = self._first(rf"\s*(\"{re.escape(key)}\"|'{re.escape(key)}'|{re.escape(key)})\s*[=.]", start, end)
        if found is None and not table:
            found = self._first(rf"\s*\[+\s*[\"']?{re.escape(key)}[\"']?\s*[\].]", 0, len(self.lines))
        if found is None:
            found = start - 1 if table and start else None
        elif item:
            found = next((n for n in range(found, len(self.lines)) if item in self.lines[n]), found)
        return self.path if found is None else f"{self.path}:{found + 1}"

    def _section(self, table: str, number: int) -> tuple[int, int]:
        """The lines of a table: behind its header, up to the next header."""
        start = 0
        if table:
            header = re.compile(rf"\s*\[+\s*{re.escape(table)}\s*\]")
            headers = [n for n, line in enumerate(self.lines) if header.match(line)]
            if number >= len(headers):
                inline = self._first(rf"\s*{re.escape(table)}\s*[=.]", 0, len(self.lines))
                if inline is None and "." in table:
                    # A table in one line, in another table: `arguments = { A = "1" }` below `[base]`.
                    outer, _, own = table.rpartition(".")
                    inline = self._first(rf"\s*{re.escape(own)}\s*[=.]", *self._section(outer, 0))
                return (0, 0) if inline is None else (inline + 1, inline + 1)
            start = headers[number] + 1
        following = (
            n for n in range(start, len(self.lines)) if _HEADER.match(self.lines[n]) and "=" not in self.lines[n]
        )
        return start, next(following, len(self.lines)) if table else len(self.lines)

    def _first(self, pattern: str, start: int, end: int) -> int | None:
        return next((n for n in range(start, end) if re.match(pattern, self.lines[n])), None)


def parse_toml(text: str, path: str) -> dict[str, Any]:
    """The document (TOML 1.0). InvalidDefinition names the line, and of a key given twice both lines where they show."""
    try:
        document = tomllib.loads(text)
    except RecursionError:
        raise InvalidDefinition(
            [Fault(path, "nested too deeply", "an envbuild.toml needs at most three levels")]
        ) from None
    except ValueError as error:
        raise InvalidDefinition([_syntax(str(error), text, path)]) from None
    if any(map(is_too_long, _texts(document))):
        line = next((n for n, one in enumerate(text.split("\n"), 1) if len(one) > LONGEST), 0)
        at = f"{path}:{line}" if line else path
        what = f"a text with a line of more than {LONGEST} characters"
        raise InvalidDefinition([Fault(at, what, "is this the right file?")])
    return document


def _texts(value: object) -> Iterator[str]:
    """Every key and text in a document. Not recursive: tomllib allows a depth that Python's stack may not have."""
    rest = [value]
    while rest:
        one = rest.pop()
        if isinstance(one, str):
            yield one
        elif isinstance(one, dict):
            rest += [*one.keys(), *one.values()]
        elif isinstance(one, list):
            rest += one


def _syntax(message: str, text: str, path: str) -> Fault:
    lines = text.split("\n")
    position = _AT.search(message)
    number = int(position[1]) if position else len(text.rstrip("\n").split("\n"))
    reason = message.partition(" (at ")[0]
    excerpt = lines[number - 1][:120] if number <= len(lines) else ""
    if reason.startswith(_TWICE):
        key = excerpt.partition("=")[0].strip(" \t[]")
        earlier = [n for n, line in enumerate(lines[: number - 1], 1) if line.partition("=")[0].strip(" \t[]") == key]
        before = f" (first at line {earlier[-1]})" if key and earlier else ""
        return Fault(f"{path}:{number}", f"{key or 'a key'} is given twice{before}", "keep one")
    column = int(position[2]) if position else len(excerpt) + 1
    caret = f"\n    {excerpt}\n    {' ' * (column - 1)}^" if column <= len(excerpt) + 1 else ""
    return Fault(f"{path}:{number}", f"not TOML: {reason[:1].lower()}{reason[1:]}{caret}", "strings stand in quotes")
