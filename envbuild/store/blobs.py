"""`Blobs`: content by digest, as plain files: `ab/ab12...`.

What is promised: a blob under its name was whole when it got it (power cuts included), and one that was changed through
the file system since (cut, grown, overwritten) is found out by `open` before its first byte is given. Hashing gigabytes
anew each time would cost more than all the rest, so a stamp (inode, size, times) remembers that a file was checked; it
says nothing about a disk that decays beneath an unchanged inode. `verify` never looks at stamps and finds that too.
A damaged blob is taken away, so that the next fetch or build heals it.
"""

import hashlib
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO, Protocol

from envbuild.digest import Digest
from envbuild.errors import IntegrityError
from envbuild.filemodes import blob_mode
from envbuild.store.durable import new_file, publish, writing
from envbuild.store.leases import Lease

__all__ = ["Blobs", "Stamps"]

_BUFFER = 1 << 20
_CHEAP = 1 << 20
"""Up to this size hashing costs less than looking a stamp up."""


class Stamps(Protocol):
    """Remembers bytes by key; may forget at any time (store.memo)."""

    def get(self, key: str) -> bytes | None:
        """What was put, or None."""

    def put(self, key: str, value: bytes) -> None:
        """Remember."""


class Blobs:
    """Implements ports.BlobStore in a folder; for any number of processes and threads."""

    def __init__(self, root: Path, stamps: Callable[[], Stamps] | None = None, lease: Lease | None = None) -> None:
        """`stamps` is called when a large blob is opened for the first time; what is used is held by `lease`."""
        self._root, self._lease = root, lease
        self._make_stamps: Callable[[], Stamps] = stamps or _Forgetful
        self._stamps: Stamps | None = None
        self._seen: dict[str, bytes] = {}

    def has(self, digest: Digest) -> bool:
        """Whether a blob of this name is here: one stat."""
        self._hold(digest)
        return self._path(digest).exists()

    def path(self, digest: Digest) -> Path:
        """The blob's file, not checked. KeyError where it is not here."""
        if not self.has(digest):
            raise KeyError(str(digest))
        return self._path(digest)

    def size(self, digest: Digest) -> int:
        """The blob's size in bytes. KeyError where it is not here."""
        self._hold(digest)
        try:
            return self._path(digest).stat().st_size
        except FileNotFoundError:
            raise KeyError(str(digest)) from None

    @contextmanager
    def create(self) -> Iterator["_Writer"]:
        """A writer for one blob; left without commit, nothing of it remains. EnvironmentFault where the disk is full."""
        with writing(self._root):
            descriptor, temporary = new_file(self._root / ".new")
        writer = _Writer(descriptor, temporary, self._place, self._remember)
        try:
            yield writer
        finally:
            writer.discard()

    def open(self, digest: Digest) -> BinaryIO:
        """The blob, checked before the first byte is given. KeyError: not here; IntegrityError: damaged, and removed."""
        self._hold(digest)
        try:
            stream = self._path(digest).open("rb")
        except FileNotFoundError:
            raise KeyError(str(digest)) from None
        try:
            if not self._remembered(digest, stream):
                self._check(digest, stream)
                self._remember(digest, stream.fileno())
        except BaseException:
            stream.close()
            raise
        return stream

    def verify(self, digest: Digest) -> None:
        """Read all of a blob. KeyError: not here; IntegrityError: damaged, and removed."""
        try:
            with self._path(digest).open("rb") as stream:
                self._check(digest, stream)
        except FileNotFoundError:
            raise KeyError(str(digest)) from None

    def delete(self, digest: Digest) -> None:
        """Take a blob away, if it is here."""
        with writing(self._root):
            self._path(digest).unlink(missing_ok=True)

    def __iter__(self) -> Iterator[Digest]:
        """All blobs, by digest."""
        for folder in sorted(self._root.glob("[0-9a-f][0-9a-f]")):
            for path in sorted(folder.iterdir()):
                with suppress(ValueError):
                    yield Digest(path.name)

    def _hold(self, digest: Digest) -> None:
        if self._lease is not None:
            self._lease.hold(digest.hex)

    def _place(self, digest: Digest) -> Path:
        """Where a new blob goes, which is held before it is seen there."""
        self._hold(digest)
        return self._path(digest)

    def _path(self, digest: Digest) -> Path:
        return self._root / digest.hex[:2] / digest.hex

    def _check(self, digest: Digest, stream: BinaryIO) -> None:
        found = Digest.of_stream(stream)
        if found != digest:
            self._remove(digest, os.fstat(stream.fileno()))
            raise IntegrityError(
                f"a blob is damaged: its bytes are {found}",
                at=str(self._path(digest)),
                hint="it was removed; run this again",
            )
        stream.seek(0)

    def _remove(self, digest: Digest, damaged: os.stat_result) -> None:
        """Only the file that was read: somebody may have put a good one in its place."""
        path = self._path(digest)
        with suppress(OSError):
            if os.path.samestat(path.stat(), damaged):
                path.unlink()

    def _remembered(self, digest: Digest, stream: BinaryIO) -> bool:
        found = os.fstat(stream.fileno())
        stamp = _stamp(found)
        if self._seen.get(digest.hex) == stamp:
            return True
        return found.st_size > _CHEAP and self._memo().get(f"checked/{digest.hex}") == stamp

    def _remember(self, digest: Digest, descriptor: int) -> None:
        found = os.fstat(descriptor)
        self._seen[digest.hex] = stamp = _stamp(found)
        if found.st_size > _CHEAP:
            self._memo().put(f"checked/{digest.hex}", stamp)

    def _memo(self) -> Stamps:
        if self._stamps is None:
            self._stamps = self._make_stamps()
        return self._stamps


