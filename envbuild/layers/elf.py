"""Just enough of ELF (gABI, 64-bit, little endian) to say under which name programs look for a shared library."""

import struct
from dataclasses import dataclass
from typing import BinaryIO

__all__ = ["MACHINES", "SharedObject", "shared_object"]

MACHINES = {62: "amd64", 183: "arm64"}
"""e_machine and Debian's name of the architecture."""

_TYPE_SHARED = 3
_LOAD, _DYNAMIC = 1, 2
_STRING_TABLE, _SONAME = 5, 14
_MOST_SEGMENTS = 256
_LARGEST_DYNAMIC = 1 << 20
_LONGEST_NAME = 256


@dataclass(frozen=True, slots=True)
class SharedObject:
    """A shared library: the architecture in Debian's words, and its DT_SONAME, or nothing where it has none."""

    architecture: str
    soname: str


def shared_object(file: BinaryIO, start: int) -> SharedObject | None:
    """What the ELF file at `start` is, or None where it is no 64-bit shared library of a known machine."""
    file.seek(start)
    head = file.read(64)
    if len(head) < 64 or head[:6] != b"\x7fELF\x02\x01":
        return None
    kind, machine = struct.unpack_from("<HH", head, 16)
    if kind != _TYPE_SHARED or machine not in MACHINES:
        return None
    segments = _segments(file, start, head)
    dynamic = next((s for s in segments if s[0] == _DYNAMIC), None)
    if dynamic is None:
        return None
    return SharedObject(MACHINES[machine], _soname(file, start, segments, dynamic))


def _segments(file: BinaryIO, start: int, head: bytes) -> list[tuple[int, int, int, int]]:
    """Type, offset, address and size in the file of each program header."""
    offset, size, count = *struct.unpack_from("<Q", head, 32), *struct.unpack_from("<HH", head, 54)
    if size != 56 or count > _MOST_SEGMENTS:
        return []
    file.seek(start + offset)
    table = file.read(size * count)
    return [
        struct.unpack_from("<I4xQQ8xQ", table, row) for row in range(0, len(table) - size + 1, size)
    ]  # fmt: skip


def _soname(
    file: BinaryIO, start: int, segments: list[tuple[int, int, int, int]], dynamic: tuple[int, int, int, int]
) -> str:
    file.seek(start + dynamic[1])
    table = file.read(min(dynamic[3], _LARGEST_DYNAMIC))
    found: dict[int, int] = {}
    for tag, value in struct.iter_unpack("<qQ", table[: len(table) - len(table) % 16]):
        found.setdefault(tag, value)
    if _SONAME not in found or _STRING_TABLE not in found:
        return ""
    strings = found[_STRING_TABLE]
    for kind, offset, address, size in segments:
        if kind == _LOAD and address <= strings < address + size:
            file.seek(start + offset + strings - address + found[_SONAME])
            return file.read(_LONGEST_NAME).split(b"\0", 1)[0].decode("utf-8", "replace")
    return ""
