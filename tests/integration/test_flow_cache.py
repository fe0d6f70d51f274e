"""`envbuild cache`: its numbers are the folder's own, damage is found and mended, and pruning takes what nobody needs."""

import base64
import hashlib
import json
import os
import shutil
import subprocess
import sys
import time
import zipfile
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

DAY = 86400
KEEP = {"ENVBUILD_DROP_PACKAGES": "off"}
"""The files of packages stay in the store, as for work without a network."""


def wheel(folder: Path, name: str, content: bytes) -> None:
    """A wheel in an index of pages (PEP 503)."""
    info = f"{name}-1.0.dist-info"
    files = {
        f"{name}/__init__.py": content,
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n".encode(),
        f"{info}/WHEEL": b"Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    path = folder / "files" / f"{name}-1.0-py3-none-any.whl"
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        rows = ""
        for member, data in files.items():
            digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
            rows += f"{member},sha256={digest},{len(data)}\n"
            archive.writestr(zipfile.ZipInfo(member, (2020, 1, 1, 0, 0, 0)), data, zipfile.ZIP_DEFLATED)
        archive.writestr(f"{info}/RECORD", f"{rows}{info}/RECORD,,\n")
    page = folder / "simple" / name / "index.html"
    page.parent.mkdir(parents=True, exist_ok=True)
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    page.write_text(f'<!DOCTYPE html><a href="../../files/{path.name}#sha256={sha256}">{path.name}</a>')


@dataclass(frozen=True)
class Shelf:
    """A store with the images of two definitions, `one` (alpha, common) and `two` (beta, common)."""

    envbuild: "object"
    cache: Path
    one: Path
    two: Path
    said: dict

    def __call__(self, *arguments, **options):
        return self.envbuild("cache", *arguments, **options)

    def blob(self, digest) -> Path:
        digest = digest.removeprefix("sha256:")
        return self.cache / "blobs.v1" / digest[:2] / digest

    def age(self, days) -> None:
        """As if nothing had been used since."""
        then = time.time() - days * DAY
        for root in ("blobs.v1", "claims.v1", "prefixes.v1", "tools.v1", "memo.v1", "bytecode.v1"):
            for path in sorted((self.cache / root).rglob("*"), reverse=True):
                os.utime(path, (then, then), follow_symlinks=False)

    def use(self, spec) -> None:
        assert self.envbuild("build", spec, "--to", "store", "--json").ok().json["hit"]

    def rename(self, title) -> None:
        """Take a name away, as another build of the same name would."""
        material = json.dumps({"name": title}, separators=(",", ":")).encode()
        identity = hashlib.sha256(material).hexdigest()
        (self.cache / "claims.v1" / "name" / identity[:2] / f"{identity}.json").unlink()

    @property
    def size(self) -> int:
        return sum(p.lstat().st_size for p in self.cache.rglob("*") if p.is_symlink() or p.is_file())


@pytest.fixture(scope="module")
def stocked(tmp_path_factory):
    """A store that holds both images, the definitions, and an index of the wheels, all in one folder."""
    root = tmp_path_factory.mktemp("stock")
    for name, size in (("alpha", 300_000), ("beta", 200_000), ("common", 400_000)):
        wheel(root / "index", name, f"# {name}\n".encode() + os.urandom(size // 2).hex().encode())
    for name, needs in (("one", "alpha\ncommon\n"), ("two", "beta\ncommon\n")):
        (root / name).mkdir()
        (root / name / "requirements.txt").write_text(needs)
    return root


@pytest.fixture
def shelf(stocked, home, cold, tmp_path):
    """A copy for one test, which it may damage."""
    env = {**home.env, "ENVBUILD_PYPI_INDEX": (stocked / "index" / "simple").as_uri()}
    specs = [stocked / name / "requirements.txt" for name in ("one", "two")]
    kept = stocked / "store"
    if not (stocked / "said.json").exists():
        building = replace(cold, env={**env, "ENVBUILD_HOME": str(kept), **KEEP}, folder=stocked)
        said = [building("build", spec, "--to", "store", "--json").ok().json for spec in specs]
        (stocked / "said.json").write_text(json.dumps(said))
    shutil.copytree(kept, home.store, symlinks=True)
    said = json.loads((stocked / "said.json").read_bytes())
    return Shelf(replace(cold, env=env), home.store / "cache", *specs, dict(zip(("one", "two"), said, strict=True)))


def test_info_counts_every_byte_of_the_folder(shelf):
    """A user who looks for 20 GB finds them: the parts add up to what `du` says, and sharing is told."""
    (shelf.cache / "something-else").write_bytes(b"x" * 1234)
    info = shelf("info", "--json").ok().json
    assert info["schema"] == 1
    assert info["bytes"] == shelf.size == sum(kind["bytes"] for kind in info["kinds"].values())
    said = subprocess.run(["du", "-s", "-B1", shelf.cache], capture_output=True, check=True).stdout
    assert info["disk_bytes"] == int(said.split()[0])
    assert info["kinds"]["layers"]["count"] > 50
    one, two = sorted(info["environments"], key=lambda e: "envbuild/two:latest" in e["names"])
    assert "envbuild/one:latest" in one["names"]
    assert one["complete"]
    assert one["kept_by_name"]
    assert 300_000 < one["own_bytes"] < 2_000_000 < one["image_bytes"] <= one["bytes"]
    shared = info["sharing"]
    assert shared["summed_bytes"] == one["image_bytes"] + two["image_bytes"]
    assert shared["ratio"] == pytest.approx(shared["summed_bytes"] / shared["stored_bytes"], abs=0.001)
    assert 1.5 < shared["ratio"] <= 2
    users = {p["name"]: p["environments"] for p in info["packages"]}
    assert (users["alpha"], users["beta"], users["common"], users["libc6"]) == (1, 1, 2, 2)
    for by, word in (("environment", "envbuild/one:latest"), ("package", "libc6"), ("layer", "deb")):
        assert word in shelf("info", "--by", by).ok().stdout.decode()


def test_info_and_dry_run_of_no_store_make_none(cold):
    """Asking leaves nothing behind, and an empty store is no error."""
    assert cold("cache", "info", "--json").ok().json["bytes"] == 0
    assert cold("cache", "prune", "--json").ok().json["freed_bytes"] == 0
    assert cold("cache", "verify").ok().code == 0
    assert not Path(cold.env["ENVBUILD_HOME"]).exists()


def flip(path, _):
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def swap(path, other):
    one, two = path.read_bytes(), other.read_bytes()
    path.write_bytes(two)
    other.write_bytes(one)


DAMAGE = {
    "flip": flip,
    "cut": lambda path, _: os.truncate(path, path.stat().st_size // 2),
    "grow": lambda path, _: path.write_bytes(path.read_bytes() + b"\0"),
    "zero": lambda path, _: os.truncate(path, 0),
    "swap": swap,
    "remove": lambda path, _: path.unlink(),
}


def parts(shelf) -> dict[str, list[str]]:
    """Blobs of image `one` that something needs: its manifest, config, and layers; digests."""
    manifest = json.loads(shelf.blob(shelf.said["one"]["digest"]).read_bytes())
    layers = sorted(manifest["layers"], key=lambda layer: layer["size"])
    return {
        "manifest": [shelf.said["one"]["digest"]],
        "config": [manifest["config"]["digest"]],
        "layer": [layers[len(layers) // 2]["digest"], layers[3]["digest"]],
    }


@pytest.mark.parametrize("how", DAMAGE)
def test_damage_is_found_left_alone_and_then_mended(shelf, how):
    """A disk that lost bytes costs a command, not the environment: the same image comes back."""
    chosen = parts(shelf)
    digests = [chosen["manifest"][0], chosen["config"][0], chosen["layer"][0]]
    for path in map(shelf.blob, digests):
        path.chmod(0o644)
    paths = [shelf.blob(d) for d in digests]
    DAMAGE[how](paths[0], paths[1])
    DAMAGE[how](paths[2], shelf.blob(chosen["layer"][1]))
    before = {p: p.read_bytes() for p in paths if p.exists()}
    found = shelf("verify", "--json")
    assert found.code == 6
    subjects = {f["subject"] for f in found.json["findings"]}
    hit = [digests[0], digests[2]]
    if how == "swap":
        hit += [digests[1], chosen["layer"][1]]
    if how != "remove":
        assert {f"blob/{d.removeprefix('sha256:')}" for d in hit} <= subjects
    assert f"image/{shelf.said['one']['ids']['image'].removeprefix('sha256:')}" in subjects
    assert {p: p.read_bytes() for p in before} == before, "a look changed what it looked at"
    mended = shelf("verify", "--repair", "--json")
    assert mended.code == 0, mended.stdout
    assert {r["outcome"] for r in mended.json["repaired"]} == {"repaired"}
    assert shelf("verify").ok().code == 0
    again = shelf.envbuild("build", shelf.one, "--to", "store", "--json").ok().json
    assert (again["hit"], again["digest"]) == (True, shelf.said["one"]["digest"])


def test_a_damaged_wheel_and_its_layer_are_fetched_and_made_again(shelf):
    """Both copies of a package may be gone: the index has it still, by hash."""
    info = shelf("info", "--json").ok().json
    alpha = next(p for p in info["packages"] if p["name"] == "alpha")
    layers = [
        path
        for path in (shelf.cache / "claims.v1" / "layer").rglob("*.material.json")
        if alpha["sha256"] in path.read_text()
    ]
    blobs = [shelf.blob(alpha["sha256"])]
    for path in layers:
        claim = json.loads(path.with_name(path.name.replace(".material", "")).read_bytes())
        blobs.append(shelf.blob(claim["value"]["blob"]))
    for path in blobs:
        path.chmod(0o644)
        flip(path, None)
    done = shelf("verify", "--repair", env=KEEP)
    assert done.code == 0, done.stdout
    assert f"repaired: blob/{alpha['sha256']}: fetched again" in done.stdout.decode()
    assert all(hashlib.sha256(p.read_bytes()).hexdigest() == p.name for p in blobs)


def test_what_cannot_come_back_is_told_with_the_next_step(shelf):
    """A lost lock is not passed over: the next build would take other versions."""
    lock = shelf.said["two"]["ids"]["lock"].removeprefix("sha256:")
    claim = json.loads((shelf.cache / "claims.v1" / "locked" / lock[:2] / f"{lock}.json").read_bytes())
    shelf.blob(claim["value"]["document"]).unlink()
    done = shelf("verify", "--repair")
    words = done.stdout.decode()
    assert done.code == 6
    assert "resolved anew" in words
    assert "envbuild build FILE.lock" in words
    assert shelf("verify").ok().code == 0


def test_damaged_claims_and_a_torn_record_are_found(shelf):
    """A claim that is not its material's is not believed; a torn record is told and kept."""
    image = shelf.said["one"]["ids"]["image"].removeprefix("sha256:")
    path = shelf.cache / "claims.v1" / "image" / image[:2] / f"{image}.json"
    path.write_bytes(path.read_bytes()[:-5])
    layer = next((shelf.cache / "claims.v1" / "layer").rglob("*.material.json"))
    layer.write_bytes(b"{}")
    (shelf.cache / "memo.v1" / "cache.db").write_bytes(b"garbage" * 1000)
    record = shelf.cache.parent / "data" / "records.v1" / "run" / "x.jsonl"
    record.parent.mkdir(parents=True)
    record.write_bytes(b'{"a":1}\n{"b":')
    found = shelf("verify", "--json")
    assert found.code == 6
    subjects = {f["subject"] for f in found.json["findings"]}
    assert {f"image/{image}", f"layer/{layer.name[:64]}", "memo", f"record/{record}"} <= subjects
    mended = shelf("verify", "--repair")
    assert mended.code == 0, mended.stdout
    assert record.read_bytes() == b'{"a":1}\n{"b":'
    assert shelf.envbuild("build", shelf.one, "--to", "store", "--json").ok().json["hit"]


def test_a_prune_of_a_store_in_use_costs_nothing(shelf):
    """In a cron job, right after work: every image is a hit as before."""
    done = shelf("prune", "--json").ok().json
    assert (done["environments"], done["blobs"]) == ([], [])
    shelf.use(shelf.one)
    shelf.use(shelf.two)
    assert shelf("verify").ok().code == 0


def test_old_things_go_named_ones_stay_and_the_dry_run_said_so(shelf):
    """What was not used for a month goes, with just what only it needs; the dry run names the very same."""
    shelf.age(40)
    shelf.rename("envbuild/two:latest")
    told = shelf("prune", "--dry-run", "--json").ok().json
    before = shelf.size
    done = shelf("prune", "--json").ok().json
    assert before - shelf.size == done["freed_bytes"] == told["freed_bytes"] > 0
    assert shelf.size == done["left_bytes"]
    for key in ("environments", "blobs", "claims", "folders"):
        assert done[key] == told[key]
    assert [e["image"] for e in done["environments"]] == [shelf.said["two"]["ids"]["image"]]
    assert shelf("verify").ok().code == 0
    shelf.use(shelf.one)
    again = shelf.envbuild("build", shelf.two, "--to", "store", "--json").ok().json
    assert again["digest"] == shelf.said["two"]["digest"]
    assert again["layers"]["made"] < 5
    assert shelf("prune", "--json").ok().json["blobs"] == []


def test_a_size_is_kept_and_a_bad_one_is_refused_in_words(shelf):
    """A quota is met by what was used least recently; 20 gigs is not guessed at."""
    shelf.age(5)
    shelf.use(shelf.one)
    for title in ("one", "two"):
        shelf.rename(f"envbuild/{title}:latest")
    info = shelf("info", "--json").ok().json
    limit = info["bytes"] - info["kinds"]["packages"]["bytes"] - 1
    done = shelf("prune", "--keep-bytes", str(limit), "--json").ok().json
    assert shelf.size == done["left_bytes"] <= limit
    assert done["over_bytes"] == 0
    assert [e["image"] for e in done["environments"]] == [shelf.said["two"]["ids"]["image"]]
    shelf.use(shelf.one)
    for option, value, form in (("--older-than", "a month", "30d"), ("--keep-bytes", "20 gigs", "20GB")):
        assert form in shelf.envbuild.failed(2, "cache", "prune", option, value)


def test_all_leaves_an_empty_store_that_works(shelf):
    """The way to start anew: nothing is left but locks, and the next build works."""
    (shelf.cache / "blobs.v1" / ".new" / "1-dead").write_bytes(b"half")
    shelf("prune", "--all").ok()
    left = [p for p in shelf.cache.rglob("*") if p.is_file()]
    assert {p.parent.name for p in left} <= {"locks.v1"}, left
    assert shelf("verify").ok().code == 0
    assert not shelf.envbuild("build", shelf.one, "--to", "store", "--json").ok().json["hit"]


def test_a_read_only_store_is_looked_at(shelf, program):
    """On a shared disk that is mounted read-only all three questions are answered."""
    if os.getuid():
        pytest.skip("needs root to mount")
    flip_path = shelf.blob(parts(shelf)["config"][0])
    flip_path.chmod(0o644)
    flip(flip_path, None)
    words = f"mount --bind {shelf.cache.parent} {shelf.cache.parent} && mount -o remount,ro,bind {shelf.cache.parent}"
    alone = (program("unshare").command[0], "-m", "sh", "-c", f'{words} && exec "$@"', "sh")
    assert shelf("info", prefix=alone).ok()
    assert shelf("verify", prefix=alone).code == 6
    assert shelf("prune", "--dry-run", "--all", prefix=alone).ok()
    refused = shelf("prune", "--all", prefix=alone)
    assert refused.code == 5
    assert b"Traceback" not in refused.stderr


def test_a_full_disk_is_freed(shelf, tmp_path, program):
    """When nothing can be written any more, pruning must be what still works."""
    if os.getuid():
        pytest.skip("needs root to mount")
    size = shelf.size + (8 << 20)
    place = tmp_path / "small"
    place.mkdir()
    program("mount")("-t", "tmpfs", "-o", f"size={size}", "tmpfs", place)
    try:
        shutil.copytree(shelf.cache.parent, place / "home", symlinks=True)
        with (place / "filler").open("wb", buffering=0) as stream, pytest.raises(OSError):
            while stream.write(b"x" * 4096):
                pass
        assert os.statvfs(place).f_bavail == 0
        env = {"ENVBUILD_HOME": str(place / "home")}
        done = shelf("prune", "--all", "--json", env=env)
        assert done.code == 0, done.stderr
        assert done.json["freed_bytes"] > 50_000_000
        assert os.statvfs(place).f_bavail * os.statvfs(place).f_frsize > 50_000_000
    finally:
        program("umount")("-l", place)


def test_pruning_beside_builds_loses_nothing(shelf):
    """A cron job that prunes everything in the middle of builds: they end well, with the same bytes."""
    command = [sys.executable, "-m", "envbuild", "build"]
    for turn in range(3):
        running = [
            subprocess.Popen(
                [*command, spec, "--to", "store", "--json", "-q"], env=shelf.envbuild.env, stdout=subprocess.PIPE
            )
            for spec in (shelf.one, shelf.two)
        ]
        try:
            while any(process.poll() is None for process in running):
                shelf("prune", "--all").ok()
            said = [process.communicate(timeout=60)[0] for process in running]
        finally:
            for process in running:
                process.kill()
                process.communicate()
        assert [process.returncode for process in running] == [0, 0], turn
        assert [json.loads(text)["digest"] for text in said] == [shelf.said[name]["digest"] for name in ("one", "two")]
        assert shelf("verify").ok().code == 0
