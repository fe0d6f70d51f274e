"""`Loader`: an engine as a place that images are brought to, by the fastest way that it allows.

An engine that reaches this machine's loopback pulls what it lacks; to any other the whole image is streamed as an archive.
"""

from collections.abc import Sequence
from functools import partial
from typing import BinaryIO

from envbuild.builders.archive import write_archive
from envbuild.oci import Image
from envbuild.ports import BlobStore, Reporter
from envbuild.runners.engine import Engine, EngineKind

__all__ = ["Loader"]


class Loader:
    """An engine as a place that images are brought to."""

    def __init__(self, engine: Engine, blobs: BlobStore, report: Reporter) -> None:
        self._engine, self._blobs, self._report = engine, blobs, report

    def has(self, image: Image, references: Sequence[str]) -> bool:
        """Whether the engine has it under these names."""
        return self._engine.has(image, references)

    def ensure(self, image: Image, references: Sequence[str]) -> None:
        """`load`, unless it is there already."""
        if not self.has(image, references):
            self.load(image, references)

    def load(self, image: Image, references: Sequence[str]) -> None:
        """Bring it there under these names. EngineFault where the engine cannot take it."""
        self._report.begin("load", image.size)
        done = _Count(self._report)
        if not self._engine.rename(image, references) and not self._pull(image, references, done):
            self._engine.load(image, references, partial(self._write, image, done))
        self._report.end("load")

    def _pull(self, image: Image, references: Sequence[str], done: "_Count") -> bool:
        """Whether the engine could pull it. Without a name it would not keep it."""
        engine = self._engine
        podman = engine.kind is EngineKind.PODMAN
        if not references or not (podman or engine.socket):
            return False
        from envbuild.runners import enginepull, loopback, podmanpull

        try:
            registry = loopback.Loopback(image, self._blobs)
        except OSError:
            return False
        with registry:
            if engine.socket and not podman:
                outcome = enginepull.pull(engine.socket, image, references, registry, done.advance)
            else:
                outcome = podmanpull.podman_pull(engine, image, references, registry)
                done.advance(registry.served if outcome is enginepull.Pulled.DONE else 0)
        return outcome is enginepull.Pulled.DONE

    def _write(self, image: Image, done: "_Count", pipe: BinaryIO, names: Sequence[str]) -> None:
        write_archive(image, self._blobs, _Counted(pipe, done.again()), names)


class _Count:
    """Tells the reporter how much is done, each byte once even where a second way is taken."""

    def __init__(self, report: Reporter) -> None:
        self._report, self._told, self._now = report, 0, 0

    def again(self) -> "_Count":
        """From the start; what was told stays told."""
        self._now = 0
        return self

    def advance(self, amount: int) -> None:
        """So much more."""
        self._now += amount
        if self._now > self._told:
            self._report.advance("load", self._now - self._told)
            self._told = self._now


class _Counted:
    """Tells how much went through."""

    def __init__(self, pipe: BinaryIO, done: _Count) -> None:
        self._pipe, self._done = pipe, done

    def write(self, data: bytes, /) -> None:
        """Pass it on."""
        self._pipe.write(data)
        self._done.advance(len(data))
