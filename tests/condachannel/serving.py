"""A channel server on loopback: plain, behind basic login, or behind a token in the path; it keeps what it was asked."""

import base64
import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import quote, unquote, urlsplit


@dataclass(frozen=True, slots=True)
class Served:
    """Where a folder is served. `url` has no login; `login_url` has it, the way a user writes it into a file."""

    url: str
    login_url: str
    alias: str
    requests: list[str] = field(default_factory=list)

    def count(self, end: str) -> int:
        """How many requests asked for a path with that end."""
        return sum(path.endswith(end) for path in self.requests)


@contextmanager
def serve(folder: Path, *, login: tuple[str, str] | None = None, token: str | None = None) -> Iterator[Served]:
    """Serves `folder` as http://127.0.0.1:PORT/<its name>; `alias` is the part before the name.

    With a login, requests without it get 401; with a token, all that is not below /t/TOKEN/ gets 404, as anaconda.org does.
    """
    requests: list[str] = []
    handler = type("Handler", (_Handler,), {"folder": folder, "login": login, "token": token, "requests": requests})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()
        host, name = f"127.0.0.1:{server.server_address[1]}", quote(folder.name)
        user = f"{quote(login[0], safe='')}:{quote(login[1], safe='')}@" if login else ""
        inner = f"t/{token}/" if token else ""
        try:
            yield Served(f"http://{host}/{name}", f"http://{user}{host}/{inner}{name}", f"http://{host}", requests)
        finally:
            server.shutdown()
            thread.join()


class _Handler(BaseHTTPRequestHandler):
    folder: Path
    login: tuple[str, str] | None
    token: str | None
    requests: list[str]
    protocol_version = "HTTP/1.1"
    # An answer's head and body in two small packets wait for each other's acknowledgement.
    disable_nagle_algorithm = True
    wbufsize = -1

    def log_message(self, format, *args):  # noqa: A002
        """Nothing: `requests` keeps them."""

    def do_HEAD(self):
        self._answer()

    def do_GET(self):
        self._answer()

    def _answer(self):
        path = unquote(urlsplit(self.path).path)
        self.requests.append(path)
        if self.login and not self._logged_in():
            self._send(401, b'{"error": "unauthorized"}', {"WWW-Authenticate": 'Basic realm="channel"'})
            return
        found = self._file(path)
        if found is None:
            self._send(404, json.dumps({"error": "not found", "path": path}).encode())
            return
        content = found.read_bytes()
        etag = f'"{hashlib.sha256(content).hexdigest()[:32]}"'
        kind = "application/json" if found.suffix == ".json" else "application/octet-stream"
        if self.headers["If-None-Match"] == etag:
            self._send(304, b"", {"ETag": etag})
            return
        self._send(200, content, {"ETag": etag, "Content-Type": kind, "Cache-Control": "public, max-age=0"})

    def _logged_in(self) -> bool:
        expected = base64.b64encode(":".join(self.login or ()).encode()).decode()
        return self.headers["Authorization"] == f"Basic {expected}"

    def _file(self, path: str) -> Path | None:
        start = f"/t/{self.token}/{self.folder.name}/" if self.token else f"/{self.folder.name}/"
        if not path.startswith(start) or ".." in path.split("/"):
            return None
        found = self.folder / path.removeprefix(start)
        return found if found.is_file() else None

    def _send(self, status: int, body: bytes, headers=None):
        self.send_response(status)
        for name, value in {"Content-Type": "application/json", **(headers or {})}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD" and status != 304:
            self.wfile.write(body)
