"""`copy_entries`: a folder's content written out again, as its entries say it, and nothing else of the folder.

Modes, times and order are the recipe's, so that what is made of a copy does not depend on where the folder was.
"""

import os
import shutil
from collections.abc import Iterable
from pathlib import Path

from envbuild.context.tree import ContextEntry
from envbuild.errors import EnvironmentFault

__all__ = ["copy_entries"]


def copy_entries(top: str, entries: Iterable[ContextEntry], into: Path, mtime: int) -> None:
    """The entries of the folder `top` below the empty folder `into`. EnvironmentFault where one cannot be read or written."""
    folders = [into]
    for entry in sorted(entries, key=lambda e: e.path):
        name = os.fsdecode(entry.path)
        target = into / name
        try:
            if entry.kind == "folder":
                target.mkdir(mode=0o755, exist_ok=True)
                folders.append(target)
                continue
            target.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
            if entry.kind == "link":
                target.symlink_to(os.fsdecode(entry.target))
            else:
                shutil.copyfile(Path(top) / name, target, follow_symlinks=False)
                target.chmod(0o755 if entry.executable else 0o644)
                os.utime(target, (mtime, mtime))
        except OSError as error:
            reason = (error.strerror or str(error)).lower()
            raise EnvironmentFault(f"{name} cannot be copied: {reason}", at=top, hint="try again") from error
    for folder in reversed(folders):
        os.utime(folder, (mtime, mtime))
