"""`read_tree`: what a folder on this machine holds, as entries with digests: read safely, without following a link.

Nothing but a regular file is opened, and never in a way that waits (a pipe would). Folders that are left out are not
entered, unless something in them is taken back in.
"""

import errno
import hashlib
import os
import stat
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from envbuild.context.ignorefile import NOTHING_IGNORED, Decided, Ignore
from envbuild.context.tree import ContextEntry, links_out
from envbuild.digest import CHUNK
from envbuild.errors import Fault, InvalidDefinition

__all__ = ["LIMITS", "MOST_BYTES", "MOST_FILES", "Limits", "read_tree"]

MOST_FILES = 500_000
MOST_BYTES = 10 << 30
_TOLD = 10
"""Faults of one folder that are told one by one."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How much one folder may hold: what is more is a data set, or the wrong folder."""

    files: int = MOST_FILES
    size: int = MOST_BYTES
    way_out: str = "or leave it out: name it in .dockerignore"
    """What else can be done with a file that cannot be taken."""


LIMITS = Limits()


def read_tree(
    top: str, at: str, ignore: Ignore = NOTHING_IGNORED, below: str = "", limits: Limits = LIMITS
) -> tuple[ContextEntry, ...]:
    """The entries of the folder `top`, or of the folder or file `below` in it, sorted by path.

    `ignore` is asked about paths from `top`; the entries' paths start at `below`. Sockets are passed over.
    InvalidDefinition names, at the field `at`, what cannot be read, is no file, leads out of the folder, is too much, or
    changed while it was read.
    """
    walk = _Walk(os.fsencode(top), at, ignore, limits)
    start = below.encode("utf-8", "surrogateescape")
    prefix = len(start) + 1 if start else 0
    status = walk.status(start)
    if start and not stat.S_ISDIR(status.st_mode):
        walk.take(start, status)
    else:
        walk.folder(start, walk.decided(below))
        walk.links_stay_inside(prefix)
    walk.judge()
    entries = [walk.hashed(entry) if entry.kind == "file" else entry for entry in walk.found]
    walk.judge()
    return tuple(sorted((replace(e, path=e.path[prefix:]) for e in entries), key=lambda e: e.path))


def _shown(path: bytes) -> str:
    """A path for people: what is no UTF-8, or steers a terminal, as an escape."""
    text = path.decode("utf-8", "backslashreplace")
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


