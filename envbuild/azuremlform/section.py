"""`Section`: an object whose attributes are declared; a misspelt one is refused, and it is saved as AzureML saves it."""

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any, ClassVar, Generic, Self, TypeVar, overload

from envbuild.azuremlform.kinds import JSON, Kind, plain
from envbuild.azuremlform.refusals import UnknownAttribute, WrongType, nearest
from envbuild.azuremlform.saying import warned
from envbuild.formats.urls import redacted

__all__ = ["Attribute", "Section", "camel_case", "many", "not_yet", "optional", "optional_many", "section"]

T = TypeVar("T")
S = TypeVar("S", bound="Section")


class Attribute(Generic[T]):
    """A declared attribute: its kind, its default (made anew for each object), its name in files.

    `reads` turns what is assigned into a value of the kind; `then` is done after an assignment. Neither is for loading.
    """

    def __init__(
        self,
        kind: Kind[T],
        default: Callable[[], T],
        *,
        reads: Callable[[Any, object], object] | None = None,
        then: Callable[[Any], None] | None = None,
        saved: bool = True,
    ) -> None:
        self.kind, self.default, self.saved = kind, default, saved
        self._reads, self._then = reads, then
        self.name = self.key = self._owner = ""

    def __set_name__(self, owner: type, name: str) -> None:
        self.name, self.key, self._owner = name, camel_case(name), owner.__name__

    @overload
    def __get__(self, instance: None, owner: type) -> Self: ...

    @overload
    def __get__(self, instance: object, owner: type) -> T: ...

    def __get__(self, instance: object | None, owner: type) -> Self | T:
        if instance is None:
            return self
        value: T = vars(instance)[self.name]
        return value

    def __set__(self, instance: object, value: object) -> None:
        read = value if self._reads is None else self._reads(instance, value)
        vars(instance)[self.name] = self.kind.checked(f"{type(instance).__name__}.{self.name}", read)
        if self._then is not None:
            self._then(instance)


class _Named(type):
    """A class that says of a name of AzureML's that is not there yet when it comes: it has no such attribute."""

    _later: Mapping[str, str] = {}

    def __getattr__(cls, name: str) -> Any:
        if name in cls._later:
            raise not_yet(f"{cls.__name__}.{name}", cls._later[name])
        raise AttributeError(f"type object {cls.__name__!r} has no attribute {name!r}")


class Section(metaclass=_Named):
    """Base of all objects with AzureML's names.

    UnknownAttribute for a name that is not declared, with the nearest one; WrongType for a value of another kind.
    """

    _attributes: ClassVar[Mapping[str, Attribute[Any]]] = {}
    _passed_over: ClassVar[frozenset[str]] = frozenset()
    """Keys of files that mean nothing any more, not even a warning."""
    _later: ClassVar[Mapping[str, str]] = {}
    """Names of AzureML's that are not there yet, and what is there instead."""
    __hash__ = None  # type: ignore[assignment]  # it can change

    def __init_subclass__(cls) -> None:
        own = {name: value for name, value in vars(cls).items() if isinstance(value, Attribute)}
        cls._attributes = {**cls._attributes, **own}

    def __init__(self) -> None:
        for name, attribute in self._attributes.items():
            vars(self)[name] = attribute.default()

    def __setattr__(self, name: str, value: object) -> None:
        if not name.startswith("_") and not hasattr(getattr(type(self), name, None), "__set__"):
            raise self._unknown(name)
        object.__setattr__(self, name, value)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        raise self._unknown(name)

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and vars(other) == vars(self)

    def __repr__(self) -> str:
        return redacted(f"{type(self).__name__}({json.dumps(self.to_json(), ensure_ascii=False)})")

    def _unknown(self, name: str) -> UnknownAttribute:
        if name in self._later:
            return not_yet(f"{type(self).__name__}.{name}", self._later[name])
        what = f"{type(self).__name__} has no attribute {name!r}"
        known = [known for known in dir(type(self)) if not known.startswith("_")]
        return UnknownAttribute(what, hint=nearest(name, known) or "docs/from-azureml.md has every name of AzureML's")

    def to_json(self) -> JSON:
        """What stands for it in a file: keys in camel case, in AzureML's order, without credentials."""
        return {a.key: a.kind.dumped(vars(self)[name]) for name, a in self._attributes.items() if a.saved}

    @classmethod
    def from_json(cls, value: JSON, at: str) -> Self:
        """What `to_json`, or AzureML, wrote. WrongType with the place; an unknown key is left out, with a warning."""
        if not isinstance(value, Mapping):
            raise WrongType(f"expected a table, got {plain(value)}", at=at)
        made = cls.__new__(cls)
        Section.__init__(made)
        for key, name in cls._known_keys(value, at):
            kind = cls._attributes[name].kind
            # Where None is no value, it says nothing.
            if value[key] is not None or kind.takes_none:
                vars(made)[name] = kind.loaded(f"{at}.{key}" if at else key, value[key])
        made._loaded(at)  # noqa: SLF001  of the same class
        return made

    @classmethod
    def _known_keys(cls, value: Mapping[str, JSON], at: str) -> Iterator[tuple[str, str]]:
        names = {attribute.key: name for name, attribute in cls._attributes.items()}
        for key in value:
            if key in names:
                yield key, names[key]
            elif key not in cls._passed_over and value[key] not in (None, "", [], {}):
                # What was never set says nothing.
                place = f"{at}.{key}" if at else key
                warned(f"{place}: not known here, and left out")

    def _loaded(self, at: str) -> None:
        """What a loaded object must hold up to, beside each attribute's kind."""


