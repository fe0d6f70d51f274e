"""Where the files of a standalone Python go in an image: below /opt/python, without what an image does not need.

The archive (python-build-standalone, `install_only`) has one folder, `python/`. Left out is what Debian's own Python has
in other packages than the interpreter's: the tests, IDLE and turtle, Tk with Tcl, ensurepip with pip and setuptools,
static libraries, bytecode, manuals, the terminal database (the base has it). Headers stay: compiled extensions need them.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from envbuild.errors import IntegrityError
from envbuild.layers.debtree import image_mode
from envbuild.layers.linktarget import stays_below
from envbuild.layers.tarwalk import TarEntry, TarKind
from envbuild.members import MemberKind

__all__ = ["PYTHON_HOME", "PythonFile", "python_files"]

PYTHON_HOME = "opt/python"
"""Where a standalone Python lies in an image."""

_TOP = "python"
_LEFT_OUT = re.compile(
    r"""
      bin/(?:2to3|idle|pip|easy_install)[0-9.]*(?:-[0-9.]+)?
    | lib/(?:libtcl|libtk|libitcl|tcl|tk|itcl|thread|Tix|tix)[^/]*(?:/.*)?
    | lib/pkgconfig/(?:tcl|tk|itcl)[^/]*
    | share/(?:man|terminfo|doc)(?:/.*)?
    | lib/python3[^/]*/(?:
          EXTERNALLY-MANAGED
        | site-packages/.*
        | (?:test|idlelib|turtledemo|tkinter|ensurepip|lib2to3/tests)(?:/.*)?
        | (?:ctypes|sqlite3|unittest|distutils)/tests?(?:/.*)?
        | turtle\.py
        | lib-dynload/(?:_tkinter|_test[a-z]*|_ctypes_test|_xxtestfuzz|xxlimited[0-9_]*|xxsubtype)\..*
      )
    | (?:.*/)?(?:__pycache__/.*|[^/]*\.pyc|[^/]*\.pyo|[^/]*\.a)
    """,
    re.VERBOSE,
)


@dataclass(frozen=True, slots=True)
class PythonFile:
    """A file or link of the interpreter: its path in the image, and where its content lies in the archive."""

    path: str
    kind: MemberKind
    mode: int
    size: int = 0
    target: str = ""
    offset: int = 0


def python_files(entries: Iterable[TarEntry]) -> list[PythonFile]:
    """What the image gets of an archive, sorted by path; hard links are files, directories come with what they hold.

    IntegrityError where the archive leaves its place: other folders than `python/`, absolute names, `..`, links out of
    it, paths through a link or a file, a path twice, hard links to what is not there.
    """
    found: dict[str, PythonFile] = {}
    files: dict[str, TarEntry] = {}
    for entry in entries:
        name = _checked(entry.name, is_directory=entry.kind is TarKind.DIRECTORY)
        if entry.kind is TarKind.DIRECTORY:
            continue
        whole = _followed(files, name, entry)
        if whole.kind is TarKind.FILE:
            files[name] = whole
        if name in found:
            raise IntegrityError(f"the archive has {name} twice")
        found[name] = _placed(name, whole)
    _check_parents(found)
    kept = {name: file for name, file in found.items() if not _LEFT_OUT.fullmatch(name)}
    return [replace(kept[name], path=f"{PYTHON_HOME}/{name}") for name in sorted(kept)]


def _checked(name: str, *, is_directory: bool) -> str:
    """The entry's name below `python/`. IntegrityError for one that is elsewhere, or hostile."""
    clean = name.removeprefix("./")
    if is_directory:
        clean = clean.removesuffix("/")
    parts = clean.split("/")
    if is_directory and clean in ("", ".", _TOP):
        return ""
    if parts[0] != _TOP or len(parts) < 2 or any(part in ("", ".", "..") for part in parts):
        raise IntegrityError(f"the archive has a file that leaves its folder {_TOP}/: {name!r}")
    if any(part.startswith(".wh.") for part in parts):
        raise IntegrityError(f"the archive has a file whose name deletes others in an image: {name!r}")
    if any(ord(letter) < 32 or 127 <= ord(letter) < 160 or 0xD800 <= ord(letter) < 0xE000 for letter in clean):
        raise IntegrityError(f"the archive has a file with a control character, or no UTF-8, in its name: {name!r}")
    return "/".join(parts[1:])


def _followed(files: Mapping[str, TarEntry], name: str, entry: TarEntry) -> TarEntry:
    """The entry, or the file that it is a hard link to."""
    if entry.kind is not TarKind.HARD_LINK:
        return entry
    file = files.get(_checked(entry.target, is_directory=False))
    if file is None:
        raise IntegrityError(f"{name} is a hard link to {entry.target!r}, which is no file of the archive before it")
    return file


def _placed(name: str, entry: TarEntry) -> PythonFile:
    if entry.kind is TarKind.FILE:
        return PythonFile(name, MemberKind.FILE, image_mode(entry.mode | 0o444), entry.size, offset=entry.offset)
    if not stays_below(name, entry.target):
        raise IntegrityError(f"{name} is a link that leaves its folder: {entry.target!r}")
    if not entry.target.isprintable():
        raise IntegrityError(f"{name} is a link to a name that cannot be written: {entry.target!r}")
    return PythonFile(name, MemberKind.LINK, 0o777, target=entry.target)


def _check_parents(found: Mapping[str, PythonFile]) -> None:
    for name in found:
        parent = name
        while (cut := parent.rfind("/")) > 0:
            parent = parent[:cut]
            if parent in found:
                raise IntegrityError(
                    f"the archive has {name} below {parent}, which is a {found[parent].kind} of its own"
                )
