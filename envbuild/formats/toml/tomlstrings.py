"""The strings of a TOML text with their keys and lines, which tomllib does not give: for what points at a line.

TOML 1.0, "String", "Table", "Array" and "Inline Table". The text is one that tomllib has read; of anything else some strings
may be left out.
"""

import re
import tomllib
from collections.abc import Iterator

__all__ = ["strings_in"]

_TOKEN = re.compile(
    r"""(?x)
    (?P<comment> \#[^\n]* ) | (?P<newline> \n ) | (?P<sign> [\[\]{},=] )
    | (?P<string> \"{3}(?:\\.|[^\\])*?\"{3,5} | '{3}.*?'{3,5} | "(?:\\.|[^"\\\n])*" | '[^'\n]*' )
    | (?P<word> [^\s\[\]{},=\#"']+ )
    """,
    re.DOTALL,
)
_MOST = 100_000
"""Tokens: what a definition has is far below."""


def strings_in(text: str) -> Iterator[tuple[str, str, int]]:
    """The whole key (`tool.envbuild.index.name`, without numbers), the value and the line of every string."""
    reader = _Reader()
    line = 1
    for count, token in enumerate(_TOKEN.finditer(text)):
        if count > _MOST:
            return
        kind, found = str(token.lastgroup), token[0]
        value = reader.take(kind, found)
        if value is not None:
            yield reader.key, value, line
        line += found.count("\n")


class _Reader:
    """Where in the document the next token stands."""

    def __init__(self) -> None:
        self._header = ""
        self._words: list[str] = []
        self._keys: list[str] = []
        """The key of the assignment, and of the inline tables in it."""
        self._depth: list[str] = []
        self._in_header = False

    @property
    def key(self) -> str:
        return ".".join(filter(None, (self._header, *self._keys)))

    def take(self, kind: str, found: str) -> str | None:
        """The value that this token is, if it is one."""
        if kind == "newline" and not self._depth:
            if self._in_header:
                self._header, self._in_header = "".join(self._words), False
            self._words, self._keys = [], []
        elif kind == "sign":
            self._sign(found)
        elif kind in ("word", "string"):
            if self._expects_key():
                self._words.append(_plain(found) if kind == "string" else found)
            elif kind == "string":
                return _plain(found)
        return None

    def _expects_key(self) -> bool:
        return self._in_header or not self._keys or (bool(self._depth) and self._depth[-1] == "{")

    def _sign(self, sign: str) -> None:
        if sign == "[" and not self._keys:
            self._in_header = True
        elif sign == "=":
            self._keys.append("".join(self._words))
            self._words = []
            if self._depth and self._depth[-1] == "{":
                self._depth[-1] = "="
        elif sign in "[{" and not self._in_header:
            self._depth.append(sign)
        elif self._depth and not self._in_header:
            self._close(sign)

    def _close(self, sign: str) -> None:
        """The end of a value in an inline table, of the table, or of a list."""
        if self._depth[-1] == "=":
            self._keys.pop()
            self._depth[-1] = "{"
        self._words = []
        if sign in "]}":
            self._depth.pop()


def _plain(token: str) -> str:
    try:
        value: str = tomllib.loads(f"x = {token}")["x"]
    except (ValueError, TypeError):
        return ""
    return value
