"""`Row`: one bad input and what must come of it; `Accepted`: one that looks bad and is not."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

__all__ = ["Accepted", "Row", "in_file"]

Files = Mapping[str, str | bytes]


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """What is refused. `items` are the numbers in the list of bad inputs that it is of (`items.py`)."""

    items: Sequence[int]
    name: str
    files: Files
    spec: str
    """What is asked for: a file of `files`, or something else in that folder."""
    said: Sequence[str]
    """What stderr must have."""
    unsaid: Sequence[str] = ()
    code: int = 2
    words: Sequence[str] = ()
    """The command line, where it is not a build of `spec`."""
    prepare: Callable[[Path], object] | None = None
    """Makes in the folder what is no plain file."""
    wheels: Sequence[Mapping[str, str]] = ()
    """What the index has: for what only an index can tell. `corrupt` has other bytes than the index says."""
    packages: Sequence[Mapping[str, Any]] = ()
    """What the channel conda-forge has, as `condachannel.package` takes it. `corrupt` has other bytes than its index says."""
    modes_bind: bool = False
    """Whether it is of a user whom the modes of files bind, as they do not bind root."""
    online: bool = False
    """Whether the machine's own mirror is asked."""
    kept: bool = False
    """Whether the definition itself is good, so that what it says may be remembered."""

    @property
    def command(self) -> tuple[str, ...]:
        """The words behind `envbuild`."""
        return tuple(self.words) or ("build", self.spec, "--to", "store")


@dataclass(frozen=True, slots=True, kw_only=True)
class Accepted:
    """What is no fault: `files` are shown, and where there is another form of it (`like`) both mean the same."""

    items: Sequence[int]
    name: str
    files: Files
    spec: str
    like: Files | None = None
    said: Sequence[str] = ()
    """What must be said of it."""
    unsaid: Sequence[str] = ()


def in_file(path: str) -> Callable[..., Row]:
    """`row(items, name, text, *said, **more)` for a definition in this file; what of `more` has a dot is a file beside it."""

    def row(items, name, text, *said, **more) -> Row:
        items = (items,) if isinstance(items, int) else tuple(items)
        beside = {key: more.pop(key) for key in list(more) if "." in key or "/" in key}
        return Row(items=items, name=name, files={path: text, **beside}, spec=path, said=said, **more)

    return row
