"""What is in an image, seen without an engine: verify, ls, cat; and damage, which is found and healed."""

import hashlib
import json
import re
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def layout(warm, classify, tmp_path_factory) -> str:
    """The example as an OCI layout: what build printed."""
    return warm("build", classify.spec, "--to", f"oci:{tmp_path_factory.mktemp('look') / 'oci'}").ok().line


@pytest.fixture(scope="session")
def archive(warm, classify, tmp_path_factory) -> str:
    """The example as an archive: what build printed."""
    path = tmp_path_factory.mktemp("look") / "image.tar"
    return warm("build", classify.spec, "--to", f"archive:{path}").ok().line


@pytest.fixture(params=["reference", "id", "spec", "layout", "archive"])
def image(request, classify):
    """Every way to name the image."""
    if request.param in {"layout", "archive"}:
        return request.getfixturevalue(request.param)
    said = classify.said
    return {"reference": said["reference"], "id": said["ids"]["image"], "spec": str(classify.spec)}[request.param]


def test_ls_and_cat_by_every_name(warm, image):
    """Whatever the image is called, its files can be seen."""
    lines = warm("ls", image, "/opt/env/bin").ok().stdout.decode().splitlines()
    names = {line.split(" /", 1)[1].partition(" -> ")[0] for line in lines}
    assert {"opt/env/bin/python", "opt/env/bin/python3"} <= names
    assert all(re.fullmatch(r"[dl-][rwxsStT-]{9} +\d+ /opt/env/bin.*", line) for line in lines)
    assert b"VERSION_CODENAME=bookworm" in warm("cat", image, "/etc/os-release").ok().stdout


@pytest.mark.parametrize(
    "path", ["/etc/os-release", "/etc/passwd", "/opt/env/pyvenv.cfg", "/lib/x86_64-linux-gnu/libc.so.6"]
)
def test_cat_is_what_a_container_sees(warm, classify, docker_engine, path):
    """What is shown is what runs, through links and merged folders, byte for byte."""
    reference = warm("build", classify.spec, "--to", "docker", env=docker_engine.env).ok().line
    seen = docker_engine("run", "--rm", reference, "sha256sum", path).stdout.split()[0]
    assert hashlib.sha256(warm("cat", reference, path).ok().stdout).hexdigest() == seen


def test_ls_is_what_a_container_sees(warm, classify, docker_engine):
    """The listing has every file that the engine has, with its kind, mode and size: later layers win."""
    reference = warm("build", classify.spec, "--to", "docker", env=docker_engine.env).ok().line
    find = ["find", "/opt", "/etc", "/usr/bin", "-printf", r"%p|%y|%m|%s|%l\n"]
    seen = {}
    for line in docker_engine("run", "--rm", "--user=0", reference, *find).stdout.splitlines():
        path, kind, mode, size, target = line.split("|")
        seen[path] = (kind, "" if kind == "l" else mode, size if kind == "f" else "", target)
    for path in ("/etc/hosts", "/etc/hostname", "/etc/resolv.conf", "/etc/mtab"):
        seen.pop(path, None)  # the engine's own
    kinds = {"file": "f", "directory": "d", "link": "l"}
    told = {}
    for folder in ("/opt", "/etc", "/usr/bin"):
        for row in warm("ls", reference, folder, "--json").ok().json["files"]:
            kind = kinds[row["kind"]]
            mode = "" if kind == "l" else f"{row['mode']:o}"
            told[f"/{row['path']}"] = (kind, mode, str(row["size"]) if kind == "f" else "", row["target"])
    for path in ("/etc/hosts", "/etc/hostname", "/etc/resolv.conf", "/etc/mtab"):
        told.pop(path, None)
    assert told == seen


def test_what_is_not_there_is_said(warm, classify):
    """A typing mistake gives a sentence, not an empty output."""
    reference = classify.said["reference"]
    assert "/no/such" in warm.failed(2, "cat", reference, "/no/such")
    assert "/no/such" in warm.failed(2, "ls", reference, "/no/such")
    assert "/opt/env" in warm.failed(2, "cat", reference, "/opt/env")
    assert "envbuild/none" in warm.failed(2, "ls", "envbuild/none:latest")


