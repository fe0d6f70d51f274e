"""Files out of segments and into a folder: each entry cut out of the blob by the member table and inflated, in little memory."""

import os
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, NoReturn

from envbuild.digest import CHUNK
from envbuild.errors import IntegrityError
from envbuild.layers.tarheader import BLOCK
from envbuild.members import Member, MemberKind, Segment

__all__ = ["content_of", "place_of", "unpack"]

_GZIP = 16 + zlib.MAX_WBITS
_AT_ONCE = 8 << 20
"""A small entry comes in one piece; of a large one no more bytes than this are in memory."""


def place_of(member: Member, prefix: str) -> str:
    """Where a file of a wheel's segment goes, relative to the environment's folder; `prefix` is the image's (`opt/env`).

    IntegrityError for what would leave the folder, and for links, which no wheel has.
    """
    inside = member.path.removeprefix(f"{prefix}/")
    parts = inside.split("/")
    if inside == member.path or "\0" in inside or any(part in ("", ".", "..") for part in parts):
        raise IntegrityError("a package has a file outside of the environment", at=f"/{member.path}")
    if member.kind is MemberKind.LINK:
        raise IntegrityError("a package has a link, which no wheel can have", at=f"/{member.path}")
    return inside


def unpack(segment: Segment, members: list[tuple[Member, str]], blob: BinaryIO, root: Path) -> None:
    """Write these files of a segment, each under its place in `root`, where its folder is already. Nothing is overwritten."""
    for member, place in members:
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        descriptor = os.open(root / place, flags, member.mode & 0o755)
        try:
            for piece in content_of(segment, member, blob):
                _write(descriptor, piece)
        finally:
            os.close(descriptor)


def content_of(segment: Segment, member: Member, blob: BinaryIO) -> Iterator[bytes]:
    """A file's content, in pieces. IntegrityError where the entry is not what the table says."""
    blob.seek(segment.start + member.offset)
    plain = _inflated(blob, member.length)
    buffer = b""
    while len(buffer) < (header := _header_length(buffer, member)):
        buffer += next(plain, b"") or _damaged(member)
    left, piece = member.size, buffer[header:]
    while left:
        taken = piece[:left]
        left -= len(taken)
        if taken:
            yield taken
        if left:
            piece = next(plain, b"") or _damaged(member)


def _header_length(buffer: bytes, member: Member) -> int:
    """Bytes before the content, as far as is known: one block, or three parts where a pax header comes first."""
    if len(buffer) < BLOCK:
        return BLOCK
    if buffer[156:157] != b"x":
        return BLOCK
    digits = buffer[124:136].rstrip(b"\0 ")
    if not digits.isdigit():
        _damaged(member)
    extended = int(digits, 8)
    return BLOCK + extended + (-extended % BLOCK) + BLOCK


def _inflated(blob: BinaryIO, length: int) -> Iterator[bytes]:
    """Several gzip members, one after the other."""
    inflate, data, more = zlib.decompressobj(_GZIP), b"", False
    while length or data or more:
        if not data and not more:
            data = blob.read(min(length, CHUNK))
            length -= len(data)
            if not data:
                return
        try:
            plain = inflate.decompress(data, _AT_ONCE)
        except zlib.error as error:
            raise IntegrityError(f"a layer's bytes do not inflate: {error}") from None
        if plain:
            yield plain
        # A full piece may leave output behind that needs no more input.
        data, more = inflate.unconsumed_tail, len(plain) == _AT_ONCE and not inflate.eof
        if inflate.eof:
            data = inflate.unused_data
            inflate = zlib.decompressobj(_GZIP)


def _damaged(member: Member) -> NoReturn:
    raise IntegrityError("a layer's entry ends before its file does", at=f"/{member.path}")


def _write(descriptor: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]
