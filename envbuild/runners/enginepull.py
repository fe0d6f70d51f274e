"""`pull`: an engine takes an image out of a registry on this machine's loopback, through its own socket.

Docker Engine API, `POST /images/create`. By digest, so that the engine itself checks that it got this very image, whoever
answers on that port where the engine lives. Only an engine in our network namespace reaches us: one in a machine of its own,
a rootless one or one behind tcp does not, and that is no fault.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from enum import StrEnum
from typing import Any, Protocol
from urllib.parse import quote, urlencode

from envbuild.errors import EngineFault
from envbuild.oci import Image
from envbuild.runners.enginesocket import Ear, Lines, Presence, call, image_digest, lines, listen

__all__ = ["Pulled", "Served", "pull"]

_TIME_TO_ASK = 5.0
"""Seconds in which an engine that reaches us has asked for the image."""
_POLL = 0.1
_HOPELESS = ("no space left on device", "disk quota exceeded", "read-only file system", "input/output error")
"""What an archive would meet as well."""
_OK, _CREATED = 200, 201


class Served(Protocol):
    """The registry, as this module sees it (`runners.loopback.Loopback`)."""

    fault: Exception | None

    @property
    def repository(self) -> str:
        """Host, port and path."""

    @property
    def asked(self) -> Any:
        """A threading.Event: whether somebody asked for this image."""


class Pulled(StrEnum):
    """What became of a pull."""

    DONE = "done"
    UNREACHED = "unreached"
    """The engine never came to us."""
    FAILED = "failed"
    """It came, and does not have the image."""


def pull(
    socket: str, image: Image, references: Sequence[str], served: Served, advance: Callable[[int], None]
) -> Pulled:
    """Have the engine pull an image and give it these names; no other name of it remains.

    `advance` is told compressed bytes that the engine is done with. The served registry's own fault comes through;
    EngineFault where the engine cannot take the image on any way.
    """
    source = f"{served.repository}@{image.digest}"
    try:
        said = _pulled(socket, image, served, advance)
        found = image_digest(socket, source)
        if said is None or found.presence is not Presence.HIT:
            return _judged(socket, said or "", served)
        if found.id not in (str(image.config_digest), str(image.digest)):
            return Pulled.FAILED
        for reference in references:
            name(socket, found.id, reference)
        return Pulled.DONE
    finally:
        # Also where a signal came: the engine may have been just ready.
        call(socket, "DELETE", f"/images/{quote(source, safe='/:@')}?noprune=true")


def name(socket: str, identity: str, reference: str) -> None:
    """Give an image of the engine a name. EngineFault where it does not take it."""
    repository, colon, tag = reference.rpartition(":")
    if not colon or "/" in tag:
        repository, tag = reference, "latest"
    words = urlencode({"repo": repository, "tag": tag})
    status, body = call(socket, "POST", f"/images/{quote(identity, safe='/:@')}/tag?{words}")
    if status != _CREATED:
        raise EngineFault(f"docker tag failed: {body.decode(errors='replace').strip() or 'no answer'}", at=socket)
