"""What an engine says on its own socket: a few GETs without a client, which alone would take longer than a whole hit.

HTTP/1.0, so that an answer ends with its connection and is never chunked. Docker Engine API; Podman's service speaks it too.
"""

import json
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from hashlib import sha256
from pathlib import Path
from typing import Any
from urllib.parse import quote

__all__ = ["Ear", "ImageState", "Presence", "image_digest", "info", "listen", "socket_of"]

_DEFAULT = "/var/run/docker.sock"
_LIMIT = 16 << 20
_TIMEOUT = 5.0


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
    """
    host = environ.get("DOCKER_HOST") or _host_of_context(environ)
    scheme, _, path = host.partition("://")
    return path if scheme == "unix" and path.startswith("/") else None


def image_digest(socket_path: str, reference: str) -> ImageState:
    """Whether the engine has an image of this name or id."""
    status, body = _get(socket_path, f"/images/{quote(reference, safe='/:@')}/json")
    if status == 404:
        return ImageState(Presence.MISS)
    found = _json(body).get("Id") if status == 200 else None
    return ImageState(Presence.HIT, found) if isinstance(found, str) and found else ImageState(Presence.UNKNOWN)


def info(socket_path: str) -> Mapping[str, Any]:
    """What the engine says about itself (`docker info`); nothing where it does not answer."""
    status, body = _get(socket_path, "/info")
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


def _host_of_context(environ: Mapping[str, str]) -> str:
    folder = Path(environ.get("DOCKER_CONFIG") or Path(environ.get("HOME", "/")) / ".docker")
    name = environ.get("DOCKER_CONTEXT") or _json(_content(folder / "config.json")).get("currentContext") or "default"
    if name == "default":
        return f"unix://{_DEFAULT}"
    place = folder / "contexts" / "meta" / sha256(str(name).encode()).hexdigest() / "meta.json"
    try:
        return str(_json(_content(place))["Endpoints"]["docker"]["Host"])
    except (KeyError, TypeError):
        return ""


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


def _get(socket_path: str, path: str) -> tuple[int, bytes]:
    """Status and body; status 0 where nobody answered in HTTP."""
    try:
        with _connected(socket_path) as connection:
            return _exchange(connection, path)
    except (OSError, ValueError):
        return 0, b""


def _connected(socket_path: str) -> socket.socket:
    connection = socket.socket(socket.AF_UNIX)
    try:
        connection.settimeout(_TIMEOUT)
        connection.connect(socket_path)
    except BaseException:
        connection.close()
        raise
    return connection


def _exchange(connection: socket.socket, path: str) -> tuple[int, bytes]:
    connection.sendall(f"GET {path} HTTP/1.0\r\nHost: localhost\r\n\r\n".encode("ascii"))
    answer = bytearray()
    while chunk := connection.recv(1 << 16):
        answer += chunk
        if len(answer) > _LIMIT:
            raise ValueError("an answer without an end")
    head, _, body = bytes(answer).partition(b"\r\n\r\n")
    version, _, rest = head.partition(b" ")
    if not version.startswith(b"HTTP/1."):
        raise ValueError("not HTTP")
    return int(rest[:3]), body
