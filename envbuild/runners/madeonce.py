"""Folders that are made once, whole or not at all: aside, under a lock, then renamed."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

from envbuild.errors import EnvironmentFault
from envbuild.filelock import locked
from envbuild.ports import Reporter

__all__ = ["make_once"]


def make_once(
    folder: Path, is_there: Callable[[], object], fill: Callable[[Path], object], report: Reporter, *, what: str
) -> None:
    """Have `fill` write the folder's content into an empty folder beside it, which then takes its place, on disk for good.

    `is_there` is asked once nobody else makes it. EnvironmentFault where the disk does not take it. `what` names it in waits.
    """
    with locked(folder.parent / f".{folder.name}.lock", what=what, waiting=report.notice):
        if is_there():
            return
        aside = folder.parent / f".{folder.name}.new"
        try:
            # What a run that was cut off left behind.
            shutil.rmtree(aside, ignore_errors=True)
            aside.mkdir(mode=0o755)
            fill(aside)
            # A power cut behind the name must not leave empty files under it; one call is faster than one a file.
            os.sync()
            # What stands there under its name is not whole.
            shutil.rmtree(folder, ignore_errors=True)
            aside.replace(folder)
        except OSError as error:
            raise EnvironmentFault(
                f"cannot be written: {error.strerror or error}",
                at=str(folder),
                hint="ENVBUILD_HOME=FOLDER moves the store",
            ) from error
        finally:
            shutil.rmtree(aside, ignore_errors=True)
