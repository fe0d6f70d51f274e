"""A blob on its way out: stretches of its file as the bodies of requests, checked against its digest while they are sent."""

import hashlib
from collections.abc import Callable
from typing import BinaryIO

from envbuild.digest import Digest
from envbuild.errors import EnvironmentFault, IntegrityError

__all__ = ["Outgoing", "Stretch"]


class Outgoing:
    """A blob's file, read in order; parts of it may be read again. `progress` gets each byte once."""

    def __init__(self, digest: Digest, size: int, stream: BinaryIO, progress: Callable[[int], object]) -> None:
        self.digest, self.size = digest, size
        self._stream, self._progress = stream, progress
        self._hash, self._hashed = hashlib.sha256(), 0

    def stretch(self, start: int, length: int) -> "Stretch":
        """The body for the bytes from `start` on."""
        return Stretch(self, start, length)

    def read(self, at: int, size: int) -> bytes:
        """Exactly these bytes. IntegrityError before the last ones are given, where all are not what the digest says."""
        try:
            self._stream.seek(at)
            data = self._stream.read(size)
        except (OSError, ValueError) as error:
            raise EnvironmentFault(f"the blob {self.digest.short} cannot be read: {error}", at="the store") from error
        end = at + len(data)
        if len(data) != size:
            raise self._damaged(f"it ends at {end} of {self.size} bytes")
        if at <= self._hashed < end:
            self._hash.update(data[self._hashed - at :])
            self._progress(end - self._hashed)
            self._hashed = end
            if end == self.size and self._hash.hexdigest() != self.digest.hex:
                raise self._damaged("its bytes have another digest")
        return data

    def _damaged(self, what: str) -> IntegrityError:
        return IntegrityError(
            f"the blob {self.digest} is damaged here: {what}; it was not sent", hint="envbuild cache verify --repair"
        )


class Stretch:
    """A part of a blob, as a request's body."""

    def __init__(self, blob: Outgoing, start: int, length: int) -> None:
        self._blob, self._at, self._end = blob, start, start + length

    def read(self, size: int = -1, /) -> bytes:
        """More of it."""
        left = self._end - self._at
        data = self._blob.read(self._at, left if size < 0 else min(size, left)) if left else b""
        self._at += len(data)
        return data
