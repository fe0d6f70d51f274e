"""`Snapshot`: what stands in a store, as values, so that what is used, shared or may go can be worked out without a disk.

Ids and digests are 64 hex digits here. `held` names are those of store.leases: a blob's hex, `<kind>/<hex>` of a claim,
`prefix/<hex>` and the like of a folder.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import TypeAlias

__all__ = ["Blob", "Claim", "Folder", "Snapshot", "Stamp"]

Stamp: TypeAlias = tuple[int, int, int]
"""Inode, mtime in ns, size: another one, and the file was written again or used."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """A claim and its material: two small files."""

    kind: str
    id: str
    used: float
    """Seconds since the epoch: when it was last written or, to the hour, read."""
    size: int = 0
    stamp: Stamp = (0, 0, 0)
    readable: bool = True
    """False where nobody could use it: damaged, foreign, or a material alone."""
    blobs: frozenset[str] = frozenset()
    """The blobs that it names; an image's layers are among them."""
    refers: str = ""
    """One other id: a name's image, an image's lock, the definition of a file that was seen."""
    covers: frozenset[str] = frozenset()
    """Many: artifacts of a layer or a lock, locks of a document, requests of a file that was seen."""
    title: str = ""
    """For people: a name; `numpy 2.1.0` of a layer."""
    lasting: bool = False
    """Of a name: one that a person gave, or `latest`; not one that is made of the image's id."""

    @property
    def name(self) -> str:
        """As leases name it."""
        return f"{self.kind}/{self.id}"


@dataclass(frozen=True, slots=True)
class Blob:
    """A blob's file: bytes, and when it was written (seconds since the epoch)."""

    size: int
    used: float
    stamp: Stamp = (0, 0, 0)


@dataclass(frozen=True, slots=True)
class Folder:
    """A folder that can be made again: an environment to run directly, bytecode, a tool's cache, the memo."""

    size: int
    used: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """Claims by name, blobs by digest, folders by name; `other`: bytes of all else beneath the store's folder."""

    claims: Mapping[str, Claim] = field(default_factory=dict)
    blobs: Mapping[str, Blob] = field(default_factory=dict)
    folders: Mapping[str, Folder] = field(default_factory=dict)
    other: int = 0
    released: frozenset[str] = frozenset()
    """Blobs that claims named which were taken away: nothing else keeps them."""

    @property
    def size(self) -> int:
        """Bytes of everything."""
        parts = (self.claims.values(), self.blobs.values(), self.folders.values())
        return self.other + sum(thing.size for part in parts for thing in part)

    def of_kind(self, kind: str) -> list[Claim]:
        """The readable claims of a kind."""
        return [c for c in self.claims.values() if c.kind == kind and c.readable]

    def without(self, claims: Collection[str], blobs: Collection[str], folders: Collection[str]) -> "Snapshot":
        """What is left when these are gone."""
        gone = [self.claims[name] for name in claims if name in self.claims]
        return replace(
            self,
            claims={n: c for n, c in self.claims.items() if n not in claims} if claims else self.claims,
            blobs={n: b for n, b in self.blobs.items() if n not in blobs} if blobs else self.blobs,
            folders={n: f for n, f in self.folders.items() if n not in folders} if folders else self.folders,
            released=self.released.union(*(c.blobs for c in gone)),
        )
