"""Kinds of values: what an attribute takes, how it is saved in JSON and read from there. WrongType names the attribute."""

from collections.abc import Callable, Mapping
from copy import deepcopy
from typing import Any, Generic, TypeAlias, TypeVar

from envbuild.azuremlform.refusals import Refused, WrongType

__all__ = [
    "ARGUMENTS",
    "BOOLEAN",
    "INTEGER",
    "JSON",
    "OPTIONAL_TEXT",
    "PAIRS",
    "PLAIN",
    "TEXT",
    "TEXTS",
    "Kind",
    "one_of",
    "plain",
    "word",
]

JSON: TypeAlias = Any
T = TypeVar("T")


class Kind(Generic[T]):
    """A kind of values: `checked` what somebody assigns, `loaded` what a file says, `dumped` what a file gets."""

    def __init__(self, words: str, fits: Callable[[object], bool], copied: Callable[[Any], T], hint: str = "") -> None:
        self.words, self.fits, self._copied, self.hint = words, fits, copied, hint

    @property
    def takes_none(self) -> bool:
        """Whether None is a value of this kind."""
        return self.fits(None)

    def checked(self, at: str, value: object) -> T:
        """The value, a copy where it can change. WrongType where it is of another kind."""
        if not self.fits(value):
            raise WrongType(f"expected {self.words}, got {plain(value)}", at=at, hint=self.hint)
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
    names |= {"list": "a list", "tuple": "a tuple", "dict": "a dict"}
    name = type(value).__name__
    return names.get(name, name)


def word(value: object) -> str | None:
    """A text, a number or a truth value as text; None where it is none of them."""
    return str(value) if isinstance(value, str | int | float) else None


class _OneOf(Kind[str | None]):
    def __init__(self, values: tuple[str | None, ...]) -> None:
        super().__init__("a text", lambda value: value is None or isinstance(value, str), lambda value: value)
        self._values = {value.lower() if value else value: value for value in values}

    def checked(self, at: str, value: object) -> str | None:
        """One of the values, letters of either case; Refused for another text."""
        found = super().checked(at, value)
        key = found.lower() if found else found
        if key not in self._values:
            raise Refused(f"unknown: {found!r}", at=at, hint=f"one of {', '.join(map(str, self._values.values()))}")
        return self._values[key]


def one_of(*values: str | None) -> Kind[str | None]:
    """One of these texts (or None), letters of either case. Refused for another text."""
    return _OneOf(values)


class _Pairs(Kind[dict[str, str]]):
    """Names and words; numbers and truth values become the text that they print as."""

    def __init__(self) -> None:
        super().__init__("a dict of texts", lambda value: isinstance(value, Mapping), dict, 'such as {"WORKERS": "4"}')

    def checked(self, at: str, value: object) -> dict[str, str]:
        found: dict[str, str] = {}
        for name, item in super().checked(at, value).items():
            if not isinstance(name, str):
                raise WrongType(f"a name is a text, not {plain(name)}", at=at, hint=self.hint)
            text = word(item)
            if text is None:
                raise WrongType(f"expected a text, got {plain(item)}", at=f"{at}.{name}", hint=self.hint)
            found[name] = text
        return found

    def loaded(self, at: str, value: JSON) -> dict[str, str]:
        if not isinstance(value, Mapping):
            return self.checked(at, value)
        return self.checked(at, {name: _as_written(item) for name, item in value.items()})

    def dumped(self, value: dict[str, str]) -> JSON:
        return {name: item if (text := word(item)) is None else text for name, item in value.items()}


def _as_written(value: JSON) -> JSON:
    """As files write it, not as Python does."""
    if value is None:
        return ""
    return str(value).lower() if isinstance(value, bool) else value


class _Arguments(Kind[list[str | float]]):
    """Words of a command line, numbers among them; kept as they are."""

    def __init__(self) -> None:
        super().__init__("a list", lambda value: isinstance(value, list | tuple), list, 'such as ["--rate", 0.1]')

    def checked(self, at: str, value: object) -> list[str | float]:
        found = super().checked(at, value)
        for number, item in enumerate(found):
            if word(item) is None:
                raise WrongType(f"expected a text or a number, got {plain(item)}", at=f"{at}[{number}]", hint=self.hint)
        return found


def _is_texts(value: object) -> bool:
    return isinstance(value, list | tuple) and all(isinstance(item, str) for item in value)


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
PAIRS: Kind[dict[str, str]] = _Pairs()
ARGUMENTS: Kind[list[str | float]] = _Arguments()
PLAIN: Kind[JSON] = Kind("JSON values", lambda _: True, deepcopy)
"""What is kept as it is and means nothing here."""
