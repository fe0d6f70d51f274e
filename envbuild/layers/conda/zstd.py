"""The door to zstandard: conda's packages and indexes are compressed with it (RFC 8878). Nothing here compresses.

The library does not say of a stream whether its last frame was whole, so a short frame of known content is put behind it.
"""

import io
from collections.abc import Callable, Iterable, Iterator
from types import ModuleType

from envbuild.errors import MissingExtra

__all__ = ["inflated", "is_there", "unpacked"]

_LARGEST_WINDOW = 128 << 20
"""What level 22 asks for, and what decoders allow unless they are told otherwise."""
_FEED = 1 << 18
_PIECE = 1 << 18
_END = b"\0the end\0of it\0\0"


def unpacked(read: Callable[[int], bytes]) -> Iterator[bytes]:
    """The content of all frames that `read` gives, in pieces that stay in a processor's cache. ValueError says what is damaged.

    `read(size)` gives at most about `size` bytes, and nothing at the end. MissingExtra where the library is not there.
    """
    library = _library()
    source = _Source(read, library.ZstdCompressor(write_checksum=True).compress(_END))
    decoder = library.ZstdDecompressor(max_window_size=_LARGEST_WINDOW)
    reader = decoder.stream_reader(source, read_size=_FEED, read_across_frames=True, closefd=False)
    try:
        yield from _without_end(iter(lambda: reader.read(_PIECE), b""))
    except library.ZstdError as error:
        raise ValueError(str(error).removeprefix("zstd decompress error: ")) from error


def is_there() -> None:
    """MissingExtra where the library is not: asked before packages are fetched that only it can open."""
    _library()


def inflated(data: bytes, *, limit: int) -> bytes:
    """The content of whole frames. ValueError where they are damaged, or hold more than `limit` bytes."""
    out = bytearray()
    for piece in unpacked(io.BytesIO(data).read):
        out += piece
        if len(out) > limit:
            raise ValueError(f"it unpacks to more than {limit} bytes")
    return bytes(out)


class _Source:
    """What the decoder reads: the stream, then one frame more."""

    def __init__(self, read: Callable[[int], bytes], last: bytes) -> None:
        self._read, self._last = read, last

    def read(self, size: int) -> bytes:
        if data := self._read(size):
            return data
        last, self._last = self._last, b""
        return last


def _without_end(pieces: Iterable[bytes]) -> Iterator[bytes]:
    held = b""
    for piece in pieces:
        whole = held + piece
        held = whole[-len(_END) :]
        if len(whole) > len(_END):
            yield whole[: -len(_END)]
    if held != _END:
        raise ValueError("it ends too early")


def _library() -> ModuleType:
    try:
        import zstandard
    except ImportError:
        raise MissingExtra("conda", "reading conda's packages and indexes") from None
    return zstandard
