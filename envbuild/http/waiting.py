"""`Waiting`: the user is told, in a line, of a host that keeps a request waiting; and nothing waits on for one who gave up."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from envbuild.errors import EnvironmentFault
from envbuild.http.faults import Passing
from envbuild.httpsettings import HttpSettings, host_of
from envbuild.overdue import overdue

__all__ = ["SLOW", "Waiting"]

SLOW = 10.0
"""Seconds without headway after which the user is told."""
_AGAIN = 30.0
"""Seconds in which a host is not told of once more, however many requests wait for it."""
_LOOK = 0.1
"""Seconds between two looks at whether the wait is still wanted."""


class Waiting:
    """Of one client; safe for threads. `clock` is for tests, and `slow` too."""

    def __init__(
        self, settings: HttpSettings, *, clock: Callable[[], float] = time.monotonic, slow: float = SLOW
    ) -> None:
        self.clock = clock
        self._tell, self._ended, self._slow = settings.tell, settings.ended, slow
        self._lock = threading.Lock()
        self._proxies: dict[str, str] = {}
        self._told: dict[str, float] = {}

    @contextmanager
    def sending(self, url: str, proxy: str, *, quick: bool) -> Iterator[None]:
        """While a request is under way. `quick`: it takes no time of its own, as sending a large body does."""
        self.check()
        host = host_of(url)
        self._proxies[host] = host_of(proxy) if proxy else ""
        if self._tell is None or not quick:
            yield
            return
        with overdue(self._slow, lambda: self._say(host, f"no answer for {self._slow:.0f} s")):
            yield

    def again(self, passing: Passing, tried: int, seconds: float) -> None:
        """A request is to be tried once more; by then it will have waited `seconds` in all."""
        if seconds > self._slow:
            self._say(passing.fault.at, f"{passing.fault.what} (try {tried + 1} of {passing.tries})")

    def sleep(self, seconds: float) -> None:
        """Sleep, no longer than somebody waits for it. EnvironmentFault where nobody does any more."""
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            self.check()
            time.sleep(min(left, _LOOK))

    def check(self) -> None:
        """EnvironmentFault where nobody waits any more."""
        if self._ended is not None and self._ended():
            raise EnvironmentFault("given up, since the command was interrupted")

    def _say(self, host: str, why: str) -> None:
        if self._tell is None or not self._is_new(host):
            return
        proxy = self._proxies.get(host)
        way = f" through the proxy {proxy}" if proxy else ""
        self._tell(f"waiting for {host or 'the network'}{way}: {why}")

    def _is_new(self, host: str) -> bool:
        with self._lock:
            before, now = self._told.get(host), self.clock()
            if before is not None and now - before < _AGAIN:
                return False
            self._told[host] = now
            return True
