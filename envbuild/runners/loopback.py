"""`Loopback`: one image as a read-only registry on this machine's loopback, for an engine to pull from; ends with the load.

OCI distribution specification 1.1, the pull half: `/v2/`, the manifest, blobs, each by GET and HEAD, with Range. Everything
else is 404. The repository's name is a secret of this load: who asks for it is the engine that was told, and nobody else
can read the image.
"""

import json
import re
import secrets
import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from http.server import BaseHTTPRequestHandler
from socketserver import TCPServer, ThreadingMixIn
from types import TracebackType
from typing import Any, Self

from envbuild.digest import Digest
from envbuild.oci import CONFIG_TYPE, MANIFEST_TYPE, Image
from envbuild.ports import OpensBlobs

__all__ = ["Loopback"]

_ADDRESS = "127.0.0.1"
"""Engines take any registry in 127.0.0.0/8 without TLS."""
_MOST_CONNECTIONS = 32
_IDLE = 15.0
"""Seconds after which a silent connection is given up."""
_POLL = 0.05
_LAST_WAIT = 2.0
_RANGE = re.compile(r"bytes=(\d+)-(\d*)")
_TLS_HANDSHAKE = b"\x16"


class Loopback:
    """The registry. A context manager: after it, no port is open and no thread of it serves.

    `asked` is set once somebody asked for this very image; `fault` is why a blob could not be given (KeyError where it is
    not in the store, IntegrityError where it is damaged).
    """

    def __init__(self, image: Image, blobs: OpensBlobs) -> None:
        self.asked = threading.Event()
        self.fault: Exception | None = None
        self.served = 0
        """Bytes of layers that went out."""
        self._image, self._blobs = image, blobs
        self._sizes = {layer.descriptor.digest: layer.descriptor for layer in image.layers}
        self._path = f"envbuild-load/{secrets.token_hex(16)}"
        self._mutex = threading.Lock()
        self._server = _Server(self)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(_POLL,), daemon=True)

    @property
    def repository(self) -> str:
        """`127.0.0.1:PORT/PATH`, as an engine is told."""
        return f"{_ADDRESS}:{self._server.server_address[1]}/{self._path}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def answer(self, path: str, reply: "_Reply") -> None:
        """Answer one request."""
        if path == "/v2/":
            reply.document(b"{}", "application/json")
            return
        head, _, reference = path.rpartition("/")
        if head not in (f"/v2/{self._path}/manifests", f"/v2/{self._path}/blobs"):
            reply.missing("NAME_UNKNOWN")
            return
        self.asked.set()
        if head.endswith("/manifests"):
            if reference in (str(self._image.digest), self._image.digest.hex):
                reply.document(self._image.manifest, MANIFEST_TYPE, self._image.digest)
            else:
                reply.missing("MANIFEST_UNKNOWN")
        elif reference == str(self._image.config_digest):
            reply.document(self._image.config, CONFIG_TYPE, self._image.config_digest)
        else:
            self._give_layer(reference, reply)

    def _give_layer(self, reference: str, reply: "_Reply") -> None:
        with suppress(ValueError):
            if (descriptor := self._sizes.get(Digest.parse(reference))) is not None:
                try:
                    stream = self._blobs.open(descriptor.digest)
                except Exception as fault:  # noqa: BLE001 (whatever it is: the load's own thread raises it)
                    self.fault = self.fault or fault
                    reply.broken()
                    return
                with stream:
                    sent = reply.stream(stream, descriptor.size, descriptor.digest)
                with self._mutex:
                    self.served += sent
                return
        reply.missing("BLOB_UNKNOWN")


