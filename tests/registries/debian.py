"""Debian's docker-registry (distribution 2.8) as a process of one test, over a folder of its own."""

import json
import shutil
import socket
import ssl
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from pathlib import Path
from typing import Any

from registries.certificates import Authority, Pair
from registries.tokens import TokenService

__all__ = ["LOGIN", "DebianRegistry", "ended", "running"]

LOGIN = ("tester", "sesame-canary")
"""The user of every registry that asks for a login."""

_BCRYPT = "$2b$04$d/K23W.QBmlN.ONjjWItsu2bAL1.xE54SxGmIebsMwPtP4ar5l5.y"
_TRIES = 5
_SECONDS_TO_START = 20


@dataclass(frozen=True, slots=True)
class DebianRegistry:
    """One that runs: `host` is host:port, `storage` its folder, `log` the file with its requests."""

    host: str
    storage: Path
    log: Path
    login: tuple[str, str] | None = None
    tokens: TokenService | None = None
    authority: Authority | None = None
    client: Pair | None = None
    """A client certificate that it takes, where it demands one."""

    def requests(self) -> list[str]:
        """`METHOD path status` of every request that it answered, in order."""
        found = []
        for line in self.log.read_text(errors="replace").splitlines():
            # Apache's combined log: address - - [date] "GET /v2/ HTTP/1.1" 200 2 "" "agent"
            parts = line.split('"')
            if " - - [" in parts[0] and len(parts) > 2:
                method, path, *_ = parts[1].split(" ")
                found.append(f"{method} {path} {parts[2].split()[0]}")
        return found

    def blob_file(self, digest: str) -> Path:
        """Where it keeps a blob's bytes, for whoever wants to change them."""
        digits = digest.removeprefix("sha256:")
        return self.storage / "docker/registry/v2/blobs/sha256" / digits[:2] / digits / "data"


@contextmanager
def running(
    folder: Path,
    *,
    login: bool = False,
    tokens: TokenService | None = None,
    authority: Authority | None = None,
    server: Pair | None = None,
    client: Pair | None = None,
    address: str = "127.0.0.1",
) -> Iterator[DebianRegistry]:
    """Start it on a free port of this address, and end it afterwards."""
    folder.mkdir(parents=True, exist_ok=True)
    storage, log = folder / "storage", folder / "log"
    settings = _settings(folder, login=login, tokens=tokens)
    tls: dict[str, Any] = {}
    if server:
        tls = {"certificate": str(server.certificate), "key": str(server.key)}
        if client and authority:
            tls["clientcas"] = [str(authority.bundle)]
    process, host = _start(folder, log, settings, tls, address)
    try:
        yield DebianRegistry(host, storage, log, LOGIN if login or tokens else None, tokens, authority, client)
    finally:
        ended(process)
        shutil.rmtree(storage, ignore_errors=True)


def _settings(folder: Path, *, login: bool, tokens: TokenService | None) -> dict[str, Any]:
    settings: dict[str, Any] = {
        "version": "0.1",
        "log": {"level": "warn", "accesslog": {"disabled": False}},
        "storage": {
            "filesystem": {"rootdirectory": str(folder / "storage")},
            "delete": {"enabled": True},
            "maintenance": {"uploadpurging": {"enabled": False}},
        },
    }
    if login:
        (folder / "htpasswd").write_text(f"{LOGIN[0]}:{_BCRYPT}\n", encoding="ascii")
        settings["auth"] = {"htpasswd": {"realm": "tests", "path": str(folder / "htpasswd")}}
    elif tokens:
        settings["auth"] = {
            "token": {
                "realm": tokens.realm,
                "service": tokens.service,
                "issuer": "envbuild-tests",
                "rootcertbundle": str(tokens.signer.certificate),
            }
        }
    return settings


def _start(
    folder: Path, log: Path, settings: dict[str, Any], tls: Mapping[str, Any], address: str
) -> tuple[subprocess.Popen[bytes], str]:
    """A port that is free now may be taken before the program has it: then another one."""
    for _ in range(_TRIES):
        with socket.socket() as free:
            free.bind((address, 0))
            host = f"{address}:{free.getsockname()[1]}"
        http = {"addr": host, "secret": "of the tests", **({"tls": tls} if tls else {})}
        config = folder / "config.yml"
        config.write_text(json.dumps({**settings, "http": http}), encoding="utf-8")
        with log.open("wb") as output:
            process = subprocess.Popen(
                ["docker-registry", "serve", str(config)], stdin=subprocess.DEVNULL, stdout=output, stderr=output
            )
        end = time.monotonic() + _SECONDS_TO_START
        while process.poll() is None and time.monotonic() < end:
            if _answers(host, secure=bool(tls)):
                return process, host
            time.sleep(0.02)
        process.kill()
        process.wait()
    raise AssertionError(f"docker-registry does not start: {log.read_text(errors='replace')[-500:]}")


def _answers(host: str, *, secure: bool) -> bool:
    unchecked = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    unchecked.check_hostname = False
    unchecked.verify_mode = ssl.CERT_NONE
    connection = HTTPSConnection(host, timeout=5, context=unchecked) if secure else HTTPConnection(host, timeout=5)
    try:
        connection.request("GET", "/v2/")
        connection.getresponse().read()
    except ssl.SSLError:
        # It is there, and wants a client certificate.
        return True
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()
    return True


def ended(process: subprocess.Popen) -> None:
    """The process has ended: asked to, else by force."""
    process.terminate()
    try:
        process.wait(timeout=20)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
