"""Claims in a cache repository: an image by image id, a lock by request id, a layer by layer id, each under a tag.

An image's claim is a tag on its manifest, whose annotations have the full id. The others are small OCI artifacts
(image-spec 1.1, "Guidelines for Artifact Usage") that hold the blob itself, so that the registry keeps it. A claim is
never overwritten: what stands there first is what everybody gets.
"""

import json
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from io import BytesIO
from typing import Any, BinaryIO

from envbuild.canonical import JSON, encode
from envbuild.digest import Digest
from envbuild.errors import IntegrityError
from envbuild.oci import LABEL_IMAGE, LAYER_GZIP_TYPE, MANIFEST_TYPE, Descriptor, Image, parse_image
from envbuild.ports import BlobStore, OpensBlobs
from envbuild.registry.client import Manifest, Repository

__all__ = ["LayerClaim", "RegistryClaims"]

_AT_ONCE = 6
_LOCK_TYPE = "application/vnd.envbuild.lock.v1+json"
_LAYER_TYPE = "application/vnd.envbuild.layer.v1+json"
_EMPTY_TYPE = "application/vnd.oci.empty.v1+json"
_EMPTY = b"{}"
_REQUEST, _LAYER, _DIFF = "io.envbuild.request", "io.envbuild.layer", "io.envbuild.diff"


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerClaim:
    """A layer as it is claimed: its id, its blob, and the blob of its member table."""

    layer_id: Digest
    blob: Digest
    size: int
    diff_id: Digest
    start: int
    length: int
    table: Digest


class RegistryClaims:
    """Claims in one repository."""

    def __init__(self, repository: Repository) -> None:
        self._repository = repository

    def image(self, image_id: Digest) -> tuple[Manifest, bytes] | None:
        """Manifest and config of the image that is claimed, or None. IntegrityError where it is another image."""
        found = self._repository.manifest(f"image-{image_id.hex}")
        if found is None:
            return None
        self._check(found, LABEL_IMAGE, image_id)
        config = found.document["config"]
        data = bytearray()
        self._repository.pull_blob(Digest.parse(config["digest"]), int(config["size"]), data.extend)
        return found, bytes(data)

    def pull(self, image_id: Digest, into: BlobStore) -> Image | None:
        """The image that is claimed for an id, all its blobs brought and verified; None where none is claimed."""
        found = self.image(image_id)
        if found is None:
            return None
        manifest, config = found
        try:
            image = parse_image(manifest.raw, config)
        except (KeyError, TypeError, ValueError) as error:
            raise IntegrityError("what is claimed there is no image of ours", at=self._repository.name) from error
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            jobs = [pool.submit(self._bring, layer.descriptor, into) for layer in image.layers]
            try:
                for job in jobs:
                    job.result()
            finally:
                pool.shutdown(wait=True, cancel_futures=True)
        for content in (config, manifest.raw):
            with into.create() as writer:
                writer.write(content)
                writer.commit()
        return image

    def put_image(self, image_id: Digest, image: Image) -> Digest:
        """Claim an image whose blobs are in the repository; the manifest digest that stands there, ours or another's."""
        return self._put(f"image-{image_id.hex}", image.manifest)

    def lock(self, request: Digest) -> bytes | None:
        """The lock document that is claimed for a request, or None. IntegrityError where it is another's."""
        found = self._repository.manifest(f"lock-{request.hex}")
        if found is None:
            return None
        self._check(found, _REQUEST, request)
        layer: Any = found.document["layers"][0]
        data = bytearray()
        self._repository.pull_blob(Digest.parse(layer["digest"]), int(layer["size"]), data.extend)
        return bytes(data)

    def put_lock(self, request: Digest, document: bytes) -> None:
        """Claim a lock document for a request."""
        tag = f"lock-{request.hex}"
        if self._repository.head_manifest(tag) is not None:
            return
        blob = Descriptor(_LOCK_TYPE, Digest.of(document), len(document))
        for content in (document, _EMPTY):
            self._repository.push_blob(Digest.of(content), len(content), partial(BytesIO, content))
        config = Descriptor(_EMPTY_TYPE, Digest.of(_EMPTY), len(_EMPTY))
        self._put(tag, _artifact(_LOCK_TYPE, config, blob, {_REQUEST: str(request)}))

    def put_layers(self, layers: tuple[LayerClaim, ...], blobs: OpensBlobs) -> int:
        """Claim layers whose blobs are in the repository; how many were new there."""
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            return sum(pool.map(lambda layer: self._put_layer(layer, blobs), layers))

    def _put_layer(self, layer: LayerClaim, blobs: OpensBlobs) -> bool:
        tag = f"layer-{layer.layer_id.hex}"
        if self._repository.head_manifest(tag) is not None:
            return False
        with blobs.open(layer.table) as stream:
            table = stream.read()
        self._repository.push_blob(layer.table, len(table), partial(_stream, table))
        annotations: dict[str, JSON] = {
            _LAYER: str(layer.layer_id),
            _DIFF: str(layer.diff_id),
            "io.envbuild.segment": f"{layer.start}+{layer.length}",
        }
        config = Descriptor(_LAYER_TYPE, layer.table, len(table))
        blob = Descriptor(LAYER_GZIP_TYPE, layer.blob, layer.size)
        self._put(tag, _artifact(_LAYER_TYPE, config, blob, annotations))
        return True

    def _put(self, tag: str, manifest: bytes) -> Digest:
        """Under a tag that is free, read back: of two who claim at once, both get what stands there."""
        there = self._repository.head_manifest(tag)
        if there is None:
            self._repository.put_manifest(tag, manifest, MANIFEST_TYPE)
            there = self._repository.head_manifest(tag)
        return there.digest if there else Digest.of(manifest)

    def _bring(self, layer: Descriptor, into: BlobStore) -> None:
        if into.has(layer.digest):
            return
        with into.create() as writer:
            self._repository.pull_blob(layer.digest, layer.size, writer.write)
            writer.commit(layer.digest)

    def _check(self, found: Manifest, annotation: str, identity: Digest) -> None:
        """The tag alone proves nothing: the full id stands in the manifest."""
        try:
            said = json.loads(found.raw)["annotations"][annotation]
        except (KeyError, TypeError, ValueError):
            said = "nothing"
        if said != str(identity):
            raise IntegrityError(
                f"what is claimed for {identity} says that it is {str(said)[:80]}",
                at=self._repository.name,
                hint="somebody moved a tag of the cache: delete it there",
            )


def _artifact(kind: str, config: Descriptor, blob: Descriptor, annotations: Mapping[str, JSON]) -> bytes:
    return encode(
        {
            "schemaVersion": 2,
            "mediaType": MANIFEST_TYPE,
            "artifactType": kind,
            "config": config.to_json(),
            "layers": [blob.to_json()],
            "annotations": dict(annotations),
        }
    )


def _stream(data: bytes) -> BinaryIO:
    return BytesIO(data)
