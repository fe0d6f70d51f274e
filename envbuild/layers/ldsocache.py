"""/etc/ld.so.cache as ldconfig writes it (glibc's elf/cache.c, the format `glibc-ld.so.cache1.1`), from what packages hold.

Without it the linker finds libraries only in its built-in directories, and ctypes.util.find_library finds none.
Libraries for single processor types (glibc-hwcaps) are left to the linker's own search.
"""

import re
import struct
from collections.abc import Iterable, Mapping, Sequence
from fnmatch import fnmatchcase

from envbuild.layers.debtree import merged
from envbuild.platforms import Platform

__all__ = ["LibraryName", "ld_so_cache", "library_directories"]

LibraryName = tuple[str, str]
"""The name that programs ask for, and the absolute path of what they get."""

_MAGIC = b"glibc-ld.so.cache1.1"
_LITTLE_ENDIAN = 2
_FLAGS = {"amd64": 0x0303, "arm64": 0x0A03}
"""FLAG_ELF_LIBC6 and the flag of the 64-bit ABI (glibc's sysdeps/generic/ldconfig.h)."""

_HEADER = struct.Struct("<20sIIB3xI12x")
_ENTRY = struct.Struct("<iIIIQ")


def ld_so_cache(names: Iterable[LibraryName], platform: Platform) -> bytes:
    """The cache's bytes. Of equal names, those of earlier directories come first, as the linker takes the first."""
    entries = sorted(names, key=lambda entry: _key(entry[0]), reverse=True)
    start = _HEADER.size + _ENTRY.size * len(entries)
    strings = bytearray()
    places: dict[str, int] = {}
    for text in (text for entry in entries for text in entry):
        if text not in places:
            places[text] = start + len(strings)
            strings += text.encode() + b"\0"
    flags = _FLAGS[platform.architecture]
    table = b"".join(_ENTRY.pack(flags, places[name], places[path], 0, 0) for name, path in entries)
    return _HEADER.pack(_MAGIC, len(entries), len(strings), _LITTLE_ENDIAN, 0) + table + bytes(strings)


def _key(name: str) -> list[tuple[int, int]]:
    """As the linker's binary search compares (_dl_cache_libcmp): numbers by value, and after every other character."""
    return [(1, int(part)) if part.isdigit() else (0, ord(part)) for part in re.findall(r"[0-9]+|[^0-9]", name)]


def library_directories(files: Mapping[str, bytes], platform: Platform) -> list[str]:
    """The directories ldconfig would read, in order: those of ld.so.conf, then the built-in ones.

    `files` are the contents of etc/ld.so.conf and etc/ld.so.conf.d/* by path. A directory that two names lead to is
    listed once, under the first.
    """
    built_in = [f"{prefix}/{platform.multiarch}" for prefix in ("/lib", "/usr/lib")] + ["/lib", "/usr/lib"]
    found: dict[str, str] = {}
    for directory in [*_configured(files, "etc/ld.so.conf", set()), *built_in]:
        found.setdefault(merged(directory[1:]), directory)
    return list(found.values())


def _configured(files: Mapping[str, bytes], path: str, seen: set[str]) -> Sequence[str]:
    if path in seen:
        return []
    seen.add(path)
    directories: list[str] = []
    for raw in files.get(path, b"").decode("utf-8", "replace").splitlines():
        line = raw.partition("#")[0].strip()
        if line.startswith("include "):
            pattern = line.split(None, 1)[1]
            pattern = pattern[1:] if pattern.startswith("/") else f"etc/{pattern}"
            for name in sorted(name for name in files if fnmatchcase(name, pattern)):
                directories += _configured(files, name, seen)
        elif line.startswith("/"):
            directories.append(line.partition("=")[0].strip().rstrip("/"))
    return directories
