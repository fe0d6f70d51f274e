"""What a workspace is asked for, and what it answers."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from envbuild.canonical import JSON
from envbuild.formats.selection import NOTHING_MORE, Selection
from envbuild.pipeline.building import Built
from envbuild.pipeline.locking import Choice
from envbuild.platforms import Platform
from envbuild.ports import SpecSource

if TYPE_CHECKING:
    from envbuild.registry.pushes import PushCount

__all__ = ["BuildRequest", "Delivered", "Probe", "Shown"]


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildRequest:
    """What to build, from which lock, and where to; no targets: an engine where one runs, else the store."""

    spec: SpecSource
    """A file, a folder, a definition itself, or AzureML's `Environment`."""
    platform: Platform | None = None
    choice: Choice = field(default_factory=Choice)
    targets: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    selection: Selection = NOTHING_MORE
    cache: str = ""
    """`HOST/REPOSITORY` where images are looked for before they are built, and claimed after."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivered:
    """A built image, its ids by kind, and the reference at each place it was brought to."""

    built: Built
    ids: Mapping[str, str]
    references: tuple[str, ...]
    pushed: "tuple[PushCount, ...]" = ()
    """For each registry among the places, in order."""

    @property
    def reference(self) -> str:
        """The first of the references."""
        return self.references[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """Whether an image is here; for a miss, what is missing."""

    hit: bool
    ids: Mapping[str, str]
    digest: str = ""
    reference: str = ""
    missing: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """A definition as it was understood: its name, its ids (nothing where not known yet), its material."""

    name: str
    ids: Mapping[str, str]
    material: Mapping[str, JSON]
    toml: str = ""
    """The same as an envbuild.toml."""
