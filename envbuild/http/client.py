"""`Http`: the one door to the network. GET with tries, resumed downloads; file:// too.

A failure is never told as "not there": only 404 and 410 are that.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from os import SEEK_END
from types import MappingProxyType

from envbuild.digest import CHUNK
from envbuild.errors import EnvironmentFault, IntegrityError
from envbuild.http.faults import PASSING, Passing, retry_after, unexpected
from envbuild.http.localfile import is_file_url, opened
from envbuild.http.patience import HEADWAY, TRIES, Patience
from envbuild.http.transport import Answer, Body, Transport
from envbuild.http.waiting import Waiting
from envbuild.httpsettings import HttpSettings, host_of, public_url, split_login

__all__ = ["Answer", "Body", "Http", "HttpSettings", "Response", "public_url"]

_NOTHING: Mapping[str, str] = MappingProxyType({})
_DEFAULT = HttpSettings()
_DIGITS = 20
_ANSWERS = frozenset({200, 304, 404, 410})


@dataclass(frozen=True, slots=True)
class Response:
    """An answer with its body. Header names are lower case; `url` is the address that answered, without a login."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    url: str


class Http:
    """Safe for threads, which share its connections. `sleep` and `waiting` are for tests."""

    def __init__(
        self,
        settings: HttpSettings = _DEFAULT,
        *,
        sleep: Callable[[float], object] | None = None,
        waiting: Waiting | None = None,
    ) -> None:
        self._settings = settings
        self._waiting = waiting or Waiting(settings)
        self._transport = Transport(settings, self._waiting)
        self._sleep = sleep or self._waiting.sleep

    def get(self, url: str, *, headers: Mapping[str, str] = _NOTHING, limit: int = 256 << 20) -> Response:
        """The answer: 200, 304, 404 or 410; anything else is an EnvironmentFault that names the host.

        429, 5xx and broken connections are tried again (5 tries, Retry-After heeded). A body over `limit` bytes is
        refused.
        """
        if is_file_url(url):
            return _local(url, limit)
        return self.patience().spend(lambda: self._get(url, headers, limit))

    def download(
        self,
        url: str,
        write: Callable[[bytes], object],
        *,
        size: int | None = None,
        progress: Callable[[int], None] = lambda _: None,
    ) -> None:
        """The body, passed to `write` in order as it comes; `progress` gets the bytes of each piece.

        After a cut it goes on where it stopped (RFC 9110, 14.2; by If-Range where the server gives a validator).
        KeyError(url) for 404 and 410; IntegrityError where the body is not `size` bytes long.
        """

        def taken(data: bytes) -> None:
            write(data)
            progress(len(data))

        if is_file_url(url):
            with opened(url) as (stream, _):
                while chunk := stream.read(CHUNK):
                    taken(chunk)
            return
        patience = self.patience()
        state = _Download(url, size, taken)
        while not state.complete:
            before = state.received
            try:
                state.attempt(self._transport)
            except Passing as passing:
                if state.received == size:
                    return
                if state.received - before >= HEADWAY:
                    patience.renew()
                patience.wait(passing)

    def size(self, url: str) -> int | None:
        """Bytes of the body, as the server says before it sends any; None where it does not say, or nothing is there.

        Asked by GET, and left there: storages that sign their URLs refuse HEAD.
        """
        if is_file_url(url):
            try:
                with opened(url) as (stream, _):
                    return stream.seek(0, SEEK_END)
            except KeyError:
                return None
        return self.patience().spend(lambda: self._size(url))

    def exchange(self, method: str, url: str, headers: Mapping[str, str], body: Body = None) -> Answer:
        """One request and its answer, whatever its status; the caller closes it. No login, redirect or further try.

        Passing where a later try may fare better, EnvironmentFault where none will.
        """
        return self._transport.exchange(method, url, headers, body)

    def patience(self) -> Patience:
        """For the tries of one request."""
        return Patience(self._settings.patience, self._sleep, self._waiting)

    def _size(self, url: str) -> int | None:
        answer = self._transport.open(url, {"Accept-Encoding": "identity"})
        try:
            _checked(answer, _ANSWERS)
            length = answer.headers.get("content-length", "")
            return int(length) if answer.status == HTTPStatus.OK and _is_number(length) else None
        finally:
            answer.close()

    def _get(self, url: str, headers: Mapping[str, str], limit: int) -> Response:
        answer = self._transport.open(url, {"Accept-Encoding": "gzip", **headers})
        try:
            _checked(answer, _ANSWERS)
            body = answer.read(limit)
        finally:
            answer.close()
        if len(body) > limit:
            raise EnvironmentFault(f"the answer is larger than {limit} bytes: {public_url(url)}", at=host_of(url))
        return Response(answer.status, answer.headers, body, answer.url)


