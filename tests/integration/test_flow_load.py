"""Images get into real engines by the fastest way that each allows, with nothing left of the way."""

import gzip
import io
import json
import os
import re
import secrets
import shutil
import subprocess
import tarfile
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from envbuild.digest import Digest
from envbuild.oci import LAYER_GZIP_TYPE, Descriptor, ImageConfig, Layer, image_of
from envbuild.pipeline.quiet import Quiet
from envbuild.platforms import Platform
from envbuild.runners import enginepull, loopback
from envbuild.runners.engine import EngineKind, open_engine
from envbuild.runners.enginepull import Pulled
from envbuild.store.blobs import Blobs
from envbuild.workspace.loading import Loader

MB = 1 << 20
NAMESPACED = """
import http.server, sys
class No(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200 if self.path == "/v2/" else 404)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")
    do_HEAD = do_GET
    def log_message(self, *_):
        print(self.path, flush=True)
http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), No).serve_forever()
"""


@pytest.fixture(scope="module")
def store(tmp_path_factory) -> Blobs:
    return Blobs(tmp_path_factory.mktemp("load") / "blobs")


@pytest.fixture(scope="module")
def make_image(store):
    """`make_image(3, 1)`: an image of that many new layers of so many MB each, over layers that are given."""

    def layer(size):
        plain = io.BytesIO()
        with tarfile.open(fileobj=plain, mode="w") as archive:
            member = tarfile.TarInfo(f"data-{secrets.token_hex(6)}")
            member.size = size * MB
            archive.addfile(member, io.BytesIO(secrets.token_bytes(size * MB)))
        with store.create() as out:
            length = out.write(gzip.compress(plain.getvalue(), 1, mtime=0))
            digest = out.commit()
        return Layer(Descriptor(LAYER_GZIP_TYPE, digest, length), Digest.of(plain.getvalue()), "tests")

    def make(count=2, size=1, below=()):
        config = ImageConfig(platform=Platform("linux", "amd64"), env=(("MARK", secrets.token_hex(8)),), cmd=("/x",))
        return image_of(config, (*below, *(layer(size) for _ in range(count))))

    return make


@pytest.fixture(params=["docker_engine", "containerd_engine"])
def tool(request):
    """Each kind of Docker engine."""
    return request.getfixturevalue(request.param)


def opened(tool):
    return open_engine(EngineKind.DOCKER, {**os.environ, **tool.env})


@pytest.fixture
def names():
    """Gives names for images, which are taken away afterwards."""
    given = []

    def name(tool):
        word = f"envbuild/load-{secrets.token_hex(6)}"
        given.append((tool, word))
        return (f"{word}:1", f"{word}:latest")

    yield name
    for tool, word in given:
        tool("image", "rm", "--force", f"{word}:1", f"{word}:latest", check=False)


@pytest.fixture
def ways(monkeypatch):
    """What became of each pull that a load tried, and the registries."""

    class Ways:
        def __init__(self):
            self.pulls, self.registries = [], []

    seen = Ways()
    pull, made = enginepull.pull, loopback.Loopback

    def noted(*arguments):
        seen.pulls.append(pull(*arguments))
        return seen.pulls[-1]

    def make(image, blobs):
        seen.registries.append(made(image, blobs))
        return seen.registries[-1]

    monkeypatch.setattr(enginepull, "pull", noted)
    monkeypatch.setattr(loopback, "Loopback", make)
    return seen


def check_arrived(tool, image, references):
    """The very image, under its names, and no other name of it."""
    for reference in references:
        found = json.loads(tool("image", "inspect", reference).stdout)[0]
        assert found["Id"] == str(image.digest if tool.name == "containerd" else image.config_digest)
        assert sorted(found["RepoTags"]) == sorted(references)
        assert not [digest for digest in found["RepoDigests"] if "127.0.0.1" in digest]
    assert "envbuild-load" not in tool("images", "--all", "--digests", "--no-trunc").stdout


