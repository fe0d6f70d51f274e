"""Which artifacts share a layer, and in which order layers stand. Layout 1.

    skeleton · base debs (12) · system debs (8) · Python, where it is a standalone build · venv, or conda's own files
    · ladder of wheels and conda packages (60) · the project's own wheel · top

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
from envbuild.plan.conflicts import Conflict, find_conflicts

__all__ = ["Group", "GroupKind", "Plan", "arrange", "ladder"]

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
    PYTHON = "python"
    VENV = "venv"
    CONDA = "conda"
    """What makes the environment's folder a conda environment, beside its packages."""
    WHEELS = "wheels"
    PACKAGES = "packages"
    """Conda packages, and wheels among them."""
    TOP = "top"


@dataclass(frozen=True, slots=True)
class Group:
    """One layer to be: the artifacts in it, in order. Skeleton, venv, conda and top are made, not taken from artifacts."""

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
    groups += [Group(GroupKind.PYTHON, (python,)) for python in lock.of_kind(ArtifactKind.PYTHON)]
    if lock.has_conda:
        groups.append(Group(GroupKind.CONDA))
    elif lock.interpreter is not None:
        groups.append(Group(GroupKind.VENV))
    wheels = lock.of_kind(ArtifactKind.WHEEL)
    packages = [*lock.of_kind(ArtifactKind.CONDA), *(w for w in wheels if not w.is_own)]
    kind = GroupKind.PACKAGES if lock.has_conda else GroupKind.WHEELS
    groups += [Group(kind, g) for g in ladder(packages, _PACKAGES, alone)]
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


def _directories(lock: Lock, tables: Mapping[str, MemberTable]) -> tuple[Member, ...]:
    named: dict[str, Member] = {}
    for artifact in lock.everything:
        for member in tables[artifact.sha256].members:
            if member.kind is MemberKind.DIRECTORY and member.mode != DIRECTORY_MODES.get(member.path, 0o755):
                named[member.path] = member
    return tuple(named[path] for path in sorted(named))