def _checked(answer: Answer, allowed: frozenset[int]) -> None:
    """Raise what any other status means: Passing where another try may help."""
    if answer.status in allowed:
        return
    wait = retry_after(answer.headers)
    fault = unexpected(answer.status, answer.url, wait)
    if answer.status in PASSING:
        raise Passing(fault, tries=TRIES, wait=wait)
    raise fault


def _local(url: str, limit: int) -> Response:
    try:
        with opened(url) as (stream, kind):
            body = stream.read(limit + 1)
            if len(body) > limit:
                raise EnvironmentFault(f"larger than {limit} bytes: {url}", at="file")
            return Response(HTTPStatus.OK, {"content-type": kind, "content-length": str(len(body))}, body, url)
    except KeyError:
        return Response(HTTPStatus.NOT_FOUND, {}, b"", url)


class _Download:
    """Where a download stands: bytes passed on, and what says that the file is still the same one."""

    def __init__(self, url: str, size: int | None, taken: Callable[[bytes], None]) -> None:
        self.received = 0
        self.complete = False
        self._url, self._size, self._taken = url, size, taken
        self._validator = ""

    def attempt(self, transport: Transport) -> None:
        """One request for all that is missing. Passing where it broke off."""
        headers = {"Accept-Encoding": "identity"}
        if self.received:
            headers["Range"] = f"bytes={self.received}-"
            if self._validator:
                headers["If-Range"] = self._validator
        answer = transport.open(self._url, headers)
        try:
            if answer.status in (404, 410):
                raise KeyError(split_login(self._url)[0])
            if answer.status == 416 and self.received:
                self._at_end(answer)
                return
            _checked(answer, frozenset({200, 206}) if self.received else frozenset({200}))
            self._read(answer, skip=self._begin(answer))
        finally:
            answer.close()

    def _at_end(self, answer: Answer) -> None:
        """416: nothing comes after what is here. All there is, unless the server or the caller knows another size."""
        known = answer.headers.get("content-range", "").rpartition("/")[2]
        if self._size is not None or (_is_number(known) and int(known) != self.received):
            raise self._wrong_size(self.received)
        self.complete = True

    def _begin(self, answer: Answer) -> int:
        """Check that the answer goes on with the same file; how many of its bytes are already here."""
        length = answer.headers.get("content-length", "")
        validator = _validator(answer.headers)
        offset = 0
        if answer.status == 206:
            start = answer.headers.get("content-range", "").removeprefix("bytes").strip().partition("-")[0]
            offset = int(start) if _is_number(start) else -1
        if offset not in (0, self.received) or (self._validator and validator and validator != self._validator):
            raise EnvironmentFault(
                f"the file changed while it was downloaded: {public_url(self._url)}",
                at=host_of(self._url),
                hint="try again",
            )
        if self._size is not None and _is_number(length) and offset + int(length) != self._size:
            raise self._wrong_size(offset + int(length), answer.headers.get("content-type", ""))
        self._validator = self._validator or validator
        return self.received - offset

    def _read(self, answer: Answer, skip: int) -> None:
        for chunk in answer.chunks():
            fresh = chunk[skip:]
            skip -= min(skip, len(chunk))
            if fresh:
                self.received += len(fresh)
                if self._size is not None and self.received > self._size:
                    raise self._wrong_size(self.received)
                self._taken(fresh)
        if skip or (self._size is not None and self.received < self._size):
            fault = EnvironmentFault("ends its answer too early", at=host_of(self._url), hint="try again")
            raise Passing(fault, tries=TRIES)
        self.complete = True

    def _wrong_size(self, size: int, kind: str = "") -> EnvironmentFault | IntegrityError:
        host, shown = host_of(self._url), public_url(self._url)
        if kind.startswith("text/html"):
            return EnvironmentFault(
                f"answered with a web page instead of a file: {shown}",
                at=host,
                hint="a login page, or a proxy's notice?",
            )
        return IntegrityError(f"{shown} has {size} bytes, not the {self._size} it should have", at=host)


def _validator(headers: Mapping[str, str]) -> str:
    """What If-Range takes: a strong ETag, else the date of the last change."""
    etag = headers.get("etag", "")
    return etag if etag and not etag.startswith("W/") else headers.get("last-modified", "")


def _is_number(text: str) -> bool:
    """Digits as HTTP means them, and not so many that they are no size."""
    return text.isascii() and text.isdigit() and len(text) < _DIGITS
