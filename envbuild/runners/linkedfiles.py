"""Files of conda packages into one folder, by several threads; what two packages have at one path waits for a decision.

Nothing is written through a link, and nothing is overwritten: of several packages' files at a path the first that comes is at its
place, the others stand aside until it is known whose is meant.
"""

import os
import stat
import threading
from collections.abc import Iterable, Mapping
from pathlib import Path, PurePosixPath

from envbuild.errors import IntegrityError
from envbuild.layers.conda.linking import LinkedPackage
from envbuild.layers.tarheader import MTIME
from envbuild.members import Member, MemberKind, MemberTable
from envbuild.runners.condafolder import MARK
from envbuild.runners.prefixwheels import IMAGE_PREFIX

__all__ = ["SPARE", "LinkedFolder"]

SPARE = ".spare"
"""Where files stand aside while the folder is filled."""


class LinkedFolder:
    """A folder that is being filled. Packages are told apart by their sha256."""

    def __init__(self, root: Path, spare: Path) -> None:
        """`spare` is an empty folder on the same disk, for what stands aside."""
        self._root, self._spare = root, spare
        self._mutex = threading.Lock()
        self._owners: dict[str, str] = {}
        self._aside: dict[tuple[str, str], Path] = {}
        self._folders = {""}
        self._generated: set[str] = set()

    def generated(self, files: Mapping[str, tuple[bytes, int]]) -> None:
        """Files of the environment itself: content and mode, by path. A package's own file goes before them."""
        for path, (content, mode) in files.items():
            self._parent(path)
            _write(self._root / path, mode, [content])
        self._generated |= files.keys()

    def add(self, package: str, linked: LinkedPackage) -> MemberTable:
        """Write all of a package; the table says what it has, as a layer's table does."""
        members = []
        for file in linked.files:
            _check(file.path)
            member = Member(
                path=f"{IMAGE_PREFIX}/{file.path}", kind=file.kind, mode=file.mode, size=file.size, sha256=file.sha256,
                target=file.target,
            )  # fmt: skip
            members.append(member)
            if file.kind is MemberKind.DIRECTORY:
                self._folder(file.path)
            elif file.kind is MemberKind.LINK:
                self._place_for(package, file.path).symlink_to(file.target)
            else:
                _write(self._place_for(package, file.path), file.mode, linked.pieces(file))
        return MemberTable(tuple(members), linked.facts)

    def decide(self, winners: Mapping[str, str]) -> None:
        """Whose file stands at a path, by path below the environment; a package that is not here: nobody's."""
        for path, winner in winners.items():
            owner = self._owners.get(path)
            if owner is None or owner == winner:
                continue
            if (spare := self._aside.get((path, winner))) is not None:
                spare.replace(self._root / path)
            else:
                (self._root / path).unlink(missing_ok=True)

    @property
    def paths(self) -> frozenset[str]:
        """Of all files and links, below the environment."""
        return frozenset(self._owners)

    def _place_for(self, package: str, path: str) -> Path:
        with self._mutex:
            first = self._owners.setdefault(path, package)
            if path in self._generated:
                self._generated.remove(path)
                (self._root / path).unlink()
        # A folder that is another package's file cannot stand beside it: who is told of both refuses them.
        if first == package and self._parent(path) and not os.path.lexists(self._root / path):
            return self._root / path
        with self._mutex:
            spare = self._spare / str(len(self._aside))
            self._aside[path, package] = spare
        return spare

    def _parent(self, path: str) -> bool:
        return self._folder(str(PurePosixPath(path).parent).removeprefix("."))

    def _folder(self, path: str) -> bool:
        """Whether a folder of this path is there now, with no link on the way to it."""
        if path in self._folders:
            return True
        if not self._parent(path):
            return False
        try:
            (self._root / path).mkdir(mode=0o755)
        except FileExistsError:
            if not stat.S_ISDIR((self._root / path).lstat().st_mode):
                return False
        with self._mutex:
            self._folders.add(path)
        return True


def _check(path: str) -> None:
    """IntegrityError for what would leave the folder, and for what is not a package's to bring."""
    parts = path.split("/")
    if any(part in ("", ".", "..") for part in parts):
        raise IntegrityError("a package has a file outside of the environment", at=path)
    if parts[0] in (SPARE, MARK):
        raise IntegrityError("a package has a file that only envbuild itself writes", at=path)


def _write(place: Path, mode: int, pieces: Iterable[bytes]) -> None:
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    descriptor = os.open(place, flags, mode & 0o755)
    try:
        for piece in pieces:
            view = memoryview(piece)
            while view:
                view = view[os.write(descriptor, view) :]
        # Bytecode that a package brings is of sources with this time.
        os.utime(descriptor, (MTIME, MTIME))
    finally:
        os.close(descriptor)
