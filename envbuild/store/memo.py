"""`Memo`: bytes by key, to save work that can be done again. The only import of diskcache.

Its three jobs: stamps of large blobs that were hashed already, which definition a file of a given inode and times has
been read as, and pages of package indexes with their ETags. Claims do without it: reading their file is cheaper than
opening a database.

Whatever is wrong with the database (read-only, locked, full) makes it forget, for this process, and is never an error; a
damaged one is removed, a foreign row is a miss. diskcache's own reading of pickles is closed: only plain bytes are taken from a row.
"""

from contextlib import suppress
from pathlib import Path
from sqlite3 import DatabaseError
from typing import Any

from diskcache import UNKNOWN, Cache, Disk

from envbuild.store.durable import make_folder

__all__ = ["Memo"]

_RAW = 1
"""diskcache's mode of a value that stands in its row as it is."""
_LARGEST = 64 << 20
_INLINE = 1 << 30
"""No value is put in a file of its own, and so no row names a file."""


class _BytesDisk(Disk):  # type: ignore[misc]  # diskcache has no types
    """str keys, bytes values, nothing else in or out."""

    def put(self, key: object) -> tuple[str, bool]:
        if type(key) is not str:
            raise TypeError("keys are str")
        return key, True

    def get(self, key: str, raw: object) -> str:
        if not raw or type(key) is not str:
            raise ValueError("foreign row")
        return key

    def store(self, value: object, read: object, key: object = UNKNOWN) -> Any:
        if read or type(value) is not bytes:
            raise TypeError("values are bytes")
        return super().store(value, read, key)

    def fetch(self, mode: int, filename: str | None, value: object, read: object) -> bytes:
        if mode != _RAW or filename is not None or read or type(value) is not bytes:
            raise ValueError("foreign row")
        return value

    def remove(self, file_path: str) -> None:
        """No row of ours names a file; one that does is not obeyed."""


class Memo:
    """Safe for threads and processes. The database is opened when it is first asked."""

    def __init__(self, folder: Path, *, off: bool = False) -> None:
        """`off`: nothing is remembered, where the file system does not carry a database (store.filesystems)."""
        self._folder = folder
        self._cache: Any = None
        self._off = off

    @property
    def works(self) -> bool:
        """False once the database failed: nothing is remembered then until the next process."""
        return not self._off

    def get(self, key: str) -> bytes | None:
        """What was put under this key, or None."""
        found = self._ask("get", key)
        return found if type(found) is bytes else None

    def put(self, key: str, value: bytes) -> None:
        """Remember. Values beyond 64 MiB are not."""
        if len(value) <= _LARGEST:
            self._ask("set", key, value)

    def forget(self, key: str) -> None:
        """Drop a key, if it is known."""
        self._ask("delete", key)

    def close(self) -> None:
        """Give the database back; asking again opens it anew."""
        if self._cache is not None:
            self._ask("close")
            self._cache = None

    def _ask(self, verb: str, *arguments: object) -> object:
        if self._off:
            return None
        try:
            if self._cache is None:
                self._cache = self._opened()
            return getattr(self._cache, verb)(*arguments)
        except ValueError:
            return None
        except Exception as error:  # noqa: BLE001 (an accelerator is never the reason for a failure, whatever its fault)
            self._off = True
            if type(error) is DatabaseError:
                self._start_anew()
            return None

    def _start_anew(self) -> None:
        """The file is damaged, or no database: without it the next process makes a new one."""
        for name in ("cache.db", "cache.db-wal", "cache.db-shm"):
            with suppress(OSError):
                (self._folder / name).unlink()

    def _opened(self) -> Any:
        folder = self._folder.absolute()
        make_folder(folder)
        return Cache(
            str(folder), timeout=1, disk=_BytesDisk, disk_min_file_size=_INLINE, eviction_policy="none", cull_limit=0,
            size_limit=1 << 62, statistics=0, tag_index=0,
        )  # fmt: skip
