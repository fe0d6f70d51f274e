"""The image is taken, and runs, wherever images are taken: engines, Podman, skopeo, umoci; and it keeps OCI's own rules."""

import hashlib
import json
import os
import subprocess
import tarfile
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest
from imagechecks import Checker

IMPORTS = "import numpy, pandas, sklearn; print(numpy.arange(4).sum())"


def short(said) -> str:
    return said["reference"].rpartition(":")[2]


def check_runs(tool, reference) -> None:
    """The packages import, and the container's end is the program's."""
    assert tool("run", "--rm", "--network=none", reference, "python", "-c", IMPORTS).stdout == "6\n"
    assert (
        tool("run", "--rm", "--network=none", reference, "python", "-c", "raise SystemExit(7)", check=False).returncode
        == 7
    )
    assert tool("run", "--rm", "--network=none", reference, "id", "-u").stdout == "1000\n"


@pytest.fixture(scope="session")
def archive(warm, classify, tmp_path_factory) -> Path:
    """The example's archive."""
    path = tmp_path_factory.mktemp("archive") / "image.tar"
    done = warm("build", classify.spec, "--to", f"archive:{path}").ok()
    assert done.line == str(path)
    return path


@pytest.fixture(scope="session")
def layout(warm, classify, tmp_path_factory) -> Path:
    """The example's OCI layout."""
    path = tmp_path_factory.mktemp("oci") / "layout"
    done = warm("build", classify.spec, "--to", f"oci:{path}").ok()
    assert done.line == f"oci:{path}:{classify.said['reference']}"
    return path


@pytest.fixture(params=["docker_engine", "containerd_engine", "podman"])
def engine(request):
    """Each of the engines in turn."""
    return request.getfixturevalue(request.param)


def target(engine) -> str:
    return "podman" if engine.name == "podman" else "docker"


def image_id(engine, name) -> str:
    found = engine("image", "inspect", "--format", "{{.Id}}", name).stdout.strip()
    return found if found.startswith("sha256:") else f"sha256:{found}"


def expected_id(engine, said, layout) -> str:
    """A content store names an image by its manifest, the others by its config."""
    if engine.name == "containerd":
        return said["digest"]
    manifest = (layout / "blobs" / "sha256" / said["digest"].removeprefix("sha256:")).read_bytes()
    return json.loads(manifest)["config"]["digest"]


def test_engine_takes_and_runs_it(warm, classify, layout, engine):
    """The printed reference works in the engine's next command, and the engine has exactly the image that was built."""
    done = warm("build", classify.spec, "--to", target(engine), env=engine.env).ok()
    assert done.line == classify.said["reference"]
    assert image_id(engine, done.line) == expected_id(engine, classify.said, layout)
    assert image_id(engine, "envbuild/classify:latest") == expected_id(engine, classify.said, layout)
    check_runs(engine, done.line)


def test_unasked_it_goes_into_the_engine_that_runs(warm, classify, docker_engine):
    """`docker run $(envbuild build requirements.txt)` finds the image without any option, under an added name too."""
    done = warm("build", classify.spec, "-t", "team/classify:v2", env=docker_engine.env).ok()
    assert docker_engine("run", "--rm", done.line, "python", "-V").stdout.startswith("Python 3.11.")
    assert image_id(docker_engine, "team/classify:v2") == image_id(docker_engine, done.line)


def test_removed_from_the_engine_it_comes_back(warm, project, docker_engine):
    """A pruned engine is filled again; a hit in the store must not be taken for an image in the engine."""
    spec = project('variables = {WHO = "pruned"}', "pruned")
    reference = warm("build", spec, "--to", "docker", env=docker_engine.env).ok().line
    docker_engine("rmi", reference, "envbuild/pruned:latest")
    assert warm("build", spec, "--to", "docker", env=docker_engine.env).ok().line == reference
    assert docker_engine("run", "--rm", reference, "printenv", "WHO").stdout == "pruned\n"


