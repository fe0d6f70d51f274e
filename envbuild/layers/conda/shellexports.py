"""What an activation script exports, read without running it: a small, strict part of bash's language.

Read are comments, assignments, `export`, `unset`, and `if` over one test of a variable or of a path in the environment. The
script is read as at a first activation: no variable is set but CONDA_PREFIX, whose value has no blanks. Whatever bash could
understand in another way makes it a script that is not read; which line, is told.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from envbuild.members import MemberKind

__all__ = ["PREFIX_VARIABLE", "UnreadableScript", "exports", "is_ambient"]

PREFIX_VARIABLE = "$CONDA_PREFIX"
"""Stands in values for the environment's folder."""

_AMBIENT = re.compile(
    r"_|(?:BASH|COMP_|CONDA_|EPOCH|LC_|READLINE_|ZSH_)\w*|PS[0-9]|COLUMNS|DIRSTACK|EUID|FUNCNAME|GROUPS|HISTCMD|HOME|HOSTNAME"
    r"|HOSTTYPE|IFS|LANG|LANGUAGE|LD_LIBRARY_PATH|LINENO|LINES|MACHTYPE|MAILCHECK|MAPFILE|OLDPWD|OPTARG|OPTERR|OPTIND|OSTYPE"
    r"|PATH|PIPESTATUS|POSIXLY_CORRECT|PPID|PWD|RANDOM|REPLY|SECONDS|SHELL|SHELLOPTS|SHLVL|SRANDOM|TERM|TMPDIR|UID|USER"
)
"""Variables that every shell or place has values of its own for: a script that reads one means another thing elsewhere."""
_SAFE = r"[A-Za-z0-9_./:,%+@=-]"
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_ASSIGNMENT = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)=")
_EXPANSION = rf"\$(?:[A-Za-z_]\w*|\{{[A-Za-z_]\w*(?::?[-+]{_SAFE}*)?\}})"
_QUOTED = rf"\"(?:[^\"\\`$]|\\\"|{_EXPANSION})*\"|'[^'$]*'"
_WORD = re.compile(rf"(?:{_SAFE}|{_QUOTED}|{_EXPANSION})+|\[\[|\]\]|[\[\]!](?=[ \t;]|$)")
_EXPANDED = rf"\$(?P<name>[A-Za-z_]\w*)|\$\{{(?P<braced>[A-Za-z_]\w*)(?:(?P<sign>:?[-+])(?P<word>{_SAFE}*))?\}}"
_PIECE = re.compile(rf"'(?P<single>[^']*)'|\"(?P<double>(?:[^\"\\]|\\\")*)\"|{_EXPANDED}|(?P<text>{_SAFE}+)")
_INNER = re.compile(rf"{_EXPANDED}|\\(?P<escaped>\")|(?P<text>[^$\\]+)")
_BARE = re.compile(rf"(?:{_SAFE}|{_QUOTED}|\$CONDA_PREFIX(?!\w)|\$\{{CONDA_PREFIX\}})*")
"""A word that bash does not split, where it would split one."""
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")
_LARGEST = 64 << 10
_LONGEST_VALUE = 16 << 10
"""Characters: what one assignment more can double has to end somewhere."""


class UnreadableScript(Exception):
    """`line` is the first one that this reader does not know."""

    def __init__(self, line: str) -> None:
        super().__init__(line)
        self.line = line.strip()


def is_ambient(name: str) -> bool:
    """Whether a variable is one that the shell or the place has a value for."""
    return _AMBIENT.fullmatch(name) is not None


def exports(script: str, paths: Mapping[str, MemberKind], given: Mapping[str, str]) -> dict[str, str]:
    """The variables that a script exports, without those that are empty; `given` are set before it.

    `paths` are those of the environment, relative to its folder. UnreadableScript where the script does more.
    """
    if len(script) > _LARGEST:
        raise UnreadableScript("the script is too long to be one of exports")
    shell = _Shell(paths, dict(given), set(given))
    for line, words in _commands(script):
        shell.command(line, words)
    if shell.branches:
        raise UnreadableScript("an if without its fi")
    return {name: value for name in sorted(shell.exported) if (value := shell.variables.get(name, ""))}


