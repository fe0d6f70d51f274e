"""What a conda package's link scripts do, read and never run (conda-build documentation, "Link scripts").

Nothing is ever unlinked from an image, so pre-unlink scripts have no part. A post-link or pre-link script is harmless where all it
does is to say something, to standard output or to the environment's .messages.txt; or where it was reviewed. Any other one makes
the package one that only a builder that runs it can install.
"""

import re
from collections.abc import Iterator, Mapping, Sequence

from envbuild.errors import BuildFailed

__all__ = ["check_link_scripts", "needs_link_scripts"]

_UNLINK = "-pre-unlink.sh"
_REVIEWED: Mapping[str, tuple[str, str]] = {
    "git": ("/usr/bin/codesign", "signs a program on macOS, and does nothing elsewhere"),
    "ocl-icd-system": ("/etc/OpenCL/vendors", "links to the drivers of the machine, of which an image has none"),
    "pyopengl": ("import OpenGL.GL", "warns where the machine has no driver"),
}
"""By package: words that its script has, and why an image does without it. As they are in conda-forge's packages."""

_LARGEST = 64 << 10
_BLANK = re.compile(r"[ \t]+")
_COMMENT = re.compile(r"#[^\n]*")
_HERE_DOCUMENT = re.compile(r"<<-?[ \t]*(['\"]?)([A-Za-z_]\w*)\1(?=[\s;]|$)")
_DUPLICATED = re.compile(r"[12]?>&[12](?=[\s;]|$)")
_REDIRECTED = re.compile(r"1?>>?[ \t]*")
_VARIABLE = re.compile(r"\$(?:[A-Za-z_]\w*|\{[A-Za-z_]\w*\})")
_PLAIN = re.compile(r"[^\s'\"`$&|;<>()\\{}]+")
_MESSAGES = re.compile(r"\"?\$(?:PREFIX|\{PREFIX\})\"?/\.messages\.txt\"?|/dev/null")
_SWITCH = re.compile(r"[-+][a-zA-Z]+|pipefail")
_SAYING = ("echo", "printf", "cat")
_NEWLINE = "\n"


def check_link_scripts(package: str, scripts: Mapping[str, bytes]) -> None:
    """BuildFailed where the package does not work without running one of its scripts (path below the prefix: content)."""
    if reason := needs_link_scripts(package, scripts):
        raise BuildFailed(
            f"this package needs its link script: {reason}",
            hint=f"leave out {package} or what needs it; packages are installed here without running their scripts",
        )


def needs_link_scripts(package: str, scripts: Mapping[str, bytes]) -> str | None:
    """The script and its first command that nothing makes up for, or None where the package works without scripts."""
    for path in sorted(scripts):
        name = path.rpartition("/")[2]
        if name.endswith(_UNLINK):
            continue
        text = scripts[path].decode("utf-8", "replace")
        word, _ = _REVIEWED.get(package, ("", ""))
        if word and word in text:
            continue
        if len(text) > _LARGEST:
            return f"{name} is too long to be one that only says something"
        if command := _does(text):
            return f"{name} runs `{command}`"
    return None


class _UnknownError(Exception):
    """What stands at this place of a script is more than words that are said."""

    def __init__(self, at: int) -> None:
        super().__init__(at)
        self.at = at


def _does(script: str) -> str:
    """The first command that does more than to say something; nothing where there is none."""
    words: list[str] = []
    start = 0
    try:
        for at, token in _tokens(script):
            if token != _NEWLINE:
                start = start if words else at
                words.append(token)
            elif words:
                if not _only_says(words):
                    return _line(script, start)
                words = []
    except _UnknownError as unknown:
        return _line(script, start if words else unknown.at)
    return "" if not words or _only_says(words) else _line(script, start)


def _only_says(words: Sequence[str]) -> bool:
    command, rest = words[0], words[1:]
    if command in _SAYING:
        return not (command == "printf" and rest[:1] == ["-v"])
    if command == "set":
        return all(map(_SWITCH.fullmatch, rest))
    return list(words) in (["exit", "0"], ["true"], [":"], ["{"], ["}"])


def _tokens(text: str) -> Iterator[tuple[int, str]]:
    """Words, and the ends of commands, with their places. What else is there is harmless, or ends the reading."""
    at, awaited = 0, list[tuple[str, bool]]()
    while at < len(text):
        if found := (_BLANK.match(text, at) or _COMMENT.match(text, at) or _DUPLICATED.match(text, at)):
            at = found.end()
        elif text[at] in "\n;":
            yield at, _NEWLINE
            is_end, at = text[at] == "\n", at + 1
            while is_end and awaited:
                at = _behind_document(text, at, *awaited.pop(0))
        elif found := _HERE_DOCUMENT.match(text, at):
            awaited.append((found[2], bool(found[1])))
            at = found.end()
        elif found := _REDIRECTED.match(text, at):
            place, at = at, found.end()
            at, target = _word(text, at)
            if not _MESSAGES.fullmatch(target):
                raise _UnknownError(place)
        else:
            place = at
            at, word = _word(text, at)
            yield place, word


def _behind_document(text: str, at: int, end: str, is_quoted: bool) -> int:
    """The place behind a here-document's last line. Where its mark is not quoted, commands in it are carried out."""
    start = at
    while at < len(text):
        newline = text.find("\n", at)
        line = text[at : len(text) if newline < 0 else newline]
        at += len(line) + 1
        if line.lstrip("\t") == end:
            break
    if not is_quoted and re.search(r"\$\(|`", text[start:at]):
        raise _UnknownError(start)
    return min(at, len(text))


def _word(text: str, at: int) -> tuple[int, str]:
    """A word, and the place behind it."""
    start = at
    if text[at : at + 1] in ("{", "}"):
        at += 1
    while at < len(text):
        if found := (_PLAIN.match(text, at) or _VARIABLE.match(text, at)):
            at = found.end()
        elif text[at] == "'":
            at = text.find("'", at + 1) + 1
            if not at:
                raise _UnknownError(start)
        elif text[at] == '"':
            at = _behind_quotes(text, at)
        elif text[at] == "\\" and text[at + 1 : at + 2] not in ("", "\n"):
            at += 2
        else:
            break
    if at == start or (at < len(text) and text[at] not in " \t\n;<>"):
        raise _UnknownError(start)
    return at, text[start:at]


def _behind_quotes(text: str, start: int) -> int:
    at = start + 1
    while at < len(text):
        match text[at]:
            case '"':
                return at + 1
            case "\\":
                at += 2
            case "$":
                found = _VARIABLE.match(text, at)
                if found is None and text[at + 1 : at + 2] in ("(", "{"):
                    break
                at = found.end() if found else at + 1
            case "`":
                break
            case _:
                at += 1
    raise _UnknownError(start)


def _line(text: str, at: int) -> str:
    """The line at a place, or the first behind it that says anything."""
    line = next((line.strip() for line in text[at:].splitlines() if line.strip()), "an empty command")
    return line if len(line) <= 100 else f"{line[:97]}..."
