"""Pushes: what one did, and which were done before. Light: the memory is asked on every hit."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from envbuild.canonical import JSON
from envbuild.digest import Digest
from envbuild.ids import Material, identity
from envbuild.oci import Image
from envbuild.ports import Claims

__all__ = ["Memory", "Push", "PushCount", "blobs_of"]

_KIND = "pushed"


@dataclass(frozen=True, slots=True, kw_only=True)
class PushCount:
    """How the blobs of an image came to a repository; `sent_bytes` went over the network."""

    existed: int = 0
    mounted: int = 0
    sent: int = 0
    sent_bytes: int = 0

    def __add__(self, second: "PushCount") -> "PushCount":
        """Of one image that was brought in two goes: what the first sent was there already for the second."""
        existed = max(0, second.existed - self.mounted - self.sent)
        return PushCount(
            existed=existed,
            mounted=self.mounted + second.mounted,
            sent=self.sent + second.sent,
            sent_bytes=self.sent_bytes + second.sent_bytes,
        )


@dataclass(frozen=True, slots=True)
class Push:
    """An image that was pushed: its manifest, and its blobs as digests."""

    repository: str
    manifest: Digest
    blobs: frozenset[str]


class Memory:
    """Which images were pushed where. It is asked again before it is believed, and may be lost."""

    def __init__(self, claims: Claims, entries: Callable[[str], Iterable[tuple[Digest, JSON]]]) -> None:
        self._claims, self._entries = claims, entries

    def knows(self, host: str, repository: str, manifest: Digest) -> bool:
        """Whether this image was pushed there."""
        return self._claims.get(_KIND, identity(_material(host, repository, manifest))) is not None

    def pushes(self, host: str) -> list[Push]:
        """All that is remembered of a registry."""
        found = []
        for _, value in self._entries(_KIND):
            push: Any = value
            try:
                if push["registry"] == host:
                    blobs = frozenset(push["blobs"])
                    found.append(Push(push["repository"], Digest.parse(push["manifest"]), blobs))
            except (KeyError, TypeError, ValueError):
                continue
        return found

    def put(self, host: str, repository: str, image: Image) -> None:
        """Remember a push."""
        material = _material(host, repository, image.digest)
        blobs: JSON = sorted({str(d) for d, _ in blobs_of(image)})
        self._claims.put(_KIND, identity(material), {**material, "blobs": blobs}, material)


def blobs_of(image: Image) -> tuple[tuple[Digest, int], ...]:
    """Config and layers, each once."""
    layers = [(layer.descriptor.digest, layer.descriptor.size) for layer in image.layers]
    return tuple(dict.fromkeys([(image.config_digest, len(image.config)), *layers]))


def _material(host: str, repository: str, manifest: Digest) -> Material:
    return {"registry": host, "repository": repository, "manifest": str(manifest)}
