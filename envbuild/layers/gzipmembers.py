"""gzip members (RFC 1952) made without a compressor: stored blocks, precomputed runs of zeros, spliced deflate bodies.

Members may follow each other in one stream, so a layer is put together from pieces. Nothing here depends on a library's
version or on the processor: the same input gives the same bytes for ever.
"""

import re
import struct
import zlib
from functools import lru_cache

__all__ = ["HEADER", "spliced_trailer", "stored", "zero_block", "zeros"]

HEADER = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff"
"""No name, no time, no flags, unknown system."""

_LARGEST_STORED = 0xFFFF
_ZERO_RUN = re.compile(rb"\0{24,}")
_LONGEST_RUN = 32768


def spliced_trailer(crc32: int, size: int) -> bytes:
    """What ends a member whose deflate body stands already: the CRC-32 and length of its content."""
    return struct.pack("<II", crc32, size & 0xFFFFFFFF)


def stored(data: bytes) -> bytes:
    """One member that holds `data` as it is, but for runs of zeros, which are written short."""
    return HEADER + _blocks(data) + struct.pack("<II", zlib.crc32(data), len(data) & 0xFFFFFFFF)


@lru_cache(maxsize=1024)
def zeros(count: int) -> bytes:
    """One member that holds `count` zero bytes."""
    return stored(bytes(count))


def _blocks(data: bytes) -> bytes:
    pieces = _pieces(data)
    out: list[bytes] = []
    for number, piece in enumerate(pieces):
        final = number == len(pieces) - 1
        after_run = number > 0 and isinstance(pieces[number - 1], int)
        if isinstance(piece, int):
            # A run also carries the first bits of the stored block behind it, since deflate does not align blocks.
            following = None if final else isinstance(pieces[number + 1], int)
            next_final = number + 1 == len(pieces) - 1
            out.append(zero_block(piece, final=final, then_stored=following is False, next_final=next_final))
        else:
            lead = b"" if after_run else (b"\x01" if final else b"\x00")
            out.append(lead + struct.pack("<HH", len(piece), len(piece) ^ 0xFFFF) + piece)
    return b"".join(out)


def _pieces(data: bytes) -> list[bytes | int]:
    """`data` cut into stored pieces and lengths of zero runs; a run is always followed by a stored piece or the end."""
    pieces: list[bytes | int] = []
    at = 0
    for found in _ZERO_RUN.finditer(data):
        start, end = found.span()
        _stored_pieces(data[at:start], pieces)
        while end - start > _LONGEST_RUN:
            pieces += [_LONGEST_RUN, b""]
            start += _LONGEST_RUN
        pieces.append(end - start)
        at = end
    if at < len(data) or not pieces:
        _stored_pieces(data[at:], pieces, always=not pieces)
    return pieces


def _stored_pieces(data: bytes, pieces: list[bytes | int], *, always: bool = False) -> None:
    if not data and always:
        pieces.append(b"")
    pieces += [data[start : start + _LARGEST_STORED] for start in range(0, len(data), _LARGEST_STORED)]


@lru_cache(maxsize=8192)
def zero_block(count: int, *, final: bool, then_stored: bool, next_final: bool) -> bytes:
    """A block of fixed Huffman codes (RFC 1951, 3.2.6) with `count` zeros: one literal, then copies of the byte before.

    With `then_stored` it also holds the first bits of a stored block, whose length and bytes may follow it.
    """
    bits = [1 if final else 0, 1, 0]
    bits += _literal_zero()
    left = count - 1
    while left >= 3:
        length = min(left, 258)
        if 0 < left - length < 3:
            length -= 3
        bits += _copy(length)
        left -= length
    for _ in range(left):
        bits += _literal_zero()
    bits += [0] * 7
    if then_stored:
        bits += [1 if next_final else 0, 0, 0]
    bits += [0] * (-len(bits) % 8)
    return bytes(sum(bit << place for place, bit in enumerate(bits[i : i + 8])) for i in range(0, len(bits), 8))


def _literal_zero() -> list[int]:
    return _huffman(0x30, 8)


def _huffman(code: int, width: int) -> list[int]:
    """Huffman codes are packed from their most significant bit."""
    return [(code >> place) & 1 for place in range(width - 1, -1, -1)]


def _copy(length: int) -> list[int]:
    """A match of this length (3 to 258) at distance 1: length symbol, its extra bits, distance symbol 0."""
    symbol, base, extra = _length_symbol(length)
    code = _huffman(symbol - 256, 7) if symbol < 280 else _huffman(0xC0 + symbol - 280, 8)
    return code + [((length - base) >> place) & 1 for place in range(extra)] + [0] * 5


def _length_symbol(length: int) -> tuple[int, int, int]:
    """Symbol, smallest length and extra bits of RFC 1951's length table."""
    if length == 258:
        return 285, 258, 0
    symbol, base, extra = 257, 3, 0
    while True:
        for _ in range(8 if extra == 0 else 4):
            if length < base + (1 << extra):
                return symbol, base, extra
            symbol, base = symbol + 1, base + (1 << extra)
        extra += 1
