"""A requirements file's logical lines, as pip's req_file module makes them: joined, without comments, split in two."""

import re
import shlex
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

from envbuild.formats.sourcefile import LONGEST

__all__ = ["LogicalLine", "logical_lines", "options_of"]

_BLANKS = re.compile(r"[ \t\r\n]+")
_COMMENT = re.compile(r"(?:^|(?<=\s))#.*$")

Option = tuple[str, str | None]
"""An option's name as written (`-r`, `--hash`) and its value, if it has one."""


@dataclass(frozen=True, slots=True)
class LogicalLine:
    """One line after joining; `number` is that of its first physical line, from 1."""

    number: int
    requirement: str
    """What stands before the first option; nothing in a line of options."""
    options: str


def logical_lines(text: str) -> Iterator[LogicalLine]:
    """The lines that say something, in order."""
    for number, line in _joined(text.splitlines()):
        content = _COMMENT.sub("", line).strip()
        if content:
            yield LogicalLine(number, *_divided(content))


def _joined(lines: list[str]) -> Iterator[tuple[int, str]]:
    first, parts = 0, list[str]()
    for number, line in enumerate(lines, 1):
        is_comment = line.lstrip().startswith("#")
        if line.endswith("\\") and not is_comment:
            first = first if parts else number
            parts.append(line.strip("\\"))
            continue
        # A comment that follows a continued line needs a space before it to be seen as one.
        parts.append(f" {line}" if is_comment else line)
        yield (first if len(parts) > 1 else number), "".join(parts)
        parts = []
    if parts:
        yield first, "".join(parts)


def _divided(content: str) -> tuple[str, str]:
    words = content.split(" ")
    cut = next((place for place, word in enumerate(words) if word.startswith("-")), len(words))
    return " ".join(words[:cut]).strip(), " ".join(words[cut:])


def options_of(text: str, shorts: frozenset[str], flags: frozenset[str]) -> list[Option]:
    """The options in `text`; `shorts` are the short ones, which take a value, `flags` the long ones without a value.

    ValueError says what is wrong: an open quote, a missing value, a word that is no option.
    """
    try:
        words = deque(_words(text))
    except ValueError as error:
        raise ValueError(f"{str(error).lower()}") from None
    options: list[Option] = []
    while words:
        word = words.popleft()
        name, has_value, value = word.partition("=")
        if not word.startswith("--") and word[:2] in shorts:
            name, value, has_value = word[:2], word[2:], word[2:]
        if not name.startswith("-"):
            raise ValueError(f"{word!r} is no option")
        if name in flags:
            options.append((name, value if has_value else None))
        elif has_value:
            options.append((name, value))
        else:
            # An unknown option keeps the value that follows it, so that one mistake is one fault.
            takes = bool(words) and not words[0].startswith("-")
            options.append((name, words.popleft() if takes else None))
    return options


def _words(text: str) -> list[str]:
    """As a shell divides them. What is long is divided at blanks: shlex takes the square of a word's length."""
    if len(text) <= LONGEST:
        return shlex.split(text)
    words = [word for word in _BLANKS.split(text) if word]
    if any(len(word) > LONGEST for word in words) or set(text) & set("\"'\\"):
        raise ValueError(f"an option of more than {LONGEST} characters")
    return words
