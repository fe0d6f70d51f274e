"""`pull`: an engine takes an image out of a registry on this machine's loopback, through its own socket.

Docker Engine API, `POST /images/create`. By digest, so that the engine itself checks that it got this very image, whoever
answers on that port where the engine lives. Only an engine in our network namespace reaches us: one in a machine of its own,
a rootless one or one behind tcp does not, and that is no fault.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum
from typing import Any, Protocol
from urllib.parse import urlencode

from envbuild.errors import EngineFault
from envbuild.oci import Image
from envbuild.runners.enginesocket import Ear, Lines, Presence, image_digest, lines, listen, tag, untag

__all__ = ["TIME_TO_ASK", "Pulled", "Served", "is_hopeless", "pull"]

TIME_TO_ASK = 5.0
"""Seconds in which an engine that reaches us has asked for the image."""
_POLL = 0.1
_HOPELESS = ("no space left on device", "disk quota exceeded", "read-only file system", "input/output error")
_OK = 200


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
        said = _ask(socket, image, served, advance)
        found = image_digest(socket, source)
        if said is not None or found.presence is not Presence.HIT:
            return _judged(socket, said or "", served)
        if found.id not in (str(image.config_digest), str(image.digest)):
            return Pulled.FAILED
        for reference in references:
            tag(socket, found.id, reference)
        return Pulled.DONE
    finally:
        # Whatever happened: where a signal came, the engine may have been just ready.
        untag(socket, source)


def is_hopeless(said: str) -> bool:
    """Whether an engine's words name what an archive would meet as well: a full disk, a broken one."""
    return any(words in said.lower() for words in _HOPELESS)


def _ask(socket: str, image: Image, served: Served, advance: Callable[[int], None]) -> str | None:
    """The pull itself: None where the engine says nothing against it, else its words; none where it never asked us."""
    progress = _Progress(image, advance)
    query = urlencode({"fromImage": served.repository, "tag": str(image.digest)})
    until = time.monotonic() + TIME_TO_ASK
    try:
        with lines(socket, "POST", f"/images/create?{query}") as answer:
            while not answer.ended:
                line = answer.next(_POLL)
                if served.fault is not None:
                    raise served.fault
                if line is not None and (words := _error(line, answer)):
                    return words
                if line is not None:
                    progress.take(line)
                if not served.asked.is_set() and time.monotonic() > until:
                    return ""
    except (OSError, ValueError):
        return ""
    return None if answer.status == _OK else f"status {answer.status}"


def _error(line: Mapping[str, Any], answer: Lines) -> str:
    """An engine's error stands in the answer's line, or is all of an answer that is not 200."""
    if "error" in line or "errorDetail" in line:
        return str(line.get("error") or line["errorDetail"])
    return "" if answer.status == _OK else str(line.get("message") or f"status {answer.status}")


def _judged(socket: str, said: str, served: Served) -> Pulled:
    if is_hopeless(said):
        raise EngineFault(
            f"docker cannot keep the image: {said}", at=socket, hint="make room where it keeps its images (docker info)"
        )
    if served.asked.is_set() and listen(socket) is not Ear.ANSWERS:
        raise EngineFault("the docker engine went away while it took the image", at=socket, hint="restart it")
    return Pulled.FAILED if served.asked.is_set() else Pulled.UNREACHED


class _Progress:
    """An engine's lines as bytes of compressed layers that it is done with; those that it had are none."""

    def __init__(self, image: Image, advance: Callable[[int], None]) -> None:
        self._sizes = {layer.descriptor.digest.hex[:12]: layer.descriptor.size for layer in image.layers}
        self._done: dict[str, int] = {}
        self._advance = advance

    def take(self, line: Mapping[str, Any]) -> None:
        """`{"status": "Extracting", "id": <12 hex of the layer>, "progressDetail": {"current": <bytes>, ...}}`."""
        layer, status, detail = line.get("id"), line.get("status"), line.get("progressDetail")
        if not isinstance(layer, str) or layer not in self._sizes:
            return
        known = detail if isinstance(detail, dict) else {}
        # A content store tells no unpacking, and marks its last word on a layer so.
        if status == "Pull complete" or known.get("hidecounts"):
            self._reach(layer, self._sizes[layer])
        elif status == "Extracting" and isinstance(current := known.get("current"), int):
            self._reach(layer, min(current, self._sizes[layer]))

    def _reach(self, layer: str, amount: int) -> None:
        before = self._done.get(layer, 0)
        if amount > before:
            self._done[layer] = amount
            self._advance(amount - before)
