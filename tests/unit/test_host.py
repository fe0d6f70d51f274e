"""The host: locks that hold and let go, and facts that never fail."""

import fcntl
import os
import pwd
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from envbuild import host
from envbuild.errors import Busy, EnvironmentFault

ROOT = Path(__file__).resolve().parents[2]
HOLDER = """
import sys, time
from pathlib import Path
from envbuild.host import locked
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
        host.locked(tmp_path / "lock", timeout=0.05, what="the image"),
    ):
        pass
    assert f"process {holder.pid} on {os.uname().nodename} since 20" in caught.value.what


def test_a_dead_holder_holds_nothing(tmp_path, holder):
    holder.kill()
    holder.wait()
    start = time.monotonic()
    with host.locked(tmp_path / "lock", timeout=5):
        assert time.monotonic() - start < 1


def test_threads_of_one_process_exclude_each_other(tmp_path):
    inside, most = [], []

    def work():
        for _ in range(10):
            with host.locked(tmp_path / "deep" / "lock", timeout=30):
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
    with pytest.raises(ZeroDivisionError), host.locked(tmp_path / "lock"):
        raise ZeroDivisionError
    with host.locked(tmp_path / "lock", timeout=0):
        assert b"pid" in (tmp_path / "lock").read_bytes()
    assert (tmp_path / "lock").read_bytes() == b""


def test_a_child_that_lives_on_does_not_keep_the_lock(tmp_path):
    with host.locked(tmp_path / "lock"):
        child = subprocess.Popen(
            [sys.executable, "-c", "import sys; sys.stdin.read()"], stdin=subprocess.PIPE, close_fds=False
        )
    with host.locked(tmp_path / "lock", timeout=0):
        pass
    child.communicate()


def test_a_link_laid_by_somebody_else_is_not_followed(tmp_path):
    (tmp_path / "target").write_text("precious")
    (tmp_path / "lock").symlink_to(tmp_path / "target")
    with pytest.raises(EnvironmentFault, match="cannot be written"), host.locked(tmp_path / "lock"):
        pass
    assert (tmp_path / "target").read_text() == "precious"


@pytest.mark.parametrize("number", [37, 38, 95, 524])
def test_a_file_system_without_locks_is_told_not_ignored(tmp_path, monkeypatch, number):
    def refuse(*_):
        raise OSError(number, "no locks")

    monkeypatch.setattr(fcntl, "flock", refuse)
    with pytest.raises(EnvironmentFault, match="no locks") as caught, host.locked(tmp_path / "lock"):
        pass
    assert "ENVBUILD_HOME" in caught.value.hint


def test_a_user_without_an_account_is_a_number(monkeypatch):
    def unknown(_):
        raise KeyError

    monkeypatch.setattr(pwd, "getpwuid", unknown)
    found = host.user()
    assert (found.name, found.uid, found.home) == (str(os.geteuid()), os.geteuid(), "")


def test_facts_of_this_host():
    assert host.machine() in ("x86_64", "aarch64")
    assert host.platform() == sys.platform
    assert host.peak_memory() > 4 << 20
    assert not host.is_terminal(999_999)


def test_free_space_is_told_for_a_place_that_is_not_there_yet(tmp_path):
    assert host.free_bytes(tmp_path / "a" / "b") > 0


@pytest.mark.skipif(sys.platform != "linux", reason="glibc is Linux's")
def test_libraries_are_found_by_soname_where_the_loader_finds_them(tmp_path):
    major, minor = host.glibc_version().split(".")
    assert (int(major), int(minor)) >= (2, 17)
    assert host.has_library("libc.so.6")
    assert not host.has_library("libno-such.so.9")
    (tmp_path / "libown.so.1").touch()
    assert host.has_library("libown.so.1", [str(tmp_path)])


@pytest.mark.parametrize("content", [b"", b"glibc-ld.so.cache1.1", b"glibc-ld.so.cache1.1" + b"\xff" * 400])
def test_a_garbled_loader_cache_is_no_error(tmp_path, content):
    (tmp_path / "cache").write_bytes(content)
    assert host.has_library("libc.so.6", cache=tmp_path / "cache") in (True, False)
