"""Leases: what a process uses is not collected under it.

A user writes the names of what it is about to look for into its own lease file, under a shared lock, and looks only then.
The collector takes that lock exclusively for each short batch, reads the leases of all who live, and deletes what none of
them names. So a name is either held before the batch, and stays, or looked for after it, and found missing. Nothing
depends on clocks. A lease file is locked by its owner for as long as that lives: a dead one holds nothing.
"""

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from envbuild.errors import EnvbuildError
from envbuild.filelock import FileLock, locked

__all__ = ["Lease", "Leases"]

_GATE = "use.lock"
_FOLDER = "leases"


class Lease:
    """What this process uses. Safe for threads; opened when something is held for the first time."""

    def __init__(self, locks: Path) -> None:
        self._gate_path, self._folder = locks / _GATE, locks / _FOLDER
        self._mutex = threading.Lock()
        self._held: set[str] = set()
        self._gate: FileLock | None = None
        self._own: FileLock | None = None
        self._owner = 0
        self._off = False

    def hold(self, *names: str) -> None:
        """Before looking for what these names mean: until `close` the collector leaves it alone.

        Where the disk takes no lease (full), the collector is kept out altogether; a store that cannot be written needs none.
        """
        if self._off or self._held.issuperset(names):
            return
        with self._mutex:
            fresh = [name for name in names if name not in self._held]
            if fresh and self._opened():
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

    def _opened(self) -> bool:
        """Whether there is a lease to write to. A forked child begins its own, since it dies on its own."""
        if self._owner != os.getpid():
            self._own = self._gate = None
            self._owner = os.getpid()
        if self._gate is None:
            try:
                self._gate = FileLock(self._gate_path)
            except EnvbuildError:
                self._off = True
                return False
        return True

    def _write(self, names: list[str]) -> None:
        gate = self._gate
        assert gate is not None
        gate.share()
        try:
            if self._own is None:
                own = FileLock(self._folder / f"{os.getpid()}-{os.urandom(8).hex()}")
                own.take()
                self._own = own
                # What was held before a fork is held anew.
                names = [*names, *self._held]
            self._own.append("".join(f"{name}\n" for name in names).encode())
        except (OSError, EnvbuildError):
            # The gate stays shared until `close`: no batch of the collector begins before.
            self._off = True
            return
        gate.release()


class Leases:
    """The collector's side."""

    def __init__(self, locks: Path) -> None:
        self._gate_path, self._folder = locks / _GATE, locks / _FOLDER

    @contextmanager
    def excluded(self, timeout: float = 60.0) -> Iterator[frozenset[str]]:
        """What all who live hold; while this lasts nobody begins to use anything. Busy where it cannot be had in time."""
        with locked(self._gate_path, timeout=timeout, what="the store"):
            yield frozenset(self._names())

    def _names(self) -> Iterator[str]:
        with suppress(FileNotFoundError):
            for path in sorted(self._folder.iterdir()):
                yield from self._names_of(path)

    @staticmethod
    def _names_of(path: Path) -> list[str]:
        lock = FileLock(path)
        try:
            if lock.take_at_once():
                path.unlink(missing_ok=True)
                return []
            return path.read_text("utf-8", "replace").splitlines()
        finally:
            lock.close()
