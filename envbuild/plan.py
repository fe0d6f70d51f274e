"""Which artifacts share a layer, in which order layers stand, and who wins where two artifacts claim one path. Layout 1.

    skeleton · base debs (12) · system debs (8) · venv · ladder of wheels (60) · the project's own wheel · top

The ladder keeps layers stable: an artifact's place depends on its own size and name, not on what else is in the image.
So two images that share a large package share its layer, and one changed package changes one layer.
"""

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from envbuild.errors import BuildFailed
from envbuild.lockfile import Artifact, ArtifactKind, Lock
from envbuild.members import DIRECTORY_MODES, Member, MemberKind, MemberTable

__all__ = ["Conflict", "Group", "GroupKind", "Plan", "arrange", "find_conflicts", "ladder"]

_KIB = 1024
_MOST_LAYERS = 120
"""Docker's overlay driver takes 125 below a container's own."""
_SMALL = 128 * _KIB


@dataclass(frozen=True, slots=True)
class _Budget:
    """How many layers a part of the image may have, and how many of them are bins of mixed artifacts."""

    layers: int
    large_bins: int
    small_bins: int


_BASE = _Budget(12, 2, 2)
_SYSTEM = _Budget(8, 2, 2)
_PACKAGES = _Budget(60, 8, 4)

_ECOSYSTEMS = {ArtifactKind.DEB: "debian", ArtifactKind.CONDA: "conda"}


class GroupKind(StrEnum):
    """What a layer is made of."""

    SKELETON = "skeleton"
    DEBS = "debs"
    VENV = "venv"
    WHEELS = "wheels"
    TOP = "top"


@dataclass(frozen=True, slots=True)
class Group:
    """One layer to be: the artifacts in it, in order. Skeleton, venv and top are made, not taken from artifacts."""

    kind: GroupKind
    artifacts: tuple[Artifact, ...] = ()

    @property
    def summary(self) -> str:
        """What the layer's history entry says: a function of the lock alone."""
        if not self.artifacts:
            return f"envbuild {self.kind.value}"
        names = [f"{a.name} {a.version}" for a in self.artifacts]
        shown = ", ".join(names[:4]) + (f" and {len(names) - 4} more" if len(names) > 4 else "")
        return f"envbuild {self.kind.value}: {shown}"


@dataclass(frozen=True, slots=True)
class Conflict:
    """Artifacts that have different bytes at one path; the winner's stand in the image."""

    path: str
    winner: Artifact
    losers: tuple[Artifact, ...]


@dataclass(frozen=True, slots=True)
class Plan:
    """The image's layers, lowest first, and what was decided on the way."""

    groups: tuple[Group, ...]
    conflicts: tuple[Conflict, ...]
    directories: tuple[Member, ...]
    """Directories whose mode the top layer has to set again, since other layers imply another one."""


def arrange(lock: Lock, tables: Mapping[str, MemberTable]) -> Plan:
    """The plan of a lock; `tables` has the member table of every artifact, by sha256."""
    conflicts = find_conflicts(lock, tables)
    alone = {a.sha256 for c in conflicts for a in (c.winner, *c.losers)}
    groups = [Group(GroupKind.SKELETON)]
    groups += [Group(GroupKind.DEBS, g) for g in ladder(lock.base_artifacts, _BASE, alone)]
    groups += [Group(GroupKind.DEBS, g) for g in ladder(lock.of_kind(ArtifactKind.DEB), _SYSTEM, alone)]
    if lock.interpreter is not None:
        groups.append(Group(GroupKind.VENV))
    wheels = lock.of_kind(ArtifactKind.WHEEL)
    groups += [Group(GroupKind.WHEELS, g) for g in ladder([w for w in wheels if not w.is_own], _PACKAGES, alone)]
    groups += [Group(GroupKind.WHEELS, (own,)) for own in wheels if own.is_own]
    groups.append(Group(GroupKind.TOP))
    if len(groups) > _MOST_LAYERS:
        raise BuildFailed(
            f"{len(alone)} packages have different files at the same paths, and would need {len(groups)} layers",
            hint=f"engines take some {_MOST_LAYERS}: leave some of them out",
        )
    return Plan(tuple(groups), conflicts, _directories(lock, tables))


