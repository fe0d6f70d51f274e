"""Whose a store may be: ours alone, or that of a group that we are in. What is in it decides what runs."""

import os
import re
import stat
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from envbuild.errors import EnvironmentFault
from envbuild.filemodes import SHARED, is_shared
from envbuild.host import group_id, in_group, user

__all__ = ["check_owner", "group_named", "prepare"]

_SETTING = "ENVBUILD_GROUP"
_GROUP = re.compile(r"""(?m)^[ \t]*group[ \t]*=[ \t]*(?:"([^"\\\n]+)"|'([^'\n]+)'|(\d+))[ \t]*(?:#.*)?$""")
_READ = stat.S_IRGRP | stat.S_IXGRP
_ELSEWHERE = "ENVBUILD_HOME=FOLDER puts the store in a folder of yours"


def group_named(environ: Mapping[str, str], settings: Path) -> int | None:
    """The number of the group that ENVBUILD_GROUP, else `group` in config.toml, names; None where neither does.

    EnvironmentFault for a group that is not known, or that we are not in.
    """
    given = environ.get(_SETTING, "").strip()
    name = given or _in_file(settings)
    if not name:
        return None
    at = _SETTING if given else str(settings)
    found = group_id(name)
    if found is None:
        raise EnvironmentFault(f"there is no group {name!r}", at=at, hint="give its name or number: getent group")
    if not in_group(found):
        raise EnvironmentFault(
            f"you are not in the group {name!r}", at=at, hint="ask its administrator, then log in anew: id"
        )
    return found


def _in_file(settings: Path) -> str:
    """The one setting that a hit needs; whoever builds reads all of the file, and says what is wrong with it (machine)."""
    try:
        top = re.split(r"(?m)^[ \t]*\[", settings.read_text("utf-8"), maxsplit=1)[0]
    except (OSError, ValueError):
        return ""
    found = _GROUP.search(top)
    return found[1] or found[2] or found[3] if found else ""


def check_owner(root: Path, group: int | None = None) -> None:
    """Refuse a folder that somebody else could fill. One that is not there yet is nobody's."""
    try:
        found = root.stat()
    except (FileNotFoundError, NotADirectoryError):
        return
    except OSError as error:
        raise EnvironmentFault(f"cannot be used: {error.strerror}", at=str(root), hint=_ELSEWHERE) from error
    if not stat.S_ISDIR(found.st_mode):
        raise EnvironmentFault("is no folder", at=str(root), hint=_ELSEWHERE)
    if found.st_mode & stat.S_IWOTH:
        raise EnvironmentFault("can be written by every user", at=str(root), hint=f"chmod o-w {root}")
    if group is not None:
        _check_group(root, found, group)
    elif found.st_uid != user().uid:
        shared = f"; {_SETTING}={found.st_gid} uses it with its group" if is_shared(root) else ""
        raise EnvironmentFault(f"belongs to another user (uid {found.st_uid})", at=str(root), hint=_ELSEWHERE + shared)


def _check_group(root: Path, found: os.stat_result, group: int) -> None:
    if found.st_gid != group:
        raise EnvironmentFault(
            f"belongs to the group {found.st_gid}, not {group}",
            at=str(root),
            hint=f"{_SETTING}={found.st_gid}, or ENVBUILD_HOME=FOLDER for one that is not there yet",
        )
    published = found.st_uid != user().uid and found.st_mode & (_READ | stat.S_IWGRP) == _READ
    if stat.S_IMODE(found.st_mode) != SHARED and not published:
        raise EnvironmentFault(
            f"is not shared by its group: its mode is {stat.S_IMODE(found.st_mode):04o}, not {SHARED:04o}",
            at=str(root),
            hint="ENVBUILD_HOME=FOLDER for one that is not there yet: envbuild makes it as it has to be",
        )


def prepare(root: Path, group: int | None) -> None:
    """Make a root that must be made on purpose: for a group, or for ourselves below a folder that a group shares."""
    if root.is_dir() or (group is None and not is_shared(_nearest(root))):
        return
    with suppress(OSError):
        # Where nothing can be written there may be nothing to read either; whoever writes will be told.
        if group is None:
            root.mkdir(mode=0o700, parents=True, exist_ok=True)
        else:
            _make_shared(root, group)


def _make_shared(root: Path, group: int) -> None:
    """And what is missing above it, since the others have to reach it."""
    if not root.parent.is_dir():
        _make_shared(root.parent, group)
    aside = root.with_name(f".{root.name}.{os.urandom(8).hex()}")
    aside.mkdir(mode=0o700)
    try:
        os.chown(aside, -1, group)
        aside.chmod(SHARED)
        aside.rename(root)
    except OSError:
        with suppress(OSError):
            aside.rmdir()
        if not root.is_dir():
            raise


def _nearest(folder: Path) -> Path:
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    return folder
