"""What an activation script exports, read without running it: a small, strict part of the shell's language (POSIX, 2.3 to 2.9).

Read are comments, assignments, `export`, `unset`, and `if` over one test of a variable or of a path in the environment. The
script is read as at a first activation: no variable is set but CONDA_PREFIX. All else makes it a script that cannot be read, and
says which line.
"""

import re
from collections.abc import Container, Iterator, Mapping
from dataclasses import dataclass, field

__all__ = ["PREFIX_VARIABLE", "UnreadableScript", "exports"]

PREFIX_VARIABLE = "$CONDA_PREFIX"
"""Stands in values for the environment's folder."""

_AMBIENT = frozenset(
    {"BASH", "BASH_SOURCE", "BASH_VERSION", "HOME", "IFS", "LANG", "LD_LIBRARY_PATH", "PATH", "PS1", "PWD", "SHELL"}
    | {"TMPDIR", "USER", "ZSH_VERSION"}
)
"""Variables that every place has values of its own for: a script that reads one means another thing elsewhere."""
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_ASSIGNMENT = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)=")
_WORD = re.compile(
    r"""(?:[^\s'"\\;&|<>()#$`*?~\[\]!{}]|[\[\]!](?=[\s;]|$)|\[\[|\]\]|(?<=[\w./-])[#~!]|\\.|'[^']*'|"(?:[^"\\`]|\\.)*"|\$\{[^}`]*\}|\$[A-Za-z_]\w*)+"""
)
_PIECE = re.compile(
    r"""'(?P<single>[^']*)'|"(?P<double>(?:[^"\\]|\\.)*)"|\$(?P<plain>[A-Za-z_]\w*)|\$\{(?P<braced>[^}]*)\}|\\(?P<escaped>.)|(?P<text>[^'"$\\]+)"""
)
_INNER = re.compile(r"\$(?P<plain>[A-Za-z_]\w*)|\$\{(?P<braced>[^}]*)\}|\\(?P<escaped>[\\\"$`])|(?P<text>[^$\\]+|\\)")
_BRACED = re.compile(r"(?P<name>[A-Za-z_]\w*)(?:(?P<sign>:?[-+])(?P<word>[^\"'`]*))?")
_LARGEST = 64 << 10


class UnreadableScript(Exception):
    """`line` is the first one that this reader does not know."""

    def __init__(self, line: str) -> None:
        super().__init__(line)
        self.line = line.strip()


def exports(script: str, paths: Container[str], given: Mapping[str, str]) -> dict[str, str]:
    """The variables that a script exports, without those that are empty; `given` are set before it.

    `paths` are those of the environment, relative to its folder. UnreadableScript where the script does more.
    """
    if len(script) > _LARGEST:
        raise UnreadableScript("the script is too long to be one of exports")
    shell = _Shell(paths, dict(given), set(given))
    shell.run(list(_commands(script)))
    return {name: value for name in sorted(shell.exported) if (value := shell.variables.get(name, ""))}


def _commands(script: str) -> Iterator[tuple[str, list[str]]]:
    """Each simple command or keyword: its line, and its words as they are written."""
    for line in script.replace("\\\n", "").splitlines():
        at = 0
        words: list[str] = []
        while at < len(line):
            if line[at].isspace():
                at += 1
            elif line[at] == "#":
                break
            elif line[at] == ";":
                yield from _split(line, words)
                words = []
                at += 1
            elif found := _WORD.match(line, at):
                words.append(found[0])
                at = found.end()
            else:
                raise UnreadableScript(line)
        yield from _split(line, words)


def _split(line: str, words: list[str]) -> Iterator[tuple[str, list[str]]]:
    """`then export X=1` is a keyword and a command."""
    while words and words[0] in ("then", "else", "fi"):
        yield line, [words[0]]
        words = words[1:]
    if words:
        yield line, words


