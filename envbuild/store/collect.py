"""What of a store may go: a pure function of a snapshot, the rules, and what live leases hold.

Kept is what can be reached from

- an environment that a lasting name means (`:latest`, `-t NAME`), that was used recently, or that a live lease holds;
- a lock, a lock document, a layer or a file's reading that was used recently or is held;
- any blob or folder that is held.

An environment keeps its names, image, lock, lock document, what was read of its definition, and the layers that are in it
or are made of its packages. A package that has a layer of its own is needed by nothing, and goes. A blob that no claim names (an index page) goes by age. Bytecode stays no longer than its image.

A size is reached by raising the age: what was used least recently goes first, whatever it is. Times in the future count as
now, so a clock that was set back makes nothing old.
"""

import math
from collections.abc import Callable, Collection
from dataclasses import dataclass, replace

from envbuild.store.reach import Reach
from envbuild.store.snapshot import Claim, Snapshot

__all__ = ["DAY", "Cut", "Doomed", "Rules", "choose", "doomed"]

DAY = 86400.0
_RECENT = 3600.0
"""Seconds. What was used within them stays, whatever size is asked for; a claim's time of use is known to the hour."""
_ORDER = ("name", "seen", "definition", "lock", "document", "image", "locked", "layer")
"""What means something goes before what it means."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """`older_than` in seconds, `keep_bytes` of the whole store. `everything`: names and (alone) recent use keep nothing."""

    older_than: float | None = None
    keep_bytes: int | None = None
    everything: bool = False
    keep_packages: bool = False
    """Packages that have a layer stay as long as a lock that stays names them: for work without a network."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cut:
    """What was last used before `time` is old. `packages`: the same for packages that have a layer."""

    time: float
    packages: float
    names_keep: bool = True
    keep_packages: bool = False
    now: float = math.inf


@dataclass(frozen=True, slots=True, kw_only=True)
class Doomed:
    """What goes: claims' and folders' names in the order in which they go (before the blobs), blobs by digest."""

    claims: tuple[str, ...] = ()
    folders: tuple[str, ...] = ()
    blobs: tuple[str, ...] = ()
    environments: tuple[str, ...] = ()
    """Image ids."""

    def freed(self, snapshot: Snapshot) -> int:
        """Bytes that the files have."""
        found = [snapshot.claims[n].size for n in self.claims] + [snapshot.folders[n].size for n in self.folders]
        return sum(found) + sum(snapshot.blobs[n].size for n in self.blobs)


def choose(snapshot: Snapshot, rules: Rules, now: float, held: Collection[str] = frozenset()) -> Cut:
    """The cut that these rules mean for this snapshot."""
    alone = rules.everything and rules.older_than is None and rules.keep_bytes is None
    sized_alone = rules.everything and rules.older_than is None
    older_than = -math.inf if alone else math.inf if sized_alone else rules.older_than
    time = now - (30 * DAY if older_than is None else older_than)
    latest = max(time, now if rules.everything else now - _RECENT)
    cut = Cut(
        time=time, packages=latest, names_keep=not rules.everything, keep_packages=rules.keep_packages,
        now=math.inf if alone else now,
    )  # fmt: skip
    reach = Reach(snapshot)
    if rules.keep_bytes is None or _left(reach, cut, held) <= rules.keep_bytes:
        return cut
    return _raised(reach, cut, held, rules.keep_bytes, latest)


def _raised(reach: Reach, cut: Cut, held: Collection[str], keep_bytes: int, latest: float) -> Cut:
    """The earliest time that leaves no more than this; the latest that is allowed, where none does."""
    snapshot = reach.snapshot
    parts = (snapshot.claims.values(), snapshot.blobs.values(), snapshot.folders.values())
    used = {min(thing.used, cut.now) for part in parts for thing in part}
    times = sorted(math.nextafter(t, math.inf) for t in used if cut.time <= t < latest)
    low, high = 0, len(times)
    while low < high:
        middle = (low + high) // 2
        if _left(reach, replace(cut, time=times[middle]), held) <= keep_bytes:
            high = middle
        else:
            low = middle + 1
    return replace(cut, time=times[low] if low < len(times) else latest)


def _left(reach: Reach, cut: Cut, held: Collection[str]) -> int:
    return reach.snapshot.size - _Judge(reach, cut, held).doomed().freed(reach.snapshot)


