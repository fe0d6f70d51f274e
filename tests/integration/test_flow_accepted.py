"""The image is taken, and runs, wherever images are taken: engines, Podman, skopeo, umoci; and it keeps OCI's own rules."""

import gzip
import hashlib
import io
import json
import os
import subprocess
import tarfile
from pathlib import Path

import pytest

IMPORTS = "import numpy, pandas, sklearn; print(numpy.arange(4).sum())"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"


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

    def blob(digest: str) -> bytes:
        content = (layout / "blobs" / "sha256" / digest.removeprefix("sha256:")).read_bytes()
        assert f"sha256:{hashlib.sha256(content).hexdigest()}" == digest
        return content

    assert json.loads((layout / "oci-layout").read_bytes()) == {"imageLayoutVersion": "1.0.0"}
    index = json.loads((layout / "index.json").read_bytes())
    assert index["schemaVersion"] == 2
    entries = [m for m in index["manifests"] if m["digest"] == classify.said["digest"]]
    assert entries
    for entry in entries:
        assert (entry["mediaType"], entry["size"]) == (MANIFEST, len(blob(entry["digest"])))
        assert entry.get("platform", {"os": "linux", "architecture": "amd64"})["architecture"] == "amd64"
    assert {e["annotations"]["org.opencontainers.image.ref.name"] for e in entries} >= {classify.said["reference"]}
    manifest = json.loads(blob(classify.said["digest"]))
    assert (manifest["schemaVersion"], manifest["mediaType"]) == (2, MANIFEST)
    config_bytes = blob(manifest["config"]["digest"])
    config = json.loads(config_bytes)
    assert manifest["config"]["mediaType"] == "application/vnd.oci.image.config.v1+json"
    assert manifest["config"]["size"] == len(config_bytes)
    assert (config["os"], config["architecture"], config["rootfs"]["type"]) == ("linux", "amd64", "layers")
    assert config["created"] == "1970-01-01T00:00:00Z"
    layers, diff_ids = manifest["layers"], config["rootfs"]["diff_ids"]
    full = [h for h in config["history"] if not h.get("empty_layer")]
    assert len(layers) == len(diff_ids) == len(full)
    assert len({x["digest"] for x in layers}) == len(layers)
    assert len(set(diff_ids)) == len(diff_ids)
    assert len(layers) < 120
    total = len(config_bytes) + len(blob(classify.said["digest"])) + sum(x["size"] for x in layers)
    assert total == classify.said["size"]
    for layer, diff_id in zip(layers, diff_ids, strict=True):
        packed = blob(layer["digest"])
        assert (layer["mediaType"], layer["size"]) == ("application/vnd.oci.image.layer.v1.tar+gzip", len(packed))
        plain = gzip.decompress(packed)
        assert f"sha256:{hashlib.sha256(plain).hexdigest()}" == diff_id
        check_layer(plain)


def check_layer(plain: bytes) -> None:
    """What is in a layer comes from packages alone: nothing of the machine or the moment that made it."""
    assert len(plain) % 512 == 0
    with tarfile.open(fileobj=io.BytesIO(plain), mode="r:") as archive:
        members = archive.getmembers()
    names = [m.name for m in members]
    assert len(set(names)) == len(names)
    assert not [n for n in names if n.startswith("/") or ".." in n.split("/") or "/.wh." in f"/{n}"]
    assert {(m.uid, m.gid, m.uname, m.gname) for m in members} <= {(0, 0, "", "")}
    assert len({m.mtime for m in members}) <= 1
    assert not [m.name for m in members if m.mode & 0o6000]
    folders = {m.name for m in members if m.isdir()}
    seen: set[str] = set()
    for member in members:
        parent = member.name.rpartition("/")[0]
        assert not parent or parent in seen or parent not in folders, f"{member.name} comes before its folder"
        seen.add(member.name)
        if member.islnk():
            assert member.linkname in seen, f"{member.name} links to what comes later"
