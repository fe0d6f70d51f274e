"""`Places`: where things are kept on this machine.

Folder names carry the version of their format, so that an older and a newer envbuild work side by side.

$ENVBUILD_HOME holds all, where it is set; else XDG's cache folder has what can be made again (blobs, claims), its data
folder what cannot (records), its config folder the settings (XDG Base Directory Specification).
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from envbuild.errors import EnvironmentFault
from envbuild.filemodes import is_shared
from envbuild.host import user
from envbuild.store.filesystems import notice_of
from envbuild.store.ownership import check_owner, group_named, prepare

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
        places = cls.named(environ)
        group = group_named(environ, places.settings)
        for root in dict.fromkeys((places.cache, places.data)):
            check_owner(root, group)
            prepare(root, group)
        return places

    @classmethod
    def named(cls, environ: Mapping[str, str]) -> Self:
        """The places alone: nothing is opened, made or checked."""
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
    def shared(self) -> bool:
        """Whether a group shares the store."""
        return is_shared(self.cache)

    @property
    def notices(self) -> tuple[str, ...]:
        """What a user should know about these places."""
        return tuple(filter(None, (self.notice, notice_of(self.cache))))

    def _own(self, folder: Path) -> Path:
        return folder / str(user().uid) if self.shared else folder

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
        """The accelerator: may be deleted at any time. Each user of a shared store has one."""
        return self._own(self.cache / "memo.v1")

    @property
    def tools(self) -> Path:
        """What resolvers keep for themselves. Each user of a shared store has one."""
        return self._own(self.cache / "tools.v1")

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
    check_owner(folder)
    return folder, f"no home folder is known: the store is in {folder}; HOME or ENVBUILD_HOME says where it should be"