def _commands(script: str) -> Iterator[tuple[str, list[str]]]:
    """Each simple command or keyword: its line, and its words as they are written."""
    for line in script.split("\n"):
        if _CONTROL.search(line) or line.endswith("\\"):
            raise UnreadableScript(line)
        at, words = 0, list[str]()
        while at < len(line):
            if line[at] in " \t":
                at += 1
            elif line[at] == "#":
                break
            elif line[at] == ";":
                if not words:
                    raise UnreadableScript(line)
                yield from _split(line, words)
                words, at = [], at + 1
            else:
                words.append(_word(line, at))
                at += len(words[-1])
        if words:
            yield from _split(line, words)


def _word(line: str, at: int) -> str:
    """The word that begins at a place of a line; bytes that are no ASCII may be other ones to bash."""
    found = _WORD.match(line, at)
    if found is None or line[found.end() : found.end() + 1] not in ("", " ", "\t", ";") or not found[0].isascii():
        raise UnreadableScript(line)
    return found[0]


def _split(line: str, words: list[str]) -> Iterator[tuple[str, list[str]]]:
    """`then export X=1` is a keyword and a command."""
    while words[0] in ("then", "else") and len(words) > 1:
        yield line, words[:1]
        words = words[1:]
    yield line, words


@dataclass(slots=True)
class _Branch:
    """An open `if`: whether its present branch is the one that is taken, and what may come next."""

    holds: bool
    was_taken: bool
    waits_for_then: bool = True
    is_empty: bool = True
    is_last: bool = False