def ladder(
    artifacts: Sequence[Artifact], budget: _Budget = _PACKAGES, alone: Iterable[str] = ()
) -> tuple[tuple[Artifact, ...], ...]:
    """Groups of artifacts, one a layer: large ones alone by falling size class, then bins chosen by name.

    `alone` are artifacts (sha256) that get a layer of their own whatever their size.
    """
    apart = set(alone)
    if len(artifacts) <= budget.layers:
        singles, rest = list(artifacts), []
    else:
        threshold = _threshold([a.size for a in artifacts], budget.layers - budget.large_bins - budget.small_bins)
        singles = [a for a in artifacts if a.size >= threshold or a.sha256 in apart]
        rest = [a for a in artifacts if a.size < threshold and a.sha256 not in apart]
    singles.sort(key=lambda a: (-a.size.bit_length(), _key(a)))
    large = [a for a in rest if a.size >= _SMALL]
    small = [a for a in rest if a.size < _SMALL]
    bins = _bins(large, budget.large_bins) + _bins(small, budget.small_bins)
    return tuple([(a,) for a in singles] + bins)


def _threshold(sizes: Sequence[int], singles: int) -> int:
    threshold = 64 * _KIB
    while sum(size >= threshold for size in sizes) > singles:
        threshold *= 2
    return threshold


def _bins(artifacts: Sequence[Artifact], count: int) -> list[tuple[Artifact, ...]]:
    bins: dict[int, list[Artifact]] = defaultdict(list)
    for artifact in artifacts:
        number = int.from_bytes(hashlib.sha256(_key(artifact).encode()).digest()[:8], "big") % count
        bins[number].append(artifact)
    return [tuple(sorted(bins[number], key=_key)) for number in sorted(bins)]


def _key(artifact: Artifact) -> str:
    """Ecosystem and name, without the version: an upgrade stays in its bin."""
    return f"{_ECOSYSTEMS.get(artifact.kind, 'pypi')}:{artifact.name}"


def find_conflicts(lock: Lock, tables: Mapping[str, MemberTable]) -> tuple[Conflict, ...]:
    """Paths at which artifacts differ, with the winner: dependents over dependencies, then the last by name.

    BuildFailed where one artifact's file or link stands where another one has a folder: no order can serve both.
    """
    owners: dict[str, list[tuple[Artifact, Member]]] = defaultdict(list)
    for artifact in lock.everything:
        for member in tables[artifact.sha256].members:
            owners[member.path].append((artifact, member))
    _refuse_files_as_folders(owners)
    needs = _Needs(lock, tables)
    conflicts = []
    for path in sorted(p for p, found in owners.items() if len(found) > 1):
        claimants = owners[path]
        if len({m.content for _, m in claimants if m.kind is not MemberKind.DIRECTORY}) > 1:
            ranked = sorted((a for a, _ in claimants), key=needs.rank)
            conflicts.append(Conflict(path, ranked[-1], tuple(ranked[:-1])))
    return tuple(conflicts)


def _refuse_files_as_folders(owners: Mapping[str, Sequence[tuple[Artifact, Member]]]) -> None:
    folders: dict[str, Artifact] = {}
    for path, found in owners.items():
        parent = path.rpartition("/")[0]
        while parent and parent not in folders:
            folders[parent] = found[0][0]
            parent = parent.rpartition("/")[0]
    for path, found in owners.items():
        for artifact, member in found:
            other = folders.get(path)
            if member.kind is not MemberKind.DIRECTORY and other is not None:
                raise BuildFailed(
                    f"{artifact.name} has a {member.kind.value} at /{path}, where {other.name} has a folder",
                    hint=f"leave out {artifact.name} or {other.name}: they cannot be installed together",
                )


class _Needs:
    """Who depends on whom, from the names that the artifacts' own metadata gives."""

    def __init__(self, lock: Lock, tables: Mapping[str, MemberTable]) -> None:
        wheels = lock.of_kind(ArtifactKind.WHEEL)
        self._direct = {a.name: tables[a.sha256].facts.get("requires", "").split("\n") for a in wheels}

    def rank(self, artifact: Artifact) -> tuple[int, str]:
        """Higher for what needs more of the others: a dependent ranks above all that it depends on."""
        if artifact.kind is not ArtifactKind.WHEEL:
            return 0, artifact.name
        reached, waiting = {artifact.name}, [artifact.name]
        while waiting:
            for name in self._direct.get(waiting.pop(), ()):
                if name in self._direct and name not in reached:
                    reached.add(name)
                    waiting.append(name)
        return len(reached), artifact.name


def _directories(lock: Lock, tables: Mapping[str, MemberTable]) -> tuple[Member, ...]:
    named: dict[str, Member] = {}
    for artifact in lock.everything:
        for member in tables[artifact.sha256].members:
            if member.kind is MemberKind.DIRECTORY and member.mode != DIRECTORY_MODES.get(member.path, 0o755):
                named[member.path] = member
    return tuple(named[path] for path in sorted(named))
