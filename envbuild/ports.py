"""What the story (pipeline) needs from the outside, as Protocols of one to four methods; adapters stand on floor 5."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import BinaryIO, Protocol, TypeAlias

from envbuild.canonical import JSON
from envbuild.definition import Definition
from envbuild.digest import Digest
from envbuild.lockfile import Artifact, Lock
from envbuild.oci import Image, ImageConfig
from envbuild.platforms import Platform

__all__ = [
    "ArtifactSource",
    "BlobStore",
    "BlobWriter",
    "Builder",
    "Claims",
    "Files",
    "MeansDefinition",
    "OpensBlobs",
    "Reporter",
    "Resolver",
    "SpecSource",
]


class Reporter(Protocol):
    """Where progress goes. The library never prints; `stage` is a word such as `download`."""

    def begin(self, stage: str, total: int) -> None:
        """A stage starts; `total` is in bytes, or in steps for `resolve`; 0: not known."""

    def advance(self, stage: str, amount: int) -> None:
        """So much more of the stage is done. May come from any thread."""

    def end(self, stage: str) -> None:
        """The stage is over."""

    def notice(self, text: str) -> None:
        """A line the user should see."""


class MeansDefinition(Protocol):
    """A value that is edited, and means a definition: AzureML's `Environment`."""

    def to_definition(self) -> Definition:
        """What it means now. InvalidDefinition has all that is wrong with it."""


SpecSource: TypeAlias = str | Definition | MeansDefinition
"""What an environment is asked for by: a file or folder, a definition, or a value that means one."""


class Files(Protocol):
    """The user's own files, by path as they gave it."""

    def load(self, path: str) -> bytes:
        """The bytes of a regular file. OSError for anything else: missing, a folder, a pipe, unreadable."""

    def is_file(self, path: str) -> bool:
        """Whether a regular file is there."""

    def is_folder(self, path: str) -> bool:
        """Whether a folder is there."""

    def write(self, path: str, data: bytes) -> None:
        """Replace a file as a whole: readers see the old one or the new one."""


class BlobWriter(Protocol):
    """A blob on its way into the store."""

    def write(self, data: bytes | memoryview, /) -> int:
        """More bytes."""

    def commit(self, expected: Digest | None = None) -> Digest:
        """Make it durable and visible under its digest. IntegrityError, and nothing kept, where it is not the expected."""


class OpensBlobs(Protocol):
    """Where content is read by digest. Bytes prove themselves: what is read is checked."""

    def open(self, digest: Digest) -> BinaryIO:
        """The blob, checked against its digest before the first byte is given, open for reading and seeking.

        KeyError where it is not here; IntegrityError where it is damaged.
        """


class BlobStore(OpensBlobs, Protocol):
    """Content by digest, on this machine."""

    def has(self, digest: Digest) -> bool:
        """Whether the blob is here."""

    def create(self) -> AbstractContextManager[BlobWriter]:
        """A writer; left without commit, nothing of it remains."""

    def path(self, digest: Digest) -> Path:
        """Where the blob's file is (for engines and hard links). KeyError where it is not here."""


class Claims(Protocol):
    """id -> value. A claim may be dropped at any time; the material it is the id of is kept beside it."""

    def get(self, kind: str, identity: Digest) -> JSON | None:
        """What is claimed for this id, or None."""

    def put(self, kind: str, identity: Digest, value: JSON, material: JSON) -> None:
        """Claim a value for an id, and keep the material that the id is the digest of."""

    def material(self, kind: str, identity: Digest) -> JSON | None:
        """The material of an id, or None."""


class ArtifactSource(Protocol):
    """Where the files that a lock names are had."""

    def fetch(self, artifacts: Sequence[Artifact], into: BlobStore, report: Reporter) -> None:
        """Bring every artifact that is not there into the store, verified by its sha256."""


class Resolver(Protocol):
    """A request becomes a lock."""

    def resolve(self, definition: Definition, platform: Platform, prefer: Mapping[str, str], report: Reporter) -> Lock:
        """The lock of a normalized definition for one platform.

        `prefer` are versions to keep where they still fit, by `<kind>:<name>` (`wheel:numpy`, `deb:libc6`); of conda
        packages and standalone Pythons the file's name, which has the build too (`conda:numpy`, `python:cpython`).
        """


class Builder(Protocol):
    """A lock becomes an image."""

    def build(self, lock: Lock, config: ImageConfig, layout: int, report: Reporter) -> Image:
        """The image, its blobs in the store."""
