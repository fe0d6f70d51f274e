"""Bad stores, each without one of the things that make ours safe: a test that does not notice them sees nothing."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from envbuild import filelock
from envbuild.digest import Digest
from envbuild.store import blobs, claims, durable, leases, leftovers

__all__ = ["MUTANTS"]


def no_fsync() -> None:
    """Names are given to files whose bytes are not on the disk yet."""
    os.fsync = lambda _: None


def no_folder_fsync() -> None:
    """Bytes are on the disk when their name is said to be, and the name is not."""
    durable.sync_folder = lambda _: None


def no_rename() -> None:
    """A file has its final name while it is being written."""

    def write_whole(final: Path, data: bytes) -> None:
        durable.make_folder(final.parent)
        with final.open("wb", buffering=0) as stream:
            half = len(data) // 2
            stream.write(data[:half])
            os.sched_yield()
            stream.write(data[half:])
            os.fsync(stream.fileno())

    claims.write_whole = write_whole


def no_digest_check() -> None:
    """What is read is taken for what its name says."""
    blobs.Blobs._check = lambda self, digest, stream: None


def no_lock() -> None:
    """Everybody has every lock."""
    filelock.FileLock._flock = lambda self, how: True


def no_lease() -> None:
    """What a process uses is not written down."""
    leases.Lease.hold = lambda self, *names: None


def claim_before_blob() -> None:
    """A claim is there before what it names is."""
    commit = blobs._Writer.commit

    def late(self: Any, expected: Digest | None = None) -> Digest:
        digest = Digest(self._hash.hexdigest())
        early.append((self, expected))
        return digest

    early: list[tuple[Any, Digest | None]] = []
    put = claims.Claims.put

    def put_then_commit(self: Any, *arguments: Any) -> None:
        put(self, *arguments)
        for writer, expected in early:
            commit(writer, expected)
        early.clear()

    blobs._Writer.commit = late
    blobs._Writer.discard = lambda self: None
    claims.Claims.put = put_then_commit


def blobs_before_claims() -> None:
    """The collector does not look at the leases."""

    @contextmanager
    def excluded(self: Any, timeout: float = 60.0) -> Iterator[frozenset[str]]:
        yield frozenset()

    leases.Leases.excluded = excluded


def never_cleans() -> None:
    """What dead writers left stays."""
    leftovers.Leftovers._dead = lambda self: iter(())


MUTANTS: dict[str, Callable[[], None]] = {
    "no fsync": no_fsync,
    "no folder fsync": no_folder_fsync,
    "no rename": no_rename,
    "no digest check": no_digest_check,
    "no lock": no_lock,
    "no lease": no_lease,
    "claim before blob": claim_before_blob,
    "leases not read": blobs_before_claims,
    "leftovers stay": never_cleans,
}
