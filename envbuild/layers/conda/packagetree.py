"""What a conda package's archive holds, by path, before anything is placed; and what its links lead to within it.

A path here leads nowhere else: absolute names, `..`, names that two readers spell differently, paths below a link or a
file, and paths that are there twice are refused.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from envbuild.layers.conda.condafault import bad_package
from envbuild.layers.conda.condainfo import PathType
from envbuild.layers.tarwalk import TarEntry, TarKind

__all__ = ["PackageTree", "check_parents", "checked_path", "is_writable", "package_tree"]

_LONGEST_PATH, _LONGEST_PART = 3000, 255
_MOST_LINKS = 40
_LEAVES = re.compile(r"(?:^|/)\.{0,2}(?:/|$)")
"""A part that is empty, `.` or `..`; an absolute path's first is empty."""
_DELETES = re.compile(r"(?:^|/)\.wh\.")
_UNWRITABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
_TYPES = {
    TarKind.FILE: PathType.HARDLINK,
    TarKind.LINK: PathType.SOFTLINK,
    TarKind.DIRECTORY: PathType.DIRECTORY,
}


@dataclass(frozen=True, slots=True)
class PackageTree:
    """The entries by path: files, links, and directories; hard links are the files that they are names of."""

    entries: Mapping[str, TarEntry]

    @property
    def kinds(self) -> dict[str, PathType]:
        """What each path is."""
        return {path: _TYPES[entry.kind] for path, entry in self.entries.items()}

    def file_behind(self, path: str) -> TarEntry | None:
        """The file at a path, where links lead on through the package; None where they lead to none."""
        waiting, walked = path.split("/")[::-1], list[str]()
        links = 0
        while waiting:
            part = waiting.pop()
            if part == "..":
                if not walked:
                    return None
                walked.pop()
                continue
            if part in ("", "."):
                continue
            walked.append(part)
            entry = self.entries.get("/".join(walked))
            if entry is not None and entry.kind is TarKind.LINK:
                links += 1
                if links > _MOST_LINKS or entry.target.startswith("/"):
                    return None
                walked.pop()
                waiting += entry.target.split("/")[::-1]
        found = self.entries.get("/".join(walked))
        return found if found is not None and found.kind is TarKind.FILE else None


def package_tree(entries: Iterable[TarEntry]) -> PackageTree:
    """The tree of an archive's entries. IntegrityError where one of them leaves its place."""
    found: dict[str, TarEntry] = {}
    for entry in entries:
        is_directory = entry.kind is TarKind.DIRECTORY
        name = entry.name.removeprefix("./")
        name = name.removesuffix("/") if is_directory else name
        if is_directory and name in ("", "."):
            continue
        checked_path(name)
        whole = _followed(found, name, entry)
        before = found.setdefault(name, whole)
        if before is not whole and not (is_directory and before.kind is TarKind.DIRECTORY):
            raise bad_package(f"the package has {name} twice")
    check_parents(found, {name for name, entry in found.items() if entry.kind is TarKind.DIRECTORY})
    return PackageTree(found)


def checked_path(path: str) -> str:
    """The path, if it is one below the package's folder. IntegrityError for a hostile one."""
    if _LEAVES.search(path):
        raise bad_package(f"the package has a path that leaves its place: {path!r}")
    if _DELETES.search(path):
        raise bad_package(f"the package has a path whose name deletes others in an image: {path!r}")
    if not is_writable(path):
        raise bad_package(f"the package has a path with a control character, or no UTF-8, in its name: {path!r}")
    if len(path) > _LONGEST_PART // 4:
        parts = path.encode().split(b"/")
        if sum(map(len, parts)) + len(parts) > _LONGEST_PATH or max(map(len, parts)) > _LONGEST_PART:
            raise bad_package(f"the package has a path too long for a file: {path[:100]!r}...")
    return path


def is_writable(name: str) -> bool:
    """Whether a name has no control characters and is UTF-8."""
    return not _UNWRITABLE.search(name)


def check_parents(paths: Iterable[str], directories: set[str]) -> None:
    """IntegrityError where a path lies below another one that is no directory."""
    others = set(paths) - directories
    seen: set[str] = set()
    for path in [*others, *directories]:
        parent = path
        while (cut := parent.rfind("/")) > 0 and (parent := parent[:cut]) not in seen:
            seen.add(parent)
            if parent in others:
                raise bad_package(f"the package has {path} below {parent}, which is a file or a link of its own")


def _followed(files: Mapping[str, TarEntry], name: str, entry: TarEntry) -> TarEntry:
    """The entry, or the file that it is a hard link to."""
    if entry.kind is not TarKind.HARD_LINK:
        return entry
    file = files.get(entry.target.removeprefix("./"))
    if file is None or file.kind is not TarKind.FILE:
        raise bad_package(f"{name} is a hard link to {entry.target!r}, which is no file of the package before it")
    return file
