"""A folder's definition: its files' names are listed, and `formats.ranking` says which of them is taken."""

import os
import tomllib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any

from envbuild.errors import EnvironmentFault, UsageError
from envbuild.formats.ranking import choose, lock_beside, refuse_unlocked
from envbuild.sources.definitionfiles import leads_out

__all__ = ["Found", "find_definition"]


@dataclass(frozen=True, slots=True)
class Found:
    """The definition's file, and what is to be said of the choice: nothing where there was none."""

    path: str
    line: str = ""


def find_definition(path: str, load: Callable[[str], bytes], *, choosing: bool = False) -> Found:
    """The file that a path means: itself, or what the folder there has. `choosing`: extras, groups or the package are.

    UsageError where a folder has no definition, or two of one rank; what is taken and cannot be read is told by its reader.
    """
    if not os.path.isdir(path):  # noqa: PTH112  (a Path makes the current folder of no name at all)
        return _named(path)
    taken = choose(path, _names(path), lambda: _asks(str(PurePath(path) / "pyproject.toml"), load, choosing=choosing))
    where, file = "" if os.path.normpath(path) == "." else f"{path}: ", str(PurePath(path) / taken.name)
    if leads_out(file, path):
        raise UsageError("a link that leads out of the folder", at=file, hint="name what it leads to, if you mean that")
    return Found(file, f"{where}{taken.line}" if taken.line else "")


def _named(path: str) -> Found:
    """A file that was named itself is taken as it is: a lock beside it belongs to the folder's definition alone."""
    name = PurePath(path).name
    refuse_unlocked(path, name)
    lock = lock_beside(name, _names_beside(path))
    return Found(path, f"{path} is resolved by itself: {lock} is not used (name the folder to use it)" if lock else "")


def _names_beside(path: str) -> frozenset[str]:
    try:
        return _names(os.path.dirname(path) or ".")  # noqa: PTH120
    except EnvironmentFault:
        return frozenset()


def _names(folder: str) -> frozenset[str]:
    """All but folders. A link that leads nowhere is among them: what would be taken is not passed over."""
    try:
        with os.scandir(folder) as entries:
            return frozenset(entry.name for entry in entries if not entry.is_dir())
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise EnvironmentFault(f"cannot be listed: {reason}", at=folder, hint="make it readable: chmod u+rx") from error


def _asks(path: str, load: Callable[[str], bytes], *, choosing: bool) -> bool:
    """Whether a pyproject.toml says what is needed: many only set up tools. One that cannot be read is told by its reader."""
    try:
        document: Any = tomllib.loads(load(path).decode("utf-8-sig"))
    except (OSError, ValueError, RecursionError):
        return True
    project, own = document.get("project", {}), document.get("tool", {}).get("envbuild", {})
    if choosing and (project or document.get("dependency-groups")):
        return True
    needs = "dependencies" in project or "dependencies" in project.get("dynamic", ())
    return needs or bool(set(own) - {"settings"})
