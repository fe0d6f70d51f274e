"""A zip archive, read strictly: every byte of the file belongs to one entry, and each entry is what its directory says.

Local headers must agree with the central directory, bodies must end where they should, and content must have its
announced size and CRC-32. Reads are at offsets, so that archives of many gigabytes need little memory.
"""

import io
import os
import struct
from collections.abc import Iterator
from typing import BinaryIO

from envbuild.errors import IntegrityError
from envbuild.layers.inflate import DamagedStream, Inflater, crc32, inflate
from envbuild.layers.zipdirectory import (
    DEFLATED,
    DESCRIPTOR,
    STORED,
    ReadAt,
    ZipEntry,
    entries_of,
    refusal,
    zip64_values,
)

__all__ = ["DEFLATED", "STORED", "PIECE", "WHOLE", "ZipArchive", "ZipEntry"]

WHOLE = 1 << 20
"""Entries up to this size are read and inflated in one go."""
PIECE = 1 << 18
"""Bytes of larger ones that are at hand at a time: a few of these stay in a processor's cache."""

_LOCAL = struct.Struct("<4s5H3L2H")
_KIND, _SIZES = struct.Struct("<2H"), struct.Struct("<3L2H")
_LONGEST_HEADER = _LOCAL.size + 2 * 0xFFFF
_U32 = 0xFFFFFFFF
_SAME_FLAGS = 0x0809


class ZipArchive:
    """The entries of an archive, and their content. IntegrityError wherever it is not what it says."""

    def __init__(self, stream: BinaryIO) -> None:
        """`stream` can seek; it is read at the offsets that are needed, and left open."""
        length = stream.seek(0, io.SEEK_END)
        self._read = _reader(stream)
        self.entries = entries_of(self._read, length)

    def whole(self, entry: ZipEntry) -> tuple[bytes, bytes]:
        """Content and packed body of an entry, both checked. For entries that fit in memory (`WHOLE`)."""
        extent = self._read(entry.start, entry.end - entry.start)
        body_at = _check_local(extent, entry)
        packed = extent[body_at : body_at + entry.packed]
        if entry.method == STORED:
            plain = packed
        else:
            try:
                plain = inflate(packed, entry.size)
            except DamagedStream as error:
                raise refusal(entry.name, f"is damaged: {error}") from None
        if crc32(plain) != entry.crc32:
            raise refusal(entry.name, "is damaged: its checksum differs")
        return plain, packed

    def pieces(self, entry: ZipEntry) -> Iterator[tuple[bytes, bytes]]:
        """Packed body and content in pieces, each a pair of which one is empty; all is checked once the last is taken."""
        at = self.check(entry)
        end = at + entry.packed
        inflater = Inflater(entry.size, PIECE)
        checksum = 0
        try:
            while at < end:
                packed = self._read(at, min(PIECE, end - at))
                at += len(packed)
                yield packed, b""
                for plain in inflater.feed(packed) if entry.method == DEFLATED else (packed,):
                    checksum = crc32(plain, checksum)
                    yield b"", plain
            if entry.method == DEFLATED:
                inflater.close()
        except DamagedStream as error:
            raise refusal(entry.name, f"is damaged: {error}") from None
        if checksum != entry.crc32:
            raise refusal(entry.name, "is damaged: its checksum differs")

    def check(self, entry: ZipEntry) -> int:
        """Where the entry's body begins, once its local header agrees with the directory."""
        length = entry.end - entry.start
        if length <= _LONGEST_HEADER:
            return entry.start + _check_local(self._read(entry.start, length), entry)
        head = self._read(entry.start, _LOCAL.size)
        names, extra = _LOCAL.unpack(head)[9:]
        head = self._read(entry.start, _LOCAL.size + names + extra)
        body_at = _local_header(head, entry)
        rest = length - body_at - entry.packed
        _check_rest(self._read(entry.end - rest, rest) if 0 < rest <= 24 else b"", rest, entry)
        return entry.start + body_at


