"""What is different between two locks, package by package: for people to read before they accept it."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from envbuild.lockfile import Artifact, ArtifactKind, Lock

__all__ = ["Change", "ChangeKind", "changes"]


class ChangeKind(StrEnum):
    """What happened to a package."""

    ADDED = "added"
    REMOVED = "removed"
    CHANGED = "changed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One package's change. Versions are empty and sizes (bytes) 0 where it was, or is, not there.

    A changed package whose two versions are equal has another file.
    """

    change: ChangeKind
    kind: ArtifactKind
    name: str
    old_version: str = ""
    new_version: str = ""
    old_size: int = 0
    new_size: int = 0
    old_source: str = ""
    """The index that gave it, `url`, or a Debian suite; empty where it was, or is, not there."""
    new_source: str = ""

    def __str__(self) -> str:
        if self.change is ChangeKind.ADDED:
            return f"+ {self.name} {self.new_version}{self._from}"
        if self.change is ChangeKind.REMOVED:
            return f"- {self.name} {self.old_version}"
        other = self.new_version if self.new_version != self.old_version else "another file"
        return f"~ {self.name} {self.old_version} -> {other}{self._from}"

    @property
    def _from(self) -> str:
        """The index, where it is not what a reader takes for granted: another than before, or another than `pypi`."""
        if self.kind is ArtifactKind.DEB or self.new_source == (self.old_source or "pypi"):
            return ""
        return f" ({self.old_source} -> {self.new_source})" if self.old_source else f" ({self.new_source})"


def changes(old: Lock | None, new: Lock) -> tuple[Change, ...]:
    """The changes from one lock to another, sorted by kind and name; all is added where there was none."""
    before, after = _by_name(old.everything if old else ()), _by_name(new.everything)
    found = [_change(key, before.get(key), after.get(key)) for key in sorted(before.keys() | after.keys())]
    return tuple(change for change in found if change is not None)


def _by_name(artifacts: Iterable[Artifact]) -> dict[tuple[ArtifactKind, str], Artifact]:
    return {(artifact.kind, artifact.name): artifact for artifact in artifacts}


def _change(key: tuple[ArtifactKind, str], old: Artifact | None, new: Artifact | None) -> Change | None:
    kind, name = key
    if old is not None and new is not None:
        if old.sha256 == new.sha256 and old.version == new.version:
            return None
        change = ChangeKind.CHANGED
    else:
        change = ChangeKind.REMOVED if new is None else ChangeKind.ADDED
    return Change(
        change=change,
        kind=kind,
        name=name,
        old_version=old.version if old else "",
        new_version=new.version if new else "",
        old_size=old.size if old else 0,
        new_size=new.size if new else 0,
        old_source=old.source if old else "",
        new_source=new.source if new else "",
    )
