"""Leases: what a process uses is not collected under it.

A user writes the names of what it is about to look for into its own lease file, under a shared lock, and looks only then.
The collector takes that lock exclusively for each short batch, reads the leases of all who live, and deletes what none of
them names. So a name is either held before the batch, and stays, or looked for after it, and found missing. Nothing
depends on clocks. A lease file is locked by its owner for as long as that lives: a dead one holds nothing.
"""

import errno
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from envbuild.errors import EnvbuildError
from envbuild.filelock import FileLock, locked
from envbuild.store.durable import is_full

__all__ = ["GATE", "Lease", "Leases"]

GATE = "use.lock"
_FOLDER = "leases"
_LONGEST = 60.0
"""Seconds to wait for a batch of the collector, which takes a fraction of one."""
_NOT_OURS = frozenset({errno.EROFS, errno.EACCES, errno.EPERM})


class Lease:
    """What this process uses. Safe for threads; opened when something is held for the first time."""

    def __init__(self, locks: Path) -> None:
        self._gate_path, self._folder = locks / GATE, locks / _FOLDER
        self._mutex = threading.Lock()
        self._held: set[str] = set()
        self._gate: FileLock | None = None
        self._own: FileLock | None = None
        self._owner = os.getpid()
        self._off = False

    def hold(self, *names: str) -> None:
        """Before looking for what these names mean: until `close` the collector leaves it alone.

        Where the disk takes no lease (full), the collector is kept out altogether; a store that this user may not write
        needs none. EnvironmentFault where its file system has no locks; Busy where the collector does not let go.
        """
        if self._owner == os.getpid() and (self._off or self._held.issuperset(names)):
            return
        if self._owner != os.getpid():
            names = (*names, *self._begin())
        with self._mutex:
            fresh = [name for name in names if name not in self._held]
            if fresh and not self._off and self._opened():
                self._write(fresh)
            self._held.update(fresh)

    def close(self) -> None:
        """Give everything back."""
        with self._mutex:
            self._held.clear()
            if self._own is not None and self._owner == os.getpid():
                with suppress(OSError):
                    self._own.path.unlink()
            for lock in (self._own, self._gate):
                if lock is not None:
                    lock.close()
            self._own = self._gate = None
            self._off = False

    @property
    def file(self) -> Path | None:
        """Where the names are written, once there are any."""
        return self._own.path if self._own is not None else None

    @property
    def keeps_out(self) -> bool:
        """Whether this lease keeps the collector out altogether."""
        return self._off and self._gate is not None

    def _begin(self) -> set[str]:
        """A forked child begins a lease of its own, since it dies on its own; its parent's mutex may be held for ever.

        What it has to hold anew.
        """
        inherited, self._held = self._held, set()
        self._mutex = threading.Lock()
        self._own = self._gate = None
        self._off = False
        self._owner = os.getpid()
        return inherited

    def _opened(self) -> bool:
        """Whether there is a gate."""
        if self._gate is None:
            try:
                self._gate = FileLock(self._gate_path)
            except EnvbuildError as error:
                if is_full(error):
                    # The collector finds no gate either; the next name tries again.
                    return False
                if getattr(error.__cause__, "errno", 0) not in _NOT_OURS:
                    raise
                self._off = True
                return False
        return True

    def _write(self, names: list[str]) -> None:
        gate = self._gate
        assert gate is not None
        gate.share(_LONGEST)
        try:
            if self._own is None or not self._own.current:
                # What was held in a file that somebody took away is held anew.
                names = [*names, *self._held]
                self._own = self._new()
            self._own.append("".join(f"{name}\n" for name in names).encode())
        except (OSError, EnvbuildError):
            # The gate stays shared until `close`: no batch of the collector begins before.
            self._off = True
            return
        gate.release()

    def _new(self) -> FileLock:
        own = FileLock(self._folder / f"{os.getpid()}-{os.urandom(8).hex()}")
        if not own.take_at_once():
            raise OSError(errno.EAGAIN, "somebody else holds our lease")
        return own


class Leases:
    """The collector's side."""

    def __init__(self, locks: Path) -> None:
        self._gate_path, self._folder = locks / GATE, locks / _FOLDER

    @contextmanager
    def excluded(self, timeout: float = 60.0, *, but: Lease | None = None) -> Iterator[frozenset[str]]:
        """What all who live hold, `but` one; while this lasts nobody begins to use anything.

        Busy where it cannot be had in time.
        """
        own = but.file if but is not None else None
        with locked(self._gate_path, timeout=timeout, what="the store"):
            yield frozenset(self._names(own))

    def _names(self, own: Path | None) -> Iterator[str]:
        with suppress(FileNotFoundError):
            for path in sorted(self._folder.iterdir()):
                if path != own:
                    yield from _names_of(path)


def _names_of(path: Path) -> list[str]:
    lock = FileLock(path)
    try:
        if lock.take_at_once():
            path.unlink(missing_ok=True)
            return []
        return path.read_text("utf-8", "replace").splitlines()
    except FileNotFoundError:
        # Its owner was done in this moment.
        return []
    finally:
        lock.close()
