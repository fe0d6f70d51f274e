"""The interpreter that a lock names as a standalone build, as a program of this machine."""

import os
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from envbuild.errors import EnvironmentFault
from envbuild.lockfile import Artifact, ArtifactKind, Lock
from envbuild.ports import Reporter
from envbuild.store.blobs import Blobs
from envbuild.store.leases import Lease
from envbuild.store.places import Places

if TYPE_CHECKING:
    from envbuild.builders.assemble import Assembler
    from envbuild.runners.interpreter import HostPython

__all__ = ["Parts", "hold_python", "locked_python"]


class Parts(Protocol):
    """What is needed of a workspace's adapters."""

    @property
    def blobs(self) -> Blobs:
        """Content by digest."""

    @property
    def places(self) -> Places:
        """Where things are kept."""

    @property
    def lease(self) -> Lease:
        """What this process uses of the store."""

    @property
    def assembler(self) -> "Assembler":
        """What makes layers."""


def hold_python(adapters: Parts, lock: Lock) -> None:
    """Keep the lock's standalone Python in the store while we live, if it is there; and note that it was used."""
    for artifact in lock.of_kind(ArtifactKind.PYTHON):
        adapters.lease.hold(f"prefix/{artifact.sha256}")
        with suppress(OSError):
            # The time of the last use, by which `cache prune` goes.
            os.utime(_folder(adapters, artifact))


def locked_python(adapters: Parts, lock: Lock, layout: int, report: Reporter) -> "HostPython":
    """The lock's standalone Python, found or unpacked in the store. EnvironmentFault where the lock has none."""
    from envbuild.runners.pythonprefix import find_python, make_python

    interpreter = lock.interpreter
    artifact = next(iter(lock.of_kind(ArtifactKind.PYTHON)), None)
    if interpreter is None or artifact is None:
        raise EnvironmentFault(
            "this environment has no Python of its own to run directly", hint="run it in a container"
        )
    hold_python(adapters, lock)
    folder = _folder(adapters, artifact)
    python = find_python(folder, interpreter)
    if python is None:
        segment = adapters.assembler.segments(lock, (artifact,), layout, report)[artifact.sha256]
        python = make_python(segment, adapters.blobs, interpreter, folder, report)
    return python


def _folder(adapters: Parts, artifact: Artifact) -> Path:
    return adapters.places.prefixes / artifact.sha256
