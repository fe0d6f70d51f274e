"""Where an image goes: the store, an OCI layout, an archive, an engine, a registry; and the reference under which it is found there."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from envbuild.digest import Digest
from envbuild.errors import UsageError
from envbuild.ids import Material, identity
from envbuild.oci import Image
from envbuild.ports import Claims
from envbuild.reference import HUB, Reference

__all__ = ["Destination", "DestinationKind", "Engine", "Names", "Writers", "deliver", "names_of"]


class DestinationKind(StrEnum):
    """What `--to` can say."""

    STORE = "store"
    DOCKER = "docker"
    PODMAN = "podman"
    OCI = "oci"
    ARCHIVE = "archive"
    REGISTRY = "registry"


@dataclass(frozen=True, slots=True)
class Destination:
    """A place, with its path where it is a file or folder, and its name where it is in a registry."""

    kind: DestinationKind
    path: str = ""

    @classmethod
    def parse(cls, text: str) -> "Destination":
        """`store`, `docker`, `podman`, `oci:DIR`, `archive:FILE.tar`, `HOST/REPOSITORY[:TAG]`. UsageError for anything else."""
        word, colon, path = text.partition(":")
        forms = "store, docker, podman, oci:DIR, archive:FILE.tar or HOST/REPOSITORY[:TAG]"
        kind = next((k for k in DestinationKind if k == word and k is not DestinationKind.REGISTRY), None)
        if kind is None:
            return cls(DestinationKind.REGISTRY, _in_registry(text, forms))
        wants_path = kind in {DestinationKind.OCI, DestinationKind.ARCHIVE}
        if wants_path != bool(path) or (colon and not path):
            raise UsageError(f"{text!r} {'needs a' if wants_path else 'takes no'} path", at="--to", hint=f"say {forms}")
        return cls(kind, path)


def _in_registry(text: str, forms: str) -> str:
    """The name of an image in a registry, in full: without a tag it means `latest`."""
    try:
        found = Reference.parse(text)
    except ValueError:
        raise UsageError(f"no such place: {text!r}", at="--to", hint=f"it is one of {forms}") from None
    if not found.registry:
        hint = f"name its host: {HUB}/{text}" if "/" in text else f"it is one of {forms}"
        raise UsageError(f"no such place: {text!r}", at="--to", hint=hint)
    if found.digest:
        raise UsageError("a digest is what a push gives", at="--to", hint=f"name a tag: {found.name}:TAG")
    return str(found.full)


class Engine(Protocol):
    """An engine that images are loaded into."""

    def has(self, image: Image, references: Sequence[str]) -> bool:
        """Whether the image is there under all of these names."""

    def load(self, image: Image, references: Sequence[str]) -> None:
        """Bring the image there, under these names."""


@dataclass(frozen=True, slots=True)
class Writers:
    """What brings an image to each kind of place."""

    engine: Callable[[DestinationKind], Engine]
    layout: Callable[[Image, str, Sequence[str]], None]
    archive: Callable[[Image, str, Sequence[str]], None]
    registry: Callable[[Image, str], str]
    """Gives the reference by digest."""


def names_of(name: str, image_id: Digest, more: Sequence[str]) -> tuple[str, ...]:
    """The names of an image: `envbuild/<name>:<12 hex>`, `:latest`, and what the user adds (`:latest` where no tag)."""
    added = [n if ":" in n.rpartition("/")[2] else f"{n}:latest" for n in more]
    return (f"envbuild/{name}:{image_id.short}", f"envbuild/{name}:latest", *added)


def deliver(image: Image, destination: Destination, names: Sequence[str], writers: Writers) -> str:
    """Bring an image to its place; the reference that the next command takes."""
    kind = destination.kind
    if kind is DestinationKind.OCI:
        writers.layout(image, destination.path, names)
        return f"oci:{destination.path}:{names[0]}"
    if kind is DestinationKind.ARCHIVE:
        writers.archive(image, destination.path, names)
        return destination.path
    if kind is DestinationKind.REGISTRY:
        return writers.registry(image, destination.path)
    if kind is not DestinationKind.STORE:
        engine = writers.engine(kind)
        if not engine.has(image, names):
            engine.load(image, names)
    return names[0]


class Names:
    """Names of images in the store: the last image that was built under a name."""

    def __init__(self, claims: Claims) -> None:
        self._claims = claims

    def put(self, names: Sequence[str], image_id: Digest) -> None:
        """Remember what these names mean now."""
        for name in names:
            material: Material = {"name": name}
            if self._claims.get("name", identity(material)) != {"image": str(image_id)}:
                self._claims.put("name", identity(material), {"image": str(image_id)}, material)

    def get(self, name: str) -> Digest | None:
        """The image id that a name means, or None."""
        tagged = name if ":" in name.rpartition("/")[2] else f"{name}:latest"
        value = self._claims.get("name", identity({"name": tagged}))
        return Digest.parse(str(value["image"])) if isinstance(value, dict) and "image" in value else None