def test_archive_loads(archive, classify, layout, engine):
    """One file, carried by hand to another machine, loads in whatever engine is there."""
    engine("load", "-i", archive)
    assert image_id(engine, classify.said["reference"]) == expected_id(engine, classify.said, layout)
    check_runs(engine, classify.said["reference"])


def test_skopeo_reads_the_layout(layout, classify, skopeo, tmp_path):
    """Registries' tools see the same digest, and can turn the layout into Docker's own form."""
    place = f"oci:{layout}:{classify.said['reference']}"
    seen = json.loads(skopeo("inspect", place).stdout)
    assert seen["Digest"] == classify.said["digest"]
    assert (seen["Os"], seen["Architecture"], len(seen["Layers"])) == ("linux", "amd64", 23)
    skopeo("copy", place, f"docker-archive:{tmp_path / 'docker.tar'}:envbuild/classify:copy")
    with tarfile.open(tmp_path / "docker.tar") as copied:
        assert "manifest.json" in copied.getnames()


def test_skopeo_reads_the_archive(archive, classify, skopeo, tmp_path):
    """The archive is both: an OCI archive and one of `docker save`."""
    seen = json.loads(skopeo("inspect", f"oci-archive:{archive}:{short(classify.said)}").stdout)
    assert seen["Digest"] == classify.said["digest"]
    skopeo("copy", f"docker-archive:{archive}", f"dir:{tmp_path / 'dir'}")


