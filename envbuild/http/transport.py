"""One request over the wire: redirects, logins, proxies, trust. The only import of urllib3.

A login goes to its own host alone: it is looked up anew for every hop, and what a redirect's address carries is dropped.
"""

import errno
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO
from urllib.parse import urljoin, urlsplit

import urllib3
from urllib3 import exceptions

from envbuild.errors import EnvironmentFault, ProxyFault
from envbuild.http.faults import Passing, no_passage, refused, refused_by_proxy, tls_fault
from envbuild.http.logins import Logins, basic, decoded
from envbuild.http.proxies import is_loopback, proxy_for
from envbuild.http.trust import host_folder, trust
from envbuild.http.waiting import Waiting
from envbuild.httpsettings import HttpSettings, encoded_login, host_of, public_url, split_login

__all__ = ["Answer", "Body", "Transport"]

Body = bytes | BinaryIO | None
"""What a request sends: all of it, or a stream from where it stands; its length is in the headers."""

_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_HOPS = 10
_POOL = 16
_CHUNK = 1 << 18


@dataclass(frozen=True, slots=True)
class Answer:
    """Status, headers (lower-case names), the address that answered, and a body still to be read."""

    status: int
    headers: Mapping[str, str]
    url: str
    raw: urllib3.BaseHTTPResponse

    def chunks(self) -> Iterator[bytes]:
        """The body, decoded, as it comes: nothing that arrived is lost in a cut. Passing where it is cut."""
        try:
            while chunk := self.raw.read1(_CHUNK, decode_content=True):
                yield chunk
        except (exceptions.HTTPError, OSError) as error:
            raise _fault_of(error, self.url) from error

    def read(self, limit: int) -> bytes:
        """The body; of a longer one the first bytes, more than `limit` of them."""
        data = bytearray()
        for chunk in self.chunks():
            data += chunk
            if len(data) > limit:
                break
        return bytes(data)

    def close(self) -> None:
        """Give the connection back where the body was read to its end, else close it."""
        self.raw.close()
        self.raw.release_conn()


class Transport:
    """Shares its connections among threads."""

    def __init__(self, settings: HttpSettings, waiting: Waiting) -> None:
        self._settings = settings
        self._waiting = waiting
        self._logins = Logins(settings)
        self._lock = threading.Lock()
        self._pools: dict[tuple[str, Path | None, bool], urllib3.PoolManager] = {}

    def open(self, url: str, headers: Mapping[str, str]) -> Answer:
        """GET, redirects followed. EnvironmentFault for what no other try mends, Passing for what one may."""
        url, written = split_login(_web_address(encoded_login(url)))
        first, secure = host_of(url), url.startswith("https:")
        for _ in range(_HOPS):
            own = host_of(url) == first
            trusted = url.startswith("https:") or not secure
            kept = headers if own and trusted else {k: v for k, v in headers.items() if k.lower() != "authorization"}
            answer = self._authorized(url, kept, decoded(written) if written and own else "", trusted=trusted)
            target = answer.headers.get("location", "")
            if answer.status not in _REDIRECTS or not target:
                return answer
            answer.close()
            url, _ = split_login(_web_address(urljoin(url, target), "redirects to what is "))
        raise EnvironmentFault(f"more than {_HOPS} redirects", at=first, hint="check the URL, or log in to the network")

    def exchange(self, method: str, url: str, headers: Mapping[str, str], body: Body = None) -> Answer:
        """One request as it is: no login, no redirect; this machine's own addresses without a proxy.

        EnvironmentFault for what no other try mends (a proxy's 407 too), else Passing.
        """
        return self._send(method, url, headers, body, direct=is_loopback(host_of(_web_address(url))))

    def _send(self, method: str, url: str, headers: Mapping[str, str], body: Body, *, direct: bool = False) -> Answer:
        proxy = "" if direct else proxy_for(url, self._settings)
        sent = {"User-Agent": self._settings.user_agent, **headers}
        connect, read = self._settings.connect_timeout, self._settings.read_timeout
        # urllib3 gives each write of a body the time that connecting may take.
        timeout = urllib3.Timeout(connect=connect if body is None else max(connect, read), read=read)
        try:
            pool = self._pool(url, proxy)
            with self._waiting.sending(url, proxy, quick=body is None or isinstance(body, bytes)):
                raw = pool.request(
                    method, url, body=body, headers=sent, timeout=timeout, redirect=False, retries=False, preload_content=False
                )  # fmt: skip
        except (exceptions.HTTPError, OSError, ValueError) as error:
            raise _fault_of(error, url, proxy) from error
        if raw.status == 407:
            raw.close()
            raise refused_by_proxy(url, proxy)
        return Answer(raw.status, {k.lower(): v for k, v in raw.headers.items()}, url, raw)

    def _authorized(self, url: str, headers: Mapping[str, str], login: str, *, trusted: bool) -> Answer:
        """One hop; after a 401 once more with a login that was asked for. No login goes where https was left for http."""
        host = host_of(url)
        sent = (login or self._logins.find(host)) if trusted else ""
        answer = self._once(url, headers, sent)
        if answer.status == 401 and trusted and self._logins.ask(host, sent):
            answer.close()
            answer = self._once(url, headers, self._logins.find(host))
        if answer.status in (401, 403):
            answer.close()
            raise refused(answer.status, url)
        return answer

    def _once(self, url: str, headers: Mapping[str, str], login: str) -> Answer:
        return self._send("GET", url, {**headers, "Authorization": basic(login)} if login else headers, None)

    def _pool(self, url: str, proxy: str) -> urllib3.PoolManager:
        secure = url.startswith("https:")
        folder = host_folder(self._settings, host_of(url)) if secure else None
        key = (proxy, folder, secure or bool(proxy))
        with self._lock:
            if key not in self._pools:
                self._pools[key] = self._make(*key)
            return self._pools[key]

    def _make(self, proxy: str, folder: Path | None, secure: bool) -> urllib3.PoolManager:
        # Reading the authorities takes longer than a request to a host near by that needs none.
        own = trust(self._settings, folder) if secure else None
        if not proxy:
            return urllib3.PoolManager(num_pools=_POOL, maxsize=_POOL, blocksize=_CHUNK, ssl_context=own)
        address, login = split_login(proxy)
        headers = {"Proxy-Authorization": basic(decoded(login))} if login else None
        try:
            return urllib3.ProxyManager(
                address,
                num_pools=_POOL,
                maxsize=_POOL,
                blocksize=_CHUNK,
                ssl_context=own,
                proxy_headers=headers,
                proxy_ssl_context=trust(self._settings),
            )
        except (exceptions.HTTPError, AssertionError) as error:
            raise EnvironmentFault(
                f"this kind of proxy is not served: {public_url(proxy)}", hint="an http:// or https:// proxy is needed"
            ) from error


