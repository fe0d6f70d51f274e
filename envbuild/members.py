"""What stands in a layer: `Member`, `MemberTable`, and `Segment`, one artifact's entries ready for any layer.

A segment is tar entries in gzip members, without directories and without an end of archive, so that segments can be
joined without recompression. Each member's `offset` and `length` cut its entry (header, body, padding) out of the
segment's compressed bytes; every entry can be left out or taken alone.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Self

from envbuild.canonical import JSON, encode
from envbuild.digest import Digest

__all__ = ["Member", "MemberKind", "MemberTable", "Segment"]


__all__ = ["DIRECTORY_MODES", "Member", "MemberKind", "MemberTable", "Segment"]

DIRECTORY_MODES: Mapping[str, int] = {"root": 0o700, "tmp": 0o1777, "var/tmp": 0o1777}
"""Directories that differ from 0755 wherever they occur, so that no layer changes what another one set."""


class MemberKind(StrEnum):
    """What a path is. Hard links do not occur: they are written as files."""

    FILE = "file"
    LINK = "link"
    DIRECTORY = "directory"


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """One path of a segment. Paths are relative to the image's root, without a leading or trailing slash."""

    path: str
    kind: MemberKind
    mode: int
    size: int = 0
    """Bytes of the file's content."""
    sha256: str = ""
    """Of the content, in hex; nothing for links and directories."""
    target: str = ""
    """Where a link points."""
    offset: int = 0
    length: int = 0
    """Of the entry in the segment's compressed bytes; directories have none."""

    @property
    def content(self) -> tuple[str, int, str, str]:
        """What two members must share to be the same."""
        return self.kind, self.mode, self.sha256, self.target


_KINDS = {kind.value: kind for kind in MemberKind}
"""Looking a kind up costs a quarter of asking the enumeration, and tables have thousands of rows."""


@dataclass(frozen=True, slots=True)
class MemberTable:
    """The members of a segment sorted by path, and facts about the artifact that later steps need (all strings).

    `sonames`: `<soname> <path>` a line, of a deb's shared libraries. `requires`: the names a wheel depends on.
    """

    members: tuple[Member, ...]
    facts: Mapping[str, str]

    def to_bytes(self) -> bytes:
        """Canonical JSON; the form in which tables are stored and shared."""
        rows = [[m.path, m.kind.value, m.mode, m.size, m.sha256, m.target, m.offset, m.length] for m in self.members]
        return encode({"format": 1, "members": rows, "facts": dict(self.facts)})

    @classmethod
    def from_json(cls, document: Any) -> "MemberTable":
        """The table that parsed JSON holds. KeyError, TypeError or ValueError where it is no table."""
        if document["format"] != 1:
            raise ValueError(f"unknown member table format {document['format']!r}")
        members = tuple(
            Member(path=p, kind=_KINDS[k], mode=m, size=s, sha256=h, target=t, offset=o, length=n)
            for p, k, m, s, h, t, o, n in document["members"]
        )
        return cls(members, {str(k): str(v) for k, v in document["facts"].items()})


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """One artifact's layer blob, and where the segment lies in it: `blob[start : start + length]`."""

    layer_id: Digest
    blob: Digest
    size: int
    """Bytes of the whole blob."""
    diff_id: Digest
    start: int
    length: int
    table: MemberTable


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerClaim:
    """A layer as it is claimed: its id, its blob, where the segment lies in it, and the blob of its member table."""

    layer_id: Digest
    blob: Digest
    size: int
    diff_id: Digest
    start: int
    length: int
    table: Digest

    def to_json(self) -> dict[str, JSON]:
        """The claim's value."""
        return {
            "blob": str(self.blob),
            "size": self.size,
            "diff": str(self.diff_id),
            "start": self.start,
            "length": self.length,
            "table": str(self.table),
        }

    @classmethod
    def from_json(cls, layer_id: Digest, value: Any) -> Self:
        """The claim of this value. KeyError, TypeError or ValueError where it is none."""
        return cls(
            layer_id=layer_id,
            blob=Digest.parse(str(value["blob"])),
            size=int(str(value["size"])),
            diff_id=Digest.parse(str(value["diff"])),
            start=int(str(value["start"])),
            length=int(str(value["length"])),
            table=Digest.parse(str(value["table"])),
        )
