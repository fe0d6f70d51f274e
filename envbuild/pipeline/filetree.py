"""The files that a container of an image sees: its layers read from the bottom up, whiteouts applied (image-spec layer.md)."""

import gzip
import hashlib
import stat
import tarfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import IO

from envbuild.digest import CHUNK
from envbuild.errors import UsageError
from envbuild.oci import Image, Layer
from envbuild.ports import OpensBlobs

__all__ = ["Entry", "FileTree"]

_WHITEOUT = ".wh."
_OPAQUE = ".wh..wh..opq"
_MOST_LINKS = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One path of an image, without a leading slash."""

    path: str
    kind: str
    """`file`, `link`, `directory`."""
    mode: int
    size: int
    target: str
    layer: int
    """The number of the layer that has it, from the bottom, from 0."""
    sha256: str = ""
    """Of a file's content, where the tree was read with contents."""

    @property
    def mode_text(self) -> str:
        """As ls prints it: `-rwxr-xr-x`."""
        types = {"file": stat.S_IFREG, "link": stat.S_IFLNK, "directory": stat.S_IFDIR}
        return stat.filemode(types[self.kind] | self.mode)


class FileTree:
    """An image's files. Reads every layer once; with `hashed`, also every content; `keep` says of which to keep it."""

    def __init__(
        self, image: Image, blobs: OpensBlobs, *, hashed: bool = False, keep: Callable[[str], bool] = lambda _: False
    ) -> None:
        self._image, self._blobs, self._keep = image, blobs, keep
        self.entries: dict[str, Entry] = {}
        self.kept: dict[str, bytes] = {}
        for number, layer in enumerate(image.layers):
            self._apply(number, layer, hashed=hashed)

    def below(self, path: str) -> list[Entry]:
        """The entry at `path` and all below it, sorted; the whole tree for nothing. UsageError where nothing is there."""
        wanted = _clean(path)
        if not wanted:
            return [self.entries[p] for p in sorted(self.entries)]
        top = self.find(wanted)
        inside = [self.entries[p] for p in sorted(self.entries) if p.startswith(f"{top.path}/")]
        return [top, *inside]

    def find(self, path: str) -> Entry:
        """The entry that a path leads to, links followed. UsageError where it leads nowhere."""
        rest = list(PurePosixPath(_clean(path)).parts)
        at: list[str] = []
        links = 0
        while rest:
            part = rest.pop(0)
            if part == "..":
                at = at[:-1]
                continue
            entry = self.entries.get("/".join([*at, part]))
            if entry is None or links > _MOST_LINKS:
                what = "the links lead round and round" if entry else "the image has no such file"
                raise UsageError(what, at=f"/{_clean(path)}", hint="see what there is: envbuild ls IMAGE")
            if entry.kind == "link":
                links += 1
                rest = [*PurePosixPath(entry.target.lstrip("/")).parts, *rest]
                at = [] if entry.target.startswith("/") else at
            else:
                at.append(part)
        found = self.entries.get("/".join(at))
        if found is None:
            raise UsageError("this is the root", at="/", hint="leave the path out to list everything")
        return found

    def read(self, entry: Entry) -> Iterator[bytes]:
        """A file's content, in chunks."""
        with self._tar(self._image.layers[entry.layer]) as archive:
            for member in archive:
                if _clean(member.name) == entry.path and member.isreg():
                    stream = archive.extractfile(member)
                    while stream is not None and (chunk := stream.read(CHUNK)):
                        yield chunk
                    return

    def _apply(self, number: int, layer: Layer, *, hashed: bool) -> None:
        with self._tar(layer) as archive:
            for member in archive:
                path = _clean(member.name)
                folder, _, name = path.rpartition("/")
                if name == _OPAQUE:
                    self._remove_below(folder)
                elif name.startswith(_WHITEOUT):
                    gone = f"{folder}/{name[len(_WHITEOUT) :]}".lstrip("/")
                    self.entries.pop(gone, None)
                    self._remove_below(gone)
                else:
                    content = archive.extractfile(member) if hashed and member.isreg() else None
                    self.entries[path] = self._entry(path, member, number, content)

    def _entry(self, path: str, member: tarfile.TarInfo, layer: int, content: IO[bytes] | None) -> Entry:
        kind = "directory" if member.isdir() else "link" if member.issym() else "file"
        digest = ""
        if content is not None:
            hasher = hashlib.sha256()
            kept: list[bytes] | None = [] if self._keep(path) else None
            while chunk := content.read(CHUNK):
                hasher.update(chunk)
                if kept is not None:
                    kept.append(chunk)
            digest = hasher.hexdigest()
            if kept is not None:
                self.kept[path] = b"".join(kept)
        return Entry(
            path=path, kind=kind, mode=member.mode, size=member.size, target=member.linkname, layer=layer, sha256=digest
        )

    def _remove_below(self, folder: str) -> None:
        for path in [p for p in self.entries if p.startswith(f"{folder}/")]:
            del self.entries[path]

    @contextmanager
    def _tar(self, layer: Layer) -> Iterator[tarfile.TarFile]:
        with (
            self._blobs.open(layer.descriptor.digest) as stream,
            gzip.GzipFile(fileobj=stream) as plain,
            tarfile.open(fileobj=plain, mode="r|") as archive,
        ):
            yield archive


def _clean(path: str) -> str:
    return "/".join(p for p in PurePosixPath(path).parts if p not in {"/", "."})
