"""The host: facts that never fail."""

import grp
import os
import pwd
import sys
from pathlib import Path

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


MOUNTS = rb"""
22 1 254:0 / / rw,relatime shared:1 - ext4 /dev/root rw
23 22 0:21 / /proc rw,nosuid - proc proc rw
40 22 0:45 / {place} rw,relatime - ext4 /dev/vdb rw
41 40 0:46 / {place}/nfs rw,relatime shared:7 master:2 - nfs4 host:/export rw,vers=4.2
42 40 0:47 / {place}/with\040space\134back rw - cifs //host/share rw
43 40 0:48 / {place}/over rw - tmpfs tmpfs rw
44 43 0:49 / {place}/over rw - fuse.sshfs me@host: rw
45 40 0:50 / {place}/near rw - 9p share rw
46 40 0:51 /sub {place}/lustre rw - lustre 10.0.0.1@tcp:/fs rw
a broken line
47 40 0:52 / {place}/gone - gpfs
"""


@pytest.mark.parametrize(
    ("folder", "kind"),
    [
        ("", "ext4"), ("nfs", "nfs4"), ("nfs/deep/er", "nfs4"), ("nfsx", "ext4"), ("with space\\back", "cifs"),
        ("over", "fuse.sshfs"), ("near/not/there/yet", "9p"), ("nearer", "ext4"), ("lustre", "lustre"), ("link", "nfs4"),
    ],
)  # fmt: skip
def test_the_file_system_of_a_place_is_known(tmp_path, folder, kind):
    """On one where locks do not hold a user must hear of it, by the mount that is really on top."""
    table = tmp_path / "mountinfo"
    table.write_bytes(MOUNTS.replace(b"{place}", os.fsencode(tmp_path)))
    for name in ("nfs", "with space\\back", "over", "near", "lustre"):
        (tmp_path / name).mkdir()
    (tmp_path / "link").symlink_to("nfs")
    assert host.filesystem_type(tmp_path / folder, table) == kind


def test_without_a_table_of_mounts_the_type_is_unknown(tmp_path):
    assert host.filesystem_type(tmp_path, tmp_path / "none") == ""
    (tmp_path / "loop").symlink_to("loop")
    assert host.filesystem_type(tmp_path / "loop") in ("", host.filesystem_type(tmp_path))


@pytest.mark.skipif(sys.platform != "linux", reason="the table is Linux's")
def test_the_type_of_a_real_mount():
    assert host.filesystem_type(Path("/proc/self")) == "proc"


def test_groups_are_known_by_name_and_number():
    name = grp.getgrgid(os.getegid()).gr_name
    assert host.group_id(name) == os.getegid()
    assert host.group_id("54321") == 54321
    assert host.group_id("no-such-group") is None
    assert host.in_group(os.getegid())