def _web_address(url: str, context: str = "") -> str:
    """The URL itself, where it is one of http or https with a host."""
    try:
        parts = urlsplit(url)
        if parts.scheme in ("http", "https") and parts.hostname and parts.port != 0:
            return url
        shown = public_url(url)
    except ValueError:
        shown = ""
    raise EnvironmentFault(f"{context}no web address: {shown or 'it cannot be understood'}", hint="check the URL")


_PASSING = (
    (
        exceptions.NameResolutionError,
        2,
        "the host's name is not known here (DNS)",
        "is the name right? Where a proxy is needed: ENVBUILD_PROXY=http://HOST:PORT (or HTTPS_PROXY)",
    ),
    (exceptions.NewConnectionError, 2, "refuses connections", "is it up, and the port right?"),
    (exceptions.ConnectTimeoutError, 2, "no connection within the time limit", "a firewall? HTTPS_PROXY names a proxy"),
    (exceptions.ReadTimeoutError, 5, "went silent in the middle of an answer", "try again"),
    (Exception, 5, "the connection broke in mid-answer", "try again"),
)
"""What another try may mend, most special first: how many tries, what happened, what to do next."""


_NO_ROUTE = frozenset({errno.ENETUNREACH, errno.EHOSTUNREACH})


def _fault_of(error: Exception, url: str, proxy: str = "") -> EnvironmentFault | Passing:
    """What a failed request is in our words."""
    if isinstance(error, exceptions.ProxyError):
        return _proxy_fault(error.original_error, url, proxy)
    if isinstance(error, exceptions.SSLError):
        return tls_fault(error, url)
    if isinstance(error, exceptions.LocationValueError | exceptions.InvalidHeader | UnicodeError):
        return EnvironmentFault(f"no web address: {public_url(url)}", hint="check the URL")
    tries, what, hint = _in_words(error)
    return Passing(EnvironmentFault(what, at=host_of(url), hint=hint), tries=tries)


def _in_words(error: Exception) -> tuple[int, str, str]:
    """How many tries, what happened, what to do next."""
    if isinstance(error, exceptions.NewConnectionError) and getattr(error.__cause__, "errno", None) in _NO_ROUTE:
        return (
            2,
            "this network has no way to it",
            "where a proxy is needed: ENVBUILD_PROXY=http://HOST:PORT (or HTTPS_PROXY)",
        )
    return next((tries, what, hint) for kind, tries, what, hint in _PASSING if isinstance(error, kind))


def _proxy_fault(error: Exception, url: str, proxy: str) -> EnvironmentFault | Passing:
    text = str(error)
    if "407" in text:
        return refused_by_proxy(url, proxy)
    if isinstance(error, exceptions.SSLError):
        fault = tls_fault(error, proxy)
        told = fault.fault if isinstance(fault, Passing) else fault
        return ProxyFault(f"the proxy's {told.what}", at=told.at, hint=told.hint)
    # What the proxy answered to CONNECT comes in its own words.
    why = _in_words(error)[1] if isinstance(error, exceptions.HTTPError) else text.rpartition("failed: ")[2]
    return Passing(no_passage(why, url, proxy), tries=2)
