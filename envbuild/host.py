"""The host that we run on (Linux, macOS): the user, memory, its C library. The one module that asks the system."""

import grp
import os
import pwd
import re
import resource
import struct
import sys
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

__all__ = [
    "User",
    "filesystem_type",
    "free_bytes",
    "glibc_version",
    "group_id",
    "has_library",
    "in_group",
    "is_terminal",
    "machine",
    "peak_memory",
    "platform",
    "user",
]


_OCTAL = re.compile(rb"\\([0-7]{3})")
_MOUNT_FIELDS = 6


@dataclass(frozen=True, slots=True)
class User:
    """Who we are. `name` is the number where no account is known; `home` is empty then."""

    name: str
    uid: int
    gid: int
    home: str


def user() -> User:
    """The effective user; never an error, in containers with unknown uids neither."""
    uid, gid = os.geteuid(), os.getegid()
    try:
        entry = pwd.getpwuid(uid)
    except (KeyError, OSError):
        return User(str(uid), uid, gid, "")
    return User(entry.pw_name, uid, gid, entry.pw_dir)


def group_id(name: str) -> int | None:
    """The number of a group by its name, or a number itself; None where no such name is known."""
    if name.isascii() and name.isdigit():
        return int(name)
    try:
        return grp.getgrnam(name).gr_gid
    except (KeyError, OSError, ValueError):
        return None


def in_group(group: int) -> bool:
    """Whether we have a group's rights; root has everybody's."""
    return os.geteuid() == 0 or group == os.getegid() or group in os.getgroups()


def is_terminal(descriptor: int) -> bool:
    """Whether a file descriptor is a terminal; a closed one is not."""
    try:
        return os.isatty(descriptor)
    except OSError:
        return False


def free_bytes(path: Path) -> int:
    """Bytes that we may still write where `path` is or would be."""
    while not path.exists() and path != path.parent:
        path = path.parent
    found = os.statvfs(path)
    return found.f_bavail * found.f_frsize


def filesystem_type(path: Path, mounts: Path = Path("/proc/self/mountinfo")) -> str:
    """The type of the file system where `path` is or would be (`ext4`, `nfs4`, `fuse.sshfs`); empty where nobody tells.

    `mounts` is the kernel's table (proc(5), /proc/PID/mountinfo): of two mounts on one place the later one is on top.
    """
    while not path.exists() and path != path.parent:
        path = path.parent
    try:
        place = os.fsencode(path.resolve())
        table = mounts.read_bytes()
    except (OSError, RuntimeError):
        return ""
    longest, found = -1, b""
    for line in table.splitlines():
        head, divided, tail = line.partition(b" - ")
        fields = head.split(b" ")
        if not divided or len(fields) < _MOUNT_FIELDS:
            continue
        point = _OCTAL.sub(lambda m: bytes([int(m[1], 8) & 0xFF]), fields[4])
        if len(point) >= longest and (place + b"/").startswith(point.rstrip(b"/") + b"/"):
            longest, found = len(point), tail.split(b" ")[0]
    return found.decode(errors="replace")


def peak_memory() -> int:
    """The most memory this process ever held, in bytes."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def platform() -> str:
    """The host as Python names it: `linux`, `darwin`."""
    return sys.platform


def machine() -> str:
    """The processor as the kernel names it: `x86_64`, `aarch64`; macOS's arm64 is called aarch64 too."""
    name = os.uname().machine
    return "aarch64" if name == "arm64" else name


def glibc_version() -> str:
    """The host's glibc (`2.36`); empty where it has another C library."""
    try:
        text = os.confstr("CS_GNU_LIBC_VERSION")
    except (ValueError, OSError):
        return ""
    return text.partition(" ")[2] if text and text.startswith("glibc ") else ""


_CACHE_MAGIC = b"glibc-ld.so.cache1.1"
_CACHE_HEADER, _CACHE_ENTRY = struct.Struct("<20sII20x"), struct.Struct("<iIIIQ")
_CACHE_KIND = {"x86_64": 0x0303, "aarch64": 0x0A03}
"""Of 64-bit libraries for glibc (FLAG_ELF_LIBC6 and the architecture; sysdeps/generic/ldconfig.h)."""


def has_library(soname: str, folders: Iterable[str] = (), cache: Path = Path("/etc/ld.so.cache")) -> bool:
    """Whether the host's loader finds a shared library by this name (`libgomp.so.1`), without loading it.

    `folders` are looked in first: those of LD_LIBRARY_PATH.
    """
    standard = [f"{root}{lib}" for root in ("/", "/usr/") for lib in ("lib64", "lib", f"lib/{machine()}-linux-gnu")]
    return soname in _cached_libraries(cache) or any(Path(folder, soname).exists() for folder in (*folders, *standard))


def _cached_libraries(cache: Path) -> frozenset[str]:
    """The names in ldconfig's cache for this processor (glibc, elf/cache.c: its new format, alone or after the old one)."""
    with suppress(OSError, struct.error, ValueError):
        data = cache.read_bytes()
        data = data[data.index(_CACHE_MAGIC) :]
        _, count, _ = _CACHE_HEADER.unpack_from(data)
        entries = data[_CACHE_HEADER.size : _CACHE_HEADER.size + count * _CACHE_ENTRY.size]
        kind = _CACHE_KIND.get(machine())
        return frozenset(
            data[key : data.index(b"\0", key)].decode(errors="replace")
            for flags, key, *_ in _CACHE_ENTRY.iter_unpack(entries)
            if flags == kind
        )
    return frozenset()
