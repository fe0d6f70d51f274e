"""The central directory of a zip archive (APPNOTE 6.3.9, sections 4.3.12 to 4.3.16), read strictly.

What two readers could understand differently is refused: several end records, a directory that is not where it should
be, entries that share a name, sizes that are not said plainly.
"""

import re
import stat
import struct
from collections.abc import Callable
from typing import NamedTuple

from envbuild.errors import BuildFailed, EnvbuildError, IntegrityError

__all__ = ["DEFLATED", "DESCRIPTOR", "STORED", "ReadAt", "ZipEntry", "entries_of", "refusal", "zip64_values"]

STORED, DEFLATED = 0, 8
DESCRIPTOR = 0x0008
"""The flag that says: sizes follow the body."""

ReadAt = Callable[[int, int], bytes]
"""Bytes of the archive by offset and length, all of them or IntegrityError."""

_CENTRAL = struct.Struct("<4s6H3L5H2L")
_END = struct.Struct("<4s4H2LH")
_LOCATOR = struct.Struct("<4sLQL")
_END64 = struct.Struct("<4sQ2H2L4Q")
_CENTRAL_SIGNATURE, _END_SIGNATURE = b"PK\1\2", b"PK\5\6"
_LONGEST_COMMENT = 0xFFFF
_U16, _U32 = 0xFFFF, 0xFFFFFFFF
_UNREADABLE_FLAGS = {0x0001: "is encrypted", 0x0020: "is a patch", 0x0040: "is encrypted", 0x2000: "is masked"}
_METHODS = {9: "deflate64", 12: "bzip2", 14: "LZMA", 93: "zstd", 95: "xz", 98: "PPMd"}
_BAD_NAME = re.compile(r"[A-Za-z]:|.*[\\\x00-\x1f\x7f]|(?:.*/)?\.{0,2}(?:/|$)", re.DOTALL)
"""A drive, a backslash or control character; a part that is empty, `.` or `..` (an absolute name's first is empty)."""
_LONGEST_NAME, _LONGEST_PART = 3000, 255
_MOST_ENTRIES = 1 << 19
_LARGEST_RATIO, _ALWAYS_ALLOWED = 200, 4 << 30


class ZipEntry(NamedTuple):
    """One entry: what the central directory says of it."""

    name: str
    method: int
    flags: int
    crc32: int
    packed: int
    """Bytes of the body as it stands in the archive."""
    size: int
    """Bytes of the content."""
    mode: int
    """The Unix mode, with the kind of file; 0 where the archive names none."""
    start: int
    end: int
    """Where the entry begins (its local header), and where the next thing does."""

    @property
    def is_directory(self) -> bool:
        """Whether the name says so, as zip marks directories."""
        return self.name.endswith("/")


def refusal(name: str, why: str) -> IntegrityError:
    """The error for an entry that cannot be trusted."""
    return IntegrityError(
        f"{name!r} in the archive {why}",
        hint="the file is damaged or was made to mislead: use another release, or report it to its publisher",
    )


def entries_of(read: ReadAt, length: int) -> list[ZipEntry]:
    """The entries in the order of the central directory. IntegrityError or BuildFailed for what is not read here."""
    count, size, offset = _directory(read, length)
    if count > _MOST_ENTRIES:
        raise BuildFailed(f"the archive has {count} entries; {_MOST_ENTRIES} are served")
    data = read(offset, size)
    found: list[ZipEntry] = []
    at = 0
    while at < size:
        entry, at = _entry(data, at)
        found.append(entry)
    if len(found) != count:
        raise _archive(f"holds {len(found)} entries and announces {count}")
    if len({entry.name.rstrip("/") for entry in found}) != count:
        raise refusal(_twice(found), "is there twice")
    _check_total(found, length)
    return _with_extents(found, offset)


def zip64_values(extra: bytes, wanted: int, name: str) -> tuple[int, ...]:
    """The first `wanted` 64-bit values of the zip64 extra field (APPNOTE 4.5.3), which must be there."""
    at = 0
    while at + 4 <= len(extra):
        kind, size = struct.unpack_from("<HH", extra, at)
        if kind == 1:
            if size < 8 * wanted or at + 4 + size > len(extra):
                break
            return struct.unpack_from(f"<{wanted}Q", extra, at + 4)
        at += 4 + size
    raise refusal(name, "does not say its sizes")


def _archive(what: str) -> IntegrityError:
    return IntegrityError(
        f"the archive {what}",
        hint="the file is damaged or was made to mislead: fetch it again, or use another release",
    )


def _directory(read: ReadAt, length: int) -> tuple[int, int, int]:
    """Number of entries, size and offset of the central directory."""
    if length < _END.size:
        raise _archive("is too short to be one")
    tail_at = max(0, length - _END.size - _LONGEST_COMMENT)
    tail = read(tail_at, length - tail_at)
    end = _end_record(tail)
    _, disk, start_disk, here, count, size, offset, comment = _END.unpack_from(tail, end)
    if any(mark in tail[end + _END.size :] for mark in (b"PK\3\4", _CENTRAL_SIGNATURE, _END_SIGNATURE)):
        raise _archive(f"has another one in its comment of {comment} bytes")
    end += tail_at
    locator = read(end - _LOCATOR.size, _LOCATOR.size) if end >= _LOCATOR.size else b""
    if locator.startswith(b"PK\6\7"):
        values = (disk, start_disk, here, count, size, offset)
        count, size, offset, end = _zip64_end(read, locator, end - _LOCATOR.size, values)
    elif disk or start_disk or here != count:
        raise _archive("is one part of several")
    if offset + size != end:
        raise _archive("has bytes that belong to no entry, before it or behind its directory")
    return count, size, offset


