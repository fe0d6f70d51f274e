"""Engines that do not do what they should: the image arrives on the other way, or the reason is said."""

import http.client
import json
import os
import socketserver
import threading
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from envbuild.errors import EngineFault, IntegrityError
from envbuild.runners import enginepull
from envbuild.runners.engine import Engine, EngineKind
from envbuild.runners.enginepull import Pulled, pull
from envbuild.runners.loopback import Loopback
from envbuild.workspace.loading import Loader


class FakeEngine:
    """Listens on a socket as an engine does; `create` writes the answer to a pull."""

    def __init__(self, path, create):
        self.path, self.requests, self.images, self.create = str(path), [], {}, create
        fake = self

        class Handler(socketserver.StreamRequestHandler):
            def handle(self):
                method, path, _ = self.rfile.readline().decode().split(" ")
                fake.requests.append(f"{method} {path}")
                fake.answer(method, urlsplit(path), self.wfile)

        class Server(socketserver.ThreadingUnixStreamServer):
            daemon_threads = True

            def handle_error(self, request, client_address):
                pass

        self.server = Server(self.path, Handler)
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.stop()

    def stop(self):
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()
        Path(self.path).unlink(missing_ok=True)

    def answer(self, method, url, out):
        if url.path == "/_ping":
            out.write(b"HTTP/1.0 200 OK\r\n\r\nOK")
        elif url.path == "/images/create":
            query = parse_qs(url.query)
            self.create(self, query["fromImage"][0], query["tag"][0], out)
        elif url.path.endswith("/json") and (found := self.images.get(url.path[8:-5])):
            out.write(b"HTTP/1.0 200 OK\r\n\r\n" + json.dumps({"Id": found}).encode())
        elif method == "POST" and url.path.endswith("/tag"):
            out.write(b"HTTP/1.0 201 Created\r\n\r\n")
        else:
            out.write(b'HTTP/1.0 404 Not Found\r\n\r\n{"message":"no such image"}')


def start(out, status="200 OK"):
    out.write(f"HTTP/1.0 {status}\r\nContent-Type: application/json\r\n\r\n".encode())


def say(out, *lines):
    for line in lines:
        out.write(json.dumps(line).encode() + b"\r\n")


def ask_for(repository, reference):
    host, _, path = repository.partition("/")
    connection = http.client.HTTPConnection(host, timeout=5)
    try:
        connection.request("GET", f"/v2/{path}/{reference}")
        answer = connection.getresponse()
        answer.read()
        return answer.status
    finally:
        connection.close()


@pytest.fixture
def outcome(tmp_path, image, store, monkeypatch):
    """`outcome(create)`: what a pull came to with an engine that answers so."""
    monkeypatch.setattr(enginepull, "TIME_TO_ASK", 0.3)

    def run(create, blobs=store):
        advanced = []
        with FakeEngine(tmp_path / "engine.sock", create) as fake, Loopback(image, blobs) as registry:
            fake.advanced = advanced
            result = pull(fake.path, image, ("a/b:1", "c:latest"), registry, advanced.append)
        assert any(line.startswith("DELETE /images/127.0.0.1:") for line in fake.requests)
        return result, fake

    return run


def manifest_asked(repository, digest):
    assert ask_for(repository, f"manifests/{digest}") == 200


def test_a_pull_that_goes_well_gives_all_names_and_tells_bytes(outcome, image):
    layer = image.layers[1].descriptor

    def create(fake, repository, digest, out):
        manifest_asked(repository, digest)
        start(out)
        short = layer.digest.hex[:12]
        say(out, {"status": "Extracting", "id": short, "progressDetail": {"current": 5, "total": layer.size}})
        say(out, {"status": "Extracting", "id": "elsewhere", "progressDetail": {"current": 5}}, {"status": "odd"})
        say(out, {"status": "Pull complete", "id": short, "progressDetail": {}})
        fake.images[f"{repository}@{digest}"] = str(image.config_digest)

    result, fake = outcome(create)
    assert result is Pulled.DONE
    assert fake.advanced == [5, layer.size - 5]
    tags = [line for line in fake.requests if "/tag?" in line]
    assert tags == [
        f"POST /images/{image.config_digest}/tag?repo=a%2Fb&tag=1",
        f"POST /images/{image.config_digest}/tag?repo=c&tag=latest",
    ]


def test_an_engine_that_does_not_reach_us_is_no_fault(outcome):
    """It may live in a virtual machine: the archive is for it."""

    def refused(fake, repository, digest, out):
        start(out)
        say(out, {"errorDetail": {"message": "connection refused"}, "error": "connection refused"})

    assert outcome(refused)[0] is Pulled.UNREACHED

    def other_registry(fake, repository, digest, out):
        start(out, "404 Not Found")
        say(out, {"message": "manifest unknown"})

    assert outcome(other_registry)[0] is Pulled.UNREACHED