def _stamp(found: os.stat_result) -> bytes:
    """Changes with every write through the file system (within the grain of its clock): ctime cannot be set back."""
    return f"{found.st_dev}:{found.st_ino}:{found.st_size}:{found.st_mtime_ns}:{found.st_ctime_ns}".encode()


class _Forgetful:
    """No stamps but those of this process."""

    def get(self, key: str) -> bytes | None:
        return None

    def put(self, key: str, value: bytes) -> None:
        """Forget."""


class _Writer:
    """Implements ports.BlobWriter: hashes while it writes; the file has no name that anybody looks for until commit."""

    def __init__(
        self,
        descriptor: int,
        temporary: Path,
        place: Callable[[Digest], Path],
        done: Callable[[Digest, int], None],
    ) -> None:
        self._temporary, self._place, self._done = temporary, place, done
        self._stream = open(descriptor, "wb", buffering=_BUFFER)  # noqa: SIM115 (a descriptor; closed by discard)
        self._hash = hashlib.sha256()
        self._size = 0
        self._open = True
        self._lock = threading.Lock()

    def write(self, data: bytes | memoryview, /) -> int:
        """More bytes. EnvironmentFault where the disk is full."""
        self._hash.update(data)
        self._size += len(data)
        with writing(self._temporary.parent, self._size):
            return self._stream.write(data)

    def commit(self, expected: Digest | None = None) -> Digest:
        """Durable and visible under its digest. IntegrityError, and nothing kept, where it is not the expected one."""
        digest = Digest(self._hash.hexdigest())
        if expected is not None and digest != expected:
            self.discard()
            raise IntegrityError(f"these bytes are {digest}, not {expected}", hint="they were not kept")
        final = self._place(digest)
        with writing(final, self._size):
            self._stream.flush()
            descriptor = self._stream.fileno()
            os.fchmod(descriptor, blob_mode(self._temporary.parent))
            os.fsync(descriptor)
            publish(self._temporary, final)
            self._open = False
        self._done(digest, descriptor)
        self._stream.close()
        return digest

    def discard(self) -> None:
        """Leave nothing; after commit it does nothing."""
        if self._open:
            self._open = False
            with suppress(OSError):
                self._temporary.unlink()
        # What a full disk did not take is still in the buffer, and closing would try once more.
        with suppress(OSError):
            self._stream.close()
