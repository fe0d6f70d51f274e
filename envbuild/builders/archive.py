"""An image as one tar that every engine loads: an OCI layout (image-spec 1.1, image-layout.md) that also has the `manifest.json`
of `docker save`.

Engines with a content store read the layout and keep the manifest's digest; the others, and Podman, read `manifest.json`.
The bytes are a function of the image and the names.
"""

import os
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import IO, Protocol

from envbuild.canonical import JSON, encode
from envbuild.digest import CHUNK, Digest
from envbuild.errors import EnvironmentFault, UsageError
from envbuild.layers.tarheader import BLOCK, END_OF_ARCHIVE, header
from envbuild.members import MemberKind
from envbuild.oci import INDEX_TYPE, MANIFEST_TYPE, Descriptor, Image
from envbuild.ports import BlobStore
from envbuild.reference import RULE, Reference

__all__ = [
    "LAYOUT",
    "entry_of",
    "index_of",
    "qualified",
    "replace_content",
    "replace_file",
    "save_archive",
    "write_archive",
]

LAYOUT = encode({"imageLayoutVersion": "1.0.0"})
"""The file `oci-layout`."""

_NAME = "org.opencontainers.image.ref.name"
_ENGINE_NAME = "io.containerd.image.name"
_FOLDERS = ("blobs", "blobs/sha256")


class Sink(Protocol):
    """What the archive is written to."""

    def write(self, data: bytes, /) -> object:
        """More of it."""


def qualified(name: str) -> str:
    """A name as engines write it in full: `docker.io/envbuild/train:latest` of `envbuild/train`. UsageError for none."""
    try:
        parsed = Reference.parse(name)
    except ValueError:
        parsed = None
    if parsed is None or parsed.digest:
        raise UsageError(f"not an image name: {name!r}", hint=RULE)
    return str(parsed.full)


def write_archive(image: Image, blobs: BlobStore, out: Sink, names: Sequence[str] = ()) -> None:
    """Stream the archive. Layers come from the store, checked; KeyError or IntegrityError where one is not whole.

    `names` are what the image is called after loading; without a tag they mean `latest`.
    """
    full = [qualified(name) for name in names]
    for folder in _FOLDERS:
        out.write(header(folder, MemberKind.DIRECTORY, 0o755))
    for path, content in _documents(image, full):
        out.write(header(path, MemberKind.FILE, 0o644, len(content)) + content + bytes(-len(content) % BLOCK))
    for layer in _unique(image):
        out.write(header(_blob(layer.digest), MemberKind.FILE, 0o644, layer.size))
        with blobs.open(layer.digest) as stream:
            while chunk := stream.read(CHUNK):
                out.write(chunk)
        out.write(bytes(-layer.size % BLOCK))
    out.write(END_OF_ARCHIVE)


def save_archive(image: Image, blobs: BlobStore, file: Path, names: Sequence[str] = ()) -> None:
    """The archive as a file, which appears whole or not at all. EnvironmentFault where it cannot be written."""
    if file.is_dir():
        raise UsageError(
            "the archive is to be a file, and this is a folder", at=str(file), hint=f"archive:{file}/image.tar"
        )
    replace_file(file, lambda out: write_archive(image, blobs, out, names))


def replace_content(file: Path, content: bytes) -> None:
    """`replace_file` with bytes that are there already."""
    replace_file(file, lambda out: out.write(content))


def replace_file(file: Path, write: Callable[[IO[bytes]], object]) -> None:
    """Make or replace a file as a whole: written beside it, made durable, renamed."""
    temporary = None
    try:
        handle, temporary = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name[:60]}.", suffix=".part")
        with os.fdopen(handle, "wb") as out:
            write(out)
            out.flush()
            os.fchmod(out.fileno(), 0o644)
            os.fsync(out.fileno())
        Path(temporary).replace(file)
        temporary = None
    except OSError as error:
        raise EnvironmentFault(
            f"cannot be written: {error.strerror or error}", at=str(file), hint="name a place that exists and has room"
        ) from error
    finally:
        if temporary is not None:
            Path(temporary).unlink(missing_ok=True)


def index_of(entries: Sequence[JSON]) -> bytes:
    """The file `index.json` (image-index.md) of these entries."""
    return encode({"schemaVersion": 2, "mediaType": INDEX_TYPE, "manifests": list(entries)})


def entry_of(image: Image, annotations: Mapping[str, JSON]) -> JSON:
    """An index's entry for an image."""
    entry = Descriptor(MANIFEST_TYPE, image.digest, len(image.manifest)).to_json()
    return {**entry, "annotations": dict(annotations)} if annotations else entry


def _documents(image: Image, names: Sequence[str]) -> list[tuple[str, bytes]]:
    """The archive's small files, with what names the image first: readers may stop there."""
    entries = [entry_of(image, {_NAME: name.rpartition(":")[2], _ENGINE_NAME: name}) for name in names]
    saved: JSON = [
        {
            "Config": _blob(image.config_digest),
            "RepoTags": list(names),
            "Layers": [_blob(layer.descriptor.digest) for layer in image.layers],
        }
    ]
    return [
        ("oci-layout", LAYOUT),
        ("index.json", index_of(entries or [entry_of(image, {})])),
        ("manifest.json", encode(saved)),
        (_blob(image.digest), image.manifest),
        (_blob(image.config_digest), image.config),
    ]


def _unique(image: Image) -> list[Descriptor]:
    return list(dict.fromkeys(layer.descriptor for layer in image.layers))


def _blob(digest: Digest) -> str:
    return f"blobs/sha256/{digest.hex}"
