"""Taking away beside live work: what a lease holds, what came after the first look, and what dead writers left."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from envbuild.digest import Digest
from envbuild.errors import EnvironmentFault
from envbuild.filelock import locked
from envbuild.ids import identity
from envbuild.store.blobs import Blobs
from envbuild.store.claims import Claims
from envbuild.store.collect import DAY, Rules
from envbuild.store.inventory import Inventory
from envbuild.store.leases import Lease
from envbuild.store.places import Places
from envbuild.store.sweep import Sweep

ROOT = Path(__file__).resolve().parents[3]
EVERYTHING = Rules(everything=True)


@pytest.fixture
def places(tmp_path):
    return Places(tmp_path / "cache", tmp_path / "data", tmp_path / "config.toml")


@pytest.fixture
def store(places):
    return Store(places)


class Store:
    """Blobs and claims of a kind that the collector does not know, so that each keeps what it names."""

    def __init__(self, places, lease=None):
        self.places, self.lease = places, lease
        self.blobs, self.claims = Blobs(places.blobs, lease=lease), Claims(places.claims, lease)

    def put(self, data):
        with self.blobs.create() as writer:
            writer.write(data)
            return writer.commit()

    def claim(self, name, blob):
        material = {"of": name}
        self.claims.put("thing", identity(material), {"blob": str(blob)}, material)
        return identity(material)

    def age(self, days=90):
        then = time.time() - days * DAY
        for path in self.places.cache.rglob("*"):
            os.utime(path, (then, then))


def prune(places, rules=None, now=None):
    return Sweep(places).run(rules or Rules(), time.time() if now is None else now)


def test_old_claims_go_with_their_blobs_and_the_sum_is_right(store, places):
    blob = store.put(b"x" * 5000)
    store.claim("a", blob)
    store.age()
    fresh = store.put(b"y" * 100)
    store.claim("b", fresh)
    before = Inventory(places).take().size
    told = Sweep(places).look(Rules(), time.time())
    done = prune(places)
    assert told.gone == done.gone
    assert done.freed == told.freed == before - Inventory(places).take().size
    assert not store.blobs.has(blob)
    assert store.blobs.has(fresh)
    assert prune(places).freed == 0


def test_what_a_live_lease_holds_stays(places):
    """A build that looked a blob up finds it when it reads it."""
    lease = Lease(places.locks)
    user, other = Store(places, lease), Store(places)
    used, unused = other.put(b"used"), other.put(b"unused")
    claimed = other.claim("c", other.put(b"claimed"))
    assert user.blobs.has(used)
    value = user.claims.get("thing", claimed)
    prune(places, EVERYTHING)
    assert user.blobs.has(used)
    assert not user.blobs.has(unused)
    assert user.blobs.has(Digest.parse(value["blob"]))
    lease.close()
    prune(places, EVERYTHING)
    assert list(other.blobs) == []


def test_a_blob_that_was_claimed_after_the_first_look_stays(places, store, monkeypatch):
    """A build that ends between the first look and the deletion loses nothing, though it holds nothing any more."""
    blob = store.put(b"old blob, new use")
    store.age()
    taken = Inventory.take

    def take_then_build(inventory):
        found = taken(inventory)
        lease = Lease(places.locks)
        builder = Store(places, lease)
        assert builder.blobs.has(blob)
        builder.claim("new image", blob)
        lease.close()
        return found

    monkeypatch.setattr(Inventory, "take", take_then_build)
    done = prune(places)
    assert store.blobs.has(blob)
    assert done.gone.blobs == ()


def test_a_claim_that_was_used_after_the_first_look_stays(places, store, monkeypatch):
    """A hit in the middle of a prune is a recent use."""
    used = store.claim("a", store.put(b"a"))
    unused = store.claim("b", store.put(b"b"))
    store.age()
    taken = Inventory.take

    def take_then_hit(inventory):
        found = taken(inventory)
        lease = Lease(places.locks)
        assert Store(places, lease).claims.get("thing", used) is not None
        lease.close()
        return found

    monkeypatch.setattr(Inventory, "take", take_then_hit)
    prune(places)
    assert store.claims.get("thing", used) is not None
    assert store.claims.get("thing", unused) is None


def test_a_file_that_was_written_again_since_it_was_listed_stays(places, store, monkeypatch):
    """Nobody claims it yet, but its writer may be about to."""
    blob = store.put(b"written twice")
    store.age()
    taken = Inventory.take

    def take_then_write(inventory):
        found = taken(inventory)
        store.put(b"written twice")
        return found

    monkeypatch.setattr(Inventory, "take", take_then_write)
    prune(places)
    assert store.blobs.has(blob)


def test_claims_are_off_the_disk_before_their_blobs_go(places, store, monkeypatch):
    """A power cut in between leaves blobs that nobody names, never an image with holes."""
    for number in range(3):
        store.claim(str(number), store.put(bytes([number])))
    store.age()
    gone = []
    unlink = Path.unlink

    def watched(path, missing_ok=False):
        gone.append(path.parent.parent.parent.name if path.suffix == ".json" else path.parent.parent.name)
        unlink(path, missing_ok=missing_ok)

    monkeypatch.setattr(Path, "unlink", watched)
    prune(places)
    order = [g for g in gone if g in ("claims.v1", "blobs.v1")]
    assert order == ["claims.v1"] * 6 + ["blobs.v1"] * 3


def test_many_batches_take_away_as_much_as_one(places, store, monkeypatch):
    """Batches are short so that builds get in between; what a claim named goes in a later batch all the same."""
    monkeypatch.setattr("envbuild.store.sweep._BATCH", 0.0)
    for number in range(5):
        store.claim(str(number), store.put(bytes([number])))
    done = prune(places, EVERYTHING)
    assert len(done.gone.blobs) == len(done.gone.claims) == 5
    assert list(store.blobs) == []


def test_folders_go_by_their_last_use_and_not_under_a_run(places):
    prefixes = places.prefixes
    for name in ("a" * 64, "b" * 64, "c" * 64):
        (prefixes / name / "bin").mkdir(parents=True)
        (prefixes / name / "bin" / "x").write_bytes(b"12345")
    old = time.time() - 90 * DAY
    for name in ("a" * 64, "b" * 64):
        os.utime(prefixes / name, (old, old))
    lease = Lease(places.locks)
    lease.hold(f"prefix/{'b' * 64}")
    done = prune(places)
    lease.close()
    assert done.gone.folders == (f"prefix/{'a' * 64}",)
    assert done.freed == 5
    assert sorted(p.name[0] for p in prefixes.iterdir()) == ["b", "c"]


def test_leftovers_of_dead_writers_go_and_those_of_live_ones_stay(places, store):
    """Half a download of a process that was killed is freed; that of a slow one is not cut off."""
    store.put(b"x")
    program = (
        "import sys, time\nfrom pathlib import Path\nfrom envbuild.store.durable import new_file\n"
        "d, p = new_file(Path(sys.argv[1]))\nprint(p, flush=True)\ntime.sleep(60)\n"
    )
    command = [sys.executable, "-c", program, places.blobs / ".new"]
    writers = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) for _ in range(2)]
    paths = [Path(writer.stdout.readline().strip()) for writer in writers]
    writers[0].send_signal(signal.SIGKILL)
    writers[0].wait(timeout=20)
    dead_run, live_run = places.cache / "runs.v1" / "dead", places.cache / "runs.v1" / "live"
    for run in (dead_run, live_run):
        run.mkdir(parents=True)
        (run / "lock").touch()
    aside = places.prefixes / ".gone-0123"
    aside.mkdir(parents=True)
    places.locks.mkdir(exist_ok=True)
    (places.locks / "f00d").touch()
    material = places.claims / "thing" / "ab" / f"ab{'0' * 62}.material.json"
    material.parent.mkdir(parents=True)
    material.write_bytes(b"{}")
    try:
        with locked(live_run / "lock"):
            told = Sweep(places).look(Rules(), time.time())
            done = prune(places)
        assert (told.leftovers, told.freed) == (done.leftovers, done.freed)
        assert [p.exists() for p in paths] == [False, True]
        assert not dead_run.exists()
        assert live_run.exists()
        assert not aside.exists()
        assert not (places.locks / "f00d").exists()
        assert not material.exists()
    finally:
        writers[1].kill()
        for writer in writers:
            writer.wait(timeout=20)
            writer.stdout.close()


def test_a_writer_whose_file_was_taken_for_a_dead_ones_begins_another(places, monkeypatch):
    """Between making a file and locking it a collector may come by: nothing is written into the void."""
    from envbuild.store import durable

    lock = durable.lock_descriptor
    turns = []

    def late(descriptor, **options):
        if not turns:
            turns.append(list((places.blobs / ".new").iterdir()))
            for path in durable.abandoned(places.blobs / ".new"):
                path.unlink()
        return lock(descriptor, **options)

    monkeypatch.setattr(durable, "lock_descriptor", late)
    store = Store(places)
    digest = store.put(b"whole")
    assert turns
    with store.blobs.open(digest) as stream:
        assert stream.read() == b"whole"


def test_a_store_that_cannot_be_written_is_an_error_in_words(places, store, monkeypatch):
    store.claim("a", store.put(b"a"))

    def refuse(path, missing_ok=False):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "unlink", refuse)
    with pytest.raises(EnvironmentFault, match="cannot be written: Permission denied"):
        prune(places, EVERYTHING)
