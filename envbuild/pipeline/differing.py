"""What two definitions ask for differently, field by field, from their materials."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from envbuild.canonical import JSON

__all__ = ["FieldChange", "field_changes"]

_PEOPLE = {"schema"}
"""Keys that say nothing about the environment."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldChange:
    """One field: what only the first has, and what only the second has, as texts."""

    field: str
    gone: tuple[str, ...] = ()
    came: tuple[str, ...] = ()
    moved: bool = False
    """The same things in another order, where the order counts."""

    def __str__(self) -> str:
        if self.moved:
            return f"{self.field}: in another order"
        parts = [*(f"- {text}" for text in self.gone), *(f"+ {text}" for text in self.came)]
        return f"{self.field}: {'  '.join(parts)}"


def field_changes(old: Mapping[str, JSON], new: Mapping[str, JSON]) -> tuple[FieldChange, ...]:
    """The fields that differ between two materials of definitions or requests, in the material's order."""
    before, after = dict(_fields(old)), dict(_fields(new))
    found = (_change(name, before.get(name), after.get(name)) for name in dict.fromkeys([*before, *after]))
    return tuple(change for change in found if change is not None)


def _fields(material: Mapping[str, JSON]) -> Iterator[tuple[str, JSON]]:
    """Of a definition, the request's fields stand beside the image's."""
    for name, value in material.items():
        if name == "request" and isinstance(value, dict):
            yield from value.items()
        elif name not in _PEOPLE:
            yield name, value


def _change(name: str, old: JSON, new: JSON) -> FieldChange | None:
    if old == new:
        return None
    before, after = _texts(old), _texts(new)
    gone = tuple(text for text in before if text not in after)
    came = tuple(text for text in after if text not in before)
    return FieldChange(field=name, gone=gone, came=came, moved=not gone and not came)


def _texts(value: JSON) -> tuple[str, ...]:
    if value in (None, "", [], {}):
        return ()
    if isinstance(value, dict):
        return tuple(f"{name}={_text(inner)}" for name, inner in value.items())
    if isinstance(value, list):
        return tuple(_text(item) for item in value)
    return (_text(value),)


def _text(value: JSON) -> str:
    """`["numpy", []]` is `numpy`; a requirement with hashes names how many it allows."""
    match value:
        case [str() as text, []]:
            return text
        case [str() as text, [*hashes]]:
            return f"{text} ({len(hashes)} hashes)"
        case list():
            return " ".join(_text(item) for item in value)
        case bool():
            return "yes" if value else "no"
        case _:
            return str(value)
