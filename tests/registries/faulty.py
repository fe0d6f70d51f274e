"""A registry that is right, but for the faults that a test plans: which request, which fault, how often.

It keeps every request that it saw, so that a test can count tries and look for logins.
"""

import base64
import json
import re
import secrets
import socket
import struct
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl, urlsplit

from registries.content import Answer, Ask, Content, error

__all__ = ["Fault", "FaultyRegistry", "Seen"]

_KEPT = 1 << 16
_MOST = 400
"""Requests after which everything is refused, so that a client that never stops fails a test and does not hang it."""
_PIECE = 1 << 16
_NO_BODY = {204, 304}


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """What goes wrong with one request. With nothing set, nothing does."""

    status: int = 0
    """An answer that stands in for the right one, with `headers` and `body`; the request itself has no effect."""
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    change: Callable[[Answer], Answer] | None = None
    """The right answer, after the request had its effect, made wrong."""
    reset: str = ""
    """The connection is reset: `before` the body is read, `after` it (with no effect), or when all is `done`."""
    take: int | None = None
    """So many bytes of the request's body arrive and count; then the connection is reset."""
    cut: int | None = None
    """So many bytes of the answer's body are sent; then the connection ends."""
    pause: float = 0.0
    """Seconds before the answer."""
    drip: float = 0.0
    """Seconds between single bytes of the answer's body."""
    length: int | None = None
    """The Content-Length that is told instead of the right one."""


@dataclass(slots=True)
class _Rule:
    method: str
    pattern: re.Pattern[str]
    fault: Fault
    skip: int
    left: int | None


@dataclass(frozen=True, slots=True)
class Seen:
    """A request as it came: `path` with its query, the first 64 KiB of its body and its size, the status it got (0: none)."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes
    size: int
    status: int


class FaultyRegistry:
    """Runs in threads of this process on 127.0.0.1. Without a plan it is an ordinary registry.

    `auth` is "" (open), "basic" or "token" (a token service at /token of the same address).
    """

    def __init__(self, *, auth: str = "", login: tuple[str, str] = ("", ""), content: Content | None = None) -> None:
        self.content = content or Content()
        self.auth, self.login = auth, login
        self.realm = ""
        """Where the challenge sends for tokens; empty: to this registry itself."""
        self.service = "faulty"
        self.token_life = 300.0
        self.token_uses: int | None = None
        """Requests that one token is good for."""
        self.most = _MOST
        self.seen: list[Seen] = []
        self.tokens: dict[str, list[object]] = {}
        self._rules: list[_Rule] = []
        self._lock = threading.Lock()
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.registry = self
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        self._thread.start()

    @property
    def host(self) -> str:
        """host:port."""
        return f"127.0.0.1:{self._server.server_address[1]}"

    def close(self) -> None:
        """End it."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def fail(self, method: str, pattern: str, fault: Fault, *, times: int | None = 1, after: int = 0) -> None:
        """Plan: the requests of `method` whose path (with query) has `pattern` fail, `times` (None: all), `after` so many."""
        self._rules.append(_Rule(method, re.compile(pattern), fault, after, times))

    def forget(self) -> None:
        """No plan any more, and nothing seen."""
        self._rules.clear()
        self.seen.clear()

    def count(self, method: str, pattern: str) -> int:
        """Requests that were seen."""
        return sum(one.method == method and bool(re.search(pattern, one.path)) for one in self.seen)

    def everything_seen(self) -> str:
        """All that clients said to it, as text; bodies as they came."""
        return "\n".join(
            f"{s.method} {s.path} {dict(s.headers)} {s.body.decode('utf-8', 'replace')}" for s in self.seen
        )

    def fault_for(self, method: str, path: str) -> Fault:
        """The fault that is planned for this request; it is used up by asking."""
        with self._lock:
            for rule in self._rules:
                if rule.method not in (method, "*") or not rule.pattern.search(path) or rule.left == 0:
                    continue
                if rule.skip:
                    rule.skip -= 1
                    continue
                rule.left = None if rule.left is None else rule.left - 1
                return rule.fault
        return Fault()

    def refusal(self, ask: Ask) -> Answer | None:
        """The 401 for a request without the right login or token; None where it may pass."""
        given = ask.headers.get("authorization", "")
        if self.auth == "basic":
            if given == _basic(self.login):
                return None
            return error(401, "UNAUTHORIZED", headers={"WWW-Authenticate": 'Basic realm="faulty"'})
        if self.auth == "token":
            scopes = _scopes(ask)
            if self._valid(given.removeprefix("Bearer "), scopes):
                return None
            realm = self.realm or f"http://{self.host}/token"
            asked = f',scope="{" ".join(scopes)}"' if scopes else ""
            challenge = f'Bearer realm="{realm}",service="{self.service}"{asked}'
            return error(401, "UNAUTHORIZED", headers={"WWW-Authenticate": challenge})
        return None

    def token(self, ask: Ask) -> Answer:
        """The token service's answer."""
        form = dict(parse_qsl(ask.body.decode("utf-8", "replace")))
        right = ask.headers.get("authorization", "") == _basic(self.login)
        if ask.method == "POST":
            right = form.get("refresh_token", "") == self.login[1]
        if self.login[0] and not right:
            return error(401, "UNAUTHORIZED", "wrong login")
        text = "token-" + secrets.token_hex(16)
        asked = ask.query.get("scope", "").split() or form.get("scope", "").split()
        self.tokens[text] = [set(asked), time.monotonic() + self.token_life, self.token_uses]
        body = {"token": text, "access_token": text, "expires_in": self.token_life}
        return Answer(200, {"Content-Type": "application/json"}, json.dumps(body).encode())

    def _valid(self, token: str, scopes: list[str]) -> bool:
        with self._lock:
            known = self.tokens.get(token)
            if known is None:
                return False
            granted, until, uses = known
            assert isinstance(granted, set)
            assert isinstance(until, float)
            if until < time.monotonic() or uses == 0:
                return False
            known[2] = uses - 1 if isinstance(uses, int) else None
            return all(any(_covers(have, want) for have in granted) for want in scopes)


