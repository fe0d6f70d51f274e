"""Leases: what somebody uses is named to the collector, and nothing of the dead is."""

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from envbuild.digest import Digest
from envbuild.errors import Busy
from envbuild.store.blobs import Blobs
from envbuild.store.claims import Claims
from envbuild.store.leases import Lease, Leases

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
    ready, done = os.pipe(), os.pipe()
    child = os.fork()
    if not child:
        lease.hold("child's")
        os.write(ready[1], b"x")
        os.read(done[0], 1)
        os._exit(0)
    os.read(ready[0], 1)
    lease.close()
    try:
        assert held(tmp_path) >= {"ours", "child's"}
    finally:
        os.write(done[1], b"x")
        os.waitpid(child, 0)
        for descriptor in (*ready, *done):
            os.close(descriptor)
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
