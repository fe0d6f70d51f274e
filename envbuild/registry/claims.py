"""Claims in a cache repository: an image by image id, a lock by request id, a layer by layer id, each under a tag.

An image's claim is a tag on its manifest, whose annotations have the full id. The others are small OCI artifacts
(image-spec 1.1, "Guidelines for Artifact Usage") that hold the blob itself, so that the registry keeps it. A claim is
never overwritten: what stands there first is what everybody gets.
"""

from collections.abc import Mapping, Sequence
from functools import partial
from io import BytesIO
from typing import Any

from envbuild.canonical import JSON, encode
from envbuild.digest import Digest
from envbuild.errors import EnvironmentFault, IntegrityError
from envbuild.members import LayerClaim
from envbuild.oci import LABEL_IMAGE, LAYER_GZIP_TYPE, MANIFEST_TYPE, Descriptor, Image, parse_image
from envbuild.ports import BlobStore, OpensBlobs
from envbuild.registry.client import Manifest, Repository
from envbuild.registry.together import Tell, together

__all__ = ["RegistryClaims"]

_LOCK_TYPE = "application/vnd.envbuild.lock.v1+json"
_LAYER_TYPE = "application/vnd.envbuild.layer.v1+json"
_EMPTY_TYPE = "application/vnd.oci.empty.v1+json"
_EMPTY = b"{}"
_REQUEST, _LAYER, _DIFF = "io.envbuild.request", "io.envbuild.layer", "io.envbuild.diff"
_SEGMENT = "io.envbuild.segment"
"""Where the segment lies in the blob: `START+LENGTH`."""
_LARGEST = 64 << 20
"""Bytes of a config or a lock document: read into memory, on the word of whoever claimed it."""