def _basic(login: tuple[str, str]) -> str:
    return "Basic " + base64.b64encode(":".join(login).encode()).decode()


def _scopes(ask: Ask) -> list[str]:
    """What a request needs, as challenges name it."""
    found = re.match(r"/v2/(.+?)/(?:blobs|manifests|tags|referrers)/", ask.path)
    if not found:
        return []
    actions = {"GET": "pull", "HEAD": "pull", "DELETE": "delete"}.get(ask.method, "pull,push")
    scopes = [f"repository:{found[1]}:{actions}"]
    if "from" in ask.query:
        scopes.append(f"repository:{ask.query['from']}:pull")
    return scopes


def _covers(have: str, want: str) -> bool:
    name, _, actions = have.rpartition(":")
    wanted, _, needed = want.rpartition(":")
    return name == wanted and set(needed.split(",")) <= set(actions.split(","))


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    registry: FaultyRegistry

    def handle_error(self, request, client_address) -> None:
        """A connection that broke is what is tested."""


class _Gone(Exception):
    """The connection is no more."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 60
    disable_nagle_algorithm = True
    server: _Server

    def log_message(self, *_: object) -> None:
        pass

    def _serve(self) -> None:
        registry = self.server.registry
        fault = registry.fault_for(self.command, self.path)
        place = len(registry.seen)
        status, body = 0, b""
        registry.seen.append(self._as_seen(body, status))
        try:
            if fault.reset == "before":
                self._reset()
            body, complete = self._body(fault.take)
            ask = self._ask(body, complete=complete)
            if fault.reset == "after":
                self._reset()
            answer = self._answer(ask, fault)
            if not complete or fault.reset == "done":
                self._reset()
            status = answer.status
            self._remember(place, body, status)
            self._send(answer, fault)
        except (_Gone, OSError):
            self.close_connection = True
        finally:
            self._remember(place, body, status)

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = _serve

    def _as_seen(self, body: bytes, status: int) -> Seen:
        headers = {name.lower(): value for name, value in self.headers.items()}
        return Seen(self.command, self.path, headers, body[:_KEPT], len(body), status)

    def _remember(self, place: int, body: bytes, status: int) -> None:
        seen = self.server.registry.seen
        if place < len(seen) and seen[place].path == self.path:
            seen[place] = self._as_seen(body, status)

    def _ask(self, body: bytes, *, complete: bool) -> Ask:
        parts = urlsplit(self.path)
        query: dict[str, str] = {}
        for name, value in parse_qsl(parts.query):
            query[name] = f"{query[name]} {value}" if name in query else value
        headers = {name.lower(): value for name, value in self.headers.items()}
        return Ask(self.command, parts.path, query, headers, body, complete)

    def _answer(self, ask: Ask, fault: Fault) -> Answer:
        registry = self.server.registry
        if len(registry.seen) > registry.most:
            return error(403, "DENIED", "more requests than the test allows")
        if fault.status:
            return Answer(fault.status, fault.headers, fault.body)
        answer = registry.token(ask) if ask.path == "/token" else registry.refusal(ask) or registry.content.handle(ask)
        return fault.change(answer) if fault.change else answer

    def _body(self, most: int | None) -> tuple[bytes, bool]:
        """The request's body, and whether it came whole; no more than `most` bytes of it."""
        if self.headers.get("Expect", "").lower() == "100-continue":
            self.send_response_only(100)
            self.end_headers()
        if "chunked" in self.headers.get("Transfer-Encoding", ""):
            return self._chunked(most)
        expected = int(self.headers.get("Content-Length") or 0)
        wanted = expected if most is None else min(most, expected)
        data = bytearray()
        while len(data) < wanted:
            with suppress(ConnectionError):
                if piece := self.rfile.read1(min(_PIECE, wanted - len(data))):
                    data += piece
                    continue
            return bytes(data), False
        return bytes(data), len(data) == expected

    def _chunked(self, most: int | None) -> tuple[bytes, bool]:
        data = bytearray()
        while True:
            size = int(self.rfile.readline().split(b";")[0] or b"0", 16)
            data += self.rfile.read(size)
            self.rfile.readline()
            if not size:
                return bytes(data), True
            if most is not None and len(data) >= most:
                return bytes(data[:most]), False

    def _send(self, answer: Answer, fault: Fault) -> None:
        if fault.pause:
            time.sleep(fault.pause)
        self.send_response(answer.status)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        if answer.status not in _NO_BODY and "Content-Length" not in answer.headers:
            length = len(answer.body) if fault.length is None else fault.length
            self.send_header("Content-Length", str(length))
        self.end_headers()
        if self.command == "HEAD":
            return
        body = answer.body if fault.cut is None else answer.body[: fault.cut]
        step = 1 if fault.drip else _PIECE * 16
        for start in range(0, len(body), step):
            self.wfile.write(body[start : start + step])
            if fault.drip:
                self.wfile.flush()
                time.sleep(fault.drip)
        if fault.cut is not None or fault.length is not None:
            self.close_connection = True

    def _reset(self) -> None:
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()
        raise _Gone
