"""A tiny image that really runs: Debian's skeleton, and a shell and a few programs of this machine with their libraries."""

import os
import re
import secrets
import shutil
import subprocess
from pathlib import Path

import pytest

from envbuild.builders.archive import write_archive
from envbuild.digest import Digest
from envbuild.layers.skeleton import layer_of_skeleton
from envbuild.layers.writer import LayerWriter, ancestors
from envbuild.members import Member, MemberKind
from envbuild.oci import LAYER_GZIP_TYPE, Descriptor, ImageConfig, Layer, image_of
from envbuild.platforms import Platform
from envbuild.runners.engine import EngineKind, open_engine
from envbuild.store.blobs import Blobs

PROGRAMS = ("dash", "cat", "id", "sleep", "stty", "env", "ls")
AMD64 = Platform("linux", "amd64")


class Quiet:
    """A reporter that remembers how much was done."""

    def __init__(self):
        self.done = 0

    def begin(self, stage, total):
        self.total = total

    def advance(self, stage, amount):
        self.done += amount

    def end(self, stage):
        pass

    def notice(self, text):
        pass


@pytest.fixture
def report():
    return Quiet()


@pytest.fixture(scope="session")
def store_folder(tmp_path_factory):
    return tmp_path_factory.mktemp("runner-store") / "blobs"


@pytest.fixture(scope="session")
def store(store_folder):
    return Blobs(store_folder)


def _programs():
    """Path in the image -> file of this machine: the programs and all they load."""
    found = {}
    for name in PROGRAMS:
        program = shutil.which(name) or pytest.skip(f"this machine has no {name}")
        found[f"usr/bin/{name}"] = program
        listed = subprocess.run(["ldd", program], capture_output=True, text=True, check=True).stdout
        for library in re.findall(r"(/\S+) \(0x", listed):
            place = library.removeprefix("/usr").lstrip("/")
            found[f"usr/{place}"] = library
    return {place: Path(file).read_bytes() for place, file in found.items()}


def _layer(store, write):
    with store.create() as out:
        segment = write(out.write)
        out.commit(segment.blob)
    return Layer(Descriptor(LAYER_GZIP_TYPE, segment.blob, segment.size), segment.diff_id, "tests")


def _write_programs(sink, marker):
    files = _programs() | {"etc/marker": marker.encode()}
    links = {"usr/bin/sh": "dash", "opt/env/bin/python": "/usr/bin/dash"}
    named = [Member(path=p, kind=MemberKind.FILE, mode=0o755) for p in [*files, *links]]
    writer = LayerWriter(sink, ancestors(named))
    for place in sorted([*files, *links]):
        if place in links:
            writer.link(place, links[place])
        else:
            writer.file(place, 0o644 if place.startswith("etc/") else 0o755, files[place])
    return writer.finish(Digest.of(b"programs"), {})


@pytest.fixture(scope="session")
def make_image(store):
    """`make_image("a word")`: an image whose `/opt/env/bin/python` is a shell; another word is another image."""

    def make(marker):
        skeleton = _layer(store, lambda sink: layer_of_skeleton(AMD64, sink, layer_id=Digest.of(b"skeleton")))
        programs = _layer(store, lambda sink: _write_programs(sink, marker))
        env = (("PATH", "/opt/env/bin:/usr/bin:/bin"), ("VIRTUAL_ENV", "/opt/env"))
        config = ImageConfig(platform=AMD64, env=env, user="1000:1000", entrypoint=("/usr/bin/cat", "/etc/marker"))
        return image_of(config, (skeleton, programs))

    return make


@pytest.fixture(scope="session")
def image(make_image):
    return make_image("first")


@pytest.fixture(params=["docker_engine", "containerd_engine", "podman"])
def tool(request):
    """Each kind of engine in turn, as the tests call it."""
    return request.getfixturevalue(request.param)


@pytest.fixture
def engine(tool):
    """The same engine, as envbuild finds it."""
    return open_engine(EngineKind("podman" if tool.name == "podman" else "docker"), {**os.environ, **tool.env})


@pytest.fixture
def writer_of(store):
    """What `Engine.load` streams."""
    return lambda image: lambda out, names: write_archive(image, store, out, names)


@pytest.fixture
def names(tool):
    """Names for one test's image; what has them is taken away afterwards."""
    tag = secrets.token_hex(6)
    found = (f"envbuild/tests-{tag}:1", f"envbuild/tests-{tag}:latest")
    yield found
    tool("image", "rm", "--force", *found, check=False)