def test_an_engine_that_reaches_us_pulls(tool, make_image, store, names, ways):
    """A pull is several times faster than an archive, above all where most layers are there."""
    image, references = make_image(), names(tool)
    Loader(opened(tool), store, Quiet()).load(image, references)
    assert ways.pulls == [Pulled.DONE]
    assert ways.registries[0].served == sum(layer.descriptor.size for layer in image.layers)
    check_arrived(tool, image, references)


def test_only_what_the_engine_lacks_is_sent(tool, make_image, store, names, ways):
    first = make_image()
    second = make_image(1, below=first.layers)
    for image in (first, second):
        references = names(tool)
        Loader(opened(tool), store, Quiet()).load(image, references)
        check_arrived(tool, image, references)
    assert ways.registries[1].served == second.layers[-1].descriptor.size


def test_four_loads_at_once(tool, make_image, store, names, ways):
    """CI machines build side by side; one image must not get another's name, nor take the other's away."""
    images = [make_image() for _ in range(4)]
    for chosen in (images, [make_image()] * 4):
        asked = [(image, names(tool)) for image in chosen]
        with ThreadPoolExecutor(4) as pool:
            loads = [pool.submit(Loader(opened(tool), store, Quiet()).load, *one) for one in asked]
            for load in loads:
                load.result()
        for image, references in asked:
            for reference in references:
                assert opened(tool).has(image, (reference,))
    assert "envbuild-load" not in tool("images", "--all", "--digests", "--no-trunc").stdout


def test_an_interrupt_in_the_middle_leaves_nothing(tool, make_image, store, names):
    class Interrupting(Quiet):
        def advance(self, stage, amount):
            raise KeyboardInterrupt

    image, references, before = make_image(3, 4), names(tool), set(threading.enumerate())
    with pytest.raises(KeyboardInterrupt):
        Loader(opened(tool), store, Interrupting()).load(image, references)
    assert not opened(tool).has(image, references)
    for thread in set(threading.enumerate()) - before:
        thread.join(3)
        assert not thread.is_alive()
    time.sleep(1)
    assert "envbuild-load" not in tool("images", "--all", "--digests", "--no-trunc").stdout
    Loader(opened(tool), store, Quiet()).load(image, references)
    check_arrived(tool, image, references)


@contextmanager
def own_engine(*before, settings=None, env=None):
    """A Docker engine of this test's, started behind these words."""
    if os.geteuid() or not shutil.which("dockerd"):
        pytest.skip("missing component: dockerd: starting an engine needs root, and the engine")
    # A socket's path may have 104 characters, and the engine adds its own.
    folder = Path(tempfile.mkdtemp(prefix="eb"))
    endpoint = folder / "docker.sock"
    word = f"envbuild-load-{secrets.token_hex(4)}"
    chosen = {
        "hosts": [f"unix://{endpoint}"], "data-root": str(folder / "data"), "exec-root": str(folder / "exec"),
        "pidfile": str(folder / "pid"), "bridge": "none", "iptables": False, "containerd-namespace": word,
        "containerd-plugins-namespace": f"{word}-plugins", **(settings or {}),
    }  # fmt: skip
    (folder / "daemon.json").write_text(json.dumps(chosen))
    with (folder / "log").open("wb") as log:
        argv = [*before, "dockerd", "--config-file", str(folder / "daemon.json")]
        process = subprocess.Popen(argv, stdout=log, stderr=log, env={**os.environ, **(env or {})})
    try:
        engine = {"DOCKER_HOST": f"unix://{endpoint}"}
        until = time.monotonic() + 60
        while subprocess.run(
            ["docker", "version"], env={**os.environ, **engine}, capture_output=True, check=False
        ).returncode:
            assert process.poll() is None and time.monotonic() < until, (folder / "log").read_text()[-2000:]
            time.sleep(0.2)
        yield engine
    finally:
        process.terminate()
        with suppress(subprocess.TimeoutExpired):
            process.wait(30)
        process.kill()
        process.wait()
        mounts = [line.split()[1] for line in Path("/proc/self/mounts").read_text(encoding="utf-8").splitlines()]
        for place in sorted((m for m in mounts if m.startswith(str(folder))), reverse=True):
            subprocess.run(["umount", "-l", place], check=False)
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def network_namespace():
    name = f"ebload{secrets.token_hex(3)}"
    if os.geteuid() or not shutil.which("ip"):
        pytest.skip("missing component: ip: a network namespace needs root, and ip")
    done = subprocess.run(["ip", "netns", "add", name], capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"missing component: network namespaces: {done.stderr.strip()}")
    try:
        yield name
    finally:
        subprocess.run(["ip", "netns", "delete", name], check=False)


