"""`Patience`: how long and how often a request is tried again."""

import random
from collections.abc import Callable
from typing import TypeVar

from envbuild.http.faults import Passing
from envbuild.http.waiting import Waiting

__all__ = ["HEADWAY", "TRIES", "Patience"]

TRIES = 5
_FIRST_WAIT = 0.5
_LONGEST_WAIT = 15.0
HEADWAY = 64 << 10
"""Bytes after which a transfer that breaks has made headway: its tries are counted anew."""

_Found = TypeVar("_Found")


class Patience:
    """Counts tries and sleeps between them: what the server asked for, else longer each time, with jitter.

    `budget` is how many seconds it sleeps in all; `sleep` is for tests. The user is told of a long wait by `waiting`.
    """

    def __init__(self, budget: float, sleep: Callable[[float], object], waiting: Waiting) -> None:
        self._whole, self._sleep, self._waiting = budget, sleep, waiting
        self.renew()

    def renew(self) -> None:
        """Count tries and seconds from the start: there was headway."""
        self._budget, self._tries = self._whole, 0
        self._since = self._waiting.clock()

    def spend(self, attempt: Callable[[], _Found]) -> _Found:
        """What `attempt` gives, tried again as often as it is worth when it raises Passing."""
        while True:
            try:
                return attempt()
            except Passing as passing:
                self.wait(passing)

    def wait(self, passing: Passing) -> None:
        """Sleep before the next try, or raise the fault where enough was tried or the wait would be too long."""
        self._tries += 1
        pause = min(_LONGEST_WAIT, _FIRST_WAIT * 2 ** (self._tries - 1)) * random.uniform(0.5, 1.0)  # noqa: S311 (jitter)
        if passing.wait is not None:
            pause = passing.wait + random.uniform(0.0, 0.25)  # noqa: S311 (jitter)
        if self._tries >= passing.tries or pause > self._budget:
            raise passing.fault from passing
        self._budget -= pause
        self._waiting.again(passing, self._tries, self._waiting.clock() - self._since + pause)
        self._sleep(pause)
