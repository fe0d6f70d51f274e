"""What an engine says and does on its own socket, without a client, which alone would take longer than a whole hit.

HTTP/1.0, so that an answer ends with its connection and is never chunked. Docker Engine API; Podman's service speaks it too.
"""

import json
import select
import socket
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from hashlib import sha256
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

from envbuild.errors import EngineFault, EnvironmentFault

__all__ = [
    "Ear",
    "ImageState",
    "Lines",
    "Presence",
    "image_digest",
    "info",
    "lines",
    "listen",
    "socket_of",
    "tag",
    "untag",
]

_DEFAULT = "/var/run/docker.sock"
_LIMIT = 16 << 20
_TIMEOUT = 5.0
_PATIENCE = 30.0
"""Seconds for what changes something: an engine that loads other images at the same time may be slow."""
_CREATED = 201


class Presence(StrEnum):
    """Whether something is there. Unknown is never a hit and never a miss."""

    HIT = "hit"
    MISS = "miss"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class ImageState:
    """Whether an engine has an image of this name, and its id there: the digest of its config, or of its manifest."""

    presence: Presence
    id: str = ""


class Ear(StrEnum):
    """What became of a call to the socket."""

    ANSWERS = "answers"
    ABSENT = "absent"
    FORBIDDEN = "forbidden"
    UNKNOWN = "unknown"


def socket_of(environ: Mapping[str, str]) -> str | None:
    """The socket that the docker client would use, or None where only the client can reach the engine (tcp, ssh).

    As the client decides: DOCKER_HOST, then the context that DOCKER_CONTEXT or the client's settings name.
    EnvironmentFault where there is no such context.
    """
    host = environ.get("DOCKER_HOST") or _host_of_context(environ)
    scheme, _, path = host.partition("://")
    return path if scheme == "unix" and path.startswith("/") else None


def image_digest(socket_path: str, reference: str) -> ImageState:
    """Whether the engine has an image of this name or id."""
    status, body = _call(socket_path, "GET", f"/images/{quote(reference, safe='/:@')}/json")
    if status == 404:
        return ImageState(Presence.MISS)
    found = _json(body).get("Id") if status == 200 else None
    return ImageState(Presence.HIT, found) if isinstance(found, str) and found else ImageState(Presence.UNKNOWN)


def info(socket_path: str) -> Mapping[str, Any]:
    """What the engine says about itself (`docker info`); nothing where it does not answer."""
    status, body = _call(socket_path, "GET", "/info")
    return _json(body) if status == 200 else {}


def listen(socket_path: str) -> Ear:
    """Whether an engine answers on this socket."""
    try:
        with _connected(socket_path) as connection:
            status, _ = _exchange(connection, "/_ping")
    except PermissionError:
        return Ear.FORBIDDEN
    except (FileNotFoundError, ConnectionRefusedError, NotADirectoryError):
        return Ear.ABSENT
    except (OSError, ValueError):
        return Ear.UNKNOWN
    return Ear.ANSWERS if status == 200 else Ear.UNKNOWN


def tag(socket_path: str, identity: str, reference: str) -> None:
    """Give an image of the engine a name. EngineFault where it does not take it."""
    repository, colon, word = reference.rpartition(":")
    if not colon or "/" in word:
        repository, word = reference, "latest"
    query = urlencode({"repo": repository, "tag": word})
    status, body = _call(socket_path, "POST", f"/images/{quote(identity, safe='/:@')}/tag?{query}", _PATIENCE)
    if status != _CREATED:
        said = body.decode(errors="replace").strip() or "no answer"
        raise EngineFault(f"docker tag failed: {_json(body).get('message') or said}", at=socket_path)


def untag(socket_path: str, reference: str) -> None:
    """Take a name away, if it is there and the engine answers."""
    _call(socket_path, "DELETE", f"/images/{quote(reference, safe='/:@')}", _PATIENCE)


def _call(socket_path: str, method: str, path: str, timeout: float = _TIMEOUT) -> tuple[int, bytes]:
    """One request without a body: status and answer; status 0 where nobody answered in HTTP."""
    try:
        with _connected(socket_path) as connection:
            connection.settimeout(timeout)
            return _exchange(connection, path, method)
    except (OSError, ValueError):
        return 0, b""


