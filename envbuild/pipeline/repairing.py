"""Repair: what is damaged is removed; then what can be had again is: fetched by hash, made of packages, built of locks."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from envbuild.digest import Digest
from envbuild.errors import EnvbuildError, IntegrityError
from envbuild.ids import Material, identity, image_material, lock_material
from envbuild.lockfile import Artifact, Lock, LockSection
from envbuild.pipeline.building import Building
from envbuild.pipeline.locking import Locked
from envbuild.pipeline.settings import settings_from_json
from envbuild.pipeline.specs import Specs
from envbuild.ports import Reporter
from envbuild.store.blobs import Blobs
from envbuild.store.check import Check, Checked, Finding
from envbuild.store.claims import Claims
from envbuild.store.reach import Reach

__all__ = ["Outcome", "Repaired", "Repairing", "Sources"]


class Outcome(StrEnum):
    """What became of a finding."""

    REPAIRED = "repaired"
    LOST = "lost"
    """Removed, and nothing here can bring it back."""
    LEFT = "not repaired"


@dataclass(frozen=True, slots=True)
class Repaired:
    """A finding, what became of it, and what that means or what to do next."""

    finding: Finding
    outcome: Outcome
    what: str


@dataclass(frozen=True, slots=True)
class Sources:
    """What brings things back: a lock's packages as layers, one package's file."""

    segments: Callable[[Lock, Sequence[Artifact], int, Reporter], object]
    fetch: Callable[[Artifact, Reporter], object]
    remove_folder: Callable[[str], object]
    alone: Callable[[], AbstractContextManager[None]]
    """Holds a store that a group shares while it is written."""
    keep_packages: bool = False
    """Whether a package's file is wanted though its layer is here."""


@dataclass(slots=True)
class _Done:
    """What was done about the findings so far, by subject."""

    words: dict[str, str] = field(default_factory=dict)
    lost: set[str] = field(default_factory=set)


