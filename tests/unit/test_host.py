"""The host: facts that never fail."""

import os
import pwd
import sys

import pytest

from envbuild import host


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
