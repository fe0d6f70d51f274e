"""YAML 1.1 as people write it in environment files: every value with its line, nothing executed, everything bounded.

A scalar keeps its text beside what YAML takes it for, since `python: 3.10` is the number 3.1 to YAML and 3.10 to its writer.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, TypeAlias

import yaml

from envbuild.formats.sourcefile import LONGEST, is_too_long

__all__ = ["Kind", "Map", "Node", "Scalar", "Sequence", "YamlFault", "parse", "parse_lock", "plain"]

_DEEPEST = 40
_MOST = 200_000
"""Nodes, with those that aliases repeat."""
_MOST_IN_A_LOCK = 4_000_000
_MERGE = "tag:yaml.org,2002:merge"


class Kind(StrEnum):
    """What YAML takes a scalar for."""

    TEXT = "text"
    NUMBER = "a number"
    BOOLEAN = "true or false"
    NOTHING = "nothing"
    DATE = "a date"


@dataclass(frozen=True, slots=True)
class Scalar:
    """One word; `text` is as it was written."""

    text: str
    kind: Kind
    line: int


@dataclass(frozen=True, slots=True)
class Sequence:
    """A list."""

    items: tuple["Node", ...]
    line: int


@dataclass(frozen=True, slots=True)
class Map:
    """A table; `keys` has the line of each key."""

    entries: dict[str, "Node"]
    keys: dict[str, int]
    line: int


Node: TypeAlias = Scalar | Sequence | Map


class YamlFault(ValueError):
    """What is wrong with a text, in which line, and what to do about it."""

    def __init__(self, line: int, what: str, hint: str) -> None:
        super().__init__(what)
        self.line, self.what, self.hint = line, what, hint


_KINDS = {
    "tag:yaml.org,2002:str": Kind.TEXT,
    "tag:yaml.org,2002:int": Kind.NUMBER,
    "tag:yaml.org,2002:float": Kind.NUMBER,
    "tag:yaml.org,2002:bool": Kind.BOOLEAN,
    "tag:yaml.org,2002:null": Kind.NOTHING,
    "tag:yaml.org,2002:timestamp": Kind.DATE,
    "tag:yaml.org,2002:value": Kind.TEXT,
}


def parse(text: str, *, most: int = _MOST) -> Node | None:
    """The one document of a text, or None where it has none. YamlFault for what is no YAML, or not safe to read.

    `most`: the nodes it may have.
    """
    try:
        loader = _Loader(text)
        try:
            node = loader.get_single_node()
        finally:
            loader.dispose()
    except yaml.MarkedYAMLError as error:
        mark = _mark(error)
        raise YamlFault(mark.line + 1 if mark else 1, _problem(error), _hint(text, error)) from None
    except yaml.YAMLError as error:
        # The one without a mark: a character that YAML has not.
        line = text.count("\n", 0, getattr(error, "position", 0)) + 1
        raise YamlFault(line, "a character that YAML does not allow", "remove it") from None
    except RecursionError:
        raise YamlFault(1, "nested too deeply", f"at most {_DEEPEST} levels") from None
    return None if node is None else _Reader(most).read(node, 0)


def parse_lock(text: str) -> Node | None:
    """As `parse`, for what a program wrote: many times larger, and read by libyaml where PyYAML has it.

    Where that finds fault, or is not there, PyYAML's own reader has the say, so that words and lines are the same.
    """
    fast = getattr(yaml, "CSafeLoader", None)
    if fast is None:
        return parse(text, most=_MOST_IN_A_LOCK)
    try:
        loader = fast(text)
        try:
            node = loader.get_single_node()
        finally:
            loader.dispose()
    except (yaml.YAMLError, RecursionError):
        return parse(text, most=_MOST_IN_A_LOCK)
    return None if node is None else _Reader(_MOST_IN_A_LOCK).read(node, 0)


def plain(node: Node | None) -> Any:
    """As dict, list, str, int, float, bool and None; a date stays a text."""
    match node:
        case Map():
            return {key: plain(value) for key, value in node.entries.items()}
        case Sequence():
            return [plain(item) for item in node.items]
        case Scalar(kind=Kind.NOTHING) | None:
            return None
        case Scalar(kind=Kind.BOOLEAN):
            return node.text.lower() in {"yes", "true", "on", "y"}
        case Scalar(kind=Kind.NUMBER):
            return yaml.safe_load(node.text)
        case Scalar():
            return node.text


class _Loader(yaml.SafeLoader):
    """Stops at the depth that is too much: how long the rest takes grows with the square of it."""

    _depth = -1

    def compose_node(self, parent: Any, index: Any) -> Any:
        self._depth += 1
        if self._depth > _DEEPEST:
            raise YamlFault(parent.start_mark.line + 1, "nested too deeply", f"at most {_DEEPEST} levels")
        node = super().compose_node(parent, index)
        self._depth -= 1
        return node


class _Reader:
    def __init__(self, most: int) -> None:
        self._count, self._most = 0, most

    def read(self, node: yaml.Node, depth: int) -> Node:
        line = node.start_mark.line + 1
        self._count += 1
        if self._count > self._most:
            raise YamlFault(line, "aliases make too much of it", "write out what they stand for")
        if depth > _DEEPEST:
            raise YamlFault(line, "nested too deeply", f"at most {_DEEPEST} levels")
        match node:
            case yaml.ScalarNode():
                return self._scalar(node, line)
            case yaml.SequenceNode(tag="tag:yaml.org,2002:seq"):
                return Sequence(tuple(self.read(item, depth + 1) for item in node.value), line)
            case yaml.MappingNode(tag="tag:yaml.org,2002:map"):
                return self._map(node, line, depth)
            case _:
                raise _tagged(node.tag, line)

    def _scalar(self, node: yaml.ScalarNode, line: int) -> Scalar:
        kind = _KINDS.get(node.tag)
        if kind is None:
            raise _tagged(node.tag, line)
        _check_length(node.value, line)
        return Scalar(node.value, kind, line)

    def _map(self, node: yaml.MappingNode, line: int, depth: int) -> Map:
        entries: dict[str, Node] = {}
        keys: dict[str, int] = {}
        merged: dict[str, Node] = {}
        for key, value in node.value:
            at = key.start_mark.line + 1
            if key.tag == _MERGE:
                for part in self._merged(value, depth):
                    for name, inner in part.entries.items():
                        merged.setdefault(name, inner)
                continue
            if not isinstance(key, yaml.ScalarNode):
                raise YamlFault(at, "a key must be a word", "is there a stray `?`, `[` or `{`?")
            _check_length(key.value, at)
            if key.value in keys:
                raise YamlFault(at, f"{key.value}: given twice, first in line {keys[key.value]}", "keep one of them")
            keys[key.value] = at
            entries[key.value] = self.read(value, depth + 1)
        return Map({**merged, **entries}, {**dict.fromkeys(merged, line), **keys}, line)

    def _merged(self, value: yaml.Node, depth: int) -> Iterator[Map]:
        """What `<<:` names: a table, or a list of them of which the first counts most."""
        for node in value.value if isinstance(value, yaml.SequenceNode) else [value]:
            found = self.read(node, depth + 1)
            if not isinstance(found, Map):
                raise YamlFault(found.line, "<<: is for tables", "name a table with its alias")
            yield found


def _check_length(text: str, line: int) -> None:
    if is_too_long(text):
        raise YamlFault(line, f"a text with a line of more than {LONGEST} characters", "is this the right file?")


def _tagged(tag: str, line: int) -> YamlFault:
    return YamlFault(line, f"the tag {tag} is not read", "write plain values, without tags")


def _mark(error: yaml.MarkedYAMLError) -> Any:
    """Where it is wrong; of what never ends, where it begins."""
    endless = any(end in (error.problem or "") for end in ("end of stream", "stream end"))
    marks = (error.context_mark, error.problem_mark) if endless else (error.problem_mark, error.context_mark)
    return next((mark for mark in marks if mark), None)


def _problem(error: yaml.MarkedYAMLError) -> str:
    words = " ".join(filter(None, (error.context, error.problem)))
    return f"this is no YAML: {words or 'it cannot be understood'}"


def _hint(text: str, error: yaml.MarkedYAMLError) -> str:
    mark = _mark(error)
    lines = text.split("\n")
    excerpt = lines[mark.line] if mark and mark.line < len(lines) else ""
    if "\t" in excerpt[: len(excerpt) - len(excerpt.lstrip())]:
        return "indent with spaces: YAML allows no tabs"
    if "{{" in excerpt or "{%" in excerpt:
        return "templates are not filled in here: give the file as it is after that"
    if "but found another document" in str(error):
        return "one document a file: remove the `---` between them"
    return "is something missing before it, a colon, a quote, an indent?"
