"""A conda package linked for one prefix, as a list of files to write: for a layer of an image, and for a folder alike.

The package is unpacked to a temporary file, everything that it says of itself is checked, and each file's content is then
read from there, with the prefix in it. Memory does not grow with the package's content, only with the number of its paths.
"""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import BinaryIO

from envbuild.errors import EnvbuildError
from envbuild.layers.conda.activateprogram import ACTIVATE_PROGRAM
from envbuild.layers.conda.bytecode import stamped
from envbuild.layers.conda.condaarchive import CondaArchive, open_conda_archive
from envbuild.layers.conda.condafault import bad_package
from envbuild.layers.conda.condainfo import PathType, package_info
from envbuild.layers.conda.condapaths import PlacedPath, placed_paths
from envbuild.layers.conda.condarecord import InstalledPath, package_record, record_path
from envbuild.layers.conda.linkscripts import check_link_scripts
from envbuild.layers.conda.packagefacts import is_read, link_scripts, package_facts
from envbuild.layers.conda.packagetree import package_tree
from envbuild.layers.conda.place import CondaPlace
from envbuild.layers.conda.placeholders import replaced
from envbuild.layers.tarwalk import TarEntry, tar_entries
from envbuild.members import MemberKind

__all__ = ["LinkedFile", "LinkedPackage", "link_package"]

_PIECE = 1 << 18
_FOLDERS = ("bin", "conda-meta", "etc", "lib", "share")
_MOST_GROWN = 256 << 20
"""Bytes that a file may be longer for the prefix in it."""
_LARGEST_READ = (1 << 20) + 1
"""Bytes of a file that is read for what it says: one more than any reader takes."""


@dataclass(frozen=True, slots=True)
class LinkedFile:
    """One path to write, relative to the prefix. Directories are those that the package lists, mostly empty ones."""

    path: str
    kind: MemberKind
    mode: int
    size: int = 0
    sha256: str = ""
    target: str = ""


@dataclass(frozen=True, slots=True)
class LinkedPackage:
    """Everything that the package brings, sorted by path, its record in conda-meta among it; and facts about it."""

    files: tuple[LinkedFile, ...]
    facts: Mapping[str, str]
    _contents: Mapping[str, Callable[[], Iterable[bytes]]]

    def pieces(self, file: LinkedFile) -> Iterable[bytes]:
        """A file's content in bounded pieces; they are read while the package is open."""
        return self._contents[file.path]()


@contextmanager
def link_package(stream: BinaryIO, *, file: str, place: CondaPlace) -> Iterator[LinkedPackage]:
    """The package in `stream`, whose name is `file`, linked for `place`.

    IntegrityError where it is damaged, hostile, or not what its own lists say; BuildFailed where it needs a Python that is
    not there, a link script, or a prefix that is shorter.
    """
    try:
        with open_conda_archive(stream, file) as archive:
            yield _linked(archive, file, place)
    except EnvbuildError as fault:
        fault.at = fault.at or file
        raise


def _linked(archive: CondaArchive, file: str, place: CondaPlace) -> LinkedPackage:
    tree = package_tree(tar_entries(archive.data, archive.length, pax=True))
    info = package_info(archive.documents, file, tree.kinds)
    installed: list[InstalledPath] = []
    read: dict[str, bytes] = {}
    for placed in placed_paths(info, tree, place):
        path, head = _installed(archive.data, placed, place.prefix)
        installed.append(path)
        if head:
            read[placed.path] = head
    check_link_scripts(info.name, link_scripts(read))
    told: dict[str, str | int] = {"md5": archive.md5, "sha256": archive.sha256, "size": archive.size}
    record, own = package_record(info, installed, told, file), record_path(info)
    files = {path.placed.path: _file(path) for path in installed}
    contents = {p.placed.path: _content(archive.data, p.placed, place.prefix) for p in installed}
    _check_own(files)
    files[own] = LinkedFile(own, MemberKind.FILE, 0o644, len(record), hashlib.sha256(record).hexdigest())
    contents[own] = lambda: (record,)
    facts = package_facts(info, archive.md5, read, place.prefix)
    return LinkedPackage(tuple(files[path] for path in sorted(files)), facts, contents)


