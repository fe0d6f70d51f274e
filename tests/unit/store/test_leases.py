"""Leases: what somebody uses is named to the collector, and nothing of the dead is."""

import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest

from envbuild.digest import Digest
from envbuild.errors import Busy, EnvironmentFault
from envbuild.store.blobs import Blobs
from envbuild.store.claims import Claims
from envbuild.store.dropping import drop_unused
from envbuild.store.leases import Lease, Leases
from envbuild.store.places import Places

ROOT = Path(__file__).resolve().parents[3]
HOLDER = """
import sys
from pathlib import Path
from envbuild.store.leases import Lease
lease = Lease(Path(sys.argv[1]))
lease.hold("theirs")
print("held", flush=True)
sys.stdin.read()
"""


def held(locks: Path) -> frozenset[str]:
    with Leases(locks).excluded() as names:
        return names


@contextmanager
def child_that_holds(lease: Lease, name: str) -> Iterator[None]:
    """A forked child of ours that has asked its lease for a name; it lives as long as the block."""
    ready, done = os.pipe(), os.pipe()
    child = os.fork()
    if not child:
        lease.hold(name)
        os.write(ready[1], b"x")
        os.read(done[0], 1)
        os._exit(0)
    os.read(ready[0], 1)
    try:
        yield
    finally:
        os.write(done[1], b"x")
        os.waitpid(child, 0)
        for descriptor in (*ready, *done):
            os.close(descriptor)


def test_what_is_held_is_told_until_it_is_given_back(tmp_path):
    lease = Lease(tmp_path)
    lease.hold("a", "b")
    lease.hold("b", "c")
    assert held(tmp_path) == {"a", "b", "c"}
    lease.close()
    assert held(tmp_path) == frozenset()
    lease.hold("a")
    assert held(tmp_path) == {"a"}


def test_the_dead_hold_nothing_and_leave_nothing(tmp_path):
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(tmp_path)], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert process.stdout.readline() == b"held\n"
    assert held(tmp_path) == {"theirs"}
    process.kill()
    process.wait()
    assert held(tmp_path) == frozenset()
    assert not list((tmp_path / "leases").iterdir())
    process.stdin.close()
    process.stdout.close()


def test_a_child_of_ours_holds_what_we_held_when_we_are_gone(tmp_path):
    """Else a forked worker loses what its parent found."""
    lease = Lease(tmp_path)
    lease.hold("ours")
    with child_that_holds(lease, "child's"):
        lease.close()
        assert held(tmp_path) >= {"ours", "child's"}
    assert held(tmp_path) == frozenset()


def test_while_the_collector_works_nobody_begins_to_use_anything(tmp_path):
    lease, began = Lease(tmp_path), threading.Event()
    thread = threading.Thread(target=lambda: (lease.hold("late"), began.set()))
    with Leases(tmp_path).excluded() as names:
        thread.start()
        assert not began.wait(0.2)
        assert names == frozenset()
    thread.join(10)
    assert began.is_set()
    assert held(tmp_path) == {"late"}


def test_a_full_disk_keeps_the_collector_out_instead(tmp_path, monkeypatch):
    """Without a lease file nobody could tell what is used, so nothing may go at all."""
    lease = Lease(tmp_path)
    lease.hold("first")

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("envbuild.filelock.os.write", full)
    lease.hold("second")
    monkeypatch.undo()
    with pytest.raises(Busy), Leases(tmp_path).excluded(timeout=0.1):
        pass
    lease.close()
    assert held(tmp_path) == frozenset()


def test_blobs_and_claims_hold_before_they_look(tmp_path):
    """A blob that is looked for and missing is held too: somebody may bring it in the next moment."""
    lease = Lease(tmp_path / "locks")
    blobs, claims = Blobs(tmp_path / "blobs", lease=lease), Claims(tmp_path / "claims", lease)
    missing = Digest.of(b"missing")
    assert not blobs.has(missing)
    with blobs.create() as writer:
        writer.write(b"here")
        made = writer.commit()
    assert claims.get("image", missing) is None
    assert held(tmp_path / "locks") >= {missing.hex, made.hex, f"image/{missing.hex}"}


def test_a_child_that_asks_for_nothing_new_holds_it_all_the_same(tmp_path):
    lease = Lease(tmp_path)
    lease.hold("ours")
    with child_that_holds(lease, "ours"):
        lease.close()
        assert held(tmp_path) == {"ours"}


def test_locks_that_a_cleaner_took_away_are_made_anew_with_all_that_is_held(tmp_path):
    """Whoever empties the folder of locks must not make what we use look unused."""
    lease = Lease(tmp_path / "locks")
    lease.hold("before")
    shutil.rmtree(tmp_path / "locks")
    lease.hold("after")
    assert held(tmp_path / "locks") == {"before", "after"}


def test_ones_own_lease_may_be_left_out_and_nobody_elses(tmp_path):
    lease, other = Lease(tmp_path), Lease(tmp_path)
    lease.hold("a")
    other.hold("b")
    with Leases(tmp_path).excluded(but=lease) as names:
        assert names == {"b"}


def test_threads_that_hold_at_once_have_one_lease(tmp_path):
    lease = Lease(tmp_path)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda n: lease.hold(f"{n}", f"{n % 7}"), range(200)))
    assert held(tmp_path) == {f"{n}" for n in range(200)}
    assert len(list((tmp_path / "leases").iterdir())) == 1


def test_without_locks_nothing_is_looked_for(tmp_path, monkeypatch):
    """What is not held could go while it is used; so it is an error, and not a risk."""

    def refuse(*_):
        raise OSError(37, "No locks available")

    monkeypatch.setattr("envbuild.filelock.fcntl.flock", refuse)
    with pytest.raises(EnvironmentFault, match="no locks"):
        Blobs(tmp_path / "blobs", lease=Lease(tmp_path / "locks")).has(Digest.of(b"x"))


# Packages that are layers now.


@pytest.fixture
def store(tmp_path):
    places = Places.read({"ENVBUILD_HOME": str(tmp_path)})
    lease = Lease(places.locks)
    return places, lease, Blobs(places.blobs, lease=lease)


def put(blobs, data):
    with blobs.create() as writer:
        writer.write(data)
        return writer.commit()


def test_a_package_whose_layer_is_made_goes_unless_another_uses_it(store):
    """A build of another Python may be about to read the same wheel."""
    places, lease, blobs = store
    free, used = put(blobs, b"free"), put(blobs, b"used")
    other = Lease(places.locks)
    assert Blobs(places.blobs, lease=other).has(used)
    drop_unused([free, used], blobs, places, lease)
    assert (blobs.has(free), blobs.has(used)) == (False, True)
    other.close()
    drop_unused([used], blobs, places, lease)
    assert not blobs.has(used)


def test_packages_stay_where_they_cannot_be_deleted_in_safety(store, monkeypatch):
    """A build does not fail for it, and does not wait long."""
    places, lease, blobs = store
    kept = put(blobs, b"kept")
    monkeypatch.setattr("envbuild.store.dropping._PATIENCE", 0.05)
    with Leases(places.locks).excluded():
        drop_unused([kept], blobs, places, lease)
    monkeypatch.setattr(Path, "unlink", lambda *_, **__: (_ for _ in ()).throw(PermissionError(13, "no")))
    drop_unused([kept], blobs, places, lease)
    monkeypatch.undo()
    assert blobs.has(kept)
