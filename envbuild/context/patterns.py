"""`Pattern`: one line of an ignore file, as github.com/moby/patternmatcher (v0.6) reads it, its odd corners included.

`*` and `?` stop at a slash, `**` does not, brackets are Go's, a backslash takes a character as it is; `**` at the end
takes all that begins so, `**` at the start all that ends so (`**file` takes `my.file` as well as `a/file`).
"""

import posixpath
from collections.abc import Callable
from dataclasses import dataclass

from envbuild.context.goregexp import BadExpression, matcher

__all__ = ["BadPattern", "Pattern", "clean"]

_ESCAPED = frozenset(".+()|{}$")
_GLOBS = frozenset("*[]?^\\")


class BadPattern(Exception):
    """Docker refuses to build with such a line."""


@dataclass(frozen=True, slots=True)
class Pattern:
    """Which paths a line is about, and whether it takes them back in (`!`)."""

    text: str
    """Without the `!`, cleaned."""
    exception: bool
    place: str
    """Where it stands: file:line."""
    matches: Callable[[str], bool]

    @classmethod
    def read(cls, line: str, place: str) -> "Pattern":
        """The pattern of a line that `ignorefile` has trimmed. BadPattern says why it is none."""
        text = clean(line)
        exception = text.startswith("!")
        if text == "!":
            raise BadPattern("an exception without a pattern")
        text = text[exception:]
        if not _well_formed(text):
            raise BadPattern("brackets or a backslash that nothing closes")
        try:
            return cls(text, exception, place, _matches(text))
        except BadExpression as bad:
            raise BadPattern(str(bad)) from None

    def within(self, folder: str) -> bool:
        """Whether it may be about something below a folder: false only where that is sure (fsutil's rule)."""
        start = self.text.removesuffix("/**").removesuffix("/*")
        return f"{start}/".startswith(f"{folder}/")

    @property
    def is_plain(self) -> bool:
        """Whether nothing but its end is a wildcard."""
        return not _GLOBS & set(self.text.removesuffix("/**").removesuffix("/*"))

    def __str__(self) -> str:
        return f"{'!' * self.exception}{self.text}"


def clean(path: str) -> str:
    """The shortest path that means the same by its text alone (Go's path.Clean)."""
    short = posixpath.normpath(path)
    return short[1:] if short.startswith("//") else short


def _matches(text: str) -> Callable[[str], bool]:
    expression, kind = _compiled(text)
    if kind == "suffix":
        end = text[2:]
        return lambda path: path.endswith(end) or (end[:1] == "/" and path == end[1:])
    if kind == "prefix":
        start = text[:-2]
        return lambda path: path.startswith(start)
    if kind == "exact":
        return lambda path: path == text
    return matcher(expression)


def _compiled(text: str) -> tuple[str, str]:
    """The pattern as a Go expression, and its kind: moby compares strings where that says the same, or nearly."""
    expression, kind, at, first = "", "exact", 0, True
    while at < len(text):
        char = text[at]
        at += 1
        if text.startswith("**", at - 1):
            at += 1
            at += text.startswith("/", at)
            if at < len(text):
                expression, kind = f"{expression}(.*/)?", "regexp"
            elif kind == "exact":
                kind = "prefix"
            else:
                expression, kind = f"{expression}.*", "regexp"
            kind = "suffix" if first else kind
        elif char in "*?":
            expression, kind = f"{expression}[^/]{'*' if char == '*' else ''}", "regexp"
        elif char in _ESCAPED:
            expression += f"\\{char}"
        elif char == "\\" and at < len(text):
            expression, kind, at = f"{expression}\\{text[at]}", "regexp", at + 1
        else:
            expression, kind = f"{expression}{char}", "regexp" if char in "[]" else kind
        first = False
    return f"^{expression}$", kind


def _well_formed(text: str) -> bool:
    """Whether Go's filepath.Match takes it: every bracket closed and not empty, nothing missing behind a backslash."""
    at = 0
    while at < len(text):
        at += 1
        if text[at - 1] == "\\":
            at += 1
            if at > len(text):
                return False
        elif text[at - 1] == "[":
            end = _class_end(text, at)
            if end is None:
                return False
            at = end
    return True


def _class_end(text: str, at: int) -> int | None:
    """Where the class whose inside starts here ends; None where it is none."""
    at += text.startswith("^", at)
    first = True
    while first or not text.startswith("]", at):
        first = False
        low = _class_character(text, at)
        if low is None:
            return None
        high = _class_character(text, low + 1) if text.startswith("-", low) else low
        if high is None:
            return None
        at = high
    return at + 1


def _class_character(text: str, at: int) -> int | None:
    """The place behind one character of a class; None where none may stand there, or nothing follows it."""
    if text[at : at + 1] in ("", "-", "]"):
        return None
    at += text[at] == "\\"
    if at >= len(text) or "\ud800" <= text[at] <= "\udfff" or at + 1 >= len(text):
        return None
    return at + 1
