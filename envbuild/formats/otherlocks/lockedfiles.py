"""What the name of a locked file says: which package it is of, and which version. A lock's entry must say the same."""

import re
from dataclasses import dataclass
from urllib.parse import unquote

from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

__all__ = ["LockedFile", "file_name", "wrong_file"]

_SDISTS = (".tar.gz", ".zip", ".tar.bz2", ".tgz", ".tar.xz")
_END = re.compile(r"[?#]")


@dataclass(frozen=True, slots=True)
class LockedFile:
    """A file by its name, with the hashes that the lock has for it."""

    name: str
    hashes: tuple[str, ...] = ()

    @property
    def is_wheel(self) -> bool:
        """Whether it is one that is installed from."""
        return self.name.endswith(".whl")


def file_name(place: str) -> str:
    """The file's name in a URL or a path."""
    return unquote(_END.split(place, maxsplit=1)[0].rpartition("/")[2])


def wrong_file(name: str, version: str, file: str) -> str:
    """What is wrong with a file for a package; nothing where it is the package's, or where its name does not tell.

    Of a source distribution the version may be in no form that is known: it is not installed from.
    """
    project, own = _told(file, name)
    if project and canonicalize_name(project) != canonicalize_name(name):
        return f"{file} is no file of {name}"
    if not own or not version:
        return ""
    try:
        same = Version(own) == Version(version)
    except InvalidVersion:
        same = not file.endswith(".whl") or own == version
    return "" if same else f"{file} is not of version {version}"


def _told(file: str, name: str) -> tuple[str, str]:
    """Project and version, as a file's name has them."""
    if file.endswith(".whl"):
        project, _, rest = file.partition("-")
        return project, rest.partition("-")[0] or "?"
    stem = next((file.removesuffix(end) for end in _SDISTS if file.endswith(end)), "")
    for cut in (number for number, character in enumerate(stem) if character == "-"):
        # A name may have the mark that stands before the version, so the longest that fits is looked for.
        if canonicalize_name(stem[:cut]) == canonicalize_name(name):
            return stem[:cut], stem[cut + 1 :]
    return stem.rpartition("-")[0], ""
