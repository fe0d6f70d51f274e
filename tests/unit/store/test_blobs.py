"""Blobs: bytes prove themselves, whole or not at all, whatever happens in between."""

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from envbuild.digest import Digest
from envbuild.errors import EnvironmentFault, IntegrityError
from envbuild.store.blobs import Blobs
from envbuild.store.memo import Memo

ROOT = Path(__file__).resolve().parents[3]
ABSENT = Digest("0" * 64)
LARGE = 3 << 20


@pytest.fixture
def root(tmp_path):
    return tmp_path / "blobs"


@pytest.fixture
def blobs(root, tmp_path):
    memo = Memo(tmp_path / "memo")
    yield Blobs(root, lambda: memo)
    memo.close()


def put(blobs, *parts, expected=None):
    with blobs.create() as writer:
        for part in parts:
            writer.write(part)
        return writer.commit(expected)


def files(root):
    return sorted(p for p in root.rglob("*") if p.is_file())


def overwrite(path, data):
    path.chmod(0o644)
    path.write_bytes(data)


# What holds for all bytes.


@settings(max_examples=60, deadline=None)
@given(parts=st.lists(st.binary(max_size=200), max_size=8))
def test_what_went_in_comes_out_under_its_sha256(parts):
    with tempfile.TemporaryDirectory() as folder:
        blobs = Blobs(Path(folder))
        data = b"".join(parts)
        digest = put(blobs, *parts)
        assert digest.hex == hashlib.sha256(data).hexdigest()
        assert blobs.has(digest)
        assert blobs.size(digest) == len(data)
        with blobs.open(digest) as stream:
            assert stream.read() == data
            stream.seek(0)
            assert stream.read() == data
        assert list(blobs) == [digest]
        assert blobs.path(digest).read_bytes() == data


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    data=st.data(),
    size=st.sampled_from([1, 100, 5000, LARGE]),
    harm=st.sampled_from(["flip", "cut", "grow", "zero", "empty"]),
)
def test_every_damage_is_found_before_the_first_byte_and_heals(blobs, data, size, harm):
    """Else a broken package goes into an image that looks right."""
    good = bytes(range(1, 251)) * (size // 250 + 1)
    good = good[:size]
    digest = put(blobs, good)
    blobs.open(digest).close()
    at = data.draw(st.integers(0, size - 1))
    bad = {
        "flip": good[:at] + bytes([good[at] ^ 1]) + good[at + 1 :],
        "cut": good[:at],
        "grow": good + b"x",
        "zero": bytes(size),
        "empty": b"",
    }[harm]
    overwrite(blobs.path(digest), bad)
    with pytest.raises(IntegrityError, match="damaged"):
        blobs.open(digest)
    assert not blobs.has(digest)
    assert put(blobs, good, expected=digest) == digest
    with blobs.open(digest) as stream:
        assert stream.read() == good


def test_damage_is_found_by_a_later_process_that_remembers_the_check(root, tmp_path):
    memo = Memo(tmp_path / "memo")
    digest = put(Blobs(root, lambda: memo), bytes(LARGE))
    Blobs(root, lambda: memo).open(digest).close()
    overwrite(Blobs(root).path(digest), bytes(LARGE - 1) + b"x")
    with pytest.raises(IntegrityError):
        Blobs(root, lambda: memo).open(digest)
    memo.close()


def test_a_checked_large_blob_is_not_hashed_again_by_the_next_process(root, tmp_path, monkeypatch):
    memo = Memo(tmp_path / "memo")
    digest = put(Blobs(root, lambda: memo), bytes(LARGE))
    monkeypatch.setattr(Digest, "of_stream", None)
    Blobs(root, lambda: memo).open(digest).close()
    memo.close()


def test_verify_trusts_no_memory(root):
    """A disk that decays changes no time stamp."""
    blobs = Blobs(root)
    digest = put(blobs, bytes(1000))
    path = blobs.path(digest)
    blobs._seen.clear()
    overwrite(path, bytes(999) + b"x")
    with path.open("rb") as stream:
        blobs._remember(digest, stream.fileno())
    blobs.open(digest).close()
    with pytest.raises(IntegrityError):
        blobs.verify(digest)
    assert not blobs.has(digest)


# What is not there.


def test_an_absent_blob_is_a_key_error(blobs):
    assert not blobs.has(ABSENT)
    for ask in (blobs.open, blobs.path, blobs.size, blobs.verify):
        with pytest.raises(KeyError):
            ask(ABSENT)
    blobs.delete(ABSENT)


def test_other_bytes_than_expected_are_refused_and_not_kept(blobs, root):
    with pytest.raises(IntegrityError, match="not kept"):
        put(blobs, b"evil", expected=Digest.of(b"good"))
    assert files(root) == []


def test_an_abandoned_blob_leaves_nothing(blobs, root):
    with pytest.raises(ZeroDivisionError), blobs.create() as writer:
        writer.write(b"half")
        raise ZeroDivisionError
    assert files(root) == []


def test_a_blob_cannot_be_written_by_accident_and_its_folder_is_its_owners(blobs, root):
    digest = put(blobs, b"x")
    assert blobs.path(digest).stat().st_mode & 0o777 == 0o444
    assert root.stat().st_mode & 0o077 == 0


def test_foreign_files_in_the_store_are_no_blobs(blobs, root):
    digest = put(blobs, b"x")
    (root / digest.hex[:2] / "README").touch()
    (root / "ab").mkdir(exist_ok=True)
    (root / "lost+found").mkdir()
    assert list(blobs) == [digest]


# Many at a time.


def test_threads_write_the_same_blob_at_once(blobs, root):
    with ThreadPoolExecutor(8) as pool:
        found = set(pool.map(lambda _: put(blobs, b"same" * 10_000), range(32)))
    assert len(found) == 1
    assert len(files(root)) == 1


WRITE = """
import sys
from pathlib import Path
from envbuild.store.blobs import Blobs
for number in range(int(sys.argv[2]), int(sys.argv[3])):
    with Blobs(Path(sys.argv[1])).create() as writer:
        for _ in range(64):
            writer.write(str(number).encode() * 9000)
        print(writer.commit(), flush=True)
"""


def writing(root, start, end):
    return subprocess.Popen(
        [sys.executable, "-c", WRITE, str(root), str(start), str(end)], cwd=ROOT, stdout=subprocess.PIPE
    )


def test_processes_write_the_same_blobs_at_once(root):
    both = [writing(root, 0, 20) for _ in range(2)]
    outputs = [process.communicate()[0].split() for process in both]
    assert outputs[0] == outputs[1]
    blobs = Blobs(root)
    for line in outputs[0]:
        blobs.verify(Digest.parse(line.decode()))
    assert len(files(root)) == 20


@pytest.mark.parametrize("delay", [0.0, 0.005, 0.02, 0.05])
def test_a_writer_that_is_killed_leaves_whole_blobs_and_no_half_one(root, delay):
    with writing(root, 0, 100_000) as process:
        told = [process.stdout.readline()]
        time.sleep(delay)
        process.kill()
        told += process.stdout.read().splitlines()
    blobs = Blobs(root)
    there = list(blobs)
    for digest in there:
        blobs.verify(digest)
    whole = [line for line in told if len(line.strip()) == 71]
    assert {Digest.parse(line.decode().strip()) for line in whole} <= set(there)


# Disks that do not take it.


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_read_only_store_is_named_by_ordinary_users(root):
    digest = put(Blobs(root), b"x")
    root.chmod(0o500)
    with pytest.raises(EnvironmentFault, match="cannot be written"):
        put(Blobs(root), b"y")
    assert Blobs(root).open(digest).read() == b"x"


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 1 MiB that is really full when it is full."""
    if os.geteuid() != 0 or not shutil.which("mount"):
        pytest.skip("only root can mount a small disk")
    place = tmp_path / "disk"
    place.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", place], check=False).returncode:
        pytest.skip("no tmpfs may be mounted here")
    yield place
    subprocess.run(["umount", "-l", place], check=True)


@pytest.mark.parametrize("size", [1 << 20, (1 << 20) + 1, 8 << 20])
def test_a_full_disk_is_told_with_its_bytes_and_leaves_nothing_half_written(small_disk, size):
    blobs = Blobs(small_disk / "blobs")
    kept = put(blobs, b"kept")
    with pytest.raises(EnvironmentFault, match=r"disk is full: at least \d+ bytes are needed, \d+ are free"):
        put(blobs, *[bytes(4096)] * (size // 4096 + 1))
    assert list(blobs) == [kept]
    assert len(files(small_disk)) == 1
    assert put(blobs, b"there is room again") in list(blobs)


def test_a_read_only_disk_serves_reads(small_disk):
    blobs = Blobs(small_disk / "blobs")
    digest = put(blobs, b"x")
    subprocess.run(["mount", "-o", "remount,ro", small_disk], check=True)
    with blobs.open(digest) as stream:
        assert stream.read() == b"x"
    with pytest.raises(EnvironmentFault, match="cannot be written"):
        put(blobs, b"y")
