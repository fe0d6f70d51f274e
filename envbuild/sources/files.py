"""`ProjectFiles`: the user's own files: read safely, replaced as a whole."""

import os
import stat
from pathlib import Path

from envbuild.errors import EnvironmentFault
from envbuild.sources.folder import Found, find_definition
from envbuild.wholefile import replace_file

__all__ = ["ProjectFiles"]


class ProjectFiles:
    """Implements `ports.Files`. Nothing but a regular file is ever opened, so that a pipe or device cannot hang."""

    def load(self, path: str) -> bytes:
        """The bytes of a regular file. OSError for anything else."""
        status = os.stat(path)  # noqa: PTH116  (a Path makes the current folder of no name at all)
        if stat.S_ISDIR(status.st_mode):
            raise IsADirectoryError(21, "Is a directory", path)
        if not stat.S_ISREG(status.st_mode):
            raise OSError(22, "Not a regular file", path)
        return Path(path).read_bytes()

    def is_file(self, path: str) -> bool:
        """Whether a regular file is there."""
        return os.path.isfile(path)  # noqa: PTH113  (a Path raises where a name is too long or a folder is closed)

    def is_folder(self, path: str) -> bool:
        """Whether a folder is there."""
        return os.path.isdir(path)  # noqa: PTH112

    def definition(self, path: str) -> str:
        """The definition's file: the path itself, or what the folder there has. UsageError where that is nothing."""
        return find_definition(path, self.load).path

    def found(self, path: str, *, choosing: bool = False) -> Found:
        """The same, with what is to be said of it; `choosing`: extras, groups or the project's package are asked for."""
        return find_definition(path, self.load, choosing=choosing)

    def write(self, path: str, data: bytes) -> None:
        """Write beside, make durable, rename. What stood there keeps its mode. EnvironmentFault where that cannot be done."""
        target = Path(path)
        try:
            replace_file(target, data, _mode(target))
        except OSError as error:
            hint = (
                "name another place for it, such as --lock FILE" if target.suffix == ".lock" else "name another place"
            )
            raise EnvironmentFault(f"cannot be written: {error.strerror or error}", at=path, hint=hint) from error


def _mode(target: Path) -> int:
    try:
        return stat.S_IMODE(target.stat().st_mode)
    except OSError:
        mask = os.umask(0)
        os.umask(mask)
        return 0o666 & ~mask
