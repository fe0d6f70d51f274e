"""What is different between two locks, package by package: for people to read before they accept it."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from envbuild.lockfile import Artifact, ArtifactKind, Lock

__all__ = ["Change", "ChangeKind", "changes"]

_GRANTED = ("", "pypi", "conda-forge")
"""Sources that a reader takes for granted where a package is new."""


class ChangeKind(StrEnum):
    """What happened to a package."""

    ADDED = "added"
    REMOVED = "removed"
    CHANGED = "changed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One package's change. Versions are empty and sizes (bytes) 0 where it was, or is, not there.

    A changed package whose two versions are equal has another build (of conda's), or else another file.
    """

    change: ChangeKind
    kind: ArtifactKind
    name: str
    old_version: str = ""
    new_version: str = ""
    old_build: str = ""
    """Of conda packages: a version has several."""
    new_build: str = ""
    old_size: int = 0
    new_size: int = 0
    old_source: str = ""
    """The index or channel that gave it, `url`, or a Debian suite; empty where it was, or is, not there."""
    new_source: str = ""

    def __str__(self) -> str:
        old, new = f"{self.old_version} {self.old_build}".strip(), f"{self.new_version} {self.new_build}".strip()
        if self.change is ChangeKind.ADDED:
            return f"+ {self.name} {new}{self._from}"
        if self.change is ChangeKind.REMOVED:
            return f"- {self.name} {old}"
        if self.new_version != self.old_version:
            return f"~ {self.name} {self.old_version} -> {self.new_version}{self._from}"
        return f"~ {self.name} {old} -> {self.new_build if new != old else 'another file'}{self._from}"

    @property
    def _from(self) -> str:
        """The source, where it is not what a reader takes for granted: another than before, or than the usual ones."""
        if self.kind is ArtifactKind.DEB or self.new_source == self.old_source:
            return ""
        if self.old_source:
            return f" ({self.old_source} -> {self.new_source})"
        return f" ({self.new_source})" if self.new_source not in _GRANTED else ""


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
        old_build=_build(old),
        new_build=_build(new),
        old_size=old.size if old else 0,
        new_size=new.size if new else 0,
        old_source=_source(old),
        new_source=_source(new),
    )


def _build(artifact: Artifact | None) -> str:
    """The build, which a conda file's name ends with: `name-version-build`."""
    if artifact is None or artifact.kind is not ArtifactKind.CONDA:
        return ""
    return artifact.file.removesuffix(".conda").removesuffix(".tar.bz2").rpartition("-")[2]


def _source(artifact: Artifact | None) -> str:
    """Of a conda package the channel: which of its folders, its files tell."""
    if artifact is None or artifact.kind is not ArtifactKind.CONDA:
        return artifact.source if artifact else ""
    return artifact.source.rpartition("/")[0]