@dataclass(slots=True)
class _Shell:
    paths: Container[str]
    variables: dict[str, str]
    exported: set[str] = field(default_factory=set)

    def run(self, commands: list[tuple[str, list[str]]]) -> None:
        """Carry out all commands; those in branches that are not taken are only checked for being readable."""
        # One entry an open `if`: whether it stands in a branch that is taken, and whether one was taken already.
        branches: list[tuple[bool, bool]] = []
        for line, words in commands:
            outer = all(taken for taken, _ in branches[:-1])
            match words[0]:
                case "if":
                    here = all(taken for taken, _ in branches)
                    holds = self._holds(line, words[1:])
                    branches.append((here and holds, holds))
                case "elif" if branches:
                    holds, before = self._holds(line, words[1:]), branches[-1][1]
                    branches[-1] = (outer and holds and not before, before or holds)
                case "else" if branches and len(words) == 1:
                    branches[-1] = (outer and not branches[-1][1], True)
                case "then" | "fi" if branches and len(words) == 1:
                    if words[0] == "fi":
                        branches.pop()
                case _:
                    self._simple(line, words, carried_out=all(taken for taken, _ in branches))
        if branches:
            raise UnreadableScript("an if without its fi")

    def _simple(self, line: str, words: list[str], *, carried_out: bool) -> None:
        command, rest = words[0], words[1:]
        if command in (":", "true") and not rest:
            return
        if command == "unset" and rest and all(map(_NAME.fullmatch, rest)):
            for name in rest if carried_out else ():
                self.variables.pop(name, None)
                self.exported.discard(name)
            return
        is_export = command == "export"
        for word in rest if is_export else words:
            name, value = self._assigned(line, word, bare=is_export)
            if carried_out:
                self.exported |= {name} if is_export else set()
                if value is not None:
                    self.variables[name] = value

    def _assigned(self, line: str, word: str, *, bare: bool) -> tuple[str, str | None]:
        """Name and value of `NAME=VALUE`; `export "NAME=VALUE"` and `export NAME` are forms of it."""
        if bare and word[:1] == '"' and word[-1:] == '"' and _ASSIGNMENT.match(word, 1):
            name, _, value = word[1:-1].partition("=")
            return name, self._value(line, f'"{value}"')
        if found := _ASSIGNMENT.match(word):
            if found[1] in _AMBIENT or found[1] == "CONDA_PREFIX":
                raise UnreadableScript(line)
            return found[1], self._value(line, word[found.end() :])
        if bare and _NAME.fullmatch(word) and word not in _AMBIENT:
            return word, None
        raise UnreadableScript(line)

    def _holds(self, line: str, words: list[str]) -> bool:
        if words and words[0] == "!":
            return not self._holds(line, words[1:])
        closing = {"[": "]", "[[": "]]"}.get(words[0] if words else "")
        if closing and words[-1] == closing:
            words = words[1:-1]
        elif words[:1] == ["test"]:
            words = words[1:]
        else:
            raise UnreadableScript(line)
        if words[:1] == ["!"]:
            return not self._test(line, words[1:])
        return self._test(line, words)

    def _test(self, line: str, words: list[str]) -> bool:
        match words:
            case [word] | ["-n", word]:
                return bool(self._value(line, word))
            case ["-z", word]:
                return not self._value(line, word)
            case ["-d" | "-f" | "-e" | "-r", word]:
                return self._is_there(line, self._value(line, word))
            case [one, "=" | "==", other]:
                return self._value(line, one) == self._value(line, other)
            case [one, "!=", other]:
                return self._value(line, one) != self._value(line, other)
            case _:
                raise UnreadableScript(line)

    def _is_there(self, line: str, path: str) -> bool:
        """Only what the environment itself has is known."""
        if path in ("", PREFIX_VARIABLE):
            return bool(path)
        if not path.startswith(f"{PREFIX_VARIABLE}/") or ".." in path.split("/"):
            raise UnreadableScript(line)
        return path[len(PREFIX_VARIABLE) + 1 :].strip("/") in self.paths

    def _value(self, line: str, word: str) -> str:
        return "".join(self._expanded(line, word, _PIECE))

    def _expanded(self, line: str, text: str, pieces: re.Pattern[str]) -> Iterator[str]:
        at = 0
        while at < len(text):
            found = pieces.match(text, at)
            if found is None:
                raise UnreadableScript(line)
            at = found.end()
            groups = found.groupdict()
            if groups.get("double") is not None:
                yield from self._expanded(line, groups["double"], _INNER)
            elif groups.get("plain"):
                yield self._variable(line, groups["plain"])
            elif groups.get("braced") is not None:
                yield self._parameter(line, groups["braced"])
            else:
                literal = groups.get("single") or groups.get("escaped") or groups.get("text") or ""
                if "$" in literal:
                    # It would be taken for the environment's folder.
                    raise UnreadableScript(line)
                yield literal

    def _parameter(self, line: str, text: str) -> str:
        found = _BRACED.fullmatch(text)
        if found is None:
            raise UnreadableScript(line)
        value = self._variable(line, found["name"])
        word = "".join(self._expanded(line, found["word"] or "", _INNER))
        match found["sign"]:
            case ":-" | "-":
                return value or word
            case ":+" | "+":
                return word if value else ""
            case _:
                return value

    def _variable(self, line: str, name: str) -> str:
        if name == "CONDA_PREFIX":
            return PREFIX_VARIABLE
        if name in _AMBIENT:
            raise UnreadableScript(line)
        return self.variables.get(name, "")
