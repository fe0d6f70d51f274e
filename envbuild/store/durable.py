"""Files that are there whole or not at all, power cuts included: write beside, fsync, rename, fsync the folder."""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from envbuild.errors import EnvbuildError, StoreFault
from envbuild.filelock import lock_descriptor
from envbuild.filemodes import file_mode, new_folder
from envbuild.host import free_bytes

__all__ = [
    "abandoned",
    "discard_unfinished",
    "is_full",
    "make_folder",
    "new_file",
    "publish",
    "sync_folder",
    "write_whole",
    "writing",
]

_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})
_MOVE = "ENVBUILD_HOME=FOLDER moves the store"
_NOT_TO_BE_SYNCED = frozenset({errno.EACCES, errno.EPERM, errno.EINVAL, errno.EROFS, errno.ENOSYS, errno.EOPNOTSUPP})
_ALONE = 0o600

_durable: set[Path] = set()
"""Folders whose names this process knows to be durable."""
_unfinished: set[Path] = set()
"""New files of this process that have no name yet by which anybody looks for them."""


@contextmanager
def writing(place: Path, needed: int = 0) -> Iterator[None]:
    """Errors of the disk become EnvironmentFault, in words: `needed` are the bytes that were to be written at least."""
    try:
        yield
    except OSError as error:
        if error.errno in _FULL:
            raise StoreFault(
                f"the disk is full: {_needs(needed)}{_free(place)}", at=str(place), hint=f"free some space, or {_MOVE}"
            ) from error
        raise StoreFault(f"cannot be written: {error.strerror or error}", at=str(place), hint=_MOVE) from error


def is_full(fault: EnvbuildError) -> bool:
    """Whether a fault is that the disk, or what this user may have of it, is full."""
    return getattr(fault.__cause__, "errno", 0) in _FULL


def _needs(needed: int) -> str:
    return f"at least {needed} bytes are needed, " if needed else ""


def _free(place: Path) -> str:
    try:
        return f"{free_bytes(place)} are free"
    except OSError:
        return "none may be free for this user (quota)"


def make_folder(path: Path) -> None:
    """The folder, for its owner alone (in a store that a group shares: for the group), its name durable.

    One that was there already may have been made in this moment by somebody who has not synced it yet: so its name, and
    those of the folders of ours above it, are made durable once by each process too.
    """
    if path in _durable and path.is_dir():
        return
    for folder in reversed([path, *path.parents]):
        if folder in _durable and folder.is_dir():
            continue
        made = not folder.is_dir()
        if made:
            new_folder(folder)
        elif folder.stat().st_uid != os.geteuid():
            continue
        _sync_name(folder, must=made)
        _durable.add(folder)


def _sync_name(folder: Path, *, must: bool) -> None:
    """Make a folder's name durable. Those above the store may be closed to us, or on a file system that cannot do it."""
    try:
        sync_folder(folder.parent)
    except OSError as error:
        if must or error.errno not in _NOT_TO_BE_SYNCED:
            raise


def sync_folder(path: Path) -> None:
    """Make the names in a folder durable."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def new_file(folder: Path) -> tuple[int, Path]:
    """A descriptor of a new file of a name that nobody else has, for its owner alone; locked as long as it is open."""
    make_folder(folder)
    while True:
        path = folder / f"{os.getpid()}-{os.urandom(8).hex()}"
        _unfinished.add(path)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        # Between the two calls a collector may have taken it for a dead writer's.
        if lock_descriptor(descriptor) and os.fstat(descriptor).st_nlink:
            return descriptor, path
        os.close(descriptor)
        path.unlink(missing_ok=True)
        _unfinished.discard(path)


def abandoned(folder: Path) -> Iterator[Path]:
    """New files in a folder whose writers are dead: nobody will finish them. Each is locked until the next is asked for."""
    with suppress(FileNotFoundError):
        for path in sorted(folder.iterdir()):
            with suppress(OSError):
                # A blob whose writer died late may be read, and no more.
                descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
                try:
                    if lock_descriptor(descriptor, sure=True) and os.fstat(descriptor).st_nlink:
                        yield path
                finally:
                    os.close(descriptor)


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
                mode = file_mode(final.parent)
                if mode != _ALONE:
                    os.fchmod(descriptor, mode)
                os.fsync(descriptor)
                # Before it is closed: an unlocked file without its name would be taken for a dead writer's.
                publish(temporary, final)
    except BaseException:
        if temporary is not None:
            with suppress(OSError):
                temporary.unlink()
        raise
