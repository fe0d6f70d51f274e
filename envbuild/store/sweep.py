"""`Sweep`: takes away what may go, beside live work, on a full disk, and in steps that may end at any point.

Why nothing that is used goes. A user holds a name before it looks for what it means (store.leases). Each batch runs while
the leases are excluded: nobody begins to use anything, whoever still uses something holds it by name, and whoever is done
has left what it made or used as claims, which are listed again in the batch. So the decision (store.collect) is taken
anew in each batch, from the state of that moment, and covers all three. What the first snapshot said only saves work. A
file that was written again since it was listed stays. No clock takes part in this: times only say what is old.

Why any point is a good one to end at. Claims go before the blobs that they name, and are off the disk before the first
blob goes; a claim without its blobs would be a miss anyway. Folders are renamed aside, then emptied.
"""

import os
import shutil
import time
from collections.abc import Callable, Collection, Iterable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

from envbuild.errors import EnvironmentFault
from envbuild.filelock import FileLock, locked
from envbuild.store.collect import Cut, Doomed, Rules, choose, doomed
from envbuild.store.durable import is_full, sync_folder, writing
from envbuild.store.inventory import Inventory, walk_sizes
from envbuild.store.leases import GATE, Leases
from envbuild.store.leftovers import ASIDE, Leftovers
from envbuild.store.places import Places
from envbuild.store.snapshot import Claim, Snapshot, Stamp
from envbuild.store.turns import one_writer

__all__ = ["Sweep", "Swept"]

