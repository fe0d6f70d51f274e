"""The header of an ordinary file and the gzip member that holds it, made together.

The result is `header(...)` and `stored(header(...))`, byte for byte; both are most of what a small file costs, so the
common case, a name that ustar can hold, is put together from parts that repeat.
"""

import struct
import zlib
from functools import lru_cache

from envbuild.layers.gzipmembers import HEADER, stored, zero_block
from envbuild.layers.tarheader import BLOCK, MTIME, header, split
from envbuild.members import MemberKind

__all__ = ["file_header"]

_NAME, _PREFIX, _LINK, _SHORTEST_RUN = 100, 155, 100, 24
_LARGEST = 8**11
_MAGIC = b"ustar\x0000"
_OWNER = b"0000000\x00" * 2
_TIME = b"%011o\x00" % MTIME


def _lengths(count: int) -> bytes:
    """What follows a stored block's first bits (RFC 1951, 3.2.4)."""
    return struct.pack("<HH", count, count ^ 0xFFFF)


_MIDDLE = len(b"%07o\x00" % 0) + len(_OWNER) + 12 + len(_TIME) + 8 + 1
_AFTER_MIDDLE = zero_block(_LINK, final=False, then_stored=True, next_final=False) + _lengths(len(_MAGIC)) + _MAGIC
_NAME_RUNS = [
    zero_block(_NAME - length, final=False, then_stored=True, next_final=False) + _lengths(_MIDDLE)
    for length in range(_NAME - _SHORTEST_RUN + 1)
]
_STORED_NAMES = [HEADER + b"\x00" + _lengths(length) for length in range(_NAME - _SHORTEST_RUN + 1)]
_LONG_NAME = HEADER + b"\x00" + _lengths(_NAME + _MIDDLE)
_CONSTANT_SUM = sum(_OWNER) + sum(_TIME) + 8 * ord(" ") + ord("0") + sum(_MAGIC)


def file_header(path: str, mode: int, size: int) -> tuple[bytes, bytes]:
    """The tar header of a file, and the gzip member of it."""
    name = path.encode("utf-8", "surrogateescape")
    prefix, short = split(name)
    if short is None or size >= _LARGEST or not path.isascii():
        plain = header(path, MemberKind.FILE, mode, size)
        return plain, stored(plain)
    shown_mode, shown_size = b"%07o\x00" % mode, b"%011o\x00" % size
    total = _CONSTANT_SUM + sum(shown_mode) + sum(shown_size) + sum(short) + sum(prefix)
    middle = b"%s%s%s%s%06o\x00 0" % (shown_mode, _OWNER, shown_size, _TIME, total)
    plain_tail, packed_tail = _tail(prefix)
    padded = short.ljust(_NAME, b"\0")
    plain = b"%s%s%s" % (padded, middle, plain_tail)
    length = len(short)
    if length <= _NAME - _SHORTEST_RUN:
        packed = _STORED_NAMES[length] + short + _NAME_RUNS[length]
    else:
        packed = _LONG_NAME + padded
    return plain, b"%s%s%s%s" % (packed, middle, packed_tail, struct.pack("<II", zlib.crc32(plain), BLOCK))


@lru_cache(maxsize=4096)
def _tail(prefix: bytes) -> tuple[bytes, bytes]:
    """What follows the kind of file, which only the prefix changes: as it is, and as the end of a deflate stream."""
    plain = bytes(_LINK) + _MAGIC + bytes(80) + prefix.ljust(_PREFIX, b"\0") + bytes(12)
    if not prefix:
        run = zero_block(80 + _PREFIX + 12, final=True, then_stored=False, next_final=False)
        return plain, _AFTER_MIDDLE + run
    rest = _PREFIX - len(prefix) + 12
    if rest < _SHORTEST_RUN:
        last = zero_block(80, final=False, then_stored=True, next_final=True)
        return plain, _AFTER_MIDDLE + last + _lengths(len(prefix) + rest) + prefix + bytes(rest)
    last = zero_block(80, final=False, then_stored=True, next_final=False) + _lengths(len(prefix)) + prefix
    return plain, _AFTER_MIDDLE + last + zero_block(rest, final=True, then_stored=False, next_final=False)
