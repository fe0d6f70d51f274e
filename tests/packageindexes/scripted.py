"""`Site`: many indexes (PEP 691) on one port, each under a path of its own; each answers as its test says."""

import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

__all__ = ["ScriptedIndex", "Site", "scripted_site"]

JSON = "application/vnd.pypi.simple.v1+json"


@dataclass(slots=True)
class ScriptedIndex:
    """An index: `files` by package. `status`: what all its pages answer instead; `page`: what they all are instead."""

    url: str
    root: str
    """The site's address, for files of another index on it."""
    files: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    bodies: dict[str, bytes] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    """The packages whose pages were asked for."""
    status: int = 200
    page: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    silent: bool = False
    meta: Mapping[str, Any] = field(default_factory=dict)
    """More of each page's `meta` (PEP 691), and with `alternate-locations` of PEP 708."""

    def wheel(self, path: Path, **more: Any) -> str:
        """List a wheel; its sha256. `more`: further keys of PEP 691, with _ for -."""
        body = path.read_bytes()
        digest = sha256(body).hexdigest()
        self.bodies[path.name] = body
        entry = {"filename": path.name, "url": f"../../files/{path.name}", "size": len(body)}
        entry |= {"hashes": {"sha256": digest}, **{key.replace("_", "-"): value for key, value in more.items()}}
        self.files.setdefault(_normal(path.name.partition("-")[0]), []).append(entry)
        return digest

    def answer(self, path: str) -> tuple[int, str, bytes]:
        """Status, content type and body for a path below the index's own."""
        kind, _, name = path.strip("/").partition("/")
        if kind == "files":
            body = self.bodies.get(name)
            return (200, "application/octet-stream", body) if body is not None else (404, "text/plain", b"")
        if name:
            self.asked.append(name)
        if self.page:
            return self.status, "text/html", self.page
        if self.status != 200:
            return self.status, "text/plain", b""
        if not name:
            return 200, JSON, json.dumps({"meta": {"api-version": "1.1"}, "projects": []}).encode()
        if name not in self.files:
            return 404, "text/plain", b""
        more = {key: value for key, value in self.meta.items() if key == "alternate-locations"}
        meta = {"api-version": "1.2", **{key: value for key, value in self.meta.items() if key not in more}}
        return 200, JSON, json.dumps({"meta": meta, "name": name, "files": self.files[name], **more}).encode()


class Site:
    """One that runs: `site.index("a")` is the index under that path, made when it is first named."""

    def __init__(self, host: str) -> None:
        self.host = host
        self.indexes: dict[str, ScriptedIndex] = {}
        self.ended = threading.Event()

    def index(self, name: str) -> ScriptedIndex:
        """An index of this name, empty at first."""
        root = f"http://{self.host}"
        return self.indexes.setdefault(name, ScriptedIndex(f"{root}/{name}/simple", root))


@contextmanager
def scripted_site() -> Iterator[Site]:
    """Run it on a free port, and end it afterwards."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    server.daemon_threads = True
    server.block_on_close = False
    server.site = site = Site(f"127.0.0.1:{server.server_port}")  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield site
    finally:
        site.ended.set()
        server.shutdown()
        server.server_close()
        thread.join()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        site: Site = self.server.site  # type: ignore[attr-defined]
        name, _, path = self.path.strip("/").partition("/")
        index = site.indexes.get(name)
        if index is not None and index.silent:
            site.ended.wait(60)
            self.close_connection = True
            return
        status, kind, body = index.answer(path) if index else (404, "text/plain", b"")
        self.send_response(status)
        for key, value in (index.headers if index else {}).items():
            self.send_header(key, value.format(name=path.rpartition("simple/")[2].strip("/")))
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body)

    do_HEAD = do_GET

    def log_message(self, *_: object) -> None:
        """Nobody reads it."""


def _normal(name: str) -> str:
    return name.lower().replace("_", "-").replace(".", "-")
