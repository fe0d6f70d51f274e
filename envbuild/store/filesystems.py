"""File systems on which a store is slower or less sure than on a local disk."""

from pathlib import Path

from envbuild.host import filesystem_type

__all__ = ["notice_of", "trusted"]

_NETWORK = frozenset({
    "nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "virtiofs", "lustre", "gpfs", "ceph", "beegfs", "afs", "glusterfs", "orangefs",
    "pvfs2", "ocfs2", "gfs2", "panfs", "wekafs", "davfs", "vboxsf", "vmhgfs", "prl_fs", "drvfs", "ncpfs", "coda", "acfs",
})  # fmt: skip
"""Of several hosts, or passed on by one: SQLite's write-ahead log needs one host's memory (sqlite.org/wal.html), and
locks may hold on one host only."""
_LOCAL_FUSE = frozenset({"fuse.fuse-overlayfs", "fuse.ext4", "fuse.ntfs", "fuse.ntfs-3g", "fuse.lxcfs"})


def trusted(kind: str) -> bool:
    """Whether locks and a write-ahead log can be relied on; of an unknown type it is taken that they can."""
    return kind not in _NETWORK and not (kind.startswith("fuse.") and kind not in _LOCAL_FUSE)


def notice_of(folder: Path) -> str:
    """What to tell a user whose store is there; empty for a local disk."""
    kind = filesystem_type(folder)
    if trusted(kind):
        return ""
    return (
        f"the store {folder} is on {kind}, where locks may not hold between hosts: use it from one host at a time; "
        "ENVBUILD_HOME=FOLDER on a local disk is faster and safe"
    )