def test_an_engine_that_never_asks_is_not_waited_for(outcome):
    """Something that swallows connections on that port, where the engine lives, would hold the load up for good."""
    released = threading.Event()

    def silent(fake, repository, digest, out):
        start(out)
        for _ in range(100):
            say(out, {"status": "Waiting"})
            if released.wait(0.05):
                return

    assert outcome(silent)[0] is Pulled.UNREACHED
    released.set()


@pytest.mark.parametrize("status", ["404 Not Found", "500 Internal Server Error"])
def test_a_refusal_after_it_asked_is_a_failure(outcome, status):
    def create(fake, repository, digest, out):
        manifest_asked(repository, digest)
        start(out, status)
        say(out, {"message": "no"})

    assert outcome(create)[0] is Pulled.FAILED


def test_an_answer_that_is_cut_off_or_no_http_is_a_failure(outcome):
    def cut(fake, repository, digest, out):
        manifest_asked(repository, digest)
        start(out)
        out.write(b'{"status":"Downl')

    assert outcome(cut)[0] is Pulled.FAILED

    def noise(fake, repository, digest, out):
        manifest_asked(repository, digest)
        out.write(b"noise\r\n\r\nmore")

    assert outcome(noise)[0] is Pulled.FAILED


def test_another_image_under_the_name_is_not_taken(outcome):
    def create(fake, repository, digest, out):
        manifest_asked(repository, digest)
        start(out)
        fake.images[f"{repository}@{digest}"] = f"sha256:{'0' * 64}"

    result, fake = outcome(create)
    assert result is Pulled.FAILED
    assert not [line for line in fake.requests if "/tag?" in line]


def test_a_full_disk_is_said_and_not_met_twice(outcome):
    def create(fake, repository, digest, out):
        manifest_asked(repository, digest)
        start(out)
        say(out, {"error": "write /var/lib/x: no space left on device"})

    with pytest.raises(EngineFault, match="no space left on device") as caught:
        outcome(create)
    assert "make room" in caught.value.hint


def test_an_engine_that_dies_in_the_middle_is_said(outcome):
    def create(fake, repository, digest, out):
        manifest_asked(repository, digest)
        start(out)
        say(out, {"status": "Downloading"})
        Path(fake.path).unlink()

    with pytest.raises(EngineFault, match="went away"):
        outcome(create)


def test_a_damaged_layer_in_the_store_is_our_fault_and_comes_through_at_once(outcome, image):
    """Engines try five times with growing waits, and would say something about themselves in the end."""

    class Damaged:
        def open(self, digest):
            raise IntegrityError("a blob is damaged")

    def create(fake, repository, digest, out):
        manifest_asked(repository, digest)
        start(out)
        assert ask_for(repository, f"blobs/{image.layers[0].descriptor.digest}") == 500
        for _ in range(100):
            say(out, {"status": "Retrying in 5 seconds"})
            threading.Event().wait(0.05)

    with pytest.raises(IntegrityError, match="damaged"):
        outcome(create, Damaged())


def test_a_failed_pull_falls_back_to_the_archive_once_and_counts_no_byte_twice(tmp_path, image, store, report):
    class Recorded(Engine):
        def load(self, image, references, write):
            calls.append(references)
            with Path(os.devnull).open("wb") as out:
                write(out, references)

    def create(fake, repository, digest, out):
        manifest_asked(repository, digest)
        start(out)
        say(out, {"status": "Pull complete", "id": image.layers[1].descriptor.digest.hex[:12]}, {"error": "odd"})

    calls = []
    with FakeEngine(tmp_path / "engine.sock", create) as fake:
        engine = Recorded(EngineKind.DOCKER, "docker", os.environ, fake.path)
        Loader(engine, store, report).load(image, ("a/b:1",))
    assert calls == [("a/b:1",)]
    assert image.size < report.done < image.size + (1 << 20)


def test_an_engine_without_a_socket_is_given_the_archive(image, store, report):
    """DOCKER_HOST=tcp://... is another machine, for all we know."""

    class Recorded(Engine):
        def rename(self, image, references):
            return False

        def load(self, image, references, write):
            calls.append(references)

    calls = []
    Loader(Recorded(EngineKind.DOCKER, "docker", os.environ), store, report).load(image, ("a/b:1",))
    assert calls == [("a/b:1",)]


def test_an_interrupt_in_the_middle_leaves_no_name_behind(tmp_path, image, store):
    """Ctrl-C comes as an exception wherever we are."""

    def create(fake, repository, digest, out):
        manifest_asked(repository, digest)
        start(out)
        say(out, {"status": "Pull complete", "id": image.layers[1].descriptor.digest.hex[:12]})
        threading.Event().wait(0.5)

    def interrupt(_):
        raise KeyboardInterrupt

    with FakeEngine(tmp_path / "engine.sock", create) as fake, Loopback(image, store) as registry:
        with pytest.raises(KeyboardInterrupt):
            pull(fake.path, image, ("a/b:1",), registry, interrupt)
        assert fake.requests[-1] == f"DELETE /images/{registry.repository}@{image.digest}"
