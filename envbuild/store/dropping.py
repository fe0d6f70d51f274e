"""Packages that are not needed any more, since their layers are there."""

from collections.abc import Iterable

from envbuild.digest import Digest
from envbuild.errors import EnvbuildError
from envbuild.store.blobs import Blobs
from envbuild.store.leases import Lease, Leases
from envbuild.store.places import Places

__all__ = ["drop_unused"]

_PATIENCE = 2.0
"""Seconds: whoever cannot have the store for a moment leaves the packages to `cache prune`."""


def drop_unused(packages: Iterable[Digest], blobs: Blobs, places: Places, lease: Lease) -> None:
    """Delete these blobs, but for those that another live process has named; `lease` is our own.

    What cannot be deleted now stays: it is no reason for a build to fail.
    """
    wanted = list(packages)
    if not wanted or lease.keeps_out:
        return
    try:
        with Leases(places.locks).excluded(_PATIENCE, but=lease) as held:
            for digest in wanted:
                if digest.hex not in held:
                    blobs.delete(digest)
    except EnvbuildError:
        return
