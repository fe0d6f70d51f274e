"""A store that somebody cleaned, moved, half lost or shares with another version: what is whole is used, the rest a miss."""

import json
import os
import shutil
import subprocess
import time

import pytest

from envbuild.canonical import encode
from envbuild.digest import Digest
from envbuild.errors import EnvironmentFault
from envbuild.store.blobs import Blobs
from envbuild.store.claims import Claims
from envbuild.store.leases import Lease, Leases
from envbuild.store.memo import Memo
from envbuild.store.places import Places

MATERIAL = {"schema": "test/1"}
ID = Digest.of(encode(MATERIAL))
LARGE = bytes(2 << 20)


class Store:
    """A store as a build opens it."""

    def __init__(self, **environ):
        self.places = Places.read(environ)
        self.lease = Lease(self.places.locks)
        self.memo = Memo(self.places.memo)
        self.blobs = Blobs(self.places.blobs, lambda: self.memo, self.lease)
        self.claims = Claims(self.places.claims, self.lease)

    def put(self, data=LARGE):
        with self.blobs.create() as writer:
            writer.write(data)
            digest = writer.commit()
        self.claims.put("image", ID, {"blob": str(digest)}, MATERIAL)
        return digest

    def reads(self, digest, data=LARGE):
        with self.blobs.open(digest) as stream:
            assert stream.read() == data
        self.blobs.verify(digest)
        assert self.claims.get("image", ID) == {"blob": str(digest)}
        assert self.claims.material("image", ID) == MATERIAL
        assert list(self.claims.entries("image"))
        assert list(self.blobs) == [digest]

    def close(self):
        self.lease.close()
        self.memo.close()


@pytest.fixture
def opened():
    stores = []

    def make(**environ):
        stores.append(Store(**environ))
        return stores[-1]

    yield make
    for store in stores:
        store.close()


@pytest.mark.parametrize("harm", ["lost", "file", "garbage", "empty", "folder", "readonly"])
def test_without_its_database_everything_is_read_and_verified(opened, tmp_path, harm):
    """The database only saves work: losing it must lose nothing."""
    first = opened(ENVBUILD_HOME=str(tmp_path))
    digest = first.put()
    first.close()
    folder = first.places.memo
    database = folder / "cache.db"
    assert database.exists()
    if harm in ("lost", "file"):
        shutil.rmtree(folder)
    if harm == "file":
        folder.touch()
    if harm == "folder":
        database.unlink()
        database.mkdir()
    if harm in ("garbage", "empty"):
        database.write_bytes(b"x" * 5000 if harm == "garbage" else b"")
    if harm == "readonly":
        database.chmod(0o400)
        folder.chmod(0o500)
    opened(ENVBUILD_HOME=str(tmp_path)).reads(digest)
    folder.chmod(0o700)


@pytest.mark.skipif(os.geteuid() != 0 or not shutil.which("mount"), reason="only root can mount a small disk")
@pytest.mark.parametrize("how", ["full", "readonly"])
def test_on_a_full_or_read_only_disk_everything_is_read_and_writing_says_why(opened, tmp_path, how):
    disk = tmp_path / "disk"
    disk.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=5m", "tmpfs", disk], check=False).returncode:
        pytest.skip("no tmpfs may be mounted here")
    try:
        first = opened(ENVBUILD_HOME=str(disk))
        digest = first.put()
        first.close()
        shutil.rmtree(first.places.memo)
        if how == "full":
            with (disk / "fill").open("wb", buffering=0) as stream, pytest.raises(OSError, match="space"):
                while stream.write(bytes(4096)):
                    pass
        else:
            subprocess.run(["mount", "-o", "remount,ro", disk], check=True)
        again = opened(ENVBUILD_HOME=str(disk))
        again.reads(digest)
        with pytest.raises(EnvironmentFault, match=r"disk is full|cannot be written") as caught:
            again.put(b"more" * 5000)
        assert "ENVBUILD_HOME" in caught.value.hint
        again.close()
    finally:
        subprocess.run(["umount", "-l", disk], check=True)


