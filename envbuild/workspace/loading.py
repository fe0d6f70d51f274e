"""`Loader`: an engine as a place that images are brought to, by the fastest way that it allows."""

from collections.abc import Sequence
from functools import partial
from typing import BinaryIO

from envbuild.builders.archive import write_archive
from envbuild.oci import Image
from envbuild.ports import BlobStore, Reporter
from envbuild.runners.engine import Engine

__all__ = ["Loader"]


class Loader:
    """An engine as a place that images are brought to."""

    def __init__(self, engine: Engine, blobs: BlobStore, report: Reporter) -> None:
        self._engine, self._blobs, self._report = engine, blobs, report

    def has(self, image: Image, references: Sequence[str]) -> bool:
        """Whether the engine has it under these names."""
        return self._engine.has(image, references)

    def load(self, image: Image, references: Sequence[str]) -> None:
        """Stream it there."""
        self._report.begin("load", image.size)
        self._engine.load(image, references, partial(self._write, image))
        self._report.end("load")

    def _write(self, image: Image, pipe: BinaryIO, names: Sequence[str]) -> None:
        write_archive(image, self._blobs, _Counted(pipe, self._report), names)


class _Counted:
    """Tells how much went through."""

    def __init__(self, pipe: BinaryIO, report: Reporter) -> None:
        self._pipe, self._report = pipe, report

    def write(self, data: bytes, /) -> None:
        """Pass it on."""
        self._pipe.write(data)
        self._report.advance("load", len(data))
