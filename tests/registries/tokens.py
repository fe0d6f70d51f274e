"""A token service as docker-registry's `auth: token` wants it: JWTs signed with RS256, by scope and for a short time.

The protocol is the distribution project's token authentication (GET with Basic) and its OAuth2 form (POST).
"""

import base64
import json
import secrets
import ssl
import subprocess
import threading
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

from registries.certificates import Pair

__all__ = ["Asked", "TokenService"]

REGISTRY_LEEWAY = 60
"""Seconds for which docker-registry still takes an expired token: they are taken off, so that `life` is what counts."""


@dataclass(frozen=True, slots=True)
class Asked:
    """One request for a token: how, for whom, the scopes asked for, and the status that it got."""

    method: str
    user: str
    scopes: tuple[str, ...]
    grant: str
    status: int


@dataclass
class TokenService:
    """Counts and judges requests for tokens. `life` is in seconds; `users` have passwords; `public` may be pulled by all."""

    signer: Pair
    users: Mapping[str, str]
    life: float = 300.0
    service: str = "tests"
    public: tuple[str, ...] = ()
    """Repositories that are pulled without a login."""
    denied: tuple[str, ...] = ()
    """Repositories that nobody gets."""
    asked: list[Asked] = field(default_factory=list)
    refresh: dict[str, str] = field(default_factory=dict)
    """Identity tokens that were given out, and whose they are."""

    def __post_init__(self) -> None:
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
        self._server.daemon_threads = True
        self._server.tokens = self  # type: ignore[attr-defined]
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        self._thread.start()

    @property
    def realm(self) -> str:
        """What a challenge names."""
        return f"http://127.0.0.1:{self._server.server_address[1]}/token"

    def close(self) -> None:
        """End it."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def identity_token(self, user: str) -> str:
        """A refresh token for a user, as `docker login` gets it from some registries."""
        token = "identity-" + secrets.token_hex(12)
        self.refresh[token] = user
        return token

    def grant(self, user: str, scopes: Iterable[str]) -> dict[str, object]:
        """The answer for a user ("" is nobody): a token with those of the asked actions that he may do."""
        access = []
        for scope in scopes:
            kind, _, rest = scope.partition(":")
            name, _, actions = rest.rpartition(":")
            may = {"pull"} if name in self.public else set()
            if user and name not in self.denied:
                may = {"pull", "push", "delete", "*"}
            access.append({"type": kind, "name": name, "actions": [a for a in actions.split(",") if a in may]})
        token = self._signed({"sub": user, "access": access})
        return {"token": token, "access_token": token, "expires_in": int(self.life)}

    def _signed(self, claims: dict[str, object]) -> str:
        now = time.time()
        chain = base64.b64encode(ssl.PEM_cert_to_DER_cert(self.signer.certificate.read_text())).decode()
        head = {"typ": "JWT", "alg": "RS256", "x5c": [chain]}
        whole = {
            "iss": "envbuild-tests",
            "aud": self.service,
            "exp": int(now + self.life - REGISTRY_LEEWAY),
            "nbf": int(now - 2 * REGISTRY_LEEWAY),
            "iat": int(now),
            "jti": secrets.token_hex(8),
            **claims,
        }
        text = f"{_packed(json.dumps(head).encode())}.{_packed(json.dumps(whole).encode())}"
        signed = subprocess.run(
            ["openssl", "dgst", "-sha256", "-sign", str(self.signer.key)],
            input=text.encode(),
            capture_output=True,
            check=True,
        )
        return f"{text}.{_packed(signed.stdout)}"


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        query = parse_qs(urlsplit(self.path).query)
        scopes = tuple(one for text in query.get("scope", ()) for one in text.split())
        user, known = self._basic()
        answer = self._tokens.grant(user, scopes) if known else None
        if answer and user and query.get("offline_token") == ["true"]:
            answer["refresh_token"] = self._tokens.identity_token(user)
        self._give(answer, user, scopes, "basic" if user else "none")

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        form = {name: values[0] for name, values in parse_qs(body.decode()).items()}
        scopes = tuple(form.get("scope", "").split())
        grant = form.get("grant_type", "")
        user = ""
        if grant == "refresh_token":
            user = self._tokens.refresh.get(form.get("refresh_token", ""), "")
        elif grant == "password" and self._tokens.users.get(form.get("username", "")) == form.get("password"):
            user = form["username"]
        self._give(self._tokens.grant(user, scopes) if user else None, user, scopes, grant)

    @property
    def _tokens(self) -> TokenService:
        return self.server.tokens  # type: ignore[attr-defined,no-any-return]

    def _basic(self) -> tuple[str, bool]:
        """Who asks, and whether he is who he says; nobody is fine."""
        text = self.headers.get("Authorization", "")
        if not text:
            return "", True
        user, _, password = base64.b64decode(text.removeprefix("Basic ")).decode().partition(":")
        return user, self._tokens.users.get(user) == password

    def _give(self, answer: object, user: str, scopes: tuple[str, ...], grant: str) -> None:
        status = 200 if answer else 401
        self._tokens.asked.append(Asked(self.command, user, scopes, grant, status))
        refused = {"errors": [{"code": "UNAUTHORIZED", "message": "wrong login"}]}
        body = json.dumps(answer or refused).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


def _packed(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
