"""Images outside the store, read where they are: OCI layouts and archives that hold one."""

import json
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, cast

from envbuild.digest import Digest
from envbuild.errors import IntegrityError, UsageError
from envbuild.oci import Image, parse_image

__all__ = ["ArchiveFile", "LayoutFolder", "opened_image"]

_REFERENCE = "org.opencontainers.image.ref.name"
_NAME = "io.containerd.image.name"


class LayoutFolder:
    """The blobs of an OCI layout (image-layout.md), each checked before it is given."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def index(self) -> bytes:
        """The layout's index.json."""
        try:
            return (self._folder / "index.json").read_bytes()
        except OSError as error:
            raise UsageError("this is no OCI layout", at=str(self._folder), hint="write one: --to oci:DIR") from error

    def open(self, digest: Digest) -> BinaryIO:
        """A blob. KeyError where it is not here; IntegrityError where it is damaged."""
        path = self._folder / "blobs" / "sha256" / digest.hex
        if not path.is_file():
            raise KeyError(str(digest))
        return _checked(path.open("rb"), digest, str(path))


class ArchiveFile:
    """The blobs of an uncompressed tar that holds an OCI layout."""

    def __init__(self, file: Path) -> None:
        self._file = file
        try:
            self._archive = tarfile.open(file, "r:")  # noqa: SIM115  open as long as its blobs are read
        except FileNotFoundError:
            raise UsageError("no such file", at=str(file), hint="write one: --to archive:FILE.tar") from None
        except (OSError, tarfile.TarError) as error:
            raise UsageError(
                "this is no image archive", at=str(file), hint="write one: --to archive:FILE.tar"
            ) from error

    def index(self) -> bytes:
        """The layout's index.json."""
        with self._member("index.json") as stream:
            return stream.read()

    def open(self, digest: Digest) -> BinaryIO:
        """A blob. KeyError where it is not here; IntegrityError where it is damaged."""
        try:
            stream = self._archive.extractfile(f"blobs/sha256/{digest.hex}")
        except KeyError:
            raise KeyError(str(digest)) from None
        if stream is None:
            raise KeyError(str(digest))
        return _checked(cast(BinaryIO, stream), digest, str(self._file))

    @contextmanager
    def _member(self, name: str) -> Iterator[BinaryIO]:
        try:
            stream = self._archive.extractfile(name)
        except KeyError:
            stream = None
        if stream is None:
            raise UsageError(f"the archive has no {name}", at=str(self._file), hint="it must hold an OCI layout")
        with stream:
            yield cast(BinaryIO, stream)


def opened_image(place: LayoutFolder | ArchiveFile, name: str = "") -> Image:
    """The image of this name, or the only one. UsageError where there is none, or several to choose from."""
    entries: list[Any] = json.loads(place.index()).get("manifests", [])
    wanted = [e for e in entries if not name or name in _names(e)]
    digests = {e["digest"] for e in wanted}
    if len(digests) != 1:
        known = ", ".join(sorted({n for e in entries for n in _names(e)}))
        what = "several images are here" if len(digests) > 1 else f"no image {name!r} is here"
        raise UsageError(what, hint=f"there are: {known}")
    with place.open(Digest.parse(digests.pop())) as stream:
        manifest = stream.read()
    with place.open(Digest.parse(json.loads(manifest)["config"]["digest"])) as stream:
        return parse_image(manifest, stream.read())


def _names(entry: Any) -> set[str]:
    annotations = entry.get("annotations") or {}
    return {annotations[key] for key in (_REFERENCE, _NAME) if key in annotations}


def _checked(stream: BinaryIO, digest: Digest, at: str) -> BinaryIO:
    if Digest.of_stream(stream) != digest:
        stream.close()
        raise IntegrityError(f"the blob {digest.short} is damaged", at=at, hint="write the image again")
    stream.seek(0)
    return stream
