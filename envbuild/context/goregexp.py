"""Go's regular expressions (RE2 syntax, golang.org/s/re2syntax), so far as moby's patterns become such: `matcher`.

moby/patternmatcher makes a regular expression of a pattern and leaves brackets and backslashes in it to Go. What those
mean there they mean here. Two engines: Python's where it cannot take long, and one that looks at each character once.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, TypeAlias

__all__ = ["BadExpression", "matcher"]


class BadExpression(Exception):
    """Go takes no such expression, or it means something that no ignore file means."""


Chars: TypeAlias = tuple[bool, tuple[tuple[int, int], ...]]
"""A set of characters: whether it is turned round, and ranges of code points."""

_ANY: Chars = (True, ((10, 10),))
_SLASH: Chars = (False, ((47, 47),))
_DIGIT = ((48, 57),)
_WORD = ((48, 57), (65, 90), (95, 95), (97, 122))
_SPACE = ((9, 10), (12, 13), (32, 32))
_PERL = {"d": _DIGIT, "w": _WORD, "s": _SPACE}
_POSIX = {
    "alnum": ((48, 57), (65, 90), (97, 122)),
    "alpha": ((65, 90), (97, 122)),
    "ascii": ((0, 127),),
    "blank": ((9, 9), (32, 32)),
    "cntrl": ((0, 31), (127, 127)),
    "digit": _DIGIT,
    "graph": ((33, 126),),
    "lower": ((97, 122),),
    "print": ((32, 126),),
    "punct": ((33, 47), (58, 64), (91, 96), (123, 126)),
    "space": ((9, 13), (32, 32)),
    "upper": ((65, 90),),
    "word": _WORD,
    "xdigit": ((48, 57), (65, 70), (97, 102)),
}
_CONTROL = {"a": 7, "f": 12, "n": 10, "r": 13, "t": 9, "v": 11}
_ASSERTIONS = {"A": r"\A", "z": r"\Z", "b": r"\b", "B": r"\B"}
_HEX = re.compile(r"[0-9A-Fa-f]{2}")
_OCTAL = re.compile(r"0[0-7]{0,2}|[1-7][0-7]{1,2}")
_FOLDERS = "(.*/)?"
_LAST = 0x10FFFF


@dataclass(frozen=True, slots=True)
class _Node:
    """A step of the expression: one character of a set, any number of them, `(.*/)?`, or a place (`^` and the like)."""

    kind: Literal["one", "many", "folders", "place"]
    chars: Chars = _ANY
    place: str = ""


def matcher(expression: str) -> Callable[[str], bool]:
    """Whether a text holds what the expression says. BadExpression where Go would take none such."""
    nodes = _Parser(expression).nodes()
    folders = sum(node.kind == "folders" or (node.kind == "many" and node.chars == _ANY) for node in nodes)
    many = sum(node.kind == "many" for node in nodes)
    if folders <= 1 and many <= 2:
        compiled = re.compile("".join(map(_python, nodes)), re.ASCII)
        return lambda text: compiled.search(text) is not None
    return _stepwise(nodes)


class _Parser:
    def __init__(self, expression: str) -> None:
        self._text, self._at = expression, 0

    def nodes(self) -> list[_Node]:
        found: list[_Node] = []
        while self._at < len(self._text):
            node = self._node()
            # Two in a row say the same as one, and would only take longer.
            if not (node.kind == "folders" and found and found[-1].kind == "folders"):
                found.append(node)
        return found

    def _node(self) -> _Node:
        if self._text.startswith(_FOLDERS, self._at):
            self._at += len(_FOLDERS)
            return _Node("folders")
        char = self._next()
        if char in "^$":
            return _Node("place", place=r"\A" if char == "^" else r"\Z")
        if char == "\\" and (place := _ASSERTIONS.get(self._peek())):
            self._at += 1
            return _Node("place", place=place)
        chars: Chars
        if char == ".":
            chars = _ANY
        elif char == "[":
            chars = self._class()
        elif char == "\\":
            chars = self._escaped()
        else:
            chars = (False, ((ord(char), ord(char)),))
        if self._peek() == "*":
            self._at += 1
            return _Node("many", chars)
        return _Node("one", chars)

    def _peek(self) -> str:
        return self._text[self._at : self._at + 1]

    def _next(self) -> str:
        if self._at >= len(self._text):
            raise BadExpression("it ends too early")
        self._at += 1
        return self._text[self._at - 1]

    def _escaped(self) -> Chars:
        """What follows a backslash: a class of Perl's, or one character."""
        char = self._peek()
        if char.lower() in _PERL:
            self._at += 1
            return char.isupper(), _PERL[char.lower()]
        code = self._character()
        return False, ((code, code),)

    def _character(self) -> int:
        """The one character that an escape stands for."""
        char = self._next()
        if char.isascii() and not char.isalnum():
            return ord(char)
        if char in _CONTROL:
            return _CONTROL[char]
        if char == "x":
            if found := _HEX.match(self._text, self._at):
                self._at = found.end()
                return int(found[0], 16)
        elif found := _OCTAL.match(self._text, self._at - 1):
            self._at = found.end()
            return int(found[0], 8)
        raise BadExpression(f"a backslash before {char!r} means nothing here")

    def _class(self) -> Chars:
        """A class in brackets; a bracket that closes at once stands for itself."""
        turned = self._peek() == "^"
        self._at += turned
        ranges: list[tuple[int, int]] = []
        first = True
        while first or self._peek() != "]":
            first = False
            if self._text.startswith("[:", self._at) and (end := self._text.find(":]", self._at + 2)) >= 0:
                ranges += _posix(self._text[self._at + 2 : end])
                self._at = end + 2
            elif self._peek() == "\\" and self._text[self._at + 1 : self._at + 2].lower() in _PERL:
                self._at += 1
                opposite, own = self._escaped()
                ranges += _turned(own) if opposite else own
            else:
                ranges.append(self._range())
        self._at += 1
        return turned, tuple(ranges)

    def _range(self) -> tuple[int, int]:
        low = high = self._one()
        if self._peek() == "-" and self._text[self._at + 1 : self._at + 2] not in ("]", ""):
            self._at += 1
            high = self._one()
        if high < low:
            raise BadExpression("a range in brackets runs backwards")
        return low, high

    def _one(self) -> int:
        char = self._next()
        return self._character() if char == "\\" else ord(char)


