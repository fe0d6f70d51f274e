"""Unix ar archives as Debian packages use them (deb(5)): named members, one after the other, read once."""

import io
from collections.abc import Iterator
from typing import BinaryIO

from envbuild.errors import IntegrityError

__all__ = ["ArMember", "ar_members"]

_MAGIC = b"!<arch>\n"
_HEADER = 60
_END = b"`\n"


class ArMember(io.RawIOBase):
    """The content of one member: `name`, `size` in bytes, and a reader that stops at its end."""

    def __init__(self, stream: BinaryIO, name: str, size: int) -> None:
        super().__init__()
        self._stream = stream
        self._left = size
        self.name, self.size = name, size

    def readable(self) -> bool:
        """It is for reading."""
        return True

    def readinto(self, buffer: "memoryview | bytearray") -> int:  # type: ignore[override]
        """Fill `buffer` from what is left. IntegrityError where the archive ends too early."""
        wanted = min(len(buffer), self._left)
        data = self._stream.read(wanted) if wanted else b""
        if wanted and not data:
            raise IntegrityError(f"the archive ends inside {self.name}", hint="fetch the package again")
        buffer[: len(data)] = data
        self._left -= len(data)
        return len(data)


def ar_members(stream: BinaryIO) -> Iterator[ArMember]:
    """The members in the order in which they stand; each must be read before the next is asked for, or is skipped."""
    if stream.read(len(_MAGIC)) != _MAGIC:
        raise IntegrityError("not a Debian package: no ar archive", hint="fetch the package again")
    while head := stream.read(_HEADER):
        member = ArMember(stream, *_parsed(head))
        yield member
        while member.read(1 << 20):
            pass
        if member.size % 2:
            stream.read(1)


def _parsed(head: bytes) -> tuple[str, int]:
    size = head[48:58].rstrip(b" ")
    if len(head) != _HEADER or head[58:] != _END or not size.isdigit():
        raise IntegrityError("a damaged header in the package's ar archive", hint="fetch the package again")
    return head[:16].rstrip(b" ").removesuffix(b"/").decode("ascii", "replace"), int(size)
