"""`Fields`: typed values out of parsed JSON; the first that does not fit ends the reading, with its field path."""

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any

from envbuild.digest import Digest
from envbuild.errors import Fault, InvalidDefinition

__all__ = ["Fields", "parse_json"]

_MARKERS = re.compile(rb"^(?:<<<<<<<|>>>>>>>|\|\|\|\|\|\|\|)(?: |\r?$)|^=======\r?$", re.MULTILINE)
_AGAIN = "restore the file from version control, or make it anew: envbuild lock"


def parse_json(data: bytes, at: str) -> Any:
    """The value that UTF-8 JSON holds. InvalidDefinition: merge marks, a key given twice, NaN, or no JSON at all."""
    if mark := _MARKERS.search(data):
        line = data.count(b"\n", 0, mark.start()) + 1
        hint = "take one side (git checkout --ours or --theirs), then bring it up to date: envbuild lock"
        raise InvalidDefinition([Fault(f"{at}:{line}", "a merge left its conflict marks in the lock", hint)])
    try:
        return json.loads(
            data.decode("utf-8-sig"), object_pairs_hook=_once, parse_constant=_refuse, parse_float=_refuse
        )
    except json.JSONDecodeError as error:
        what = f"not a lock: {error.msg[:1].lower()}{error.msg[1:]} at column {error.colno}"
        raise InvalidDefinition([Fault(f"{at}:{error.lineno}", what, _AGAIN)]) from None
    except UnicodeDecodeError as error:
        raise InvalidDefinition([Fault(at, f"not a lock: not UTF-8 at offset {error.start}", _AGAIN)]) from None
    except RecursionError:
        raise InvalidDefinition([Fault(at, "not a lock: nested too deeply", _AGAIN)]) from None
    except ValueError as error:
        raise InvalidDefinition([Fault(at, f"not a lock: {error}", _AGAIN)]) from None


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in pairs:
        if key in found:
            raise ValueError(f"the key {key!r} is given twice")
        found[key] = value
    return found


def _refuse(text: str) -> Any:
    raise ValueError(f"{text} is no value of a lock")


class Fields:
    """The fields of one object; `at` is the document and the object's path in it."""

    def __init__(self, value: Any, at: str) -> None:
        self._at = at
        if not isinstance(value, dict):
            raise self.wrong("", f"expected an object, got {type(value).__name__}")
        self._value: Mapping[str, Any] = value

    @property
    def keys(self) -> Iterable[str]:
        """The names of the fields, in order."""
        return self._value.keys()

    def wrong(self, key: str, what: str) -> InvalidDefinition:
        """The error for a field."""
        place = f"{key}: " if key else ""
        return InvalidDefinition([Fault(self._at, f"not a lock: {place}{what}", _AGAIN)])

    def format(self, newest: int) -> None:
        """Check the document's `format`."""
        value = self._get("format", int)
        if value > newest:
            what = f"format {value} needs a newer envbuild: this one reads locks up to format {newest}"
            raise InvalidDefinition([Fault(self._at, what, "upgrade: pip install -U envbuild")])
        if value < 1:
            raise self.wrong("format", f"{value} is none")

    def only(self, *known: str) -> None:
        """Refuse fields that are not known: they could mean anything."""
        for key in self._value:
            if key not in known:
                raise self.wrong(key, "unknown field")

    def string(self, key: str, *, optional: bool = False) -> str:
        """A string; nothing where it is optional and not there."""
        value: str = "" if optional and key not in self._value else self._get(key, str)
        return value

    def strings(self, key: str) -> tuple[str, ...]:
        """A list of strings."""
        items = self.list(key)
        if not all(isinstance(item, str) for item in items):
            raise self.wrong(key, "expected a list of strings")
        return tuple(items)

    def switch(self, key: str) -> bool:
        """True or false; false where it is not there."""
        value: bool = self._get(key, bool) if key in self._value else False
        return value

    def integer(self, key: str) -> int:
        """An integer, 0 or more."""
        value: int = self._get(key, int)
        if not 0 <= value <= 2**53:
            raise self.wrong(key, f"{value} is out of range")
        return value

    def mapping(self, key: str) -> dict[str, Any]:
        """An object."""
        value: dict[str, Any] = self._get(key, dict)
        return value

    def list(self, key: str) -> list[Any]:
        """A list."""
        value: list[Any] = self._get(key, list)
        return value

    def digest(self, key: str) -> Digest:
        """`sha256:<hex>`."""
        try:
            return Digest.parse(self.string(key))
        except ValueError as error:
            raise self.wrong(key, str(error)) from None

    def sha256(self, key: str) -> str:
        """64 hex digits."""
        text = self.string(key)
        try:
            return Digest(text).hex
        except ValueError as error:
            raise self.wrong(key, str(error)) from None

    def file_name(self, key: str) -> str:
        """A name that stays in its folder."""
        text = self.string(key)
        if not text or text in (".", "..") or any(c in text for c in "/\\\0\n"):
            raise self.wrong(key, f"{text!r} is no file name")
        return text

    def relative_path(self, key: str) -> str:
        """An optional path that stays below its start."""
        text = self.string(key, optional=True)
        if text.startswith("/") or ".." in text.split("/") or any(c in text for c in "\\\0\n"):
            raise self.wrong(key, f"{text!r} leaves its place")
        return text

    def plain_url(self, key: str) -> str:
        """An optional URL, without credentials."""
        text = self.string(key, optional=True)
        if "@" in text.partition("://")[2].partition("/")[0]:
            raise self.wrong(key, "holds credentials")
        return text

    def _get(self, key: str, kind: type) -> Any:
        if key not in self._value:
            raise self.wrong(key, "missing")
        value = self._value[key]
        if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
            raise self.wrong(key, f"expected {kind.__name__}, got {type(value).__name__}")
        return value