def _end_record(tail: bytes) -> int:
    """Where the end record is: the only place from which a record and its comment reach the end of the file."""
    places = []
    at = tail.find(_END_SIGNATURE)
    while at >= 0:
        if at + _END.size <= len(tail) and at + _END.size + _END.unpack_from(tail, at)[7] == len(tail):
            places.append(at)
        at = tail.find(_END_SIGNATURE, at + 1)
    if not places:
        raise _archive("has no end record, or bytes behind it")
    if len(places) > 1:
        raise _archive("has several end records")
    return places[0]


def _zip64_end(read: ReadAt, locator: bytes, at: int, short: tuple[int, ...]) -> tuple[int, int, int, int]:
    """Count, size and offset as the zip64 end record says, and where that record begins."""
    _, disk, start, disks = _LOCATOR.unpack(locator)
    if disk or disks != 1 or start + _END64.size != at:
        raise _archive("has a zip64 end record that is not where it should be, or is extended")
    signature, size_of_record, _, _, *long = _END64.unpack(read(start, _END64.size))
    if signature != b"PK\6\6" or size_of_record != _END64.size - 12:
        raise _archive("has a damaged zip64 end record")
    for here, there, full in zip(short, long, (_U16, _U16, _U16, _U16, _U32, _U32), strict=True):
        if here not in (full, there):
            raise _archive("has two end records that disagree")
    if long[0] or long[1] or long[2] != long[3]:
        raise _archive("is one part of several")
    return long[3], long[4], long[5], start


def _entry(data: bytes, at: int) -> tuple[ZipEntry, int]:
    if at + _CENTRAL.size > len(data) or not data.startswith(_CENTRAL_SIGNATURE, at):
        raise _archive("has a damaged central directory")
    (_, _, _, flags, method, _, _, crc, packed, size, name_length, extra_length, comment_length, disk, _, attributes,
     start) = _CENTRAL.unpack_from(data, at)  # fmt: skip
    at += _CENTRAL.size
    after = at + name_length + extra_length + comment_length
    if after > len(data):
        raise _archive("has a damaged central directory")
    try:
        name = data[at : at + name_length].decode()
    except UnicodeDecodeError:
        raise _archive(f"has a name that is not UTF-8: {data[at : at + name_length]!r}") from None
    _check_name(name)
    if _U32 in (size, packed, start):
        extra = data[at + name_length : at + name_length + extra_length]
        size, packed, start = _long(extra, (size, packed, start), name)
    if method not in (STORED, DEFLATED) or flags & 0x2061 or disk:
        raise _unreadable(name, method, flags)
    if method == STORED and size != packed:
        raise refusal(name, "is stored and has two sizes")
    kind = stat.S_IFMT(attributes >> 16)
    if kind not in (0, stat.S_IFREG) and not (kind == stat.S_IFDIR and name.endswith("/")):
        raise refusal(name, "is a link" if kind == stat.S_IFLNK else "is neither a file nor a directory")
    return ZipEntry(name, method, flags, crc, packed, size, attributes >> 16, start, 0), after


def _check_name(name: str) -> None:
    path = name.removesuffix("/")
    if _BAD_NAME.match(path):
        raise refusal(name, "has a name that leads out of its place, or is spelled in a way that readers differ on")
    if len(name) > _LONGEST_PART // 4:
        parts = path.encode().split(b"/")
        if len(name) > _LONGEST_NAME or max(map(len, parts)) > _LONGEST_PART:
            raise refusal(name, "has a name too long for a file")


def _long(extra: bytes, short: tuple[int, int, int], name: str) -> tuple[int, int, int]:
    values = iter(zip64_values(extra, short.count(_U32), name))
    size, packed, start = (next(values) if value == _U32 else value for value in short)
    return size, packed, start


def _unreadable(name: str, method: int, flags: int) -> EnvbuildError:
    for flag, what in _UNREADABLE_FLAGS.items():
        if flags & flag:
            return refusal(name, what)
    if method in (STORED, DEFLATED):
        return refusal(name, "is in another part of the archive")
    return BuildFailed(
        f"{name!r} in the archive is compressed with {_METHODS.get(method, f'method {method}')}",
        hint="wheels are stored or deflated (PyPA, binary distribution format): use another release",
    )


def _twice(entries: list[ZipEntry]) -> str:
    seen: set[str] = set()
    for entry in entries:
        name = entry.name.rstrip("/")
        if name in seen:
            return name
        seen.add(name)
    return ""


def _check_total(entries: list[ZipEntry], length: int) -> None:
    total = sum(entry.size for entry in entries)
    if total > max(_ALWAYS_ALLOWED, _LARGEST_RATIO * length):
        raise _archive(f"would unpack to {total} bytes, {total // length} times its own size")


def _with_extents(entries: list[ZipEntry], end: int) -> list[ZipEntry]:
    """Each entry with the place of the next: together they cover the archive from its first byte to its directory."""
    starts = sorted(entry.start for entry in entries)
    if starts and starts[0] != 0:
        raise _archive("has bytes before its first entry")
    if not starts and end:
        raise _archive("has bytes that belong to no entry")
    following = dict(zip(starts, [*starts[1:], end], strict=True))
    if len(following) != len(starts) or (starts and starts[-1] >= end):
        raise _archive("has entries that overlap")
    return [entry._replace(end=following[entry.start]) for entry in entries]
