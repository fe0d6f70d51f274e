"""Layers by layer id: found as a claim whose blobs are here, or made once and claimed."""

import json
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from threading import Lock as Mutex
from typing import BinaryIO, Self

from envbuild.canonical import JSON
from envbuild.digest import Digest
from envbuild.errors import IntegrityError
from envbuild.ids import Material, identity
from envbuild.members import LayerClaim, MemberTable, Segment
from envbuild.ports import BlobStore, Claims

__all__ = ["LayerCache", "LayerCount", "SegmentReader"]

Sink = Callable[[bytes], object]
_KIND = "layer"


@dataclass(frozen=True, slots=True)
class LayerCount:
    """What a build found and made: numbers of layers, bytes of new layer blobs."""

    reused: int = 0
    made: int = 0
    made_bytes: int = 0


class LayerCache:
    """Makes a layer at most once for its id. Safe to use from several threads for different ids."""

    def __init__(self, blobs: BlobStore, claims: Claims) -> None:
        self._blobs, self._claims = blobs, claims
        self._made: set[Digest] = set()

    def find(self, material: Material) -> Segment | None:
        """The layer of this material, if it was made before and its bytes are here."""
        layer_id = identity(material)
        value = self._claims.get(_KIND, layer_id)
        if value is None:
            return None
        try:
            return self._segment(layer_id, value)
        except (KeyError, TypeError, ValueError, IntegrityError):
            # A claim may be dropped at any time: what cannot be read back is made again.
            return None

    def make(self, material: Material, write: Callable[[Sink, Digest], Segment]) -> Segment:
        """The layer that `write` produces: its blob and table in the store, its id claimed."""
        layer_id = identity(material)
        with self._blobs.create() as blob:
            segment = write(blob.write, layer_id)
            blob.commit(segment.blob)
        with self._blobs.create() as table:
            table.write(segment.table.to_bytes())
            table_digest = table.commit()
        claim = LayerClaim(
            layer_id=layer_id, blob=segment.blob, size=segment.size, diff_id=segment.diff_id, start=segment.start,
            length=segment.length, table=table_digest,
        )  # fmt: skip
        self._claims.put(_KIND, layer_id, claim.to_json(), material)
        self._made.add(layer_id)
        return segment

    def find_or_make(self, material: Material, write: Callable[[Sink, Digest], Segment]) -> Segment:
        """`find`, else `make`."""
        return self.find(material) or self.make(material, write)

    def count(self, layers: Sequence[Segment]) -> LayerCount:
        """How many of an image's layers this cache made since it was opened, and how many it had."""
        made = [layer.size for layer in layers if layer.layer_id in self._made]
        return LayerCount(len(layers) - len(made), len(made), sum(made))

    def _segment(self, layer_id: Digest, value: JSON) -> Segment | None:
        claim = LayerClaim.from_json(layer_id, value)
        if not self._blobs.has(claim.blob):
            return None
        with self._blobs.open(claim.table) as stream:
            members = MemberTable.from_json(json.load(stream))
        return Segment(
            layer_id=layer_id, blob=claim.blob, size=claim.size, diff_id=claim.diff_id, start=claim.start,
            length=claim.length, table=members,
        )  # fmt: skip


class SegmentReader:
    """Ranges of segments' compressed bytes; each blob is opened and checked once."""

    def __init__(self, blobs: BlobStore) -> None:
        self._blobs, self._stack = blobs, ExitStack()
        self._streams: dict[Digest, BinaryIO] = {}
        self._mutex = Mutex()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def __call__(self, segment: Segment, offset: int, length: int) -> bytes:
        """`length` bytes at `offset` of the segment."""
        with self._mutex:
            stream = self._streams.get(segment.blob)
            if stream is None:
                stream = self._streams[segment.blob] = self._stack.enter_context(self._blobs.open(segment.blob))
            stream.seek(segment.start + offset)
            return stream.read(length)
