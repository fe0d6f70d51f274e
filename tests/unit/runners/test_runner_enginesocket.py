"""An engine's socket: three answers, whatever is at the other end, and never a wait without end."""

import hashlib
import json
import socket
import threading

import pytest

from envbuild.errors import EnvironmentFault
from envbuild.runners import enginesocket
from envbuild.runners.enginesocket import Ear, Presence, image_digest, info, listen, socket_of


@pytest.fixture
def serve(tmp_path):
    """`serve(answer)`: a socket that gives this answer to every call; the calls are in the list that comes with it."""
    ends = []

    def start(answer):
        path = tmp_path / f"engine{len(ends)}.sock"
        server = socket.socket(socket.AF_UNIX)
        server.bind(str(path))
        server.listen()
        calls = []

        def loop():
            while True:
                try:
                    connection, _ = server.accept()
                except OSError:
                    return
                with connection:
                    calls.append(connection.recv(65536).decode())
                    if answer is not None:
                        connection.sendall(answer)
                    else:
                        connection.recv(1)

        thread = threading.Thread(target=loop)
        thread.start()
        ends.append((server, thread))
        return str(path), calls

    yield start
    for server, thread in ends:
        server.shutdown(socket.SHUT_RDWR)
        server.close()
        thread.join()


def answer(status, body):
    return f"HTTP/1.0 {status}\r\nContent-Type: application/json\r\n\r\n".encode() + body


def test_an_image_that_is_there_is_a_hit_with_its_id(serve):
    path, calls = serve(answer("200 OK", b'{"Id": "sha256:abc"}'))
    state = image_digest(path, "envbuild/train:1")
    assert (state.presence, state.id) == (Presence.HIT, "sha256:abc")
    assert calls[0].startswith("GET /images/envbuild/train:1/json HTTP/1.0\r\n")


def test_only_an_engine_that_says_so_makes_a_miss(serve):
    """A miss loads gigabytes again; an unknown asks the client."""
    path, _ = serve(answer("404 Not Found", b'{"message": "No such image"}'))
    assert image_digest(path, "a").presence is Presence.MISS


@pytest.mark.parametrize(
    "reply",
    [
        answer("500 Oops", b"{}"),
        answer("200 OK", b"[]"),
        answer("200 OK", b"<html>"),
        b"SSH-2.0\r\n",
        b"",
        b"HTTP/1.1 x",
    ],
)
def test_everything_else_is_unknown(serve, reply):
    path, _ = serve(reply)
    assert image_digest(path, "a").presence is Presence.UNKNOWN


def test_nobody_there_and_nobody_answering_are_unknown_too(serve, tmp_path, monkeypatch):
    assert image_digest(str(tmp_path / "no.sock"), "a").presence is Presence.UNKNOWN
    monkeypatch.setattr(enginesocket, "_TIMEOUT", 0.1)
    path, _ = serve(None)
    assert image_digest(path, "a").presence is Presence.UNKNOWN
    assert listen(path) is Ear.UNKNOWN
    assert listen(str(tmp_path / "no.sock")) is Ear.ABSENT
    assert info(path) == {}


def test_a_name_cannot_become_another_call(serve):
    path, calls = serve(answer("404", b""))
    image_digest(path, "a b\r\nDELETE /images/x HTTP/1.0\r\n\r\n?x#y")
    assert len(calls) == 1
    assert calls[0].count("\r\n") == 3


def test_the_socket_is_the_one_the_client_uses(tmp_path):
    home = {"HOME": str(tmp_path)}
    assert socket_of(home) == "/var/run/docker.sock"
    assert socket_of({"DOCKER_HOST": "unix:///run/x.sock"}) == "/run/x.sock"
    for host in ("tcp://10.0.0.1:2376", "ssh://me@host", "npipe://x"):
        assert socket_of({"DOCKER_HOST": host, **home}) is None

    folder = tmp_path / ".docker"
    place = folder / "contexts" / "meta" / hashlib.sha256(b"desktop").hexdigest()
    place.mkdir(parents=True)
    meta = {"Name": "desktop", "Endpoints": {"docker": {"Host": "unix:///run/desktop.sock"}}}
    (place / "meta.json").write_text(json.dumps(meta))
    assert socket_of({**home, "DOCKER_CONTEXT": "desktop"}) == "/run/desktop.sock"
    (folder / "config.json").write_text('{"currentContext": "desktop"}')
    assert socket_of(home) == "/run/desktop.sock"
    assert socket_of({**home, "DOCKER_CONTEXT": "default"}) == "/var/run/docker.sock"
    (folder / "config.json").write_text("{")
    assert socket_of(home) == "/var/run/docker.sock"
    meta["Endpoints"]["docker"].pop("Host")
    (place / "meta.json").write_text(json.dumps(meta))
    assert socket_of({**home, "DOCKER_CONTEXT": "desktop"}) == "/var/run/docker.sock"


@pytest.mark.parametrize("content", ["{", "[]", '{"Endpoints": {}}', '{"Endpoints": {"docker": 1}}'])
def test_a_context_that_is_not_there_or_broken_is_told_and_no_other_engine_is_taken(tmp_path, content):
    """Else an image would be loaded where nobody looks for it."""
    home = {"HOME": str(tmp_path)}
    folder = tmp_path / ".docker"
    folder.mkdir()
    (folder / "config.json").write_text('{"currentContext": "gone"}')
    for environ, place in ((home, str(folder / "config.json")), ({**home, "DOCKER_CONTEXT": "gone"}, "DOCKER_CONTEXT")):
        with pytest.raises(EnvironmentFault, match="no Docker context 'gone'") as told:
            socket_of(environ)
        assert told.value.at == place
        assert "docker context" in told.value.hint
    meta = folder / "contexts" / "meta" / hashlib.sha256(b"gone").hexdigest() / "meta.json"
    meta.parent.mkdir(parents=True)
    meta.write_text(content)
    with pytest.raises(EnvironmentFault, match="'gone' cannot be read") as told:
        socket_of(home)
    assert told.value.at == str(meta)
    assert socket_of({**home, "DOCKER_HOST": "unix:///run/x.sock"}) == "/run/x.sock"
