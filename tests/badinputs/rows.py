"""`Row`: one bad input, and what must come of it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Row", "in_file"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """`items` are the numbers in the list of bad inputs that it is of (`items.py`)."""

    items: tuple[int, ...]
    name: str
    files: Mapping[str, str | bytes]
    spec: str
    """What is asked for: a file of `files`, or something else in that folder."""
    said: Sequence[str]
    """What stderr must have; the first is the place."""
    unsaid: Sequence[str] = ()
    code: int = 2
    words: Sequence[str] = ()
    """The command line, where it is not a build of `spec`."""
    prepare: Callable[[Path], object] | None = None
    """Makes in the folder what is no plain file."""
    wheels: Sequence[tuple[str, str, Mapping[str, object]]] = ()
    """Name, version and more of what the index has: for what only an index can tell."""
    kept: bool = False
    """Whether the definition itself is good, so that what it says may be remembered."""

    @property
    def command(self) -> tuple[str, ...]:
        """The words behind `envbuild`."""
        return tuple(self.words) or ("build", self.spec, "--to", "store")


def in_file(path: str) -> Callable[..., Row]:
    """`row(items, name, text, place, *said)` for a definition in this file; `place` 3 is its third line, 0 the file."""

    def row(items, name, text, place, *said, beside: Mapping[str, str | bytes] = {}, **more) -> Row:  # noqa: B006
        items = (items,) if isinstance(items, int) else tuple(items)
        at = place if isinstance(place, str) else f"{path}:{place}: " if place else f"{path}: "
        return Row(items=items, name=name, files={path: text, **beside}, spec=path, said=(at, *said), **more)

    return row


