"""Kinds of values: what an attribute takes, how it is saved in JSON and read from there. WrongType names the attribute."""

from collections.abc import Callable, Mapping
from copy import deepcopy
from typing import Any, Generic, TypeAlias, TypeVar

from envbuild.azuremlform.refusals import Refused, WrongType

__all__ = ["BOOLEAN", "INTEGER", "JSON", "OPTIONAL_TEXT", "PAIRS", "PLAIN", "TEXT", "TEXTS", "Kind", "one_of", "plain"]

JSON: TypeAlias = Any
T = TypeVar("T")


class Kind(Generic[T]):
    """A kind of values: `checked` what somebody assigns, `loaded` what a file says, `dumped` what a file gets."""

    def __init__(self, words: str, fits: Callable[[object], bool], copied: Callable[[Any], T], hint: str = "") -> None:
        self.words, self._fits, self._copied, self._hint = words, fits, copied, hint

    @property
    def takes_none(self) -> bool:
        """Whether None is a value of this kind."""
        return self._fits(None)

    def checked(self, at: str, value: object) -> T:
        """The value, a copy where it can change. WrongType where it is of another kind."""
        if not self._fits(value):
            raise WrongType(f"expected {self.words}, got {plain(value)}", at=at, hint=self._hint)
        return self._copied(value)

    def loaded(self, at: str, value: JSON) -> T:
        """What a file's value means."""
        return self.checked(at, value)

    def dumped(self, value: T) -> JSON:
        """What stands for the value in a file."""
        return deepcopy(value)


def plain(value: object) -> str:
    """A value's kind in words; never the value itself, which may be a secret."""
    names = {"NoneType": "None", "str": "a text", "bool": "True or False", "int": "a number", "float": "a number"}
    name = type(value).__name__
    return names.get(name, name)


class _OneOf(Kind[str | None]):
    def __init__(self, values: tuple[str | None, ...]) -> None:
        super().__init__("a text", lambda value: value is None or isinstance(value, str), lambda value: value)
        self._values = values

    def checked(self, at: str, value: object) -> str | None:
        """One of the values; Refused for another text."""
        found = super().checked(at, value)
        if found not in self._values:
            raise Refused(f"unknown: {found!r}", at=at, hint=f"one of {', '.join(map(str, self._values))}")
        return found


def one_of(*values: str | None) -> Kind[str | None]:
    """One of these texts (or None). Refused for another text."""
    return _OneOf(values)


def _is_texts(value: object) -> bool:
    return isinstance(value, list | tuple) and all(isinstance(item, str) for item in value)


def _is_pairs(value: object) -> bool:
    return isinstance(value, Mapping) and all(isinstance(k, str) and isinstance(v, str) for k, v in value.items())


TEXT: Kind[str] = Kind("a text", lambda value: isinstance(value, str), str)
OPTIONAL_TEXT: Kind[str | None] = Kind(
    "a text or None", lambda value: value is None or isinstance(value, str), lambda value: value
)
BOOLEAN: Kind[bool] = Kind("True or False", lambda value: isinstance(value, bool), bool)
INTEGER: Kind[int | None] = Kind(
    "a whole number or None",
    lambda value: value is None or (isinstance(value, int) and not isinstance(value, bool)),
    lambda value: value,
)
TEXTS: Kind[list[str]] = Kind("a list of texts", _is_texts, list, 'such as ["first", "second"]')
PAIRS: Kind[dict[str, str]] = Kind(
    "a dict of texts", _is_pairs, dict, 'both names and values are texts: {"WORKERS": "4"}'
)
PLAIN: Kind[JSON] = Kind("JSON values", lambda _: True, deepcopy)
"""What is kept as it is and means nothing here."""