@dataclass(slots=True)
class _Walk:
    top: bytes
    at: str
    ignore: Ignore
    limits: Limits
    found: list[ContextEntry] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    size: int = 0
    files: int = 0
    named: set[bytes] = field(default_factory=set)
    """Folders that are entries already."""
    parts: Counter[bytes] = field(default_factory=Counter)
    """Bytes by the first part of the path, for whoever has too many."""

    def fault(self, path: bytes, what: str, hint: str) -> Fault:
        return Fault(self.at, f"{_shown(path)}: {what}", f"{hint}, {self.limits.way_out}")

    def links_stay_inside(self, prefix: int) -> None:
        """A fault for each link that leaves what was asked for, whose paths have so many bytes before their own."""
        for link in links_out(replace(entry, path=entry.path[prefix:]) for entry in self.found):
            what = f"a link to {_shown(link.target)}, which lies outside the folder"
            self.faults.append(self.fault(link.path, what, "put what it means into the folder"))

    def status(self, path: bytes) -> os.stat_result:
        """Of what stands at a path. InvalidDefinition where nothing does."""
        try:
            return os.lstat(self._place(path))
        except FileNotFoundError as error:
            what = f"{_shown(path or self.top)}: no such file or folder"
            raise InvalidDefinition([Fault(self.at, what, "name one that is there")]) from error
        except OSError as error:
            raise InvalidDefinition([self.fault(path, *_why(error))]) from error

    def decided(self, below: str) -> Decided:
        """What the ignore file says of a folder, by way of those it is in."""
        decided: Decided = ()
        parts = below.split("/") if below else []
        for number in range(1, len(parts) + 1):
            _, decided = self.ignore.of("/".join(parts[:number]), decided)
        return decided

    def judge(self) -> None:
        """Ends the reading where something is wrong with it."""
        if self.size > self.limits.size:
            largest = ", ".join(f"{_shown(part)} {_gib(size)}" for part, size in self.parts.most_common(3))
            what = f"{_gib(self.size)} in {self.files} files; at most {_gib(self.limits.size)} are taken"
            self.faults.insert(
                0, Fault(self.at, f"{what}; the largest are {largest}", f"name less of it, {self.limits.way_out}")
            )
        if len(self.faults) > _TOLD:
            more = Fault(self.at, f"and {len(self.faults) - _TOLD} more of the kind", "")
            self.faults[_TOLD:] = [more]
        if self.faults:
            raise InvalidDefinition(self.faults)

    def folder(self, path: bytes, decided: Decided) -> None:
        """All below a folder, its ignored parts left out."""
        waiting = [(path, decided, False)]
        while waiting:
            at, above, ignored = waiting.pop()
            for entry in self._listed(at, ignored=ignored):
                name = b"%b/%b" % (at, entry.name) if at else entry.name
                text = name.decode("utf-8", "surrogateescape")
                left_out, own = self.ignore.of(text, above) if self.ignore.patterns else (False, ())
                is_folder = entry.is_dir(follow_symlinks=False)
                if not left_out:
                    self._take(path, name, entry, is_folder=is_folder)
                if is_folder and not (left_out and not self.ignore.may_return_below(text)):
                    waiting.append((name, own, left_out))

    def _listed(self, path: bytes, *, ignored: bool) -> Iterator[os.DirEntry[bytes]]:
        try:
            with os.scandir(self._place(path)) as entries:
                yield from entries
        except FileNotFoundError:
            # Gone since it was seen.
            return
        except OSError as error:
            if not (ignored and isinstance(error, PermissionError)):
                self.faults.append(self.fault(path, *_why(error)))

    def _take(self, start: bytes, path: bytes, entry: os.DirEntry[bytes], *, is_folder: bool) -> None:
        """One more entry, and the folders above it that are none yet: left out themselves, they hold something taken in."""
        above = path.rpartition(b"/")[0]
        while above and above != start and above not in self.named:
            self.named.add(above)
            self.found.append(ContextEntry(above, "folder"))
            above = above.rpartition(b"/")[0]
        if is_folder:
            self.named.add(path)
            self.found.append(ContextEntry(path, "folder"))
            return
        try:
            self.take(path, entry.stat(follow_symlinks=False))
        except FileNotFoundError:
            return
        except OSError as error:
            self.faults.append(self.fault(path, *_why(error)))

    def take(self, path: bytes, status: os.stat_result) -> None:
        """A file or a link; a fault where it is neither."""
        self.files += 1
        if self.files > self.limits.files:
            what = f"more than {self.limits.files} files"
            raise InvalidDefinition([Fault(self.at, what, "is this the right folder? Name less of it")])
        if stat.S_ISLNK(status.st_mode):
            target = os.readlink(self._place(path))  # noqa: PTH115  (a Path has no bytes)
            self.found.append(ContextEntry(path, "link", target=target))
        elif stat.S_ISREG(status.st_mode):
            self.size += status.st_size
            self.parts[path.partition(b"/")[0]] += status.st_size
            self.found.append(ContextEntry(path, "file", size=status.st_size))
        elif not stat.S_ISSOCK(status.st_mode):
            kind = "a named pipe" if stat.S_ISFIFO(status.st_mode) else "a device"
            self.faults.append(self.fault(path, f"{kind}, not a file", "remove it"))

    def hashed(self, entry: ContextEntry) -> ContextEntry:
        """The file's content and mode. Read twice where it changes meanwhile; a fault where it goes on changing."""
        try:
            found = _hashed(self._place(entry.path)) or _hashed(self._place(entry.path))
        except OSError as error:
            self.faults.append(self.fault(entry.path, *_why(error)))
            return entry
        if found is None:
            hint = "try again when nothing writes to it"
            self.faults.append(self.fault(entry.path, "changes while it is read", hint))
            return entry
        return replace(entry, sha256=found[0], size=found[1], executable=found[2])

    def _place(self, path: bytes) -> bytes:
        return os.path.join(self.top, path) if path else self.top  # noqa: PTH118  (bytes: a name is not always text)


def _hashed(path: bytes) -> tuple[str, int, bool] | None:
    """A file's sha256, its size and whether its owner may execute it; None where it changed meanwhile."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        before = os.fstat(descriptor)
        if not stat.S_ISREG(before.st_mode):
            return None
        hasher, read = hashlib.sha256(), 0
        while chunk := os.read(descriptor, min(CHUNK, before.st_size + 1)):
            hasher.update(chunk)
            read += len(chunk)
        after = os.fstat(descriptor)
    finally:
        os.close(descriptor)
    steady = read == before.st_size and _version(before) == _version(after)
    return (hasher.hexdigest(), read, bool(before.st_mode & stat.S_IXUSR)) if steady else None


def _version(status: os.stat_result) -> tuple[int, int, int]:
    return status.st_size, status.st_mtime_ns, status.st_ctime_ns


def _why(error: OSError) -> tuple[str, str]:
    if error.errno in (errno.EACCES, errno.EPERM):
        return "permission denied", "make it readable: chmod u+r (of a folder u+rx)"
    if error.errno in (errno.ENOENT, errno.ENOTDIR, errno.ELOOP):
        return "no longer there", "try again when nothing writes to the folder"
    return (error.strerror or str(error)).lower(), "make it readable"


def _gib(size: int) -> str:
    return f"{size / (1 << 30):.1f} GiB"
