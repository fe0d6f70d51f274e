"""Files that are there whole or not at all, power cuts included: write beside, fsync, rename, fsync the folder."""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from envbuild.errors import EnvironmentFault
from envbuild.filelock import FileLock, lock_descriptor
from envbuild.host import free_bytes

__all__ = [
    "abandoned",
    "discard_unfinished",
    "make_folder",
    "new_file",
    "publish",
    "sync_folder",
    "write_whole",
    "writing",
]

_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})
_MOVE = "ENVBUILD_HOME=FOLDER moves the store"


_unfinished: set[Path] = set()
"""New files of this process that have no name yet by which anybody looks for them."""


@contextmanager
def writing(place: Path, needed: int = 0) -> Iterator[None]:
    """Errors of the disk become EnvironmentFault, in words: `needed` are the bytes that were to be written at least."""
    try:
        yield
    except OSError as error:
        if error.errno in _FULL:
            raise EnvironmentFault(
                f"the disk is full: {_needs(needed)}{_free(place)}", at=str(place), hint=f"free some space, or {_MOVE}"
            ) from error
        raise EnvironmentFault(f"cannot be written: {error.strerror or error}", at=str(place), hint=_MOVE) from error


def _needs(needed: int) -> str:
    return f"at least {needed} bytes are needed, " if needed else ""


def _free(place: Path) -> str:
    try:
        return f"{free_bytes(place)} are free"
    except OSError:
        return "none may be free for this user (quota)"


def make_folder(path: Path) -> None:
    """The folder, for its owner alone; its name is durable once something in it is."""
    if path.is_dir():
        return
    missing = [path, *path.parents]
    missing = missing[: next((i for i, p in enumerate(missing) if p.exists()), len(missing))]
    for folder in reversed(missing):
        folder.mkdir(mode=0o700, exist_ok=True)
        sync_folder(folder.parent)


def sync_folder(path: Path) -> None:
    """Make the names in a folder durable."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def new_file(folder: Path) -> tuple[int, Path]:
    """A descriptor of a new file of a name that nobody else has, for its owner alone; locked as long as it is open."""
    make_folder(folder)
    path = folder / f"{os.getpid()}-{os.urandom(8).hex()}"
    _unfinished.add(path)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    lock_descriptor(descriptor)
    return descriptor, path


def abandoned(folder: Path) -> Iterator[Path]:
    """New files in a folder whose writers are dead: nobody will finish them."""
    with suppress(FileNotFoundError):
        for path in sorted(folder.iterdir()):
            with suppress(OSError, EnvironmentFault):
                lock = FileLock(path)
                try:
                    if lock.take_at_once():
                        yield path
                finally:
                    lock.close()


def publish(temporary: Path, final: Path) -> None:
    """Give a file that is already on the disk (fsync) its name, durably, over what was there."""
    make_folder(final.parent)
    temporary.replace(final)
    _unfinished.discard(temporary)
    sync_folder(final.parent)


def discard_unfinished() -> None:
    """Take away what this process has begun and not published: for an end that waits for no thread."""
    for path in list(_unfinished):
        with suppress(OSError):
            path.unlink()


def write_whole(final: Path, data: bytes) -> None:
    """A small file, whole or not at all. EnvironmentFault where the disk does not take it."""
    temporary: Path | None = None
    try:
        with writing(final, len(data)):
            descriptor, temporary = new_file(final.parent / ".new")
            with os.fdopen(descriptor, "wb") as stream:
                stream.write(data)
                stream.flush()
                os.fsync(descriptor)
            publish(temporary, final)
    except BaseException:
        if temporary is not None:
            with suppress(OSError):
                temporary.unlink()
        raise