def _reader(stream: BinaryIO) -> ReadAt:
    """Reads at an offset, which leaves the interpreter free for other threads where `stream` is a real file."""
    if isinstance(stream, io.BufferedReader) and isinstance(stream.raw, io.FileIO) and hasattr(os, "pread"):
        number = stream.fileno()

        def read(offset: int, length: int) -> bytes:
            return os.pread(number, length, offset)
    else:

        def read(offset: int, length: int) -> bytes:
            stream.seek(offset)
            return stream.read(length)

    def whole(offset: int, length: int) -> bytes:
        data = read(offset, length)
        while len(data) < length:
            more = read(offset + len(data), length - len(data))
            if not more:
                raise IntegrityError("the archive ends early", hint="it is damaged: fetch it again")
            data += more
        return data

    return whole


def _check_local(extent: bytes, entry: ZipEntry) -> int:
    """Where in its extent the body begins; header, body and data descriptor fill the extent."""
    body_at = _local_header(extent, entry)
    rest = len(extent) - body_at - entry.packed
    if rest:
        _check_rest(extent[-rest:] if 0 < rest <= 24 else b"", rest, entry)
    elif entry.flags & DESCRIPTOR:
        raise refusal(entry.name, "lacks its data descriptor")
    return body_at


def _local_header(data: bytes, entry: ZipEntry) -> int:
    """The length of the local header that `data` begins with."""
    if len(data) < _LOCAL.size:
        raise refusal(entry.name, "overlaps with another entry")
    signature = data[:4]
    crc, packed, size, name_length, extra_length = _SIZES.unpack_from(data, 14)
    flags, method = _KIND.unpack_from(data, 6)
    if signature != b"PK\3\4":
        raise refusal(entry.name, "is not where the directory says")
    end: int = _LOCAL.size + name_length + extra_length
    name_end = _LOCAL.size + name_length
    if end > len(data) or data[_LOCAL.size : name_end] != entry.name.encode():
        raise refusal(entry.name, "has another name in its own header")
    if method != entry.method or (flags ^ entry.flags) & _SAME_FLAGS:
        raise refusal(entry.name, "is packed in another way by its own header")
    if entry.flags & DESCRIPTOR and not (crc or packed or size):
        return end
    if _U32 in (size, packed) and _is_long(data[name_end:end], entry, (size, packed)):
        size, packed = entry.size, entry.packed
    if (crc, packed, size) != (entry.crc32, entry.packed, entry.size) and not (
        entry.flags & DESCRIPTOR and not crc and (packed, size) in ((entry.packed, entry.size), (0, 0))
    ):
        raise refusal(entry.name, "has another size or checksum in its own header")
    return end


def _is_long(extra: bytes, entry: ZipEntry, short: tuple[int, int]) -> bool:
    """Whether the zip64 field of a local header says the directory's sizes; both are there whenever one is."""
    values = iter(zip64_values(extra, short.count(_U32), entry.name))
    size, packed = (next(values) if value == _U32 else value for value in short)
    return (size, packed) == (entry.size, entry.packed) or (bool(entry.flags & DESCRIPTOR) and (size, packed) == (0, 0))


def _check_rest(rest: bytes, length: int, entry: ZipEntry) -> None:
    """A data descriptor (APPNOTE 4.3.9) is all that may stand behind a body."""
    if length == 0 and not entry.flags & DESCRIPTOR:
        return
    if length < 0:
        raise refusal(entry.name, "overlaps with another entry")
    if not entry.flags & DESCRIPTOR:
        raise refusal(entry.name, "is followed by bytes that belong to no entry")
    forms = [
        mark + struct.pack(form, entry.crc32, *sizes)
        for mark in (b"PK\7\x08", b"")
        for form, sizes in (("<LQQ", (entry.packed, entry.size)), ("<LLL", (entry.packed & _U32, entry.size & _U32)))
    ]
    if rest not in forms:
        raise refusal(entry.name, "has a data descriptor that disagrees with the directory")