def not_yet(name: str, instead: str) -> UnknownAttribute:
    """A name of AzureML's comes later; `instead` says what there is."""
    return UnknownAttribute(f"{name} is not there yet", hint=f"{instead}; docs/from-azureml.md has every name")


def camel_case(name: str) -> str:
    """`base_image_registry` as `baseImageRegistry`; a private name without its first underscore."""
    first, *rest = name.strip("_").split("_")
    return first + "".join(word.capitalize() for word in rest)


class _SectionKind(Kind[Any]):
    """An object of one class; a list of them; either may be optional."""

    def __init__(self, of: type[Section], *, none: bool, listed: bool) -> None:
        self._of, self._none, self._listed = of, none, listed
        article = "an" if of.__name__[0] in "AEIOU" else "a"
        words = f"a list of {of.__name__}" if listed else f"{article} {of.__name__}"
        super().__init__(words + (" or None" if none else ""), self._all_are, self._copy_of)

    def _all_are(self, value: object) -> bool:
        if value is None:
            return self._none
        if self._listed:
            return isinstance(value, list | tuple) and all(isinstance(item, self._of) for item in value)
        return isinstance(value, self._of)

    def _copy_of(self, value: Any) -> Any:
        return list(value) if self._listed and value is not None else value

    def loaded(self, at: str, value: JSON) -> Any:
        if value is None and self._none:
            return None
        if not self._listed:
            return self._of.from_json(value, at)
        if not isinstance(value, list):
            raise WrongType(f"expected a list, got {plain(value)}", at=at)
        return [self._of.from_json(item, f"{at}[{number}]") for number, item in enumerate(value)]

    def dumped(self, value: Any) -> JSON:
        if value is None:
            return None
        return [item.to_json() for item in value] if self._listed else value.to_json()


def section(of: type[S]) -> Kind[S]:
    """An object of this class."""
    return _SectionKind(of, none=False, listed=False)


def optional(of: type[S]) -> Kind[S | None]:
    """An object of this class, or None."""
    return _SectionKind(of, none=True, listed=False)


def many(of: type[S]) -> Kind[list[S]]:
    """A list of objects of this class."""
    return _SectionKind(of, none=False, listed=True)


def optional_many(of: type[S]) -> Kind[list[S] | None]:
    """A list of objects of this class, or None."""
    return _SectionKind(of, none=True, listed=True)