def test_verify_without_an_engine(warm, classify):
    """Where nothing can start the image, its files are compared all the same, and that it was not started is said."""
    done = warm("verify", classify.said["reference"]).ok()
    assert b"not started" in done.stderr
    said = warm("verify", classify.said["reference"], "--json").ok().json
    assert (said["ok"], said["started"], said["faults"]) == (True, False, [])
    assert said["checked"] > 3000


def test_verify_starts_the_interpreter(warm, classify, docker_engine):
    """With an engine the interpreter itself tells what it finds; nothing stays behind in the engine."""
    said = warm("verify", classify.said["reference"], "--json", env=docker_engine.env).ok().json
    assert (said["ok"], said["started"]) == (True, True)
    assert "envbuild/verify" not in docker_engine("images").stdout


@pytest.mark.parametrize("place", ["layout", "archive"])
def test_verify_outside_the_store(warm, request, place):
    """An image that came by mail is checked before it is used."""
    said = warm("verify", request.getfixturevalue(place), "--json").ok().json
    assert said["ok"] is True


@pytest.fixture
def small(cold, project):
    """A small image in a store of its own, that may be damaged: what build said, and the store's blobs."""
    spec = project('pypi = ["six"]')
    said = cold("build", spec, "--to", "store", "--json").ok().json
    blobs = Path(cold.env["ENVBUILD_HOME"]) / "cache" / "blobs.v1"
    return spec, said, blobs


def layers(cold, said, blobs, tmp_path) -> list[Path]:
    target = tmp_path / "oci"
    cold("build", said["spec"], "--to", f"oci:{target}").ok()
    manifest = json.loads((target / "blobs" / "sha256" / said["digest"].removeprefix("sha256:")).read_bytes())
    names = [layer["digest"].removeprefix("sha256:") for layer in manifest["layers"]]
    return [next(blobs.rglob(name)) for name in names]


def damage(path: Path) -> None:
    path.chmod(0o644)
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


@pytest.mark.parametrize(
    "how", [damage, lambda p: p.write_bytes(p.read_bytes()[:-100]), Path.unlink], ids=["bit", "cut", "gone"]
)
def test_damage_in_the_store_is_found_and_healed(cold, small, tmp_path, how):
    """A disk that flips a bit never ends up in a container: exit 6 or a new layer, and the next build is whole again."""
    spec, said, blobs = small
    victims = layers(cold, {**said, "spec": spec}, blobs, tmp_path)
    victim = max(victims, key=lambda p: p.stat().st_size)
    victim.chmod(0o644)
    how(victim)
    first = cold("build", spec, "--to", f"archive:{tmp_path / 'first.tar'}", "--quiet")
    assert first.code in {0, 6}, first.stderr
    if first.code:
        assert not (tmp_path / "first.tar").exists()
    again = cold("build", spec, "--to", f"archive:{tmp_path / 'again.tar'}", "--json").ok().json
    assert again["digest"] == said["digest"]
    assert cold("verify", tmp_path / "again.tar", "--json").ok().json["ok"] is True
    assert cold("verify", said["reference"], "--json").ok().json["ok"] is True


def test_verify_finds_damage(cold, small, tmp_path):
    """`verify` says 6 for an image whose bytes changed, and names the place."""
    spec, said, blobs = small
    victims = layers(cold, {**said, "spec": spec}, blobs, tmp_path)
    damage(max(victims, key=lambda p: p.stat().st_size))
    done = cold("verify", said["reference"])
    assert done.code == 6
    assert b"Traceback" not in done.stderr


def test_damage_in_a_layout_is_found(warm, layout):
    """A layout copied over a bad line is refused, before anything of it is used."""
    folder = Path(layout.split(":")[1])
    victim = max((folder / "blobs" / "sha256").iterdir(), key=lambda p: p.stat().st_size)
    content = victim.read_bytes()
    try:
        victim.unlink()
        victim.write_bytes(content[:-1] + b"x")
        assert warm("verify", layout).code == 6
    finally:
        victim.unlink()
        victim.write_bytes(content)
