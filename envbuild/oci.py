"""OCI nouns (image-spec 1.1): descriptors, configs, manifests. Raw bytes are kept beside what they mean."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from envbuild.canonical import JSON, encode
from envbuild.digest import Digest
from envbuild.platforms import Platform

__all__ = [
    "CONFIG_TYPE",
    "INDEX_TYPE",
    "LABEL_IMAGE",
    "LABEL_LAYOUT",
    "LABEL_LOCK",
    "LAYER_GZIP_TYPE",
    "MANIFEST_TYPE",
    "Descriptor",
    "Image",
    "ImageConfig",
    "Layer",
    "image_of",
    "parse_image",
]

MANIFEST_TYPE = "application/vnd.oci.image.manifest.v1+json"
INDEX_TYPE = "application/vnd.oci.image.index.v1+json"
CONFIG_TYPE = "application/vnd.oci.image.config.v1+json"
LAYER_GZIP_TYPE = "application/vnd.oci.image.layer.v1.tar+gzip"

LABEL_LOCK = "io.envbuild.lock"
LABEL_IMAGE = "io.envbuild.image"
LABEL_LAYOUT = "io.envbuild.layout"

_EPOCH = "1970-01-01T00:00:00Z"


@dataclass(frozen=True, slots=True)
class Descriptor:
    """A reference to bytes: media type, digest, size in bytes."""

    media_type: str
    digest: Digest
    size: int

    def to_json(self) -> dict[str, JSON]:
        """As image-spec writes it (descriptor.md)."""
        return {"mediaType": self.media_type, "digest": str(self.digest), "size": self.size}


@dataclass(frozen=True, slots=True)
class Layer:
    """A compressed layer blob, the digest of its uncompressed tar, and one line on what it holds."""

    descriptor: Descriptor
    diff_id: Digest
    summary: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageConfig:
    """What a container of the image starts with (config.md): all that is not a layer."""

    platform: Platform
    env: tuple[tuple[str, str], ...] = ()
    user: str = ""
    workdir: str = ""
    entrypoint: tuple[str, ...] = ()
    cmd: tuple[str, ...] = ()
    labels: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Image:
    """A built image: the exact manifest and config bytes, and its layers, lowest first."""

    manifest: bytes
    config: bytes
    layers: tuple[Layer, ...]
    labels: Mapping[str, str] = field(default_factory=dict, compare=False)

    @property
    def digest(self) -> Digest:
        """The manifest's digest: the image's identity in any registry."""
        return Digest.of(self.manifest)

    @property
    def config_digest(self) -> Digest:
        """The config's digest: the image id of an engine without a content store."""
        return Digest.of(self.config)

    @property
    def size(self) -> int:
        """Bytes of manifest, config and compressed layers."""
        return len(self.manifest) + len(self.config) + sum(layer.descriptor.size for layer in self.layers)


def image_of(config: ImageConfig, layers: tuple[Layer, ...]) -> Image:
    """The image of these layers, lowest first: canonical bytes, the epoch as every date, one history entry a layer."""
    config_bytes = encode(_config_json(config, layers))
    manifest: JSON = {
        "schemaVersion": 2,
        "mediaType": MANIFEST_TYPE,
        "config": Descriptor(CONFIG_TYPE, Digest.of(config_bytes), len(config_bytes)).to_json(),
        "layers": [layer.descriptor.to_json() for layer in layers],
        "annotations": dict(config.labels),
    }
    return Image(encode(manifest), config_bytes, layers, dict(config.labels))


def parse_image(manifest: bytes, config: bytes) -> Image:
    """The image that these stored bytes are. KeyError, TypeError or ValueError where they are none."""
    parsed: Any = json.loads(manifest)
    described: Any = json.loads(config)
    layers = tuple(
        Layer(
            Descriptor(entry["mediaType"], Digest.parse(entry["digest"]), entry["size"]),
            Digest.parse(diff_id),
            history["created_by"],
        )
        for entry, diff_id, history in zip(
            parsed["layers"], described["rootfs"]["diff_ids"], described["history"], strict=True
        )
    )
    return Image(manifest, config, layers, described["config"].get("Labels", {}))


def _config_json(config: ImageConfig, layers: tuple[Layer, ...]) -> JSON:
    settings: dict[str, JSON] = {"Env": [f"{name}={value}" for name, value in config.env]}
    given: dict[str, JSON] = {
        "User": config.user,
        "WorkingDir": config.workdir,
        "Entrypoint": list(config.entrypoint),
        "Cmd": list(config.cmd),
        "Labels": dict(config.labels),
    }
    settings |= {key: value for key, value in given.items() if value}
    return {
        "architecture": config.platform.architecture,
        "os": config.platform.os,
        "created": _EPOCH,
        "config": settings,
        "rootfs": {"type": "layers", "diff_ids": [str(layer.diff_id) for layer in layers]},
        "history": [{"created": _EPOCH, "created_by": layer.summary} for layer in layers],
    }