@pytest.mark.parametrize("name", ["a b", "naïve ü 名", 'it\'s "q" $HOME', "line\nbreak"])
def test_home_may_have_any_name(opened, tmp_path, name):
    home = tmp_path / name
    home.mkdir()
    store = opened(HOME=str(home))
    store.reads(store.put())
    assert store.places.cache.is_relative_to(home)
    assert store.places.notices == ()


def test_the_store_needs_no_temporary_folder(opened, tmp_path, monkeypatch):
    """TMPDIR may be full, or on another disk, from which nothing can be renamed into the store."""
    monkeypatch.setenv("TMPDIR", "/nonexistent")
    store = opened(ENVBUILD_HOME=str(tmp_path / "home"), TMPDIR="/nonexistent")
    store.reads(store.put())


@pytest.mark.parametrize("shift", [-40 * 365 * 86400, 10 * 365 * 86400], ids=["back", "forward"])
def test_a_wrong_clock_loses_no_lease_and_no_claim(opened, tmp_path, monkeypatch, shift):
    store = opened(ENVBUILD_HOME=str(tmp_path))
    digest = store.put()
    real = time.time()
    monkeypatch.setattr(time, "time", lambda: real + shift)
    store.reads(digest)
    with Leases(store.places.locks).excluded() as held:
        assert {digest.hex, f"image/{ID.hex}"} <= held


def test_a_claim_tells_when_it_was_used_and_not_from_the_future(opened, tmp_path):
    store = opened(ENVBUILD_HOME=str(tmp_path))
    store.put()
    path = next(store.places.claims.rglob(f"{ID.hex}.json"))
    for when in (time.time() - 90 * 86400, time.time() + 90 * 86400):
        os.utime(path, (when, when))
        assert store.claims.get("image", ID) is not None
        assert abs(path.stat().st_mtime - time.time()) < 60
    recent = time.time() - 600
    os.utime(path, (recent, recent))
    store.claims.get("image", ID)
    assert abs(path.stat().st_mtime - recent) < 1


def test_folders_of_a_newer_version_are_left_alone(opened, tmp_path):
    store = opened(ENVBUILD_HOME=str(tmp_path))
    digest = store.put()
    for name in ("blobs.v2", "claims.v2", "locks.v9", "memo.v2"):
        (store.places.cache / name).mkdir()
        (store.places.cache / name / "index").write_bytes(b"\xff\x00 other")
    (store.places.claims / "image" / "future").write_text("x")
    opened(ENVBUILD_HOME=str(tmp_path)).reads(digest)
    assert (store.places.cache / "blobs.v2" / "index").exists()


@pytest.mark.parametrize("part", ["blob", "claim", "material", "shard", "locks"])
def test_what_a_cleaner_took_half_of_is_a_miss_and_heals(opened, tmp_path, part):
    """Cleaners of temporary folders delete by age, file by file."""
    store = opened(ENVBUILD_HOME=str(tmp_path))
    digest = store.put()
    paths = {
        "blob": store.blobs.path(digest),
        "claim": next(store.places.claims.rglob(f"{ID.hex}.json")),
        "material": next(store.places.claims.rglob(f"{ID.hex}.material.json")),
        "shard": store.blobs.path(digest).parent,
        "locks": store.places.locks,
    }
    shutil.rmtree(paths[part]) if paths[part].is_dir() else paths[part].unlink()
    again = opened(ENVBUILD_HOME=str(tmp_path))
    assert again.blobs.has(digest) is (part not in ("blob", "shard"))
    assert (again.claims.get("image", ID) is None) is (part == "claim")
    assert (again.claims.material("image", ID) is None) is (part == "material")
    assert again.put() == digest
    again.reads(digest)


def test_an_empty_claim_that_a_power_cut_left_is_a_miss(opened, tmp_path):
    store = opened(ENVBUILD_HOME=str(tmp_path))
    store.put()
    path = next(store.places.claims.rglob(f"{ID.hex}.json"))
    for content in (b"", b"\0" * 40, json.dumps({"kind": "image"}).encode()):
        path.write_bytes(content)
        assert store.claims.get("image", ID) is None