@pytest.fixture
def tool_of(program):
    return lambda env: program("docker", env=env)


def test_an_engine_in_a_network_of_its_own_gets_the_archive(tmp_path, make_image, store, ways, tool_of):
    """Virtual machines and rootless engines are such; also where something else answers on that port there."""
    with network_namespace() as name:
        # `ip netns exec` would hide the control groups as well, without which no engine starts.
        inside = ("nsenter", f"--net=/run/netns/{name}")
        with own_engine(*inside) as env:
            tool, images = tool_of(env), [make_image(), make_image()]
            references = [(f"envbuild/far-{n}:1", f"envbuild/far-{n}:latest") for n in range(2)]
            Loader(opened(tool), store, Quiet()).load(images[0], references[0])
            assert not ways.registries[0].asked.is_set()
            subprocess.run([*inside, "ip", "link", "set", "lo", "up"], check=True)
            with listening(inside, ways, tmp_path / "heard"):
                Loader(opened(tool), store, Quiet()).load(images[1], references[1])
            assert ways.pulls == [Pulled.UNREACHED, Pulled.UNREACHED]
            for image, named in zip(images, references, strict=True):
                check_arrived(tool, image, named)
            assert "/v2/" in (tmp_path / "heard").read_text()


@contextmanager
def listening(inside, ways, heard):
    """Another registry in the namespace, on the port of the load's own, from before the engine is told of it."""
    started = []
    made = loopback.Loopback

    def make(image, blobs):
        registry = made(image, blobs)
        port = re.search(r":(\d+)/", registry.repository)[1]
        with heard.open("wb") as out:
            started.append(subprocess.Popen([*inside, "python3", "-c", NAMESPACED, port], stdout=out))
        probe = [*inside, "python3", "-c", f"import socket; socket.create_connection(('127.0.0.1', {port}), 1)"]
        until = time.monotonic() + 20
        while subprocess.run(probe, capture_output=True, check=False).returncode:
            assert time.monotonic() < until
        return registry

    loopback.Loopback = make
    try:
        yield
    finally:
        loopback.Loopback = made
        for process in started:
            process.kill()
            process.wait()


def test_mirrors_and_proxies_of_the_engine_do_not_come_between(make_image, store, ways, tool_of):
    """Where everything else goes through a company's proxy, the loopback does not."""
    settings = {"registry-mirrors": ["http://127.0.0.1:9"]}
    env = {"HTTP_PROXY": "http://127.0.0.1:9", "HTTPS_PROXY": "http://127.0.0.1:9", "NO_PROXY": ""}
    with own_engine(settings=settings, env=env) as found:
        tool, image = tool_of(found), make_image()
        Loader(opened(tool), store, Quiet()).load(image, ("envbuild/mirrored:1",))
        assert ways.pulls == [Pulled.DONE]
        check_arrived(tool, image, ("envbuild/mirrored:1",))


def test_the_command_line_says_nothing_of_the_way(warm, project, docker_engine):
    """`--to docker` is one thing to its user."""
    spec = project(f'variables = {{WHO = "{secrets.token_hex(4)}"}}', "loaded")
    done = warm("build", spec, "--to", "docker", env=docker_engine.env).ok()
    assert b"127.0.0.1" not in done.stderr + done.stdout
    assert docker_engine("image", "inspect", done.line).stdout
    docker_engine("rmi", done.line, "envbuild/loaded:latest")