def _check_own(files: Mapping[str, LinkedFile]) -> None:
    """What is every environment's own is no package's: records, what says that it is one, and where programs are."""
    for path, file in files.items():
        folder, _, name = path.partition("/")
        is_kept = folder == "conda-meta" and (name.endswith(".json") or name.partition("/")[0] in ("history", "state"))
        is_folder = path in _FOLDERS and file.kind is not MemberKind.DIRECTORY
        if is_kept or is_folder or path == ACTIVATE_PROGRAM or folder == "CACHEDIR.TAG":
            raise bad_package(f"the package has a {file.kind} of its own at {path}, which is the environment's")


def _file(path: InstalledPath) -> LinkedFile:
    placed = path.placed
    if placed.kind is not MemberKind.FILE:
        return LinkedFile(placed.path, placed.kind, placed.mode, target=placed.target)
    return LinkedFile(placed.path, placed.kind, placed.mode, path.size, path.sha256)


def _content(data: BinaryIO, placed: PlacedPath, prefix: str) -> Callable[[], Iterable[bytes]]:
    if placed.source is None:
        return lambda: (placed.script,) if placed.script else ()
    return lambda: _final(data, placed, prefix)


def _installed(data: BinaryIO, placed: PlacedPath, prefix: str) -> tuple[InstalledPath, bytes]:
    """The path with the hash of what it will be, once what the package says of it is found true; and how it begins."""
    if placed.kind is MemberKind.DIRECTORY:
        return InstalledPath(placed, 0, ""), b""
    if placed.source is None:
        known = placed.target.encode() if placed.kind is MemberKind.LINK else placed.script
        return InstalledPath(placed, len(known), hashlib.sha256(known).hexdigest()), b""
    original, final = hashlib.sha256(), hashlib.sha256()
    size, head, is_wanted = 0, b"", is_read(placed.path)
    for piece in _final(data, placed, prefix, original.update):
        size += len(piece)
        if size - placed.source.size > _MOST_GROWN:
            raise bad_package(f"{placed.path} would grow by more than {_MOST_GROWN} bytes with the prefix in it")
        final.update(piece)
        if is_wanted and len(head) < _LARGEST_READ:
            head += piece[: _LARGEST_READ - len(head)]
    _check(placed, original.hexdigest() if _is_changed(placed) else final.hexdigest())
    return InstalledPath(placed, size, final.hexdigest()), head


def _is_changed(placed: PlacedPath) -> bool:
    has_placeholder = placed.listed is not None and placed.listed.placeholder is not None
    return has_placeholder or placed.compiled_size is not None


def _final(
    data: BinaryIO, placed: PlacedPath, prefix: str, seen: Callable[[bytes], object] | None = None
) -> Iterator[bytes]:
    """A file as it is below the prefix; `seen` is told what it was in the package, where that may be something else."""
    pieces = _read(data, placed.source) if placed.source else iter(())
    if seen is not None and _is_changed(placed):
        pieces = _told(pieces, seen)
    if placed.listed is not None and placed.listed.placeholder is not None:
        pieces = replaced(pieces, placed.listed.placeholder, prefix)
    return pieces if placed.compiled_size is None else stamped(pieces, placed.compiled_size)


def _read(data: BinaryIO, source: TarEntry) -> Iterator[bytes]:
    at, end = source.offset, source.offset + source.size
    while at < end:
        data.seek(at)
        piece = data.read(min(end - at, _PIECE))
        at += len(piece)
        yield piece


def _told(pieces: Iterator[bytes], seen: Callable[[bytes], object]) -> Iterator[bytes]:
    for piece in pieces:
        seen(piece)
        yield piece


def _check(placed: PlacedPath, sha256: str) -> None:
    """IntegrityError where paths.json says another size or hash. Of links it has those of what they lead to, or others."""
    listed, source = placed.listed, placed.source
    if listed is None or source is None or listed.path_type is not PathType.HARDLINK:
        return
    if listed.size is not None and listed.size != source.size:
        raise bad_package(f"paths.json says that {listed.path} has {listed.size} bytes, and it has {source.size}")
    if listed.sha256 and listed.sha256 != sha256:
        raise bad_package(f"paths.json says that {listed.path} has sha256 {listed.sha256}, and it has {sha256}")
