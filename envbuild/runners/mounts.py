"""What of the host a container sees: the caller's folder, live and at its own path, and the script where it stands elsewhere.

Paths in messages and results then mean the same inside and outside.
"""

import os
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from envbuild.errors import UsageError
from envbuild.runners.command import Command

__all__ = ["Mount", "mounts_for"]

_NEEDED = ("bin", "boot", "dev", "etc", "lib", "lib64", "opt/env", "proc", "run", "sbin", "sys", "tmp", "usr", "var")
"""What the image or the engine has at these paths must stay to be seen."""
_WHOLE = ("dev", "opt/env", "proc", "sys", "usr/bin", "usr/lib", "usr/lib64", "usr/sbin")
"""Here nothing of the host's may come in at any depth."""
_ROOT = PurePosixPath("/")


@dataclass(frozen=True, slots=True)
class Mount:
    """A file or folder of the host, and the path at which a container has it."""

    source: str
    target: str
    writable: bool = False

    def option(self) -> str:
        """The value of `--mount` (a line of CSV, so that commas and quotes may stand in paths)."""
        fields = ["type=bind", f"source={self.source}", f"target={self.target}"]
        return ",".join(map(_quoted, fields if self.writable else [*fields, "readonly"]))


def mounts_for(folder: Path, command: Command) -> tuple[Mount, ...]:
    """The mounts of a command that is run in `folder` (absolute, without links).

    UsageError where the folder would hide the image's own files, or where there is no such script.
    """
    if _hides(folder) and str(folder) not in ("/tmp", "/var/tmp"):  # noqa: S108 (these may be shared as they are)
        raise UsageError(
            "this folder cannot be seen in a container: it would hide the image's own",
            at=str(folder),
            hint="run in a folder of your own, or with --no-container",
        )
    mounts = {str(folder): Mount(str(folder), str(folder), writable=True)}
    for place in _places(folder, command.script):
        if not place.is_relative_to(folder):
            mounts.setdefault(str(place), Mount(os.path.realpath(place), str(place)))
    return tuple(mounts[target] for target in sorted(mounts))


def _places(folder: Path, script: str | None) -> list[Path]:
    """What has to be there for the script: its folder as named and, where links are on the way, as it really is."""
    if script is None:
        return []
    named = Path(os.path.abspath(folder / script))  # noqa: PTH100 (links on the way stay as the user named them)
    if not named.exists():
        raise UsageError("there is no such script", at=script, hint=f"looked for in {folder}")
    return [_with_siblings(path) for path in dict.fromkeys((named, named.resolve()))]


def _with_siblings(path: Path) -> Path:
    """The folder of a script, since it imports what stands beside it; the script alone where its folder would hide others."""
    return path if path.is_dir() or _hides(path.parent) else path.parent


def _hides(place: Path) -> bool:
    needed = any((_ROOT / path).is_relative_to(place) for path in _NEEDED)
    return needed or any(place.is_relative_to(_ROOT / path) for path in _WHOLE)


def _quoted(text: str) -> str:
    return '"' + text.replace('"', '""') + '"' if set(text) & set(',"\n\r') else text