_BATCH = 0.05
"""Seconds that a batch deletes for, while others wait."""
_PAUSE = 0.005
_LONGEST = 300.0
"""Seconds to wait for another prune."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Swept:
    """What went, or would go: the snapshot that it was part of, its parts, bytes; and what could not be taken away."""

    before: Snapshot
    gone: Doomed
    leftovers: int = 0
    """Files and folders of writers that are dead."""
    leftover_bytes: int = 0
    left: int = 0
    """Bytes that stay, all in all."""
    refused: tuple[str, ...] = ()

    @property
    def freed(self) -> int:
        """Bytes."""
        return self.gone.freed(self.before) + self.leftover_bytes


@dataclass(slots=True)
class _Gone:
    """What was taken away so far; `seen`: every claim that stood in any of the snapshots; `aside`: folders to empty."""

    seen: dict[str, Claim]
    claims: dict[str, None] = field(default_factory=dict)
    folders: dict[str, None] = field(default_factory=dict)
    blobs: dict[str, None] = field(default_factory=dict)
    environments: dict[str, None] = field(default_factory=dict)
    skipped: set[str] = field(default_factory=set)
    refused: list[str] = field(default_factory=list)
    aside: list[Path] = field(default_factory=list)


class Sweep:
    """Over one store."""

    def __init__(self, places: Places, waiting: Callable[[str], object] | None = None) -> None:
        """`waiting` is told who else works on the store, where that takes long."""
        self._places, self._waiting = places, waiting
        self._inventory, self._leases = Inventory(places), Leases(places.locks)
        self._leftovers = Leftovers(places)

    def look(self, rules: Rules, now: float) -> Swept:
        """What `run` would take away now. Nothing is written; a store that cannot be locked is taken as unused."""
        snapshot = self._inventory.take()
        held: frozenset[str] = frozenset()
        if self._places.cache.is_dir():
            with suppress(EnvironmentFault), self._leases.excluded(_LONGEST) as names:
                held = names
        gone = doomed(snapshot, choose(snapshot, rules, now, held), held)
        found, size = self._leftovers.find()
        left = max(0, snapshot.size - gone.freed(snapshot) - size)
        return Swept(before=snapshot, gone=gone, leftovers=found, leftover_bytes=size, left=left)

    def run(self, rules: Rules, now: float) -> Swept:
        """Take it away. Busy where another prune does not end; EnvironmentFault where the store cannot be written."""
        if not any(folder.exists() for folder in (self._places.blobs, self._places.claims, self._places.prefixes)):
            return Swept(before=Snapshot(), gone=Doomed())
        lock = self._places.locks / "prune.lock"
        self._make_room(lock)
        with (
            locked(lock, timeout=_LONGEST, what="the store", waiting=self._waiting, doing="prune"),
            one_writer(self._places, self._waiting, doing="prune"),
        ):
            swept = self._run(rules, now)
        return replace(swept, left=walk_sizes(self._places.cache)[0])

    def _make_room(self, lock: Path) -> None:
        """Where the disk takes no new file, not even an empty one, first what nobody misses goes: our own memory."""
        try:
            for path in (lock, self._places.locks / GATE):
                FileLock(path).close()
        except EnvironmentFault as fault:
            if not is_full(fault):
                return
            shutil.rmtree(self._places.memo, ignore_errors=True)
            self._leftovers.remove()

    def _run(self, rules: Rules, now: float) -> Swept:
        before = self._inventory.take()
        with self._leases.excluded(_LONGEST) as held:
            pass
        cut = choose(before, rules, now, held)
        left_behind = self._leftovers.remove()
        gone = self._all(before, cut)
        whole = Doomed(
            claims=tuple(gone.claims), folders=tuple(gone.folders), blobs=tuple(gone.blobs),
            environments=tuple(gone.environments),
        )  # fmt: skip
        # What came while we worked is part of what is told.
        known = replace(before, claims={**gone.seen, **before.claims})
        return Swept(
            before=known, gone=whole, leftovers=left_behind[0], leftover_bytes=left_behind[1],
            refused=tuple(gone.refused),
        )  # fmt: skip

    def _all(self, snapshot: Snapshot, cut: Cut) -> _Gone:
        gone, more = _Gone(dict(snapshot.claims)), True
        while more:
            with self._leases.excluded(_LONGEST) as held:
                snapshot = self._inventory.refreshed(snapshot)
                gone.seen |= snapshot.claims
                end = time.monotonic() + _BATCH
                more = self._batch(doomed(snapshot, cut, held), snapshot, gone, end)
            for path in gone.aside:
                self._empty(path, gone)
            gone.aside.clear()
            snapshot = snapshot.without(
                gone.claims, gone.blobs.keys() | gone.skipped, gone.folders.keys() | gone.skipped
            )
            if more:
                time.sleep(_PAUSE)
        return gone

    def _batch(self, now: Doomed, snapshot: Snapshot, gone: _Gone, end: float) -> bool:
        """Delete until the time is over, claims first; whether more is left."""
        claims = self._claims(now.claims, end)
        gone.claims |= dict.fromkeys(claims)
        gone.environments |= {i: None for i in now.environments if f"image/{i}" in gone.claims}
        if len(claims) < len(now.claims):
            return True
        self._settle(claims)
        self._folders(now.folders, gone)
        return self._blobs([b for b in now.blobs if b not in gone.skipped], snapshot, gone, end)

    def _claims(self, names: Collection[str], end: float) -> list[str]:
        done = []
        for name in names:
            with writing(self._places.claims):
                for path in self._inventory.claim_paths(name):
                    path.unlink(missing_ok=True)
            done.append(name)
            if time.monotonic() >= end:
                break
        return done

    def _settle(self, claims: Iterable[str]) -> None:
        """No claim that was taken away comes back by a power cut when its blobs do not."""
        for folder in sorted({self._inventory.claim_paths(name)[0].parent for name in claims}):
            with suppress(OSError):
                sync_folder(folder)

    def _blobs(self, names: Collection[str], snapshot: Snapshot, gone: _Gone, end: float) -> bool:
        for name in names:
            path = self._inventory.blob_path(name)
            if _stamp(path) != snapshot.blobs[name].stamp:
                gone.skipped.add(name)
                continue
            with writing(path):
                path.unlink(missing_ok=True)
            gone.blobs[name] = None
            if time.monotonic() >= end:
                return True
        return False

    def _folders(self, names: Iterable[str], gone: _Gone) -> None:
        for name in names:
            path = self._inventory.folder_path(name)
            moved = path.with_name(f"{ASIDE}{os.urandom(8).hex()}")
            try:
                path.rename(moved)
            except OSError as error:
                gone.skipped.add(name)
                if path.is_dir():
                    gone.refused.append(f"{path}: {error.strerror}")
                continue
            gone.folders[name] = None
            gone.aside.append(moved)

    def _empty(self, path: Path, gone: _Gone) -> None:
        """Files of a container's other users may stay: they are told."""
        failed: list[str] = []
        shutil.rmtree(path, onerror=lambda _call, name, _error: failed.append(str(name)))
        if failed:
            gone.refused.append(f"{failed[0]}: cannot be removed by this user")


def _stamp(path: Path) -> Stamp | None:
    try:
        found = path.lstat()
    except FileNotFoundError:
        return None
    return found.st_ino, found.st_mtime_ns, found.st_size
