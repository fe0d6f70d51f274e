"""Whose turn it is: one build for an image id, one resolution for a request id; in a shared store one writer at a time."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext

from envbuild.digest import Digest
from envbuild.filelock import locked
from envbuild.store.places import Places

__all__ = ["Turns", "one_writer"]

_LONGEST_BUILD = 3600.0
_LONGEST_RESOLUTION = 600.0
"""Seconds that others wait for it, where no setting says otherwise."""


class Turns:
    """Between the processes and threads that use one store. What is asked for again after a wait is there mostly."""

    def __init__(self, places: Places, longest: Callable[[], float | None]) -> None:
        """`longest`: seconds to wait, of a setting; asked when a lock is needed."""
        self._places, self._longest = places, longest

    def build(self, image_id: Digest, waiting: Callable[[str], object]) -> AbstractContextManager[None]:
        """While this image is built. `waiting` is told who builds it now; Busy where that takes too long."""
        return self._hold(image_id.hex, f"the image {image_id.short}", _LONGEST_BUILD, waiting)

    def resolve(self, request: Digest, waiting: Callable[[str], object]) -> AbstractContextManager[None]:
        """While this request is resolved."""
        return self._hold(request.hex, f"the lock for request {request.short}", _LONGEST_RESOLUTION, waiting)

    @contextmanager
    def _hold(self, name: str, what: str, usual: float, waiting: Callable[[str], object]) -> Iterator[None]:
        wished = self._longest()
        longest = usual if wished is None else wished
        with (
            locked(self._places.locks / name, what=what, timeout=longest, waiting=waiting),
            one_writer(self._places, waiting, longest, what),
        ):
            yield


def one_writer(
    places: Places, waiting: Callable[[str], object] | None, longest: float = _LONGEST_BUILD, doing: str = ""
) -> AbstractContextManager[None]:
    """While a store that a group shares is written; a store of one user's own needs none. Taken after any other lock.

    `doing` is shown to those who wait.
    """
    if not places.shared:
        return nullcontext()
    lock = places.locks / "writer.lock"
    return locked(lock, what="the store", timeout=longest, waiting=waiting, doing=doing)