class RegistryClaims:
    """Claims in one repository.

    What is read is checked: the full id, each digest, the form. IntegrityError where somebody put something else there.
    """

    def __init__(self, repository: Repository) -> None:
        self._repository = repository

    # Images.

    def image_digest(self, image_id: Digest) -> Digest | None:
        """The digest of the image that is claimed, or None: one question, and the claim is not read."""
        found = self._repository.head_manifest(f"image-{image_id.hex}")
        return found.digest if found else None

    def image(self, image_id: Digest) -> Image | None:
        """The image that is claimed, its layers not read; None where none is."""
        found = self._claimed("image", image_id, LABEL_IMAGE)
        if found is None:
            return None
        config = self._document(_described(found, self._name, "config"))
        try:
            image = parse_image(found.raw, config)
            if any(type(layer.descriptor.size) is not int for layer in image.layers):
                raise TypeError("a size is no number")
        except (KeyError, TypeError, ValueError, AttributeError, RecursionError) as error:
            raise self._foreign("no image of ours") from error
        return image

    def pull(self, image: Image, into: BlobStore, progress: Tell) -> None:
        """Bring all blobs of an image into the store, verified. KeyError for one that the registry does not have."""

        def bring(layer: Descriptor, tell: Tell) -> None:
            if into.has(layer.digest):
                tell(layer.size)
                return
            with into.create() as writer:
                self._repository.pull_blob(layer.digest, layer.size, writer.write, tell)
                writer.commit(layer.digest)

        layers = dict.fromkeys(layer.descriptor for layer in image.layers)
        together(bring, sorted(layers, key=lambda layer: -layer.size), progress)
        for content in (image.config, image.manifest):
            with into.create() as writer:
                writer.write(content)
                writer.commit()

    def put_image(self, image_id: Digest, image: Image) -> Digest:
        """Claim an image whose blobs are in the repository; the digest that stands there then, ours or another's."""
        return self._put(f"image-{image_id.hex}", image.manifest)

    # Locks.

    def has_lock(self, request: Digest) -> bool:
        """Whether a lock document is claimed for a request."""
        return self._repository.head_manifest(f"lock-{request.hex}") is not None

    def lock(self, request: Digest) -> bytes | None:
        """The lock document that is claimed for a request, or None."""
        found = self._claimed("lock", request, _REQUEST)
        return None if found is None else self._document(_described(found, self._name, "layers"))

    def put_lock(self, request: Digest, document: bytes) -> Digest:
        """Claim a lock document for a request; the digest of the claim that stands there then."""
        blob = Descriptor(_LOCK_TYPE, Digest.of(document), len(document))
        for content in (document, _EMPTY):
            self._repository.push_blob(Digest.of(content), len(content), partial(BytesIO, content))
        config = Descriptor(_EMPTY_TYPE, Digest.of(_EMPTY), len(_EMPTY))
        return self._put(f"lock-{request.hex}", _artifact(_LOCK_TYPE, config, blob, {_REQUEST: str(request)}))

    # Layers.

    def layer(self, layer_id: Digest) -> LayerClaim | None:
        """The layer that is claimed for an id, or None; neither its blob nor its table is read."""
        found = self._claimed("layer", layer_id, _LAYER)
        if found is None:
            return None
        blob, table = (_described(found, self._name, part) for part in ("layers", "config"))
        try:
            said = found.document["annotations"]
            start, length = map(int, said[_SEGMENT].split("+"))
            diff_id = Digest.parse(said[_DIFF])
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise self._foreign("no layer of ours") from error
        return LayerClaim(
            layer_id=layer_id, blob=blob.digest, size=blob.size, diff_id=diff_id, start=start, length=length,
            table=table.digest,
        )  # fmt: skip

    def put_layers(self, layers: Sequence[LayerClaim], blobs: OpensBlobs) -> int:
        """Claim layers whose blobs are in the repository; how many were new there."""
        return sum(together(lambda layer, _: self._put_layer(layer, blobs), layers))

    def _put_layer(self, layer: LayerClaim, blobs: OpensBlobs) -> bool:
        tag = f"layer-{layer.layer_id.hex}"
        if self._repository.head_manifest(tag) is not None:
            return False
        with blobs.open(layer.table) as stream:
            table = stream.read()
        self._repository.push_blob(layer.table, len(table), partial(BytesIO, table))
        annotations: dict[str, JSON] = {
            _LAYER: str(layer.layer_id),
            _DIFF: str(layer.diff_id),
            _SEGMENT: f"{layer.start}+{layer.length}",
        }
        config = Descriptor(_LAYER_TYPE, layer.table, len(table))
        blob = Descriptor(LAYER_GZIP_TYPE, layer.blob, layer.size)
        self._put(tag, _artifact(_LAYER_TYPE, config, blob, annotations))
        return True

    # All of them.

    @property
    def _name(self) -> str:
        return self._repository.name

    def _put(self, tag: str, manifest: bytes) -> Digest:
        """Under a tag that is free, read back: of two who claim at once, both get what stands there."""
        there = self._repository.head_manifest(tag)
        if there is None:
            try:
                self._repository.put_manifest(tag, manifest, MANIFEST_TYPE)
            except EnvironmentFault:
                # Where tags cannot be changed, whoever came second is refused: what stands there serves both.
                there = self._repository.head_manifest(tag)
                if there is None:
                    raise
            else:
                there = self._repository.head_manifest(tag)
        return there.digest if there else Digest.of(manifest)

    def _claimed(self, kind: str, identity: Digest, annotation: str) -> Manifest | None:
        """The manifest under a claim's tag. The tag alone proves nothing: the full id stands in the manifest."""
        found = self._repository.manifest(f"{kind}-{identity.hex}")
        if found is None:
            return None
        try:
            said = found.document["annotations"][annotation]
        except (KeyError, TypeError, ValueError):
            said = "nothing"
        if said != str(identity):
            raise IntegrityError(
                f"what is claimed for {identity} says that it is {str(said)[:80]}",
                at=self._name,
                hint="somebody moved a tag of the cache: delete it there",
            )
        return found

    def _document(self, blob: Descriptor) -> bytes:
        if blob.size > _LARGEST:
            raise self._foreign(f"larger than {_LARGEST} bytes")
        data = bytearray()
        self._repository.pull_blob(blob.digest, blob.size, data.extend)
        return bytes(data)

    def _foreign(self, what: str) -> IntegrityError:
        return IntegrityError(f"what is claimed there is {what}", at=self._name, hint="delete its tag there")


def _described(found: Manifest, place: str, part: str) -> Descriptor:
    """The config, or the one layer, of an artifact. IntegrityError where it has none that can be understood."""
    try:
        entry: Any = found.document[part] if part == "config" else found.document[part][0]
        kind, digest, size = entry["mediaType"], Digest.parse(entry["digest"]), entry["size"]
        if type(size) is not int or size < 0 or type(kind) is not str:
            raise ValueError(str(entry)[:200])
    except (KeyError, IndexError, TypeError, ValueError) as error:
        raise IntegrityError("what is claimed there is none of ours", at=place, hint="delete its tag there") from error
    return Descriptor(kind, digest, size)


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