@dataclass(slots=True)
class _Shell:
    paths: Mapping[str, MemberKind]
    variables: dict[str, str]
    exported: set[str] = field(default_factory=set)
    branches: list[_Branch] = field(default_factory=list)

    def command(self, line: str, words: list[str]) -> None:
        """Carry out a command; in a branch that is not taken, only check that it is one that is read."""
        top = self.branches[-1] if self.branches else None
        word = words[0]
        if top and top.waits_for_then:
            if words != ["then"]:
                raise UnreadableScript(line)
            top.waits_for_then = False
        elif word == "if":
            self._not_empty()
            holds = self._holds(line, words[1:])
            self.branches.append(_Branch(holds, holds))
        elif word in ("elif", "else", "fi"):
            if top is None or top.is_empty or (top.is_last and word != "fi") or (word != "elif" and len(words) > 1):
                raise UnreadableScript(line)
            self._next_branch(line, top, words)
        else:
            self._not_empty()
            self._simple(line, words, carried_out=all(branch.holds for branch in self.branches))

    def _not_empty(self) -> None:
        if self.branches:
            self.branches[-1].is_empty = False

    def _next_branch(self, line: str, top: _Branch, words: list[str]) -> None:
        if words[0] == "fi":
            self.branches.pop()
            return
        is_else = words[0] == "else"
        holds = (is_else or self._holds(line, words[1:])) and not top.was_taken
        self.branches[-1] = _Branch(holds, top.was_taken or holds, waits_for_then=not is_else, is_last=is_else)

    def _simple(self, line: str, words: list[str], *, carried_out: bool) -> None:
        command, rest = words[0], words[1:]
        if command in (":", "true") and not rest:
            return
        if command == "unset" and rest and all(map(_NAME.fullmatch, rest)) and not any(map(is_ambient, rest)):
            for name in rest if carried_out else ():
                self.variables.pop(name, None)
                self.exported.discard(name)
            return
        is_export = command == "export"
        if is_export and not rest:
            raise UnreadableScript(line)
        # What a command is given is read before it does anything; assignments alone are done one by one.
        for several in [rest] if is_export else [[word] for word in words]:
            assigned = [self._assigned(line, word, in_export=is_export) for word in several]
            for name, value in assigned if carried_out else ():
                self.exported |= {name} if is_export else set()
                if value is not None:
                    self.variables[name] = value

    def _assigned(self, line: str, word: str, *, in_export: bool) -> tuple[str, str | None]:
        """Name and value of `NAME=VALUE`; `export "NAME=VALUE"` and `export NAME` are forms of it."""
        if in_export and _ASSIGNMENT.match(word, 1) and re.fullmatch(_QUOTED, word) and word[0] == '"':
            word = f'{word[1:].partition("=")[0]}="{word.partition("=")[2]}'
        found = _ASSIGNMENT.match(word)
        name = found[1] if found else word if in_export and _NAME.fullmatch(word) else ""
        if not name or is_ambient(name):
            raise UnreadableScript(line)
        return name, self._value(line, word[found.end() :]) if found else None

    def _holds(self, line: str, words: list[str]) -> bool:
        if words[:1] == ["!"]:
            return not self._holds(line, words[1:])
        closing = {"[": "]", "[[": "]]"}.get(words[0] if words else "")
        if closing and words[-1] == closing:
            inner = words[1:-1]
        elif words[:1] == ["test"]:
            inner = words[1:]
        else:
            raise UnreadableScript(line)
        negated = inner[:1] == ["!"]
        inner = inner[1:] if negated else inner
        # Between single brackets bash splits what is not quoted; between double ones it compares with a pattern.
        bare = inner if closing != "]]" else inner[2:]
        if not all(map(_BARE.fullmatch, bare)) or (
            closing == "]]" and len(inner) != 2 and inner[:1] and inner[0].startswith("-")
        ):
            raise UnreadableScript(line)
        return negated != self._test(line, inner)

    def _test(self, line: str, words: list[str]) -> bool:
        match words:
            case [word] | ["-n", word]:
                return bool(self._value(line, word))
            case ["-z", word]:
                return not self._value(line, word)
            case ["-d" | "-f" | "-e" | "-r" as what, word]:
                return self._is_there(line, self._value(line, word), what)
            case [one, "=" | "==", other]:
                return self._value(line, one) == self._value(line, other)
            case [one, "!=", other]:
                return self._value(line, one) != self._value(line, other)
            case _:
                raise UnreadableScript(line)

    def _is_there(self, line: str, path: str, what: str) -> bool:
        """Only what the environment itself has is known, and of a link not what it leads to."""
        if not path:
            return False
        if not path.startswith(f"{PREFIX_VARIABLE}/") or {"", ".", ".."} & set(path.split("/")[1:]):
            raise UnreadableScript(line)
        kind = self.paths.get(path.removeprefix(f"{PREFIX_VARIABLE}/"))
        if kind is MemberKind.LINK:
            raise UnreadableScript(line)
        wanted = {"-d": MemberKind.DIRECTORY, "-f": MemberKind.FILE}.get(what, kind)
        return kind is not None and kind is wanted

    def _value(self, line: str, word: str) -> str:
        at, parts = 0, list[str]()
        while at < len(word):
            found = _PIECE.match(word, at)
            if found is None:
                raise UnreadableScript(line)
            at = found.end()
            if found["double"] is not None:
                parts += [self._part(line, inner) for inner in _INNER.finditer(found["double"])]
            else:
                parts.append(self._part(line, found))
        value = "".join(parts)
        if len(value) > _LONGEST_VALUE:
            raise UnreadableScript(line)
        return value

    def _part(self, line: str, found: re.Match[str]) -> str:
        groups = found.groupdict()
        name = groups.get("name") or groups.get("braced")
        if not name:
            return groups.get("single") or groups.get("escaped") or groups.get("text") or ""
        if name != "CONDA_PREFIX" and is_ambient(name):
            raise UnreadableScript(line)
        value = PREFIX_VARIABLE if name == "CONDA_PREFIX" else self.variables.get(name)
        sign, word = groups.get("sign") or "", groups.get("word") or ""
        is_set = value is not None and (bool(value) or not sign.startswith(":"))
        if sign.endswith("+"):
            return word if is_set else ""
        return (value or "") if is_set or not sign else word
