"""Files that are whole or not there: every call that may fail fails once, and nothing is acknowledged that is not on the disk."""

import errno
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from envbuild.canonical import encode
from envbuild.digest import Digest
from envbuild.errors import EnvironmentFault
from envbuild.filelock import FileLock
from envbuild.store import durable
from envbuild.store.blobs import Blobs
from envbuild.store.claims import Claims
from envbuild.store.durable import abandoned, make_folder, new_file, write_whole
from envbuild.store.records import Records

ROOT = Path(__file__).resolve().parents[3]
MATERIAL = {"schema": "test/1"}
ID = Digest.of(encode(MATERIAL))


def put_blob(folder):
    with Blobs(folder / "blobs").create() as writer:
        writer.write(b"x" * 5000)
        writer.commit()


def put_claim(folder):
    Claims(folder / "claims").put("image", ID, {"a": 1}, MATERIAL)


def put_record(folder):
    Records(folder / "records").append("run", "x", {"a": 1})


def files(folder):
    return [p for p in folder.rglob("*") if p.is_file() and p.suffix != ".lock"]


PUTS = [put_blob, put_claim, put_record]


@pytest.mark.parametrize("code", [errno.EIO, errno.ENOSPC, errno.EDQUOT])
@pytest.mark.parametrize("when", [1, 2, 3, 4, 5, 6])
@pytest.mark.parametrize("put", PUTS)
def test_a_failing_fsync_is_never_acknowledged(tmp_path, monkeypatch, put, code, when):
    """After it the kernel may have dropped the pages: what was told to be kept would be gone."""
    count, real = [0], os.fsync

    def fsync(descriptor):
        count[0] += 1
        if count[0] == when:
            raise OSError(code, os.strerror(code))
        return real(descriptor)

    durable._durable.update([tmp_path, *tmp_path.parents])
    monkeypatch.setattr(os, "fsync", fsync)
    try:
        put(tmp_path)
    except EnvironmentFault as fault:
        assert fault.hint
        assert not list(tmp_path.rglob(".new/*"))
    else:
        assert count[0] < when
    monkeypatch.undo()
    put(tmp_path)
    assert files(tmp_path)


@pytest.mark.parametrize("call", ["open", "replace", "mkdir", "fchmod"])
@pytest.mark.parametrize("put", [put_blob, put_claim])
def test_any_failing_call_is_told_with_the_place_and_leaves_no_half_file(tmp_path, monkeypatch, put, call):
    def fail(*_arguments, **_options):
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(os, call, fail)
    if (put, call) == (put_claim, "fchmod"):
        put(tmp_path)
        return
    with pytest.raises(EnvironmentFault, match="cannot be written") as caught:
        put(tmp_path)
    monkeypatch.undo()
    assert caught.value.at.startswith(str(tmp_path))
    assert not files(tmp_path)


def test_a_claim_is_on_the_disk_after_its_material(tmp_path, monkeypatch):
    """Else a power cut leaves an id that nobody can explain."""
    order, real = [], Path.replace

    def replace(self, target):
        order.append(Path(target).name)
        return real(self, target)

    monkeypatch.setattr(Path, "replace", replace)
    put_claim(tmp_path)
    assert order == [f"{ID.hex}.material.json", f"{ID.hex}.json"]


def test_a_folder_that_somebody_else_made_is_made_durable_by_us_too(tmp_path, monkeypatch):
    """Its maker may not have come to that yet when the power fails, and we would have promised what is in it."""
    (tmp_path / "a" / "b").mkdir(parents=True)
    synced = []
    monkeypatch.setattr(durable, "sync_folder", synced.append)
    make_folder(tmp_path / "a" / "b")
    assert {tmp_path, tmp_path / "a"} <= set(synced)
    synced.clear()
    make_folder(tmp_path / "a" / "b")
    assert synced == []


def test_a_folder_that_was_taken_away_is_made_again(tmp_path):
    make_folder(tmp_path / "a" / "b")
    (tmp_path / "a" / "b").rmdir()
    (tmp_path / "a").rmdir()
    make_folder(tmp_path / "a" / "b")
    assert (tmp_path / "a" / "b").is_dir()


def test_short_writes_are_continued(tmp_path, monkeypatch):
    """A signal or a nearly full disk may take less than was given."""
    real = os.write
    monkeypatch.setattr(os, "write", lambda descriptor, data: real(descriptor, data[:3]))
    put_record(tmp_path)
    assert list(Records(tmp_path / "records").read("run", "x")) == [{"a": 1}]
    lock = FileLock(tmp_path / "lock")
    lock.append(b"a longer line\n")
    lock.close()
    assert (tmp_path / "lock").read_bytes() == b"a longer line\n"


def test_signals_interrupt_no_write(tmp_path):
    before = signal.signal(signal.SIGALRM, lambda *_: None)
    signal.setitimer(signal.ITIMER_REAL, 0.001, 0.001)
    try:
        for number in range(30):
            write_whole(tmp_path / f"{number}", bytes(100_000))
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert {p.stat().st_size for p in files(tmp_path)} == {100_000}


def test_what_a_living_writer_makes_is_never_taken_for_a_leftover(tmp_path):
    """Not while it writes, and not in the moment in which it gets its name."""
    descriptor, path = new_file(tmp_path)
    assert list(abandoned(tmp_path)) == []
    os.fchmod(descriptor, 0o444)
    os.close(descriptor)
    assert list(abandoned(tmp_path)) == [path]
    path.unlink()
    over = threading.Event()

    def collect():
        while not over.is_set():
            for found in abandoned(tmp_path / ".new"):
                found.unlink(missing_ok=True)

    thread = threading.Thread(target=collect)
    thread.start()
    for number in range(100):
        write_whole(tmp_path / f"{number}", b"x")
    over.set()
    thread.join()
    assert {p.read_bytes() for p in files(tmp_path)} == {b"x"}
    assert list((tmp_path / ".new").iterdir()) == []


def test_the_leftovers_of_a_killed_writer_are_known_exactly(tmp_path):
    script = (
        "import sys; from pathlib import Path; from envbuild.store.durable import new_file\n"
        "print(new_file(Path(sys.argv[1]))[1], flush=True); sys.stdin.read()"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", script, str(tmp_path)],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    path = Path(process.stdout.readline().strip())
    assert list(abandoned(tmp_path)) == []
    process.kill()
    process.communicate()
    assert list(abandoned(tmp_path)) == [path]