class Repairing:
    """One repair of one store."""

    def __init__(
        self, check: Check, blobs: Blobs, claims: Claims, specs: Specs, building: Building, *, sources: Sources
    ) -> None:
        self._check, self._blobs, self._claims, self._specs = check, blobs, claims, specs
        self._building, self._sources = building, sources

    def repair(self, checked: Checked, report: Reporter) -> tuple[Repaired, ...]:
        """What became of each fault."""
        faults = checked.faults
        done = _Done()
        bad = {f.subject.partition("/")[2] for f in faults if f.kind == "blob"}
        self._reach = Reach(checked.snapshot)
        self._materials = {
            f.subject: self._claims.material(f.kind, Digest(f.subject.partition("/")[2]))
            for f in faults
            if f.subject in checked.snapshot.claims
        }
        with self._sources.alone():
            self._remove(faults, done)
            self._sections = dict(self._whole_sections())
            self._point_again([f for f in faults if f.kind in ("lock", "locked")], done)
        for finding in [f for f in faults if f.kind == "image"]:
            self._attempt(finding, done, lambda f: self._build(f, done, report))
        for finding in [f for f in faults if f.kind == "layer"]:
            self._attempt(finding, done, lambda f: self._make(f, report))
        for finding in [f for f in faults if f.kind == "blob"]:
            self._attempt(finding, done, lambda f: self._bring(f, report))
        lost = {s.partition("/")[2] for s in done.lost if s.startswith("image/")}
        orphans = [c for c in checked.snapshot.claims.values() if c.kind == "name" and c.refers in lost]
        with self._sources.alone():
            for orphan in orphans:
                self._claims.drop("name", Digest(orphan.name.partition("/")[2]))
            self._drop_names([f for f in faults if f.kind == "name"], done)
        hashed = {blob.stamp for name, blob in checked.snapshot.blobs.items() if name not in bad}
        left = {f.subject: f for f in self._check.run(report, hashed).faults}
        return (
            *(self._told(f, done, left) for f in faults),
            *(Repaired(f, Outcome.LEFT, done.words.get(s, _AGAIN)) for s, f in left.items() if s not in _names(faults)),
        )

    def _remove(self, faults: Sequence[Finding], done: _Done) -> None:
        for finding in faults:
            name = finding.subject.partition("/")[2]
            if finding.kind == "blob":
                self._remove_blob(Digest(name))
            elif finding.kind == "prefix":
                self._sources.remove_folder(finding.subject)
                done.words[finding.subject] = "removed; the next run makes it again"
            elif finding.kind == "memo":
                self._sources.remove_folder("memo/v1")
                done.words[finding.subject] = "removed; it fills itself again"
            elif finding.kind not in ("image", "lock", "locked", "name", "record"):
                self._claims.drop(finding.kind, Digest(name))
                done.words[finding.subject] = _DROPPED.get(
                    finding.kind, "dropped; found out again when it is asked for"
                )

    def _remove_blob(self, digest: Digest) -> None:
        try:
            self._blobs.verify(digest)
        except (KeyError, IntegrityError):
            return
        except OSError:
            self._blobs.delete(digest)

    def _whole_sections(self) -> Iterator[tuple[str, tuple[Digest, LockSection]]]:
        """Each lock that a whole document of the store has, by lock id and by `request/<id>`."""
        for document in sorted(self._reach.locks_in):
            digest = Digest(document)
            try:
                sections = self._specs.document(digest).sections
            except (KeyError, EnvbuildError):
                continue
            for section in sections:
                yield identity(lock_material(section.lock)).hex, (digest, section)
                yield f"request/{section.request.hex}", (digest, section)

    def _point_again(self, findings: Sequence[Finding], done: _Done) -> None:
        """A lock whose document is gone may stand in another document, for other platforms or settings."""
        for finding in findings:
            name = finding.subject.partition("/")[2]
            material: Any = self._materials.get(finding.subject)
            found = self._sections.get(name if finding.kind == "locked" else f"request/{name}")
            if found is not None and material is not None:
                self._claims.put(finding.kind, Digest(name), {"document": str(found[0])}, material)
                done.words[finding.subject] = "found in another lock document of the store"
                continue
            self._claims.drop(finding.kind, Digest(name))
            done.lost.add(finding.subject)
            done.words[finding.subject] = _LOST[finding.kind]

    def _attempt(self, finding: Finding, done: _Done, work: Callable[[Finding], str]) -> None:
        try:
            words = work(finding)
        except (EnvbuildError, KeyError, TypeError, ValueError) as error:
            words = f"not yet: {error}"
        if words:
            done.words[finding.subject] = words

    def _build(self, finding: Finding, done: _Done, report: Reporter) -> str:
        """An image, from its lock and its settings, which are the material of its id."""
        name = finding.subject.partition("/")[2]
        material: Any = self._materials.get(finding.subject) or self._image_material(name)
        lock = Digest.parse(material["lock"]).hex if material else ""
        found = self._sections.get(lock)
        if material is None or found is None:
            self._claims.drop("image", Digest(name))
            done.lost.add(finding.subject)
            return _LOST["image"]
        document, section = found
        locked = Locked(
            lock_id=Digest(lock), settings=settings_from_json(material), document=document, place="the store"
        )
        before: Any = self._claims.get("image", Digest(name))
        if before is not None and self._materials.get(finding.subject) is None:
            self._claims.put("image", Digest(name), before, material)
        built = self._building.ensure(locked, section.lock.platform, report)
        same = not isinstance(before, dict) or before.get("manifest") == str(built.image.digest)
        return "built again from its lock" + ("" if same else f"; its digest is {built.image.digest} now")

    def _image_material(self, name: str) -> Material | None:
        """The material of an image id, found again from the locks: where settings were not changed beside them."""
        environment = self._reach.environments.get(name)
        lock = environment.image.refers if environment else ""
        found = self._sections.get(lock)
        material = image_material(Digest(lock), found[1].settings) if found else None
        return material if material is not None and identity(material).hex == name else None

    def _make(self, finding: Finding, report: Reporter) -> str:
        """A layer of one package; the others are made with the images that have them."""
        digest = Digest(finding.subject.partition("/")[2])
        if self._claims.get("layer", digest) is not None:
            return "made again"
        material: Any = self._materials.get(finding.subject)
        artifacts: list[str] = material["artifacts"] if material else []
        if len(artifacts) == 1:
            for artifact, lock in self._wanted(artifacts[0]):
                self._sources.segments(lock, [artifact], material["layout"], report)
                # Of one package there are several layers, where environments with different Pythons have it.
                if self._claims.get("layer", digest) is not None:
                    return "made again"
        return _DROPPED["layer"]

    def _bring(self, finding: Finding, report: Reporter) -> str:
        digest = Digest(finding.subject.partition("/")[2])
        if self._blobs.has(digest):
            return "fetched again" if digest.hex in self._reach.packages else "made again"
        layers = self._reach.made_of.get(digest.hex, ())
        made = any(self._claims.get("layer", Digest(layer.id)) is not None for layer in layers)
        if made and not self._sources.keep_packages:
            return "removed; its layer is here, and is what is needed"
        for artifact, _ in self._wanted(digest.hex):
            try:
                self._sources.fetch(artifact, report)
            except EnvbuildError:
                if not made:
                    raise
                return f"removed; {artifact.file} cannot be fetched now, and nothing needs it: its layer is here"
            return "fetched again"
        return "removed; nothing needs it"

    def _wanted(self, sha256: str) -> Iterator[tuple[Artifact, Lock]]:
        """The package as each lock of the store names it."""
        for _, section in self._sections.values():
            found = next((a for a in section.lock.everything if a.sha256 == sha256), None)
            if found is not None:
                yield found, section.lock

    def _drop_names(self, findings: Sequence[Finding], done: _Done) -> None:
        for finding in findings:
            digest = Digest(finding.subject.partition("/")[2])
            value: Any = self._claims.get("name", digest)
            if self._materials.get(finding.subject) is not None and self._means_an_image(value):
                done.words[finding.subject] = "its image is here again"
                continue
            material: Any = self._materials.get(finding.subject)
            self._claims.drop("name", digest)
            done.lost.add(finding.subject)
            what = material["name"] if isinstance(material, dict) else "a name that cannot be read"
            done.words[finding.subject] = f"dropped: {what}; the next build of its definition names its image again"

    def _means_an_image(self, value: Any) -> bool:
        try:
            return self._building.image_by_id(Digest.parse(value["image"])) is not None
        except (KeyError, TypeError, ValueError):
            return False

    def _told(self, finding: Finding, done: _Done, left: Mapping[str, Finding]) -> Repaired:
        words = done.words.get(finding.subject, "")
        if finding.subject in left:
            return Repaired(finding, Outcome.LEFT, words or _AGAIN)
        if finding.subject in done.lost:
            return Repaired(finding, Outcome.LOST, words)
        return Repaired(finding, Outcome.REPAIRED, words or "whole again")


def _names(findings: Sequence[Finding]) -> frozenset[str]:
    return frozenset(f.subject for f in findings)


_AGAIN = "run `envbuild cache verify --repair` once more"
_DROPPED = {
    "layer": "removed; made again when an image needs it",
    "document": "dropped; its lock document says it again",
    "seen": "dropped; the definition is read again when it is asked for",
}
_LOST = {
    "lock": "its lock is resolved anew by the next build, or taken from its lock file where the project has one",
    "locked": "the lock's packages are not known here any more; `envbuild build FILE.lock` brings a lock back",
    "image": "it cannot be built from what is here: build it from its definition or lock file (envbuild build SPEC)",
}
