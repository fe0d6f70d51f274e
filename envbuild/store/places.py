"""`Places`: where things are kept on this machine. Folder names carry the version of their format.

$ENVBUILD_HOME holds all, where it is set; else XDG's cache folder has what can be made again (blobs, claims), its data
folder what cannot (records), its config folder the settings (XDG Base Directory Specification).
"""

import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from envbuild.errors import EnvironmentFault
from envbuild.host import user

__all__ = ["Places"]


@dataclass(frozen=True, slots=True)
class Places:
    """Three roots and what stands in them. Nothing is made by asking for a place."""

    cache: Path
    """What can be made again."""
    data: Path
    """What is the user's."""
    settings: Path
    """config.toml: may be missing."""
    notice: str = ""
    """A line for the user, where the usual place could not be had."""

    @classmethod
    def read(cls, environ: Mapping[str, str]) -> Self:
        """The places that these variables name. EnvironmentFault where others could write or own them."""
        places = cls._named(environ)
        for root in dict.fromkeys((places.cache, places.data)):
            _check_owner(root)
        return places

    @classmethod
    def _named(cls, environ: Mapping[str, str]) -> Self:
        if given := environ.get("ENVBUILD_HOME"):
            home = Path(given)
            if not home.is_absolute():
                raise EnvironmentFault(f"is not absolute: {given}", at="ENVBUILD_HOME", hint="give the whole path")
            return cls(home / "cache", home / "data", home / "config.toml")
        folder, notice = _home(environ)

        def xdg(variable: str, default: str) -> Path:
            # The specification: a relative path is to be ignored.
            given = environ.get(variable, "")
            return (Path(given) if given.startswith("/") else folder / default) / "envbuild"

        return cls(
            xdg("XDG_CACHE_HOME", ".cache"),
            xdg("XDG_DATA_HOME", ".local/share"),
            xdg("XDG_CONFIG_HOME", ".config") / "config.toml",
            notice,
        )

    @property
    def blobs(self) -> Path:
        """Content by its sha256."""
        return self.cache / "blobs.v1"

    @property
    def claims(self) -> Path:
        """What was found or made for an id, and the material of the id."""
        return self.cache / "claims.v1"

    @property
    def memo(self) -> Path:
        """The accelerator: may be deleted at any time."""
        return self.cache / "memo.v1"

    @property
    def prefixes(self) -> Path:
        """Environments unpacked to run without a container."""
        return self.cache / "prefixes.v1"

    @property
    def locks(self) -> Path:
        """Files that are held while something is made."""
        return self.cache / "locks.v1"

    @property
    def records(self) -> Path:
        """Registrations, labels, runs."""
        return self.data / "records.v1"


def _home(environ: Mapping[str, str]) -> tuple[Path, str]:
    """The user's home: HOME, the account's, else a temporary folder and a notice that says so."""
    if environ.get("HOME", "").startswith("/"):
        return Path(environ["HOME"]), ""
    owner = user()
    if owner.home and Path(owner.home).is_dir() and os.access(owner.home, os.W_OK):
        return Path(owner.home), ""
    folder = Path(environ.get("TMPDIR") or "/tmp", f"envbuild-{owner.uid}")  # noqa: S108 (checked to be ours alone)
    _check_owner(folder)
    return folder, f"no home folder is known: the store is in {folder}; HOME or ENVBUILD_HOME says where it should be"


def _check_owner(root: Path) -> None:
    """Refuse a folder that somebody else could fill: what is in it decides what runs."""
    try:
        found = root.stat()
    except (FileNotFoundError, NotADirectoryError):
        return
    except OSError as error:
        raise EnvironmentFault(f"cannot be used: {error.strerror}", at=str(root), hint=_ELSEWHERE) from error
    if not stat.S_ISDIR(found.st_mode):
        raise EnvironmentFault("is no folder", at=str(root), hint=_ELSEWHERE)
    if found.st_uid != user().uid:
        raise EnvironmentFault(f"belongs to another user (uid {found.st_uid})", at=str(root), hint=_ELSEWHERE)
    if found.st_mode & stat.S_IWOTH:
        raise EnvironmentFault("can be written by every user", at=str(root), hint=f"chmod o-w {root}")


_ELSEWHERE = "ENVBUILD_HOME=FOLDER puts the store in a folder of yours"
