"""A strict reader of tar archives as dpkg makes them: ustar, and GNU's long names (tar(5), deb(5)).

What dpkg itself does not unpack is refused, and so is all that two readers could understand differently: sparse files,
wrong checksums, sizes on entries without content, data behind the end. pax headers are read only where they are asked
for: Debian's packages have none.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import BinaryIO, NoReturn

from envbuild.errors import IntegrityError
from envbuild.layers.paxheader import EMPTY, Extended, extended

__all__ = ["TarEntry", "TarKind", "tar_entries"]

_BLOCK = 512
_LONGEST_NAME = 4096
_LONGEST_PAX = 1 << 20
_MOST_ENTRIES = 1_000_000
_REFUSED = {b"3": "a character device", b"4": "a block device", b"6": "a FIFO", b"S": "a sparse file"}


class TarKind(StrEnum):
    """What an entry is; the values are tar's type flags."""

    FILE = "0"
    HARD_LINK = "1"
    LINK = "2"
    DIRECTORY = "5"


@dataclass(frozen=True, slots=True)
class TarEntry:
    """One entry: its name and link target as they stand in the archive, and where its content lies in the file."""

    name: str
    kind: TarKind
    mode: int
    size: int
    target: str
    offset: int


def tar_entries(file: BinaryIO, length: int, *, pax: bool = False) -> Iterator[TarEntry]:
    """The entries of an uncompressed archive of `length` bytes. IntegrityError names what is wrong and where."""
    at = count = 0
    ahead = _Ahead(file, pax=pax)
    while True:
        head = _block(file, at)
        if head == bytes(_BLOCK):
            if ahead:
                _refuse("a long name that belongs to no entry", at)
            return _check_end(file, at, length)
        _check_sum(head, at)
        flag, start = head[156:157], at + _BLOCK
        size = ahead.size if ahead.size is not None else _number(head[124:136], at)
        at = start + size + -size % _BLOCK
        if at > length or size < 0:
            _refuse("the content of an entry is longer than the archive", start)
        if ahead.takes(flag, start, size):
            continue
        count += 1
        if count > _MOST_ENTRIES:
            _refuse(f"more than {_MOST_ENTRIES} entries", start)
        yield _entry(head, flag, size, start, (ahead.name, ahead.target))
        ahead = _Ahead(file, pax=pax)


class _Ahead:
    """What stands before an entry and belongs to it: GNU's long names, and pax headers where they are asked for."""

    def __init__(self, file: BinaryIO, *, pax: bool) -> None:
        self._file, self._pax = file, pax
        self._seen: set[bytes] = set()
        self.name = self.target = ""
        self.size: int | None = None

    def __bool__(self) -> bool:
        return bool(self._seen)

    def takes(self, flag: bytes, start: int, size: int) -> bool:
        """Whether the header with this flag is about the next entry; then it is read."""
        if flag not in (b"L", b"K") and not (self._pax and flag in (b"x", b"g")):
            return False
        if self.size is not None or (flag == b"x" and flag in self._seen):
            _refuse("two extended headers for one entry", start)
        if flag == b"L":
            found = Extended(path=_long_name(self._file, start, size))
        elif flag == b"K":
            found = Extended(target=_long_name(self._file, start, size))
        else:
            found = _extended(self._file, start, size, flag)
        if (self.name and found.path) or (self.target and found.target):
            _refuse("an entry with two long names", start)
        self.name, self.target, self.size = self.name or found.path, self.target or found.target, found.size
        if flag != b"g":
            self._seen.add(flag)
        return True


def _entry(head: bytes, flag: bytes, size: int, start: int, long: tuple[str, str]) -> TarEntry:
    name = long[0] or _name(head)
    if flag in _REFUSED:
        _refuse(f"{name} is {_REFUSED[flag]}, which no package needs", start)
    try:
        kind = TarKind(flag.replace(b"\0", b"0").decode("latin-1"))
    except ValueError:
        _refuse(f"{name} has the unknown type {flag!r}", start)
    if kind is not TarKind.FILE and size:
        _refuse(f"{name} has content, and is no file", start)
    target = (long[1] or _text(head[157:257])) if kind in (TarKind.LINK, TarKind.HARD_LINK) else ""
    return TarEntry(name, kind, _number(head[100:108], start) & 0o7777, size, target, start)


def _name(head: bytes) -> str:
    prefix = _text(head[345:500]) if head[257:263] == b"ustar\0" else ""
    return f"{prefix}/{_text(head[:100])}" if prefix else _text(head[:100])


def _text(field: bytes) -> str:
    return field.split(b"\0", 1)[0].decode("utf-8", "surrogateescape")


def _block(file: BinaryIO, at: int) -> bytes:
    file.seek(at)
    block = file.read(_BLOCK)
    if len(block) != _BLOCK:
        _refuse("it ends without its end mark", at)
    return block


def _check_sum(head: bytes, at: int) -> None:
    if _number(head[148:156], at) != sum(head[:148]) + 8 * 32 + sum(head[156:]):
        _refuse("a header's checksum is wrong", at)


def _number(field: bytes, at: int) -> int:
    """Octal, or base 256 where the first bit is set (GNU; sizes of 8 GiB and more)."""
    if field[0] == 0x80:
        return int.from_bytes(field[1:], "big")
    digits = field.strip(b" \0")
    if digits and not all(0x30 <= b < 0x38 for b in digits):
        _refuse(f"a number is not octal: {field!r}", at)
    return int(digits or b"0", 8)


def _long_name(file: BinaryIO, start: int, size: int) -> str:
    if not 0 < size <= _LONGEST_NAME:
        _refuse(f"a name of {size} bytes", start)
    file.seek(start)
    return _text(file.read(size))


def _extended(file: BinaryIO, start: int, size: int, flag: bytes) -> Extended:
    if not 0 < size <= _LONGEST_PAX:
        _refuse(f"an extended header of {size} bytes", start)
    file.seek(start)
    try:
        found = extended(file.read(size))
    except ValueError as fault:
        _refuse(str(fault), start)
    if flag == b"x":
        return found
    if found != EMPTY:
        _refuse("an extended header that names or sizes all entries", start)
    return EMPTY


def _check_end(file: BinaryIO, at: int, length: int) -> None:
    file.seek(at)
    while chunk := file.read(min(1 << 20, length - at)):
        if chunk.strip(b"\0"):
            _refuse("data behind the end", at)
        at += len(chunk)


def _refuse(what: str, at: int) -> NoReturn:
    raise IntegrityError(f"the archive inside the package is damaged or hostile: {what} (offset {at})")
