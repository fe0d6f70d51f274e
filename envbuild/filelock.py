"""Locks between processes and threads, as files: flock, with a holder that is named and a wait that ends."""

import errno
import fcntl
import json
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from envbuild.errors import Busy, EnvironmentFault
from envbuild.filemodes import file_mode, new_folder

__all__ = ["FileLock", "lock_descriptor", "locked"]

_NO_LOCKS = frozenset({errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP, errno.EBADF, errno.EIO, errno.ESTALE, 524})
"""What file systems without locks answer (524 is the kernel's own ENOTSUPP, which some network ones let out)."""
_TAKEN = frozenset({errno.EAGAIN, errno.EACCES, errno.EDEADLK, errno.EINTR})
_LONGEST_NAP = 0.1
_PATIENCE = 0.5
"""Seconds of waiting after which people are told."""


class FileLock:
    """A lock file that is open. EnvironmentFault where it cannot be opened, or where the file system has no locks.

    Opened for writing, since NFS makes flock a range lock; never through a link that somebody else laid.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._descriptor = self._open()

    def take_at_once(self) -> bool:
        """Hold it alone, if nobody else holds it now."""
        return self._flock(fcntl.LOCK_EX | fcntl.LOCK_NB)

    def share(self, timeout: float) -> None:
        """Hold it beside others who share it, as soon as nobody holds it alone. Busy after `timeout` seconds.

        A file that was taken away and made anew in the meantime is opened anew.
        """
        _wait(self, self.share_at_once, timeout, "the store", None)

    def share_at_once(self) -> bool:
        """Hold it beside others, if nobody holds it alone now."""
        return self._flock(fcntl.LOCK_SH | fcntl.LOCK_NB)

    def release(self) -> None:
        """Let go at once, also where a child holds a copy of the descriptor."""
        with suppress(OSError):
            fcntl.flock(self._descriptor, fcntl.LOCK_UN)

    def append(self, data: bytes) -> None:
        """Write at the file's end. OSError where the disk does not take all of it."""
        os.lseek(self._descriptor, 0, os.SEEK_END)
        while data:
            data = data[os.write(self._descriptor, data) :]

    def sign(self, doing: str = "") -> None:
        """Write who holds it, and what for. For people only: a full disk is no reason not to hold a lock."""
        since = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        holder = {"pid": os.getpid(), "host": os.uname().nodename, "since": since, "doing": doing}
        with suppress(OSError):
            os.ftruncate(self._descriptor, 0)
            os.pwrite(self._descriptor, json.dumps(holder).encode() + b"\n", 0)

    def unsign(self) -> None:
        """Nobody holds it any more."""
        with suppress(OSError):
            os.ftruncate(self._descriptor, 0)

    @property
    def current(self) -> bool:
        """Whether the file is still the one of this name: a lock file that nobody held may have been taken away."""
        try:
            return os.path.samestat(os.fstat(self._descriptor), self.path.stat())
        except FileNotFoundError:
            return False

    def reopen(self) -> None:
        """Open the file that has the name now."""
        self.close()
        self._descriptor = self._open()

    def close(self) -> None:
        """Let go and close."""
        os.close(self._descriptor)

    def _open(self) -> int:
        flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0)
        try:
            try:
                descriptor = os.open(self.path, flags, 0o600)
            except FileNotFoundError:
                _make_parents(self.path)
                descriptor = os.open(self.path, flags, 0o600)
            self._let_in_the_group(descriptor)
        except OSError as error:
            raise EnvironmentFault(
                f"cannot be written: {error.strerror}", at=str(self.path), hint="ENVBUILD_HOME=FOLDER moves the store"
            ) from error
        return descriptor

    def _let_in_the_group(self, descriptor: int) -> None:
        """A file of a folder that a group shares is the group's, whatever the umask says."""
        found = os.fstat(descriptor)
        mode = file_mode(self.path.parent)
        if mode & ~found.st_mode and found.st_uid == os.geteuid():
            os.fchmod(descriptor, mode)

    def _flock(self, how: int) -> bool:
        try:
            fcntl.flock(self._descriptor, how)
        except OSError as error:
            if error.errno in _NO_LOCKS:
                raise EnvironmentFault(
                    f"this file system has no locks: {error.strerror}",
                    at=str(self.path),
                    hint="ENVBUILD_HOME=FOLDER on a local disk",
                ) from error
            if error.errno in _TAKEN:
                return False
            raise EnvironmentFault(f"cannot be locked: {error.strerror}", at=str(self.path)) from error
        return True


def _make_parents(path: Path) -> None:
    missing = [folder for folder in path.parents if not folder.exists()]
    for folder in reversed(missing):
        new_folder(folder)


def lock_descriptor(descriptor: int, *, sure: bool = False) -> bool:
    """Hold a file that is open, so that others see whether its writer lives. False where somebody else holds it.

    Where there are no locks it is not held, and nobody else can hold it either: True for a writer, False where it is to
    be `sure`.
    """
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        return not sure and error.errno not in _TAKEN
    return True


@contextmanager
def locked(
    path: Path,
    *,
    timeout: float = 300.0,
    what: str = "",
    waiting: Callable[[str], object] | None = None,
    doing: str = "",
) -> Iterator[None]:
    """Hold the lock that this file is, against other processes and threads; a holder that died holds nothing.

    After half a second of waiting `waiting` is told once who has it; after `timeout` seconds Busy says it (process,
    host, since). `what` names the thing for people, `doing` what it is held for.
    """
    lock = FileLock(path)
    try:
        _wait(lock, lock.take_at_once, timeout, what, waiting)
        lock.sign(doing)
        try:
            yield
        finally:
            lock.unsign()
            lock.release()
    finally:
        lock.close()


def _wait(
    lock: FileLock, take: Callable[[], bool], timeout: float, what: str, waiting: Callable[[str], object] | None
) -> None:
    began, nap = time.monotonic(), 0.002
    while True:
        if take():
            if lock.current:
                return
            lock.reopen()
            continue
        waited = time.monotonic() - began
        if waited >= timeout:
            raise Busy(
                f"{what or lock.path.name} is in use by {_holder(lock.path)}; waited {timeout:g} s",
                at=str(lock.path),
                hint="wait for it, or end that process",
            )
        if waiting is not None and waited >= _PATIENCE:
            waiting(f"waiting for {_holder(lock.path)}, which holds {what or lock.path.name}")
            waiting = None
        time.sleep(min(nap, timeout - waited))
        nap = min(nap * 1.5, _LONGEST_NAP)


def _holder(path: Path) -> str:
    try:
        holder = json.loads(path.read_bytes()[:4096])
        doing = f" ({holder['doing']})" if holder.get("doing") else ""
        return f"process {holder['pid']} on {holder['host']} since {holder['since']}{doing}"
    except (OSError, ValueError, KeyError, TypeError):
        return "another process"
