"""Raw deflate streams (RFC 1951), inflated: whole, or piece by piece. The one door to the library that inflates."""

from collections.abc import Iterator

from isal import isal_zlib

__all__ = ["DamagedStream", "Inflater", "crc32", "inflate"]

_RAW = -15
_Damage: type[Exception] = isal_zlib.IsalError  # type: ignore[assignment]  # its stub calls the class an instance


class DamagedStream(ValueError):
    """The bytes are no deflate stream of exactly the announced length."""


def crc32(data: bytes | memoryview, value: int = 0) -> int:
    """The CRC-32 of `data`, continued from `value`."""
    return isal_zlib.crc32(data, value)


def inflate(packed: bytes | memoryview, size: int) -> bytes:
    """The `size` bytes that `packed` inflates to; DamagedStream unless stream and content end exactly where they should."""
    stream = isal_zlib.decompressobj(_RAW)
    try:
        plain = stream.decompress(packed, size + 1)
    except _Damage as error:
        raise DamagedStream(str(error)) from None
    if not stream.eof or stream.unused_data or len(plain) != size:
        raise DamagedStream(_difference(stream.eof, len(plain), size))
    return plain


class Inflater:
    """A stream that comes in pieces and is given back in pieces of at most `piece` bytes."""

    def __init__(self, size: int, piece: int) -> None:
        """`size`: bytes that the whole stream inflates to."""
        self._stream = isal_zlib.decompressobj(_RAW)
        self._size, self._piece = size, piece
        self._given = 0

    def feed(self, packed: bytes | memoryview) -> Iterator[bytes]:
        """What these bytes of the stream inflate to. DamagedStream as soon as it cannot be what was announced."""
        rest = packed
        while True:
            try:
                plain = self._stream.decompress(rest, self._piece)
            except _Damage as error:
                raise DamagedStream(str(error)) from None
            self._given += len(plain)
            if self._given > self._size or self._stream.unused_data:
                raise DamagedStream(_difference(self._stream.eof, self._given, self._size))
            if plain:
                yield plain
            rest = self._stream.unconsumed_tail
            if not rest and len(plain) < self._piece:
                return

    def close(self) -> None:
        """The stream was fed whole: DamagedStream unless it ended here, with all its content."""
        if not self._stream.eof or self._given != self._size:
            raise DamagedStream(_difference(self._stream.eof, self._given, self._size))


def _difference(ended: bool, given: int, size: int) -> str:
    if given > size:
        return f"it inflates to more than the {size} bytes announced"
    if not ended:
        return "it does not end where it should"
    if given < size:
        return f"it inflates to {given} bytes of the {size} announced"
    return "bytes follow its end"
