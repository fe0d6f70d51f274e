"""Authorization for one registry: basic, or tokens by scope, kept until shortly before they end.

Docker's token specification: https://distribution.github.io/distribution/spec/auth/token/ and .../oauth.
"""

import json
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode, urlsplit

from envbuild.errors import EnvironmentFault
from envbuild.http.client import Http
from envbuild.http.faults import PASSING, Passing, retry_after
from envbuild.http.logins import basic
from envbuild.http.patience import TRIES
from envbuild.http.proxies import is_loopback
from envbuild.httpsettings import host_of
from envbuild.registry.challenge import Challenge, parse_challenges
from envbuild.registry.faults import LoginRefused, fault_of, not_a_registry

__all__ = ["Authorizer", "Login"]

_CLIENT = "envbuild"
_USUAL_LIFE = 60.0
_MARGIN = 0.15
"""The part of a token's life that is left unused."""
_LARGEST = 1 << 20


@dataclass(frozen=True, slots=True)
class Login:
    """A user and password; or an identity token, for which the token service gives tokens."""

    user: str
    password: str = field(default="", repr=False)
    identity_token: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class _Token:
    text: str
    until: float


class Authorizer:
    """For one registry; safe for threads. `login` is asked once, when the registry wants one.

    With `lasting`, an identity token is asked for too; `identity_token` is what the service gave.
    """

    def __init__(
        self,
        host: str,
        base: Callable[[], str],
        http: Http,
        login: Callable[[], Login | None],
        *,
        lasting: bool = False,
    ) -> None:
        self._host, self._base, self._http, self._find_login = host, base, http, login
        self._lasting, self.identity_token = lasting, ""
        self._lock = threading.RLock()
        self._login: Login | None = None
        self._looked = False
        self._challenge: Challenge | None = None
        self._tokens: dict[frozenset[str], _Token] = {}

    @property
    def wants_login(self) -> bool:
        """Whether the registry has asked for a login."""
        return self._challenge is not None

    def headers(self, scopes: frozenset[str]) -> dict[str, str]:
        """What a request to these scopes (`repository:team/train:pull,push`) is sent with."""
        with self._lock:
            if self._challenge is None:
                return {}
            if self._challenge.scheme == "basic":
                login = self._known_login()
                return {"Authorization": _basic(login)} if login else {}
            token = self._tokens.get(scopes)
            if token is None or token.until <= time.monotonic():
                token = self._tokens[scopes] = self._fetch(self._challenge, scopes)
            return {"Authorization": f"Bearer {token.text}"}

    def challenged(self, header: str, scopes: frozenset[str], sent: str = "") -> bool:
        """After a 401 to what was `sent` as Authorization: whether another try with `headers` may fare better."""
        offered = parse_challenges(header)
        chosen = next((c for s in ("bearer", "basic") for c in offered if c.scheme == s), None)
        if chosen is None:
            return False
        with self._lock:
            asked = chosen.parameters.get("scope", "")
            self._challenge = chosen
            known = self._tokens.pop(scopes, None)
            if chosen.scheme == "basic":
                return self._known_login() is not None
            if known and sent != f"Bearer {known.text}" and known.until > time.monotonic():
                # Another thread has renewed it in the meantime.
                self._tokens[scopes] = known
            else:
                self._tokens[scopes] = self._fetch(chosen, scopes | frozenset(asked.split()))
            return True

    def _known_login(self) -> Login | None:
        if not self._looked:
            self._login, self._looked = self._find_login(), True
        return self._login

    def _fetch(self, challenge: Challenge, scopes: frozenset[str]) -> _Token:
        realm = challenge.parameters.get("realm", "")
        login = self._known_login()
        if login is not None and not self._may_have_login(realm):
            raise EnvironmentFault(
                f"the token service {host_of(realm) or realm!r} is not reached by https: no login is sent to it",
                at=self._host,
                hint="ask whoever runs the registry",
            )
        query = [("service", challenge.parameters["service"])] if challenge.parameters.get("service") else []
        query += [("scope", scope) for scope in sorted(scopes)]
        if login is not None and login.identity_token:
            answered = self._post(realm, query, login)
            if answered is not None:
                return answered
        # A service that knows no identity tokens may take one as a password.
        known = Login(login.user, login.identity_token) if login and login.identity_token else login
        sent = {"Authorization": _basic(known)} if known else {}
        query += [("offline_token", "true"), ("client_id", _CLIENT)] if self._lasting else []
        separator = "&" if urlsplit(realm).query else "?"
        return self._read("GET", f"{realm}{separator}{urlencode(query)}", sent, None) or self._no_token(realm)

    def _post(self, realm: str, query: list[tuple[str, str]], login: Login) -> _Token | None:
        """By an identity token (OAuth 2, grant type `refresh_token`); None where the service does not know that."""
        scopes = " ".join(value for name, value in query if name == "scope")
        form = [(n, v) for n, v in query if n != "scope"] + [("scope", scopes), ("client_id", _CLIENT)]
        form += [("grant_type", "refresh_token"), ("refresh_token", login.identity_token)]
        body = urlencode(form).encode()
        headers = {"Content-Type": "application/x-www-form-urlencoded", "Content-Length": str(len(body))}
        return self._read("POST", realm, headers, body)

    def _read(self, method: str, url: str, headers: Mapping[str, str], body: bytes | None) -> _Token | None:
        return self._http.patience().spend(lambda: self._read_once(method, url, headers, body))

    def _read_once(self, method: str, url: str, headers: Mapping[str, str], body: bytes | None) -> _Token | None:
        began = time.monotonic()
        answer = self._http.exchange(method, url, {"Accept": "application/json", **headers}, body)
        try:
            data = answer.read(_LARGEST)
        finally:
            answer.close()
        place = host_of(url)
        if method == "POST" and answer.status in (401, 404, 405):
            return None
        if answer.status in PASSING:
            wait = retry_after(answer.headers)
            raise Passing(fault_of(answer.status, place, "asking for a token", data), tries=TRIES, wait=wait)
        if answer.status in (400, 401, 403):
            raise LoginRefused(
                f"the login is wrong, or has no right there ({answer.status} from {place})"
                if self._login
                else f"a login is needed ({answer.status} from {place})",
                at=self._host,
                hint=f"log in: envbuild login {self._host}, or docker login {self._host}",
            )
        if answer.status != 200:
            raise fault_of(answer.status, place, "asking for a token", data)
        try:
            found: Any = json.loads(data)
            text = found.get("token") or found.get("access_token")
            life = float(found.get("expires_in") or _USUAL_LIFE)
            lasting = found.get("refresh_token")
        except (ValueError, AttributeError, TypeError, RecursionError):
            raise not_a_registry(place, "asking for a token", answer.headers) from None
        if not isinstance(text, str) or not text.isascii() or not text.isprintable():
            return self._no_token(url)
        self.identity_token = lasting if self._lasting and isinstance(lasting, str) else ""
        return _Token(text, began + max(0.5, life * (1 - _MARGIN)))

    def _no_token(self, url: str) -> _Token:
        raise EnvironmentFault(
            f"the token service {host_of(url)} gave no token", at=self._host, hint="ask whoever runs the registry"
        )

    def _may_have_login(self, realm: str) -> bool:
        """Only by https, or where the registry itself is reached without and the realm is no further away."""
        parts = urlsplit(realm)
        if parts.scheme == "https":
            return True
        if parts.scheme != "http" or not self._base().startswith("http:"):
            return False
        own = urlsplit(self._base()).hostname or ""
        return parts.hostname == own or is_loopback(parts.netloc)


def _basic(login: Login) -> str:
    return basic(f"{login.user}:{login.password}")
