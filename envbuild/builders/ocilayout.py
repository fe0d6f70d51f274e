"""An image in an OCI image layout (image-spec 1.1, image-layout.md): a folder that skopeo, umoci, buildx and others read.

Blobs are copied, never linked: a reader of the folder cannot damage the store.
"""

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from envbuild.builders.archive import LAYOUT, entry_of, index_of, replace_content, replace_file
from envbuild.canonical import JSON
from envbuild.digest import CHUNK, Digest
from envbuild.errors import EnvironmentFault, UsageError
from envbuild.filelock import locked
from envbuild.oci import Image
from envbuild.ports import BlobStore

__all__ = ["write_layout"]

_NAME = "org.opencontainers.image.ref.name"
_LOCK = ".envbuild.lock"
_BEGUN = {"oci-layout", "blobs"}
"""What stands there, beside hidden files, while a first write has not come to its index, or was cut off."""


def write_layout(image: Image, blobs: BlobStore, folder: Path, names: Sequence[str] = ()) -> None:
    """Add an image to a layout, which is made where the folder is new or empty.

    `names` become the entry's reference names (`oci:FOLDER:NAME` for skopeo); an entry that had one of them loses it to
    this image, other entries stay. Without names, the image replaces the entry without a name. UsageError where the
    folder is something else; KeyError or IntegrityError where a layer is not whole.
    """
    _existing(folder)
    try:
        (folder / "blobs" / "sha256").mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise EnvironmentFault(f"cannot be made: {error.strerror}", at=str(folder)) from error
    replace_content(folder / "oci-layout", LAYOUT)
    for layer in image.layers:
        _copy(blobs, layer.descriptor.digest, layer.descriptor.size, folder)
    for content in (image.config, image.manifest):
        replace_content(_blob(folder, Digest.of(content)), content)
    with locked(folder / _LOCK, what="the image layout"):
        replace_content(folder / "index.json", index_of(_merged(_existing(folder), image, names)))


def _existing(folder: Path) -> list[Any]:
    """The entries of the layout that is there; none where there is no folder yet, or an empty one."""
    try:
        names = {entry.name for entry in os.scandir(folder) if not entry.name.startswith(".")}
    except FileNotFoundError:
        return []
    except OSError as error:
        raise UsageError(f"cannot be a folder of images: {error.strerror}", at=str(folder)) from error
    if names <= _BEGUN:
        return []
    try:
        version = json.loads((folder / "oci-layout").read_bytes())["imageLayoutVersion"]
        entries = json.loads((folder / "index.json").read_bytes())["manifests"]
        if version.split(".")[0] != "1" or not all(isinstance(entry, Mapping) for entry in entries):
            raise ValueError(version)
    except (OSError, KeyError, TypeError, ValueError, AttributeError) as error:
        raise UsageError(
            "is there and is no OCI image layout",
            at=str(folder),
            hint="name a new folder, or one that holds such a layout",
        ) from error
    return list(entries)


def _merged(entries: Sequence[Any], image: Image, names: Sequence[str]) -> list[JSON]:
    """The entries without those whose place the image takes, and the image's own, one a name."""
    taken: set[str | None] = {*names} or {None}
    kept = [entry for entry in entries if (entry.get("annotations") or {}).get(_NAME) not in taken]
    return kept + ([entry_of(image, {_NAME: name}) for name in names] or [entry_of(image, {})])


def _copy(blobs: BlobStore, digest: Digest, size: int, folder: Path) -> None:
    target = _blob(folder, digest)
    try:
        there = target.stat().st_size == size
    except OSError:
        there = False
    if there:
        return

    def fill(out: Any) -> None:
        with blobs.open(digest) as stream:
            while chunk := stream.read(CHUNK):
                out.write(chunk)

    replace_file(target, fill)


def _blob(folder: Path, digest: Digest) -> Path:
    return folder / "blobs" / "sha256" / digest.hex
