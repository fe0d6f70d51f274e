"""`Listening`: Http that keeps what servers said their time was, so that this machine's clock can be compared."""

import email.utils
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from envbuild.http.client import Answer, Body, Http, HttpSettings, Response
from envbuild.httpsettings import host_of

__all__ = ["Heard", "Listening", "clock_offset"]

_NOTHING: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Heard:
    """A server that answered, and by how many seconds its clock was ahead of ours."""

    host: str
    offset: float


class Listening(Http):
    """Safe for threads, as Http is."""

    def __init__(self, settings: HttpSettings, *, sleep: Callable[[float], object] = time.sleep) -> None:
        super().__init__(settings, sleep=sleep)
        self._mutex = threading.Lock()
        self._heard: list[Heard] = []

    @property
    def heard(self) -> tuple[Heard, ...]:
        """What was heard until now."""
        with self._mutex:
            return tuple(self._heard)

    def get(self, url: str, *, headers: Mapping[str, str] = _NOTHING, limit: int = 256 << 20) -> Response:
        """As Http's."""
        answer = super().get(url, headers=headers, limit=limit)
        self.hear(host_of(answer.url), clock_offset(answer.headers, time.time()))
        return answer

    def exchange(self, method: str, url: str, headers: Mapping[str, str], body: Body = None) -> Answer:
        """As Http's."""
        answer = super().exchange(method, url, headers, body)
        self.hear(host_of(url), clock_offset(answer.headers, time.time()))
        return answer

    def hear(self, host: str, offset: float | None) -> None:
        """Keep by how many seconds a host's clock is ahead of ours, if it told."""
        if offset is not None:
            with self._mutex:
                self._heard.append(Heard(host, offset))


def clock_offset(headers: Mapping[str, str], now: float) -> float | None:
    """Seconds by which a server's clock is ahead of `now`; None where it tells no time.

    Date is when the answer was made, and Age how long a cache has kept it since (RFC 9110, 6.6.1; RFC 9111, 5.1).
    """
    try:
        made = email.utils.parsedate_to_datetime(headers.get("date", "")).timestamp()
    except (TypeError, ValueError, OverflowError):
        return None
    age = headers.get("age", "").strip()
    return made + (float(age) if age.isascii() and age.isdigit() and len(age) < 10 else 0.0) - now
