"""What packages need from shared objects: which libraries they name, the glibc they ask for, where they look.

A build tool sets a program's library path with patchelf. It is not on every machine, and a path that is there can be
overwritten by a shorter one where it stands: the strings of an ELF file end with NUL (System V ABI, chapter 5).
"""

import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass

_NEEDED, _STRTAB, _RPATH, _RUNPATH = 1, 5, 15, 29
_LOAD, _DYNAMIC = 1, 2
_GLIBC = re.compile(rb"GLIBC_2\.(\d+)\0")


@dataclass(frozen=True, slots=True)
class _Dynamic:
    """The dynamic section of a 64-bit little-endian file: entries as (offset in the file, tag, value)."""

    entries: tuple[tuple[int, int, int], ...]
    strings: int

    @classmethod
    def of(cls, content: bytes) -> "_Dynamic | None":
        if content[:6] != b"\x7fELF\x02\x01":
            return None
        headers = list(_program_headers(content))
        start = next((offset for kind, offset, _, _ in headers if kind == _DYNAMIC), None)
        if start is None:
            return None
        entries = []
        while True:
            tag, value = struct.unpack_from("<qQ", content, start)
            if tag == 0:
                break
            entries.append((start, tag, value))
            start += 16
        address = next(value for _, tag, value in entries if tag == _STRTAB)
        loads = [h for h in headers if h[0] == _LOAD and h[2] <= address < h[2] + h[3]]
        return cls(tuple(entries), address - loads[0][2] + loads[0][1])


def _program_headers(content: bytes) -> Iterator[tuple[int, int, int, int]]:
    """(kind, offset, address, size in the file) of each."""
    table = struct.unpack_from("<Q", content, 32)[0]
    size, count = struct.unpack_from("<HH", content, 54)
    for at in range(table, table + size * count, size):
        kind, _, offset, address, _, filled = struct.unpack_from("<IIQQQQ", content, at)
        yield kind, offset, address, filled


def _string(content: bytes, at: int) -> bytes:
    return content[at : content.index(b"\0", at)]


def is_elf(content: bytes) -> bool:
    """Whether it is a program, a library or an extension module."""
    return content.startswith(b"\x7fELF")


def needed(content: bytes) -> tuple[str, ...]:
    """The names of the libraries that the loader must find for it."""
    found = _Dynamic.of(content)
    if found is None:
        return ()
    return tuple(_string(content, found.strings + value).decode() for _, tag, value in found.entries if tag == _NEEDED)


def glibc(content: bytes) -> int:
    """The minor version of glibc 2 that it needs; 0 where it names none."""
    return max((int(minor) for minor in _GLIBC.findall(content)), default=0) if is_elf(content) else 0


def with_library_path(content: bytes, path: str) -> bytes | None:
    """The file with its library path replaced, as an RPATH, which libraries that it loads inherit (ld.so(8)).

    None: it has no library path, or one that is too short to hold the new one.
    """
    found = _Dynamic.of(content)
    entry = next((e for e in found.entries if e[1] in (_RPATH, _RUNPATH)), None) if found else None
    if found is None or entry is None:
        return None
    at = found.strings + entry[2]
    old, new = _string(content, at), path.encode()
    if len(new) > len(old):
        return None
    changed = bytearray(content)
    changed[at : at + len(old)] = new.ljust(len(old), b"\0")
    struct.pack_into("<q", changed, entry[0], _RPATH)
    return bytes(changed)