class Lines:
    """An answer that grows: its status, and JSON objects, a line each, as they come."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection, self._buffer = connection, bytearray()
        self._ended = False
        self.status = 0

    def next(self, timeout: float) -> Mapping[str, Any] | None:
        """The next object, or None where none comes within so many seconds or the answer is over (`ended`)."""
        until = time.monotonic() + timeout
        while True:
            if not self.status:
                self._take_head()
            if self.status and (line := self._take_line()) is not None:
                return _json(line)
            if self._ended or not select.select([self._connection], [], [], max(0.0, until - time.monotonic()))[0]:
                return None
            self._read()

    @property
    def ended(self) -> bool:
        """Whether nothing more comes."""
        return self._ended and not self._buffer

    def _read(self) -> None:
        try:
            chunk = self._connection.recv(1 << 16)
        except OSError:
            chunk = b""
        self._buffer += chunk
        if not chunk or len(self._buffer) > _LIMIT:
            self._ended = True

    def _take_head(self) -> None:
        head, end, rest = bytes(self._buffer).partition(b"\r\n\r\n")
        if end:
            self.status = _status(head)
            self._buffer[:] = rest

    def _take_line(self) -> bytes | None:
        """The end of an answer ends its last line, which may lack a newline."""
        while self._buffer:
            line, end, rest = bytes(self._buffer).partition(b"\n")
            if not end and not self._ended:
                return None
            self._buffer[:] = rest
            if line.strip():
                return line
        return None


@contextmanager
def lines(socket_path: str, method: str, path: str) -> Iterator[Lines]:
    """Ask for something that takes its time; left early, the engine gives it up. OSError where nobody listens."""
    with _connected(socket_path) as connection:
        connection.sendall(_request(method, path))
        yield Lines(connection)


def _host_of_context(environ: Mapping[str, str]) -> str:
    folder = Path(environ.get("DOCKER_CONFIG") or Path(environ.get("HOME", "/")) / ".docker")
    named = environ.get("DOCKER_CONTEXT", "")
    name = str(named or _json(_content(folder / "config.json")).get("currentContext") or "default")
    if name == "default":
        return f"unix://{_DEFAULT}"
    place = folder / "contexts" / "meta" / sha256(name.encode()).hexdigest() / "meta.json"
    try:
        return str(_json(_content(place))["Endpoints"]["docker"].get("Host") or f"unix://{_DEFAULT}")
    except (KeyError, TypeError, AttributeError):
        raise _no_context(name, place, "DOCKER_CONTEXT" if named else str(folder / "config.json")) from None


def _no_context(name: str, place: Path, says: str) -> EnvironmentFault:
    mend = "docker context ls shows those that there are: "
    mend += "set DOCKER_CONTEXT to one" if says == "DOCKER_CONTEXT" else "docker context use NAME"
    if place.exists():
        return EnvironmentFault(f"the Docker context {name!r} cannot be read", at=str(place), hint=mend)
    return EnvironmentFault(f"there is no Docker context {name!r}", at=says, hint=mend)


def _content(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError:
        return b""


def _json(data: bytes) -> Mapping[str, Any]:
    try:
        value = json.loads(data)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


def _connected(socket_path: str) -> socket.socket:
    connection = socket.socket(socket.AF_UNIX)
    try:
        connection.settimeout(_TIMEOUT)
        connection.connect(socket_path)
    except BaseException:
        connection.close()
        raise
    return connection


def _exchange(connection: socket.socket, path: str, method: str = "GET") -> tuple[int, bytes]:
    connection.sendall(_request(method, path))
    answer = bytearray()
    while chunk := connection.recv(1 << 16):
        answer += chunk
        if len(answer) > _LIMIT:
            raise ValueError("an answer without an end")
    head, _, body = bytes(answer).partition(b"\r\n\r\n")
    return _status(head), body


def _request(method: str, path: str) -> bytes:
    length = "Content-Length: 0\r\n" if method == "POST" else ""
    return f"{method} {path} HTTP/1.0\r\nHost: localhost\r\n{length}\r\n".encode("ascii")


def _status(head: bytes) -> int:
    version, _, rest = head.partition(b" ")
    if not version.startswith(b"HTTP/1."):
        raise ValueError("not HTTP")
    return int(rest[:3])
