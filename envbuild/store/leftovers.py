"""`Leftovers`: what writers that are dead have left behind, known exactly, since whoever lives holds a lock on what it makes."""

import shutil
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from envbuild.errors import EnvironmentFault
from envbuild.filelock import FileLock
from envbuild.store.durable import abandoned
from envbuild.store.inventory import FOLDERS, walk_sizes
from envbuild.store.places import Places

__all__ = ["ASIDE", "Leftovers"]

ASIDE = ".gone-"
"""What a folder is called between its rename and its end."""
_LASTING = frozenset({"use.lock", "prune.lock", "writer.lock", "leases"})
_RUN_LOCK = "lock"


class Leftovers:
    """Of one store. Whoever removes them holds the lock of `prune`, so a folder set aside is no other's."""

    def __init__(self, places: Places) -> None:
        self._places = places

    def find(self) -> tuple[int, int]:
        """How many there are, and their bytes."""
        sizes = [_size(path) for path in self._dead()]
        return len(sizes), sum(sizes)

    def remove(self) -> tuple[int, int]:
        """Take them away; how many there were, and their bytes."""
        count = total = 0
        for path in self._dead():
            # Its lock is held until the next one is asked for.
            size = _size(path)
            with suppress(OSError):
                if path.is_dir() and not path.is_symlink():
                    shutil.rmtree(path, ignore_errors=True)
                else:
                    path.unlink(missing_ok=True)
                count, total = count + 1, total + size
        return count, total

    def _dead(self) -> Iterator[Path]:
        yield from self._unfinished()
        yield from self._set_aside()
        for folder in _under(self._places.prefixes, ".*.new"):
            yield from self._locked_by(folder.with_name(f"{folder.name.removesuffix('.new')}.lock"), folder)
        for scratch in _under(self._places.cache / "runs.v1", "*"):
            yield from self._locked_by(scratch / _RUN_LOCK, scratch)
        for lock in (*_under(self._places.locks, "*"), *_under(self._places.prefixes, ".*.lock")):
            if lock.name not in _LASTING:
                yield from self._locked_by(lock, lock)

    def _unfinished(self) -> Iterator[Path]:
        yield from abandoned(self._places.blobs / ".new")
        for folder in _under(self._places.claims, "*/*/.new"):
            yield from abandoned(folder)

    def _set_aside(self) -> Iterator[Path]:
        for place in (".", *FOLDERS.values()):
            yield from _under(self._places.cache / place, f"{ASIDE}*")

    @staticmethod
    def _locked_by(lock: Path, thing: Path) -> Iterator[Path]:
        """The thing, while we hold its lock, if nobody else does."""
        if not lock.is_file():
            return
        with suppress(OSError, EnvironmentFault):
            held = FileLock(lock)
            try:
                if held.take_at_once() and held.current:
                    yield thing
            finally:
                held.close()


def _under(folder: Path, pattern: str) -> list[Path]:
    with suppress(OSError):
        return sorted(folder.glob(pattern))
    return []


def _size(path: Path) -> int:
    try:
        return walk_sizes(path)[0] if path.is_dir() and not path.is_symlink() else path.lstat().st_size
    except OSError:
        return 0
