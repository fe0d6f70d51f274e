"""`Session`: requests to one registry, with its login, its redirects and its tries. No answer becomes "absent" by error."""

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from types import MappingProxyType
from urllib.parse import urljoin, urlsplit

from envbuild.errors import EnvironmentFault
from envbuild.http.client import Answer, Body, Http
from envbuild.http.faults import PASSING, Passing, retry_after
from envbuild.http.patience import TRIES, Patience
from envbuild.httpsettings import host_of, split_login
from envbuild.registry.address import base_of
from envbuild.registry.auth import Authorizer, Login
from envbuild.registry.faults import fault_of, not_a_registry
from envbuild.registry.links import next_page

__all__ = ["LOGGING_IN", "Reply", "Session"]

_LOGGING_IN = "logging in"
LOGGING_IN = f"{_LOGGING_IN}: "
"""How the words of a refused login begin."""

_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_HOPS = 5
_LISTED = frozenset({200, 404})
_LARGEST = 8 << 20
_NOTHING: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer that was read: header names in lower case; `url` is the address that gave it."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    url: str


class Session:
    """Safe for threads. `plain` hosts are asked by http; this machine's own in the way that they answer.

    With `lasting` an identity token is asked for.
    """

    def __init__(
        self, host: str, http: Http, login: Callable[[], Login | None], *, plain: bool = False, lasting: bool = False
    ) -> None:
        self.host = host
        self.base = base_of(host, plain=plain)
        self._undecided = not plain and self.base.startswith("http:")
        self._http = http
        self._lock = threading.Lock()
        self._checked = False
        self._auth = Authorizer(host, lambda: self.base, http, login, lasting=lasting)

    @property
    def wants_login(self) -> bool:
        """Whether the registry has asked for a login."""
        return self._auth.wants_login

    @property
    def identity_token(self) -> str:
        """What the registry's token service gave in the password's place, if anything."""
        return self._auth.identity_token

    def check(self) -> None:
        """That a registry answers here at all ("Determining Support"): asked once. EnvironmentFault where none does."""
        with self._lock:
            if not self._checked:
                self._http.patience().spend(self._check)
                self._checked = True

    def _check(self) -> None:
        answer, _ = self._hops("GET", f"{self.base}/v2/", frozenset(), _NOTHING, lambda: None)
        try:
            if answer.status not in (200, 401):
                raise self._refusal(answer, "asking for the registry")
            if "html" in answer.headers.get("content-type", ""):
                raise not_a_registry(self.host, "asking for the registry", answer.headers)
        finally:
            answer.close()

    def log_in(self) -> None:
        """Ask the registry as the user of the login. LoginRefused where it does not take it; its words begin with LOGGING_IN."""
        self.ask("GET", "/v2/", action=_LOGGING_IN, scopes=frozenset(), ok=frozenset({200}))

    def ask(
        self,
        method: str,
        target: str,
        *,
        action: str,
        scopes: frozenset[str],
        ok: frozenset[int],
        headers: Mapping[str, str] = _NOTHING,
        body: Callable[[], Body] = lambda: None,
        again: bool = True,
    ) -> Reply:
        """The reply, its status one of `ok`; EnvironmentFault (in words: `action`) for any other.

        Tried up to 5 times where another try may help; with `again` false Passing says that it broke off.
        """

        def attempt() -> Reply:
            with self.stream(method, target, action=action, scopes=scopes, ok=ok, headers=headers, body=body) as answer:
                return Reply(answer.status, answer.headers, self._read(answer, action), answer.url)

        return self._http.patience().spend(attempt) if again else attempt()

    def pages(
        self, target: str, *, action: str, scopes: frozenset[str], most: int, headers: Mapping[str, str] = _NOTHING
    ) -> Iterator[Reply]:
        """The replies that a list is spread over (Link, rel="next"); one of 404 is the last.

        EnvironmentFault for a list without an end: more than `most` pages, a circle, or one that leaves the registry.
        """
        seen: set[str] = set()
        for _ in range(most):
            reply = self.ask("GET", target, action=action, scopes=scopes, ok=_LISTED, headers=headers)
            yield reply
            following = next_page(reply.headers) if reply.status == 200 else ""
            if not following:
                return
            target = urljoin(reply.url, following)
            if not self.own(target) or target in seen:
                break
            seen.add(target)
        raise EnvironmentFault(f"{action}: the list does not end", at=self.host, hint="ask whoever runs the registry")

    @contextmanager
    def stream(
        self,
        method: str,
        target: str,
        *,
        action: str,
        scopes: frozenset[str],
        ok: frozenset[int],
        headers: Mapping[str, str] = _NOTHING,
        body: Callable[[], Body] = lambda: None,
    ) -> Iterator[Answer]:
        """One try, the body still to be read. Passing where another may help."""
        answer = self._authorized(method, urljoin(self.base, target), scopes, headers, body)
        try:
            if answer.status not in ok:
                raise self._refusal(answer, action)
            yield answer
        finally:
            answer.close()

    def own(self, url: str) -> bool:
        """Whether an address is the registry's own: only there its login goes."""
        return _origin(url) == _origin(self.base)

    def patience(self) -> Patience:
        """For tries that a caller counts itself."""
        return self._http.patience()

    def _authorized(
        self, method: str, url: str, scopes: frozenset[str], headers: Mapping[str, str], body: Callable[[], Body]
    ) -> Answer:
        answer, sent = self._hops(method, url, scopes, headers, body)
        if answer.status == 401 and self.own(answer.url):
            asked = answer.headers.get("www-authenticate", "")
            try:
                again = self._auth.challenged(asked, scopes, sent)
            except BaseException:
                answer.close()
                raise
            if again:
                answer.close()
                answer, _ = self._hops(method, url, scopes, headers, body)
        return answer

    def _hops(
        self, method: str, url: str, scopes: frozenset[str], headers: Mapping[str, str], body: Callable[[], Body]
    ) -> tuple[Answer, str]:
        """One request, and where it is sent to from there; the answer, and the Authorization that it answers.

        Logins go to the registry's own address alone.
        """
        for _ in range(_HOPS):
            login = self._auth.headers(scopes) if self.own(url) else {}
            answer = self._http.exchange(method, url, {**headers, **login}, body())
            if self._undecided and self._wants_tls(answer):
                url = self.base + url.removeprefix(f"http://{self.host}")
                continue
            target = answer.headers.get("location", "")
            if answer.status not in _REDIRECTS or not target:
                return answer, login.get("Authorization", "")
            answer.close()
            url = self.following(url, target)
            if answer.status == 303:
                method, body = "GET" if method != "HEAD" else "HEAD", lambda: None
                headers = {name: value for name, value in headers.items() if not name.startswith("Content-")}
        raise EnvironmentFault(f"more than {_HOPS} redirects", at=self.host, hint="ask whoever runs the registry")

    def _wants_tls(self, answer: Answer) -> bool:
        """On this machine http serves as well as https: a server of https says so to a question by http."""
        if answer.status != 400 or "json" in answer.headers.get("content-type", ""):
            self._undecided = False
            return False
        wants = b"HTTPS" in self._read(answer, "asking for the registry")
        if wants:
            self.base = f"https://{self.host}"
        self._undecided = False
        answer.close()
        return wants

    def following(self, url: str, target: str) -> str:
        """The address that an answer from `url` sends us to, without a login; never from https to http.

        A registry behind a proxy that ends TLS may name its own address by http: https is meant.
        """
        try:
            parts = urlsplit(split_login(urljoin(url, target))[0])
            secure = url.startswith("https:")
            if secure and parts.scheme == "http" and parts.netloc.lower() == host_of(url):
                parts = parts._replace(scheme="https")
            known = parts.scheme == "https" or (parts.scheme == "http" and not secure)
            if known and parts.hostname and parts.port != 0:
                return parts.geturl()
            shown = f"{parts.scheme}://{parts.netloc}"
        except ValueError:
            shown = "what cannot be understood"
        raise EnvironmentFault(
            f"sends us on to what is no secure address: {_printable(shown)}", at=self.host,
            hint="ask whoever runs the registry",
        )  # fmt: skip

    def _refusal(self, answer: Answer, action: str) -> Exception:
        body = self._read(answer, action)
        fault = fault_of(answer.status, self.host, action, body)
        if answer.status == 404 and "html" in answer.headers.get("content-type", ""):
            fault = not_a_registry(self.host, action, answer.headers)
        if answer.status in PASSING:
            wait = retry_after(answer.headers)
            if wait is not None:
                when = time.strftime("%H:%M:%S", time.localtime(time.time() + min(wait, 1e8)))
                fault.hint = f"it asks to wait {wait:.0f} s: try again after {when}"
            return Passing(fault, tries=TRIES, wait=wait)
        return fault

    def _read(self, answer: Answer, action: str) -> bytes:
        data = answer.read(_LARGEST)
        if len(data) > _LARGEST:
            raise EnvironmentFault(f"{action}: the answer is larger than {_LARGEST} bytes", at=self.host)
        return data


def _origin(url: str) -> tuple[str, str, int]:
    """Scheme, host and port: what may have one login."""
    parts = urlsplit(url)
    return parts.scheme, (parts.hostname or "").lower(), parts.port or (443 if parts.scheme == "https" else 80)


def _printable(text: str) -> str:
    return "".join(c for c in text if c.isprintable())[:200]
