"""Layers made from cached segments: whole ones joined, or single entries cut out. Nothing is compressed again."""

import zlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from envbuild.layers.writer import LayerWriter, ancestors
from envbuild.members import Member, MemberKind, Segment

__all__ = ["Piece", "ReadRange", "append", "directories_of", "entry_content", "pieces_of"]

ReadRange = Callable[[Segment, int, int], bytes]
"""Bytes of a segment: the segment, offset in it, length."""

_GZIP = 16 + zlib.MAX_WBITS


@dataclass(frozen=True, slots=True)
class Piece:
    """A segment, and those of its members that the layer takes."""

    segment: Segment
    members: tuple[Member, ...]


def pieces_of(segments: Sequence[Segment]) -> tuple[Piece, ...]:
    """All members of these segments, but a path that an earlier segment has already (with the same content)."""
    seen: set[str] = set()
    pieces = []
    for segment in segments:
        kept = tuple(m for m in segment.table.members if m.kind is MemberKind.DIRECTORY or m.path not in seen)
        seen.update(m.path for m in kept if m.kind is not MemberKind.DIRECTORY)
        pieces.append(Piece(segment, kept))
    return tuple(pieces)


def directories_of(pieces: Iterable[Piece]) -> list[Member]:
    """The preamble of a layer of these pieces."""
    return ancestors([m for piece in pieces for m in piece.members])


def append(writer: LayerWriter, piece: Piece, read: ReadRange) -> None:
    """Add a piece's entries to a layer, each as it stands in its segment."""
    for member in piece.members:
        if member.kind is MemberKind.DIRECTORY:
            writer.directory(member)
            continue
        packed = read(piece.segment, member.offset, member.length)
        offset = writer.offset
        writer.write(_unpacked(packed), packed)
        writer.entry(
            member.path,
            member.kind,
            member.mode,
            size=member.size,
            sha256=member.sha256,
            target=member.target,
            offset=offset,
        )


def entry_content(packed: bytes, size: int) -> bytes:
    """The content of a file whose whole entry (header, body, padding) is given compressed."""
    plain = _unpacked(packed)
    padded = size + (-size % 512)
    return plain[len(plain) - padded : len(plain) - padded + size]


def _unpacked(packed: bytes) -> bytes:
    out = []
    while packed:
        member = zlib.decompressobj(_GZIP)
        out.append(member.decompress(packed))
        packed = member.unused_data
    return b"".join(out)
