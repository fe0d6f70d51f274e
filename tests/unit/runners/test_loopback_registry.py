"""The loopback registry gives one image to who knows its name, and nothing else to anybody."""

import http.client
import json
import select
import socket
import threading

import pytest

from envbuild.errors import IntegrityError
from envbuild.runners.loopback import Loopback


@pytest.fixture
def registry(image, store):
    with Loopback(image, store) as served:
        yield served


def ask(registry, path, method="GET", **headers):
    address, _, _ = registry.repository.partition("/")
    connection = http.client.HTTPConnection(address, timeout=10)
    try:
        connection.request(method, path, headers=headers)
        answer = connection.getresponse()
        return answer.status, dict(answer.headers), answer.read()
    finally:
        connection.close()


def place(registry, rest):
    return f"/v2/{registry.repository.partition('/')[2]}/{rest}"


def test_the_image_is_served_as_it_is(registry, image, store):
    assert ask(registry, "/v2/")[0] == 200
    assert not registry.asked.is_set()
    status, headers, body = ask(registry, place(registry, f"manifests/{image.digest}"))
    assert (status, body) == (200, image.manifest)
    assert headers["Docker-Content-Digest"] == str(image.digest)
    assert headers["Content-Type"] == json.loads(image.manifest)["mediaType"]
    assert registry.asked.is_set()
    assert ask(registry, place(registry, f"blobs/{image.config_digest}"))[2] == image.config
    for layer in image.layers:
        digest = layer.descriptor.digest
        with store.open(digest) as stream:
            content = stream.read()
        assert ask(registry, place(registry, f"blobs/{digest}"))[2] == content
        status, headers, body = ask(registry, place(registry, f"blobs/{digest}"), "HEAD")
        assert (status, headers["Content-Length"], body) == (200, str(len(content)), b"")


def test_a_download_goes_on_where_it_stopped(registry, image, store):
    digest = image.layers[1].descriptor.digest
    with store.open(digest) as stream:
        content = stream.read()
    path = place(registry, f"blobs/{digest}")
    for asked, expected in (("bytes=10-", content[10:]), ("bytes=3-7", content[3:8]), ("bytes=0-999999999", content)):
        status, headers, body = ask(registry, path, Range=asked)
        assert (status, body) == (206, expected)
        assert headers["Content-Range"].endswith(f"/{len(content)}")
    assert ask(registry, path, Range=f"bytes={len(content)}-")[0] == 416
    assert ask(registry, path, Range="lines=1-2")[2] == content


def test_who_does_not_know_the_name_gets_nothing(registry, image):
    """Other users of the machine can reach the port, and must not read the image, or look like the engine."""
    layer = image.layers[0].descriptor.digest
    paths = [f"/v2/envbuild-load/manifests/{image.digest}", f"/v2/x/blobs/{layer}", "/", "/v2/_catalog", "/v2"]
    for path in paths:
        assert ask(registry, path)[0] == 404
    assert not registry.asked.is_set()
    for rest in (f"blobs/sha256:{'0' * 64}", "blobs/../../x", "manifests/other", "tags/list", "blobs/uploads/"):
        assert ask(registry, place(registry, rest))[0] == 404
    for method in ("PUT", "POST", "DELETE", "PATCH"):
        assert ask(registry, place(registry, f"manifests/{image.digest}"), method)[0] == 501


def test_an_engine_that_tries_tls_first_is_told_at_once(registry):
    """It would wait for an answer to its handshake otherwise, and so would the user."""
    host, _, port = registry.repository.partition("/")[0].partition(":")
    with socket.create_connection((host, int(port)), timeout=5) as connection:
        connection.sendall(b"\x16\x03\x01\x00\xc8\x01\x00\x00\xc4\x03\x03")
        assert connection.recv(100).startswith(b"HTTP/1.0 400 ")
    assert not registry.asked.is_set()


def test_a_layer_that_is_not_whole_is_no_layer_and_the_reason_is_kept(image):
    class Damaged:
        def open(self, digest):
            raise IntegrityError("a blob is damaged")

    with Loopback(image, Damaged()) as registry:
        assert ask(registry, place(registry, f"blobs/{image.layers[0].descriptor.digest}"))[0] == 500
        assert isinstance(registry.fault, IntegrityError)


def test_it_ends_with_its_connections_and_threads(image, store):
    """A load must not leave a port open, whoever still hangs on to it."""
    before = set(threading.enumerate())
    with Loopback(image, store) as registry:
        host, _, port = registry.repository.partition("/")[0].partition(":")
        silent = socket.create_connection((host, int(port)), timeout=5)
        assert ask(registry, "/v2/")[0] == 200
    assert silent.recv(1) == b""
    silent.close()
    for thread in set(threading.enumerate()) - before:
        thread.join(2)
        assert not thread.is_alive()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((host, int(port)), timeout=5)


def test_more_callers_than_it_takes_are_turned_away_and_it_goes_on(registry, image):
    host, _, port = registry.repository.partition("/")[0].partition(":")
    held = [socket.create_connection((host, int(port)), timeout=5) for _ in range(40)]
    turned_away = select.select(held, [], [], 5)[0]
    assert 1 <= len(turned_away) <= 8
    assert {connection.recv(1) for connection in turned_away} == {b""}
    for connection in held:
        connection.close()
    statuses = []
    for _ in range(50):
        try:
            statuses.append(ask(registry, place(registry, f"manifests/{image.digest}"))[0])
            break
        except OSError:
            threading.Event().wait(0.1)
    assert statuses == [200]