def doomed(snapshot: Snapshot, cut: Cut, held: Collection[str] = frozenset()) -> Doomed:
    """What goes by this cut. Nothing that is held, and nothing that what stays needs."""
    return _Judge(Reach(snapshot), cut, held).doomed()


class _Judge:
    """One decision over one snapshot."""

    def __init__(self, reach: Reach, cut: Cut, held: Collection[str]) -> None:
        self._reach, self._cut, self._held = reach, cut, held
        self._snapshot = reach.snapshot

    def doomed(self) -> Doomed:
        claims, snapshot = self._kept_claims(), self._snapshot
        blobs = self._kept_blobs(claims)
        gone = [c for name, c in snapshot.claims.items() if name not in claims]
        rank = {kind: place for place, kind in enumerate(_ORDER)}
        gone.sort(key=lambda c: (rank.get(c.kind, -1), c.name))
        return Doomed(
            claims=tuple(c.name for c in gone),
            folders=tuple(sorted(n for n in snapshot.folders if not self._keeps_folder(n, blobs))),
            blobs=tuple(sorted(b for b in snapshot.blobs if b not in blobs)),
            environments=tuple(c.id for c in gone if c.kind == "image" and c.readable),
        )

    def _fresh(self, used: float) -> bool:
        return min(used, self._cut.now) >= self._cut.time

    def _alive(self, claim: Claim) -> bool:
        """Used recently, or held."""
        return (claim.readable and self._fresh(claim.used)) or claim.name in self._held

    def _kept_claims(self) -> dict[str, Claim]:
        reach, held = self._reach, self._held
        stay = [
            e
            for e in reach.environments.values()
            if self._fresh(e.used) or (e.lasting and self._cut.names_keep) or not e.claims.isdisjoint(held)
        ]
        kept = {c.name: c for c in self._snapshot.claims.values() if c.kind not in ("name", "image") and self._alive(c)}
        kept |= {c.name: c for c in self._snapshot.claims.values() if c.name in held}
        kept |= {c.name: c for e in stay for c in (e.image, *e.names)}
        kept |= reach.layers(stay)
        documents = {b for c in kept.values() if c.kind in ("lock", "locked", "document") for b in c.blobs}
        documents |= {b for e in stay for b in reach.documents.get(e.image.refers, ())}
        self._locks = {c.refers for c in kept.values() if c.kind == "image"}
        self._locks |= {lock for document in documents for lock in reach.locks_in.get(document, ())}
        kept |= self._also("locked", lambda c: c.id in self._locks)
        kept |= self._also("lock", lambda c: not c.blobs.isdisjoint(documents))
        kept |= self._also("document", lambda c: not c.blobs.isdisjoint(documents))
        kept |= self._also("seen", lambda c: any(f"lock/{request}" in kept for request in c.covers))
        definitions = {c.refers for c in kept.values() if c.kind == "seen"}
        return kept | self._also("definition", lambda c: c.id in definitions)

    def _also(self, kind: str, stays: Callable[[Claim], bool]) -> dict[str, Claim]:
        return {c.name: c for c in self._snapshot.of_kind(kind) if stays(c)}

    def _kept_blobs(self, claims: dict[str, Claim]) -> frozenset[str]:
        reach, blobs = self._reach, self._snapshot.blobs
        kept = frozenset().union(*(c.blobs for c in claims.values()), self._held)
        wanted = frozenset().union(*(reach.artifacts.get(lock, ()) for lock in self._locks))
        found = set()
        for package in wanted.intersection(blobs) - kept:
            used = min(blobs[package].used, self._cut.now)
            if self._cut.keep_packages or not self._has_layer(package, claims) or used >= self._cut.packages:
                found.add(package)
        unnamed = {b for b in blobs if b not in reach.named and b not in wanted and self._fresh(blobs[b].used)}
        return kept | found | unnamed

    def _has_layer(self, package: str, claims: dict[str, Claim]) -> bool:
        blobs = self._snapshot.blobs
        return any(
            layer.name in claims and all(b in blobs for b in layer.blobs)
            for layer in self._reach.made_of.get(package, ())
        )

    def _keeps_folder(self, name: str, blobs: frozenset[str]) -> bool:
        kind, _, identity = name.partition("/")
        if name in self._held or kind in self._held:
            return True
        if kind == "bytecode" and identity not in blobs:
            return False
        if kind == "bytecode" and identity in self._held:
            return True
        return self._fresh(self._snapshot.folders[name].used)
