"""Locks that hold and let go, and say who holds them."""

import fcntl
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from envbuild.errors import Busy, EnvironmentFault
from envbuild.filelock import FileLock, locked

ROOT = Path(__file__).resolve().parents[2]
HOLDER = """
import sys, time
from pathlib import Path
from envbuild.filelock import locked
with locked(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(60)
"""


@pytest.fixture
def holder(tmp_path):
    """Another process that holds tmp_path/lock."""
    process = subprocess.Popen([sys.executable, "-c", HOLDER, str(tmp_path / "lock")], cwd=ROOT, stdout=subprocess.PIPE)
    assert process.stdout.readline() == b"held\n"
    yield process
    process.kill()
    process.wait()
    process.stdout.close()


def test_busy_names_the_process_host_and_since_when(tmp_path, holder):
    with (
        pytest.raises(Busy, match="the image") as caught,
        locked(tmp_path / "lock", timeout=0.05, what="the image"),
    ):
        pass
    assert f"process {holder.pid} on {os.uname().nodename} since 20" in caught.value.what


def test_a_dead_holder_holds_nothing(tmp_path, holder):
    holder.kill()
    holder.wait()
    start = time.monotonic()
    with locked(tmp_path / "lock", timeout=5):
        assert time.monotonic() - start < 1


def test_threads_of_one_process_exclude_each_other(tmp_path):
    inside, most = [], []

    def work():
        for _ in range(10):
            with locked(tmp_path / "deep" / "lock", timeout=30):
                inside.append(1)
                most.append(len(inside))
                inside.pop()

    threads = [threading.Thread(target=work) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == [1] * 60


def test_a_lock_is_free_once_left_even_by_an_error(tmp_path):
    with pytest.raises(ZeroDivisionError), locked(tmp_path / "lock"):
        raise ZeroDivisionError
    with locked(tmp_path / "lock", timeout=0):
        assert b"pid" in (tmp_path / "lock").read_bytes()
    assert (tmp_path / "lock").read_bytes() == b""


def test_a_child_that_lives_on_does_not_keep_the_lock(tmp_path):
    with locked(tmp_path / "lock"):
        child = subprocess.Popen(
            [sys.executable, "-c", "import sys; sys.stdin.read()"], stdin=subprocess.PIPE, close_fds=False
        )
    with locked(tmp_path / "lock", timeout=0):
        pass
    child.communicate()


def test_a_link_laid_by_somebody_else_is_not_followed(tmp_path):
    (tmp_path / "target").write_text("precious")
    (tmp_path / "lock").symlink_to(tmp_path / "target")
    with pytest.raises(EnvironmentFault, match="cannot be written"), locked(tmp_path / "lock"):
        pass
    assert (tmp_path / "target").read_text() == "precious"


@pytest.mark.parametrize("number", [37, 38, 95, 524])
def test_a_file_system_without_locks_is_told_not_ignored(tmp_path, monkeypatch, number):
    def refuse(*_):
        raise OSError(number, "no locks")

    monkeypatch.setattr(fcntl, "flock", refuse)
    with pytest.raises(EnvironmentFault, match="no locks") as caught, locked(tmp_path / "lock"):
        pass
    assert "ENVBUILD_HOME" in caught.value.hint


def test_who_waits_is_told_once_for_whom(tmp_path, holder):
    told = []
    with pytest.raises(Busy), locked(tmp_path / "lock", timeout=0.8, what="the image", waiting=told.append):
        pass
    assert len(told) == 1
    assert f"process {holder.pid}" in told[0]
    assert "the image" in told[0]


def test_a_lock_file_that_was_pruned_while_we_waited_does_not_let_two_in(tmp_path):
    path = tmp_path / "lock"
    old = FileLock(path)
    old.take_at_once()
    inside = []

    def wait():
        with locked(path, timeout=10):
            inside.append(1)
            assert not FileLock(path).take_at_once()

    thread = threading.Thread(target=wait)
    thread.start()
    time.sleep(0.1)
    path.unlink()
    old.close()
    thread.join()
    assert inside == [1]