def _posix(name: str) -> tuple[tuple[int, int], ...]:
    ranges = _POSIX.get(name.removeprefix("^"))
    if ranges is None:
        raise BadExpression(f"there is no class [:{name}:]")
    return _turned(ranges) if name.startswith("^") else ranges


def _turned(ranges: tuple[tuple[int, int], ...]) -> tuple[tuple[int, int], ...]:
    """All other code points."""
    found, start = [], 0
    for low, high in ranges:
        if start < low:
            found.append((start, low - 1))
        start = high + 1
    return (*found, (start, _LAST))


def _python(node: _Node) -> str:
    """The node in Python's words."""
    if node.kind == "place":
        return node.place
    if node.kind == "folders":
        return r"(?:[^\n]*/)?"
    turned, ranges = node.chars
    inside = "".join(f"\\U{low:08x}-\\U{high:08x}" for low, high in ranges)
    return f"[{'^' * turned}{inside}]{'*' * (node.kind == 'many')}"


def _holds(chars: Chars, code: int) -> bool:
    turned, ranges = chars
    return any(low <= code <= high for low, high in ranges) != turned


def _stepwise(nodes: list[_Node]) -> Callable[[str], bool]:
    """Goes through a text once, at all places of the expression at a time (Thompson 1968): never more than text by nodes."""
    steps: list[_Node] = []
    for node in nodes:
        steps.append(node)
        if node.kind == "folders":
            steps += [_Node("many", _ANY), _Node("one", _SLASH)]
    automaton = _Automaton(tuple(steps))
    return automaton.matches


@dataclass(frozen=True, slots=True)
class _Automaton:
    steps: tuple[_Node, ...]

    def matches(self, text: str) -> bool:
        states = self._reached([0], text, 0)
        for at, char in enumerate(text):
            states = self._reached(self._after(states, ord(char)), text, at + 1)
        return len(self.steps) in states

    def _after(self, states: set[int], code: int) -> list[int]:
        """Where one character leads."""
        found = []
        for state in states - {len(self.steps)}:
            step = self.steps[state]
            if step.kind in ("one", "many") and _holds(step.chars, code):
                found.append(state + (step.kind == "one"))
        return found

    def _reached(self, waiting: list[int], text: str, at: int) -> set[int]:
        """These, and all that is reached from them without a character."""
        found: set[int] = set()
        while waiting:
            state = waiting.pop()
            if state in found:
                continue
            found.add(state)
            step = self.steps[state] if state < len(self.steps) else None
            if step is None or step.kind == "one":
                continue
            if step.kind == "folders":
                waiting += [state + 1, state + 3]
            elif step.kind == "many" or re.compile(step.place, re.ASCII).match(text, at):
                waiting.append(state + 1)
        return found
