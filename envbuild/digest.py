"""`Digest`, the sha256 of some bytes: an identity that is parsed once and cannot be half-built."""

import hashlib
import re
from dataclasses import dataclass
from typing import BinaryIO, Self

__all__ = ["CHUNK", "Digest"]

CHUNK = 1 << 20
"""Bytes read at a time wherever a file is streamed."""

_TEXT = re.compile(r"sha256:([0-9a-f]{64})")


@dataclass(frozen=True, slots=True, order=True)
class Digest:
    """A sha256, as OCI image-spec descriptors write it: `sha256:` and 64 lower-case hex digits."""

    hex: str

    def __post_init__(self) -> None:
        if not _TEXT.fullmatch(f"sha256:{self.hex}"):
            raise ValueError(f"not a sha256 digest: {self.hex!r}")

    @classmethod
    def parse(cls, text: str) -> Self:
        """The digest that `sha256:<hex>` names. ValueError for anything else."""
        found = _TEXT.fullmatch(text)
        if not found:
            raise ValueError(f"not a sha256 digest: {text!r}")
        return cls(found[1])

    @classmethod
    def of(cls, data: bytes) -> Self:
        """The digest of these bytes."""
        return cls(hashlib.sha256(data).hexdigest())

    @classmethod
    def of_stream(cls, stream: BinaryIO) -> Self:
        """The digest of what is left in a stream, read a chunk at a time."""
        hasher = hashlib.sha256()
        while chunk := stream.read(CHUNK):
            hasher.update(chunk)
        return cls(hasher.hexdigest())

    def __str__(self) -> str:
        return f"sha256:{self.hex}"

    @property
    def short(self) -> str:
        """The first 12 hex digits: for names and people, never for a comparison."""
        return self.hex[:12]
