"""Stores on file systems of several hosts: told once, and without a database."""

import pytest

from envbuild import host
from envbuild.store import filesystems, places
from envbuild.workspace.adapters import Adapters


@pytest.mark.parametrize(
    "kind",
    [
        "nfs",
        "nfs4",
        "cifs",
        "smb3",
        "9p",
        "lustre",
        "gpfs",
        "ceph",
        "beegfs",
        "virtiofs",
        "fuse.sshfs",
        "fuse.glusterfs",
    ],
)
def test_a_store_on_a_network_is_told_with_the_way_out_and_has_no_database(tmp_path, monkeypatch, kind):
    """A write-ahead log there is damaged by the second host, and two hosts may both hold one lock."""
    for module in (filesystems, host):
        monkeypatch.setattr(module, "filesystem_type", lambda *_: kind)
    monkeypatch.setattr("envbuild.workspace.adapters.filesystem_type", lambda *_: kind)
    adapters = Adapters({"ENVBUILD_HOME": str(tmp_path)})
    (notice,) = adapters.places.notices
    assert f"is on {kind}" in notice
    assert "ENVBUILD_HOME" in notice
    memo = adapters._open_memo()
    memo.put("x", b"1")
    assert memo.get("x") is None
    assert not adapters.places.memo.exists()


@pytest.mark.parametrize(
    "kind", ["ext4", "xfs", "btrfs", "zfs", "tmpfs", "overlay", "apfs", "fuseblk", "fuse.fuse-overlayfs", ""]
)
def test_of_a_local_disk_nothing_is_said(tmp_path, monkeypatch, kind):
    monkeypatch.setattr(filesystems, "filesystem_type", lambda *_: kind)
    assert places.Places.read({"ENVBUILD_HOME": str(tmp_path)}).notices == ()
