"""Who may read and write what we make: the folder that it goes into says it.

A folder of mode 2770 (setgid, all rights for owner and group) is shared by a group, and so is everything that is made in
it. In any other folder we make things for their owner alone.
"""

import os
import stat
from contextlib import suppress
from pathlib import Path

__all__ = ["SHARED", "blob_mode", "file_mode", "is_shared", "new_folder"]

SHARED = 0o2770
"""A folder that a group shares."""


def is_shared(folder: Path) -> bool:
    """Whether a group shares this folder; one that is not there is not shared."""
    try:
        return stat.S_IMODE(folder.stat().st_mode) == SHARED
    except OSError:
        return False


def file_mode(folder: Path) -> int:
    """Of a file in this folder that is written again: 0600 or 0660."""
    return 0o660 if is_shared(folder) else 0o600


def blob_mode(folder: Path) -> int:
    """Of a file in this folder that is never written again: 0444 (its folder keeps others out) or 0440."""
    return 0o440 if is_shared(folder) else 0o444


def new_folder(path: Path) -> None:
    """Make a folder as its parent says, if it is not there. OSError where that cannot be done."""
    if not is_shared(path.parent):
        path.mkdir(mode=0o700, exist_ok=True)
        return
    if path.is_dir():
        return
    # Renamed when its mode is right: the others must never meet one that they may not write.
    aside = path.with_name(f".{path.name}.{os.urandom(8).hex()}")
    aside.mkdir(mode=0o700)
    try:
        aside.chmod(SHARED)
        aside.rename(path)
    except OSError:
        with suppress(OSError):
            aside.rmdir()
        if not path.is_dir():
            raise
