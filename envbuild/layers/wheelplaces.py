"""Where the files of a wheel go (PyPA, binary distribution format; sysconfig's posix_prefix scheme of a virtual environment)."""

import re
import stat
from collections.abc import Iterable
from typing import NamedTuple

from envbuild.layers.wheelfault import bad_wheel
from envbuild.layers.wheelmetadata import Distribution
from envbuild.layers.wheelscripts import check_script_name
from envbuild.layers.zipdirectory import ZipEntry, refusal

__all__ = ["OWN_FILES", "Place", "Site", "is_dropped", "place"]

OWN_FILES = ("RECORD", "RECORD.jws", "RECORD.p7s", "INSTALLER", "REQUESTED", "direct_url.json")
_WHITEOUT = re.compile(r"(?:^|/)\.wh\.")
_RESERVED = ("pyvenv.cfg", "lib64", "bin", "lib", "include")


class Site:
    """An environment's folders, relative to the image's root."""

    __slots__ = ("headers", "interpreter", "packages", "prefix", "scripts")

    def __init__(self, prefix: str, python: str) -> None:
        """`prefix`: absolute; `python`: X.Y."""
        self.prefix = prefix.strip("/")
        self.packages = f"{self.prefix}/lib/python{python}/site-packages"
        self.scripts = f"{self.prefix}/bin"
        self.headers = f"{self.prefix}/include/site/python{python}"
        self.interpreter = f"/{self.scripts}/python"

    def row(self, path: str) -> str:
        """A path as RECORD names it: relative to site-packages."""
        if path.startswith(f"{self.packages}/"):
            return path[len(self.packages) + 1 :]
        return "../../../" + path[len(self.prefix) + 1 :]


class Place(NamedTuple):
    """A file of the wheel and its path in the image."""

    path: str
    entry: ZipEntry
    mode: int
    script: bool


def is_dropped(name: str, names: Iterable[str], dist_info: str) -> bool:
    """Files that do not go into an image: bytecode that can be made again, and what an installer writes itself."""
    if name.endswith(".pyc"):
        return "__pycache__" in name.split("/")[:-1] or name[:-1] in names
    folder, _, file = name.rpartition("/")
    return (folder == dist_info and file in OWN_FILES) or "__pycache__" in folder.split("/")


def place(entry: ZipEntry, distribution: Distribution, site: Site) -> Place:
    """The place of a file of the wheel. IntegrityError for one that a wheel may not have."""
    name = entry.name
    if _WHITEOUT.search(name):
        raise refusal(name, "has a name that deletes files in an image")
    executable = stat.S_ISREG(entry.mode) and entry.mode & 0o111
    mode = 0o755 if executable else 0o644
    top, _, rest = name.partition("/")
    if top != distribution.data:
        return Place(f"{site.packages}/{name}", entry, mode, script=False)
    scheme, _, file = rest.partition("/")
    if not file:
        raise refusal(name, "belongs to no scheme")
    match scheme:
        case "purelib" | "platlib":
            return Place(f"{site.packages}/{file}", entry, mode, script=False)
        case "scripts":
            check_script_name(file)
            # The format asks for the bit where the archive was made on Windows: a program that cannot start is none.
            return Place(f"{site.scripts}/{file}", entry, 0o755, script=True)
        case "headers":
            project = distribution.stem.rpartition("-")[0]
            return Place(f"{site.headers}/{project}/{file}", entry, mode, script=False)
        case "data":
            return Place(f"{site.prefix}/{_data_path(file, name)}", entry, mode, script=False)
        case _:
            raise refusal(name, f"belongs to the scheme {scheme!r}, which wheels do not have")


def _data_path(file: str, name: str) -> str:
    """`lib64` is a link to `lib` in an environment, and what goes through it would replace it in an image."""
    top, _, rest = file.partition("/")
    if file in _RESERVED or top == "pyvenv.cfg":
        raise bad_wheel(f"{name!r} would replace a part of the environment itself")
    if top == "bin":
        check_script_name(rest.partition("/")[0])
    return f"lib/{rest}" if top == "lib64" else file