class _Server(ThreadingMixIn, TCPServer):
    """A thread a connection, no more than some; what is still open when it closes is cut."""

    daemon_threads = True
    request_queue_size = _MOST_CONNECTIONS

    def __init__(self, registry: Loopback) -> None:
        self._room = threading.BoundedSemaphore(_MOST_CONNECTIONS)
        self._open: set[socket.socket] = set()
        self._changed = threading.Condition()

        class Bound(_Reply):
            answer = staticmethod(registry.answer)

        super().__init__((_ADDRESS, 0), Bound)

    def verify_request(self, request: Any, client_address: Any) -> bool:
        """Whether there is room for one more; it is told by a closed connection, and may come again."""
        if not self._room.acquire(blocking=False):
            return False
        with self._changed:
            self._open.add(request)
        return True

    def shutdown_request(self, request: Any) -> None:
        """The connection is over."""
        super().shutdown_request(request)
        with self._changed:
            if request in self._open:
                self._open.remove(request)
                self._room.release()
                self._changed.notify_all()

    def server_close(self) -> None:
        """No port, no connection, no thread."""
        super().server_close()
        with self._changed:
            for connection in self._open:
                with suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)
            self._changed.wait_for(lambda: not self._open, _LAST_WAIT)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """An engine that goes away in the middle is its own matter, and nobody is told on stderr."""


class _Reply(BaseHTTPRequestHandler):
    """One connection: HTTP/1.1 with keep-alive."""

    protocol_version = "HTTP/1.1"
    server_version, sys_version = "envbuild", ""
    timeout = _IDLE
    disable_nagle_algorithm = True
    answer: Callable[[str, "_Reply"], None]

    def handle(self) -> None:
        """Engines try TLS first; they go on without it where the answer is plain HTTP."""
        with suppress(OSError):
            if self.request.recv(1, socket.MSG_PEEK) == _TLS_HANDSHAKE:
                self.request.sendall(b"HTTP/1.0 400 Bad Request\r\nConnection: close\r\n\r\nno TLS here\n")
                return
            super().handle()

    def do_GET(self) -> None:
        """A request for bytes."""
        self.answer(self.path.partition("?")[0], self)

    def do_HEAD(self) -> None:
        """A request for what GET would say of them."""
        self.answer(self.path.partition("?")[0], self)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 (the name of the overridden one)
        """Nothing."""

    def missing(self, code: str) -> None:
        """404, as the specification's section on error codes has it."""
        self._short(404, json.dumps({"errors": [{"code": code, "message": "", "detail": None}]}).encode())

    def broken(self) -> None:
        """500: it should be here and is not."""
        self._short(500, b'{"errors":[{"code":"UNKNOWN","message":"the store does not have it whole"}]}')

    def document(self, content: bytes, media_type: str, digest: Digest | None = None) -> None:
        """A small whole."""
        self._short(200, content, media_type, digest)

    def stream(self, stream: Any, size: int, digest: Digest) -> int:
        """A blob, or the range of it that was asked for; the bytes that went out."""
        first, last, status = 0, size - 1, 200
        if (asked := _RANGE.fullmatch(self.headers.get("Range", ""))) is not None:
            first, last, status = int(asked[1]), min(int(asked[2] or last), last), 206
        if first > last:
            self._short(416, b"", "application/octet-stream", digest, {"Content-Range": f"bytes */{size}"})
            return 0
        more = {"Content-Range": f"bytes {first}-{last}/{size}"} if status == 206 else {}
        count = last - first + 1
        self._head(status, count, "application/octet-stream", digest, more)
        if self.command == "HEAD":
            return 0
        sent: int = self.request.sendfile(stream, first, count)
        if sent < count:
            self.close_connection = True
        return sent

    def _short(
        self,
        status: int,
        content: bytes,
        media_type: str = "application/json",
        digest: Digest | None = None,
        more: dict[str, str] | None = None,
    ) -> None:
        self._head(status, len(content), media_type, digest, more or {})
        if self.command != "HEAD":
            self.wfile.write(content)

    def _head(self, status: int, length: int, media_type: str, digest: Digest | None, more: dict[str, str]) -> None:
        self.send_response(status)
        headers = {"Content-Type": media_type, "Content-Length": str(length), "Accept-Ranges": "bytes", **more}
        if digest is not None:
            headers["Docker-Content-Digest"] = str(digest)
        headers["Docker-Distribution-Api-Version"] = "registry/2.0"
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
