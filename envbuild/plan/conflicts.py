"""Who wins where two artifacts claim one path with different bytes."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from envbuild.errors import BuildFailed
from envbuild.lockfile import Artifact, ArtifactKind, Lock
from envbuild.members import Member, MemberKind, MemberTable
from envbuild.plan.linkorder import Linked, dependency_name, link_order

__all__ = ["Conflict", "find_conflicts"]


@dataclass(frozen=True, slots=True)
class Conflict:
    """Artifacts that have different bytes at one path; the winner's stand in the image."""

    path: str
    winner: Artifact
    losers: tuple[Artifact, ...]


def find_conflicts(lock: Lock, tables: Mapping[str, MemberTable]) -> tuple[Conflict, ...]:
    """Paths at which artifacts differ, with the winner: what is installed last (conda packages as rattler links them).

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
    """Who is installed after whom, from what the artifacts' own metadata says."""

    def __init__(self, lock: Lock, tables: Mapping[str, MemberTable]) -> None:
        wheels = lock.of_kind(ArtifactKind.WHEEL)
        self._direct = {a.name: tables[a.sha256].facts.get("requires", "").split("\n") for a in wheels}
        facts = {a.name: tables[a.sha256].facts for a in lock.of_kind(ArtifactKind.CONDA)}
        order = link_order({name: _linked(its) for name, its in facts.items()})
        self._place = {name: place for place, name in enumerate(order)}

    def rank(self, artifact: Artifact) -> tuple[int, int, str]:
        """Higher for what comes later: a base's packages, conda's in the order of linking, then wheels, as pip adds them.

        Among wheels a dependent ranks above all that it depends on.
        """
        if artifact.kind is ArtifactKind.CONDA:
            return 1, self._place[artifact.name], artifact.name
        if artifact.kind is not ArtifactKind.WHEEL:
            return 0, 0, artifact.name
        reached, waiting = {artifact.name}, [artifact.name]
        while waiting:
            for name in self._direct.get(waiting.pop(), ()):
                if name in self._direct and name not in reached:
                    reached.add(name)
                    waiting.append(name)
        return 2, len(reached), artifact.name


def _linked(facts: Mapping[str, str]) -> Linked:
    depends = map(dependency_name, facts.get("depends", "").splitlines())
    return Linked(tuple(depends), bool(facts.get("noarch")))
