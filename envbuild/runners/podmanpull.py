"""`podman_pull`: Podman takes an image out of a registry on this machine's loopback, by its own client.

By digest, which Podman checks. A Podman that is only a client of one in another machine does not reach us; no fault either.
"""

import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import BinaryIO, Protocol

from envbuild.errors import EngineFault
from envbuild.oci import Image
from envbuild.process import Finished
from envbuild.runners.enginepull import TIME_TO_ASK, Pulled, Served, is_hopeless

__all__ = ["podman_pull"]


class _Client(Protocol):
    """`runners.engine.Engine`, as far as it is needed."""

    def run(self, *words: str, feed: Callable[[BinaryIO], object] | None = None) -> Finished:
        """Call the client and take its output."""

    def rename(self, image: Image, references: Sequence[str]) -> bool:
        """Give an image that is here these names."""


class _NeverAsked(Exception):
    """Nobody asked for the image."""


def podman_pull(client: _Client, image: Image, references: Sequence[str], served: Served) -> Pulled:
    """Have Podman pull an image and give it these names; no other name of it remains.

    The served registry's own fault comes through; EngineFault where Podman cannot keep the image at all.
    """
    source = f"{served.repository}@{image.digest}"
    try:
        done = client.run("pull", "--quiet", "--tls-verify=false", source, feed=partial(_watch, served))
        if served.fault is not None:
            raise served.fault
        said = done.stderr.decode(errors="replace").strip()
        if done.code != 0 and is_hopeless(said):
            raise EngineFault(f"podman cannot keep the image: {said}", hint="make room where it keeps its images")
        if done.code != 0 or not client.rename(image, references):
            return Pulled.FAILED if served.asked.is_set() else Pulled.UNREACHED
        return Pulled.DONE
    except _NeverAsked:
        return Pulled.UNREACHED
    finally:
        if served.asked.is_set():
            client.run("rmi", source)


def _watch(served: Served, pipe: BinaryIO) -> None:
    """Raising here, where Podman's stdin is written, ends it."""
    pipe.close()
    until = time.monotonic() + TIME_TO_ASK
    while not served.asked.wait(0.1):
        if time.monotonic() > until:
            raise _NeverAsked
