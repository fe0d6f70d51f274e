"""`ProjectFiles`: the user's own files: read safely, replaced as a whole."""

import os
import re
import stat
from pathlib import Path, PurePath

from envbuild.errors import EnvironmentFault, UsageError
from envbuild.wholefile import replace_file

__all__ = ["ProjectFiles"]

_DEFINITIONS = ("envbuild.toml", "environment.yml", "environment.yaml", "pyproject.toml", "requirements.txt")
_ASKS = re.compile(rb"(?m)^[ \t]*(?:dependencies[ \t]*=|\[tool\.envbuild(?:\]|\.(?!settings\b)))")


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
        if not self.is_folder(path):
            return path
        for name in _DEFINITIONS:
            file = str(PurePath(path) / name)
            if self.is_file(file) and (name != "pyproject.toml" or self._asks(file)):
                return file
        hint = "name a file, or write envbuild.toml or requirements.txt (environment.yml and pyproject.toml serve, too)"
        raise UsageError("no definition is in this folder", at=path, hint=hint)

    def _asks(self, pyproject: str) -> bool:
        """Whether it says what is needed: many a pyproject.toml only sets up tools."""
        try:
            return _ASKS.search(self.load(pyproject)) is not None
        except OSError:
            return False

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
