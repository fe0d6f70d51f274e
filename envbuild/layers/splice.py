"""Files of a zip archive become entries of a layer without recompression.

A zip body and a gzip member hold the same deflate stream, so the body moves as it stands between a header and a trailer.
It is inflated once: for the digest of the uncompressed layer, the file's own, and to see that it is what it says.
"""

import hashlib
from typing import NamedTuple

from envbuild.layers.fileheader import file_header
from envbuild.layers.gzipmembers import HEADER, spliced_trailer, stored, zeros
from envbuild.layers.tarheader import BLOCK
from envbuild.layers.writer import LayerWriter
from envbuild.layers.ziparchive import DEFLATED, WHOLE, ZipArchive, ZipEntry
from envbuild.layers.zipdirectory import refusal
from envbuild.members import MemberKind

__all__ = ["Splice", "splice"]

_STORED_PIECE = 1 << 18
"""Bytes in each gzip member of a body that the archive does not compress: part of the layout."""


class Splice(NamedTuple):
    """A file on its way: its path in the layer, the entry that holds it, the sha256 that its content must have."""

    path: str
    entry: ZipEntry
    mode: int
    sha256: bytes


def splice(archive: ZipArchive, file: Splice, writer: LayerWriter) -> None:
    """Add one file. IntegrityError where its bytes are not what archive and RECORD say."""
    entry = file.entry
    size = entry.size
    head, packed_head = file_header(file.path, file.mode, size)
    offset = writer.offset
    if size > WHOLE or entry.packed > WHOLE:
        writer.write(head, packed_head)
        digest = _large(archive, entry, writer)
        if padding := -size % BLOCK:
            writer.write(bytes(padding), zeros(padding))
    else:
        plain, packed = archive.whole(entry)
        digest = hashlib.sha256(plain).digest()
        padding = -size % BLOCK
        if not size:
            body: tuple[bytes, ...] = ()
        elif entry.method == DEFLATED:
            body = (HEADER, packed, spliced_trailer(entry.crc32, size))
        else:
            body = tuple(map(stored, _cut(plain)))
        writer.extend((head, plain, bytes(padding)), (packed_head, *body, _PADDINGS[padding]))
    if digest != file.sha256:
        raise refusal(entry.name, "is not the file that RECORD lists: its sha256 differs")
    writer.entry(file.path, MemberKind.FILE, file.mode, size=size, sha256=digest.hex(), target="", offset=offset)


_PADDINGS = [b"", *map(zeros, range(1, BLOCK))]


def _large(archive: ZipArchive, entry: ZipEntry, writer: LayerWriter) -> bytes:
    """The body piece by piece, so that memory does not grow with it. The sha256 of the content."""
    content = hashlib.sha256()
    if entry.method == DEFLATED:
        writer.packed(HEADER)
    for packed, plain in archive.pieces(entry):
        if plain:
            content.update(plain)
            writer.plain(plain)
            if entry.method != DEFLATED:
                for piece in _cut(plain):
                    writer.packed(stored(piece))
        elif entry.method == DEFLATED:
            writer.packed(packed)
    if entry.method == DEFLATED:
        writer.packed(spliced_trailer(entry.crc32, entry.size))
    return content.digest()


def _cut(data: bytes) -> list[bytes]:
    return [data[at : at + _STORED_PIECE] for at in range(0, len(data), _STORED_PIECE)]
