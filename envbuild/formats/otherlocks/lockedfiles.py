"""What the name of a locked file says: which package it is of, and which version. A lock's entry must say the same."""

import re
from dataclasses import dataclass
from urllib.parse import unquote

from packaging.utils import canonicalize_name
from packaging.version import Version

__all__ = ["LockedFile", "file_name", "version_of", "wrong_file"]

_SDISTS = (".tar.gz", ".zip", ".tar.bz2", ".tgz", ".tar.xz")
_END = re.compile(r"[?#]")
_LONGEST = 255


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


def version_of(wheel: str) -> str:
    """The version that stands in a wheel's name; nothing for another file."""
    return wheel.split("-", 2)[1] if wheel.endswith(".whl") and "-" in wheel else ""


def wrong_file(name: str, version: str, file: str) -> str:
    """What is wrong with a file for a package; nothing where it is the package's, or where its name does not tell.

    The version of a source distribution may be in no form that is known: nothing is installed from one.
    """
    if len(file) > _LONGEST:
        return f"a file's name of {len(file)} characters"
    project, own = _told(file, name)
    if project and canonicalize_name(project) != canonicalize_name(name):
        return f"{file} is no file of {name}"
    if not own or not version:
        return ""
    asked, its = _version(version), _version(own)
    # An entry's version that is none is told elsewhere.
    same = asked is None or its == asked or (its is None and not file.endswith(".whl"))
    return "" if same else f"{file} is not of version {version}"


def _told(file: str, name: str) -> tuple[str, str]:
    """Project and version, as a file's name has them."""
    if file.endswith(".whl"):
        return file.partition("-")[0], version_of(file) or "?"
    stem = next((file.removesuffix(end) for end in _SDISTS if file.endswith(end)), "")
    for cut in (number for number, character in enumerate(stem) if character == "-"):
        if canonicalize_name(stem[:cut]) == canonicalize_name(name):
            return stem[:cut], stem[cut + 1 :]
    return stem.rpartition("-")[0], ""


def _version(text: str) -> Version | None:
    try:
        return Version(text)
    except ValueError:
        return None