def test_umoci_unpacks_it(layout, classify, umoci, tmp_path, program):
    """Whoever runs images without an engine gets a root file system that works."""
    umoci("unpack", "--rootless", "--image", f"{layout}:{classify.said['reference']}", tmp_path / "bundle")
    root = tmp_path / "bundle" / "rootfs"
    done = subprocess.run(
        [*(("unshare", "-r") if os.getuid() else ()), program("chroot").command[0], root, "/opt/env/bin/python", "-B", "-c", IMPORTS],
        env={"LANG": "C.UTF-8"}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (0, "6\n"), done.stderr


def test_two_images_in_one_layout(warm, project, layout, classify, skopeo):
    """A second build into a layout keeps what is in it."""
    spec = project("", "second")
    reference = warm("build", spec, "--to", f"oci:{layout}").ok().line
    assert reference.startswith(f"oci:{layout}:envbuild/second:")
    assert json.loads(skopeo("inspect", reference).stdout)["Os"] == "linux"
    first = json.loads(skopeo("inspect", f"oci:{layout}:{classify.said['reference']}").stdout)
    assert first["Digest"] == classify.said["digest"]


def test_layout_keeps_ocis_rules(layout, classify):
    """A registry or runtime that checks what it gets (as go-containerregistry's `validate` does) takes the image."""
    checker = Checker()
    assert checker.layout(layout) == []
    assert classify.said["digest"] in checker.images
    manifest = json.loads((layout / "blobs" / "sha256" / classify.said["digest"][7:]).read_bytes())
    entries = json.loads((layout / "index.json").read_bytes())["manifests"]
    (entry,) = [
        e for e in entries if e["annotations"]["org.opencontainers.image.ref.name"] == classify.said["reference"]
    ]
    total = entry["size"] + manifest["config"]["size"] + sum(layer["size"] for layer in manifest["layers"])
    assert total == classify.said["size"]


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of image: what defines it, and a command that says `sound` in it; no command where it cannot run here."""

    lines: str
    command: tuple[str, ...] = ("python", "-c", "import six; print('sound')")
    architecture: str = "amd64"


SETTINGS = """import os
assert os.environ["WHO"] == 'ä "b" $C = 1' and os.environ["EMPTY"] == ""
assert (os.getuid(), os.getgid(), os.getcwd()) == (4000, 4001, "/srv/app")
print("sound")"""
SHELL = ("sh", "-c", "echo sound")
KINDS = {
    "base alone": Kind("", SHELL),
    "one wheel": Kind('pypi = ["six"]'),
    "system packages": Kind('pypi = ["six"]\nsystem = ["libgomp1", "less"]'),
    "system packages without Python": Kind(
        'system = ["less"]', ("sh", "-c", "less --version >/dev/null && echo sound")
    ),
    "settings": Kind(
        'pypi = ["six"]\nsystem = ["tini"]\nuser = "4000:4001"\nworkdir = "/srv/app"\n'
        'entrypoint = ["/usr/bin/tini", "--"]\nvariables = {WHO = "ä \\"b\\" $C = 1", EMPTY = ""}',
        ("python", "-c", SETTINGS),
    ),
    "packages in conflict": Kind('pypi = ["jwt", "PyJWT"]', ("python", "-c", "import jwt; print('sound')")),
    "packages that are compiled": Kind('pypi = ["numpy"]', ("python", "-c", "import numpy; print('sound')")),
    "trixie": Kind('pypi = ["six"]\npython = "3.13"\n[base]\ndebian = "trixie"'),
    "another processor": Kind('pypi = ["six"]\nplatforms = ["linux/arm64"]', (), "arm64"),
}


@pytest.fixture(scope="session")
def kinds(warm, tmp_path_factory):
    """`kinds(name)`: the definition, its digest, and a layout of its image; each is built once."""

    @cache
    def build(name):
        folder = tmp_path_factory.mktemp("kind")
        spec = folder / "envbuild.toml"
        spec.write_text(f'format = 1\nname = "{name.lower().replace(" ", "-")}"\n{KINDS[name].lines}\n')
        said = warm("build", spec, "--to", f"oci:{folder / 'layout'}", "--json").ok().json
        return spec, said["digest"], said["reference"]

    return build


@pytest.mark.parametrize("kind", KINDS)
def test_engines_take_every_kind(warm, kinds, kind, engine):
    """Whatever a definition says, its image loads and runs in each engine."""
    spec, _, _ = kinds(kind)
    done = warm("build", spec, "--to", target(engine), env=engine.env).ok()
    assert (
        engine("image", "inspect", "--format", "{{.Architecture}}", done.line).stdout.strip()
        == KINDS[kind].architecture
    )
    if command := KINDS[kind].command:
        assert engine("run", "--rm", "--network=none", done.line, *command).stdout == "sound\n"


@pytest.mark.parametrize("kind", KINDS)
def test_skopeo_reads_every_kind(kinds, kind, skopeo, tmp_path):
    """Whatever a definition says, its image can be inspected, copied as it is, and turned into Docker's form."""
    _, digest, place = kinds(kind)
    seen = json.loads(skopeo("inspect", place).stdout)
    assert (seen["Digest"], seen["Os"], seen["Architecture"]) == (digest, "linux", KINDS[kind].architecture)
    skopeo("copy", place, f"dir:{tmp_path / 'dir'}")
    assert f"sha256:{hashlib.sha256((tmp_path / 'dir' / 'manifest.json').read_bytes()).hexdigest()}" == digest
    skopeo("copy", place, f"docker-archive:{tmp_path / 'docker.tar'}")


@pytest.mark.parametrize("kind", KINDS)
def test_umoci_unpacks_every_kind(kinds, kind, umoci, tmp_path):
    """Whatever a definition says, its image unpacks to a root file system with the links that Debian has."""
    _, _, place = kinds(kind)
    umoci("unpack", "--rootless", "--image", place.removeprefix("oci:"), tmp_path / "bundle")
    root = tmp_path / "bundle" / "rootfs"
    assert "Debian" in (root / "usr" / "lib" / "os-release").read_text()
    assert [str((root / name).readlink()) for name in ("bin", "lib", "sbin")] == ["usr/bin", "usr/lib", "usr/sbin"]
    assert (root / "opt" / "env" / "bin" / "python").is_symlink() == ("pypi" in KINDS[kind].lines)
