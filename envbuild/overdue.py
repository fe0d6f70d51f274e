"""`overdue`: something to be done where a piece of work takes longer than expected, while it goes on."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

__all__ = ["overdue"]


@contextmanager
def overdue(seconds: float, act: Callable[[], object]) -> Iterator[None]:
    """Calls `act` once, in a thread of its own, if what stands in the `with` takes longer than `seconds`."""

    def late() -> None:
        # Whoever is told may be gone by now: a closed terminal.
        with suppress(OSError, ValueError):
            act()

    timer = threading.Timer(seconds, late)
    timer.daemon = True
    # Where no thread is to be had, the work matters more than the word about it.
    with suppress(RuntimeError):
        timer.start()
    try:
        yield
    finally:
        timer.cancel()
