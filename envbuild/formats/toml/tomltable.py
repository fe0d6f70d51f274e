"""`Table`: reads typed values out of a parsed TOML table; what does not fit becomes a fault with its field path."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time
from difflib import get_close_matches
from typing import Any

from envbuild.errors import Fault
from envbuild.formats.toml.tomlplaces import Places

__all__ = ["Table", "kind_of"]

_FIELD = re.compile(r"(?P<key>[a-z-]+)(\[(?P<number>\d+)\])?(\.(?P<inner>.*))?", re.DOTALL)

_KINDS: tuple[tuple[type, str], ...] = (
    (bool, "true or false"),
    (str, "a string"),
    (int, "an integer"),
    (float, "a float"),
    (datetime, "a date and time"),
    (date, "a date"),
    (time, "a time"),
    (list, "a list"),
    (dict, "a table"),
)

_EXAMPLES = (
    ("true", "true"),
    ("an integer", "1"),
    ("a table", '{ name = "value" }'),
    ("a list of tables", '[{ name = "value" }]'),
    ("a list", '["..."]'),
)
"""How each kind is written; what is none of these is a string."""


def kind_of(value: object) -> str:
    """What a TOML value is, in words."""
    return next((words for kind, words in _KINDS if isinstance(value, kind)), type(value).__name__)


@dataclass(slots=True)
class Table:
    """One table; `name` and `number` are its place in the document. Keys that nobody asked for are faults at the end."""

    values: Mapping[str, Any]
    places: Places
    faults: list[Fault]
    name: str = ""
    number: int = 0
    field_path: str = ""
    standing: str = ""
    """file:line of a table that stands inside a list, where keys have no lines to be found."""
    asked: set[str] = field(default_factory=set)

    def at(self, key: str, item: str = "") -> str:
        """file:line of a key."""
        return self.standing or self.places.of(key, table=self.name, number=self.number, item=item)

    def line(self, key: str, item: str = "") -> int:
        """The line alone; 1 where it is not found."""
        number = self.at(key, item).rpartition(":")[2]
        return int(number) if number.isdigit() else 1

    def line_of(self, path: str) -> str:
        """file:line of a field path, seen from this table: `name`, `system[1]`, `index[0].url`."""
        found = _FIELD.fullmatch(path)
        if not found:
            return self.places.path
        key, number, inner = found["key"], int(found["number"] or 0), found["inner"]
        value = self.values.get(key)
        if inner is not None:
            if isinstance(value, dict) and inner not in value:
                # A table in it, in one line: `base.arguments.NAME`.
                inner = inner.partition(".")[0]
            return self.places.of(inner, table=self._inner(key), number=number)
        item = value[number] if found["number"] and isinstance(value, list) and number < len(value) else ""
        return self.places.of(key, table=self.name, number=self.number, item=item if isinstance(item, str) else "")

    def path_of(self, key: str) -> str:
        """The key's field path: `base.debian`, `index[0].url`."""
        return f"{self.field_path}.{key}" if self.field_path else key

    def fault(self, key: str, what: str, hint: str = "", *, item: str = "", path: str = "") -> None:
        """Note a fault at a key; `path` where it lies deeper."""
        self.faults.append(Fault(self.at(key, item), f"{path or self.path_of(key)}: {what}", hint))

    def _inner(self, key: str) -> str:
        """The name of a table in this one, as its header has it."""
        return f"{self.name}.{key}" if self.name else key

    def take(self, key: str) -> Any:
        """The raw value, or None."""
        self.asked.add(key)
        return self.values.get(key)

    def string(self, key: str, default: str = "") -> str:
        """A string."""
        value = self.take(key)
        if value is None:
            return default
        if isinstance(value, str):
            return value
        hint = f'write {key} = "{value}"' if isinstance(value, (int, date, time)) else ""
        if isinstance(value, float):
            # How it was written is lost: 3.10 is 3.1 here.
            hint = "quote it (unquoted, 3.10 is the number 3.1)"
        self._expected(key, "a string", value, hint)
        return default

    def strings(self, key: str) -> tuple[str, ...]:
        """A list of strings."""
        return tuple(item for _, item in self._items(key, str, "a list of strings"))

    def boolean(self, key: str) -> bool:
        """True or false; false where it is not given."""
        value = self.take(key)
        if value is None or isinstance(value, bool):
            return bool(value)
        self._expected(key, "true or false", value)
        return False

    def integer(self, key: str, default: int) -> int:
        """An integer."""
        value = self.take(key)
        if value is None:
            return default
        if isinstance(value, int) and not isinstance(value, bool):
            return value
        self._expected(key, "an integer", value)
        return default

    def pairs(self, key: str) -> tuple[tuple[str, str], ...]:
        """A table of strings, as pairs in the order of the file."""
        value = self.take(key)
        if value is None:
            return ()
        if not isinstance(value, dict):
            self._expected(key, "a table of strings", value)
            return ()
        inner = Table(value, self.places, self.faults, self._inner(key), field_path=self.path_of(key))
        return tuple((name, inner.string(name)) for name in value)

    def table(self, key: str) -> "Table | None":
        """A table."""
        value = self.take(key)
        if isinstance(value, dict):
            return Table(value, self.places, self.faults, self._inner(key), field_path=self.path_of(key))
        if value is not None:
            self._expected(key, "a table", value)
        return None

    def tables(self, key: str) -> list["Table"]:
        """A list of tables."""
        return [
            Table(item, self.places, self.faults, self._inner(key), number, f"{self.path_of(key)}[{number}]")
            for number, item in self._items(key, dict, "a list of tables")
        ]

    def mixed(self, key: str, expected: str) -> list[tuple[int, Any]]:
        """The numbered items of a list, whatever they are."""
        return self._items(key, object, expected)

    def unknown(self, meant: Mapping[str, str] = {}) -> None:
        """A fault for each key that was not asked for, with the key it is near to; `meant` are known other words."""
        for key in self.values:
            if key not in self.asked:
                near = [meant[key]] if key in meant else get_close_matches(key, sorted(self.asked), 1)
                known = ", ".join(sorted(self.asked))
                hint = f"did you mean {near[0]}?" if near else f"known are: {known}"
                self.fault(key, "unknown key", hint)

    def _items(self, key: str, kind: type, expected: str) -> list[tuple[int, Any]]:
        value = self.take(key)
        if value is None:
            return []
        if not isinstance(value, list):
            hint = f'write {key} = ["{value}"]' if isinstance(value, str) and kind is not dict else ""
            self._expected(key, expected, value, hint)
            return []
        fitting = []
        one = "a table" if kind is dict else "a string"
        for number, item in enumerate(value):
            if isinstance(item, kind):
                fitting.append((number, item))
            else:
                path = f"{self.path_of(key)}[{number}]"
                hint = f"write it as {_example(one)}"
                self.fault(key, f"expected {one}, got {kind_of(item)}", hint, item=str(item), path=path)
        return fitting

    def _expected(self, key: str, expected: str, value: object, hint: str = "") -> None:
        self.fault(key, f"expected {expected}, got {kind_of(value)}", hint or f"write {key} = {_example(expected)}")


def _example(expected: str) -> str:
    """A value of a kind, or of several: the first of those that its words name."""
    return next((value for words, value in _EXAMPLES if expected.startswith(words)), '"..."')
