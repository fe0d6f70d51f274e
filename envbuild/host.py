"""The host that we run on (Linux, macOS): locks, the user, memory, its C library. The one module that asks the system."""

import errno
import fcntl
import json
import os
import pwd
import resource
import struct
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from envbuild.errors import Busy, EnvironmentFault

__all__ = [
    "User",
    "free_bytes",
    "glibc_version",
    "has_library",
    "is_terminal",
    "locked",
    "machine",
    "peak_memory",
    "platform",
    "user",
]

_NO_LOCKS = frozenset({errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP, errno.EBADF, errno.EIO, errno.ESTALE, 524})
"""What file systems without locks answer (524 is the kernel's own ENOTSUPP, which some network ones let out)."""
_LONGEST_NAP = 0.1


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


@contextmanager
def locked(path: Path, *, timeout: float = 300.0, what: str = "") -> Iterator[None]:
    """Hold the lock that this file is, against other processes and threads; a holder that died holds nothing.

    After `timeout` seconds Busy says who has it (process, host, since). `what` names the thing for people. The file
    stays: removing it would let two hold what both call the lock.
    """
    descriptor = _open_lock(path)
    try:
        deadline, nap = time.monotonic() + timeout, 0.002
        while not _try_lock(descriptor, path):
            left = deadline - time.monotonic()
            if left <= 0:
                raise _busy(path, what, timeout)
            time.sleep(min(nap, left))
            nap = min(nap * 1.5, _LONGEST_NAP)
        _sign(descriptor)
        try:
            yield
        finally:
            with suppress(OSError):
                os.ftruncate(descriptor, 0)
            _unlock(descriptor)
    finally:
        os.close(descriptor)


def _open_lock(path: Path) -> int:
    """For writing, since NFS makes flock a range lock; never through a link that somebody else laid."""
    flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0)
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        return os.open(path, flags, 0o600)
    except OSError as error:
        raise EnvironmentFault(
            f"cannot be written: {error.strerror}", at=str(path), hint="ENVBUILD_HOME=FOLDER moves the store"
        ) from error


def _try_lock(descriptor: int, path: Path) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno in _NO_LOCKS:
            raise EnvironmentFault(
                f"this file system has no locks: {error.strerror}",
                at=str(path),
                hint="ENVBUILD_HOME=FOLDER on a local disk",
            ) from error
        if error.errno in (errno.EAGAIN, errno.EACCES, errno.EDEADLK, errno.EINTR):
            return False
        raise EnvironmentFault(f"cannot be locked: {error.strerror}", at=str(path)) from error
    return True


def _unlock(descriptor: int) -> None:
    """At once, also where a child holds a copy of the descriptor."""
    with suppress(OSError):
        fcntl.flock(descriptor, fcntl.LOCK_UN)


def _sign(descriptor: int) -> None:
    """Write who holds it. For people only: a full disk is no reason not to hold a lock."""
    holder = {
        "pid": os.getpid(),
        "host": os.uname().nodename,
        "since": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
    }
    with suppress(OSError):
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, json.dumps(holder).encode() + b"\n", 0)


def _busy(path: Path, what: str, timeout: float) -> Busy:
    try:
        holder = json.loads(path.read_bytes()[:4096])
        who = f"process {holder['pid']} on {holder['host']} since {holder['since']}"
    except (OSError, ValueError, KeyError, TypeError):
        who = "another process"
    return Busy(
        f"{what or path.name} is in use by {who}; waited {timeout:g} s",
        at=str(path),
        hint="wait for it, or end that process",
    )


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
