"""The project's own package, on top of what was locked: its wheel, built once for the content of the project's files.

A lock file names what was resolved, and stays as it is when the project's code changes. What an image is made of is that
lock with the wheel in it: a lock of the store's own, which this module makes. Wheels are claimed (`wheel`) by what they
were built from, and the first one found is used.
"""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from typing import Any, Protocol

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from envbuild.digest import Digest
from envbuild.errors import EnvironmentFault, ResolveFailed
from envbuild.ids import Material, identity, lock_material
from envbuild.lockfile import OWN_SOURCE, Artifact, ArtifactKind, Lock, LockDocument, LockSection
from envbuild.pipeline.locking import Locked
from envbuild.pipeline.specs import Spec, Specs
from envbuild.platforms import Platform
from envbuild.ports import BlobStore, Claims, Reporter
from envbuild.wheelfiles import Target

__all__ = ["BuildsWheels", "OwnPackages", "OwnWheel"]

_KIND = "wheel"
_RECIPE = 1
"""Raised when the way to build a project's wheel changes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnWheel:
    """A project's wheel in the store, and what it needs."""

    name: str
    version: str
    file: str
    size: int
    sha256: Digest
    requires: tuple[str, ...]

    @property
    def artifact(self) -> Artifact:
        """As a lock has it."""
        return Artifact(
            kind=ArtifactKind.WHEEL,
            name=self.name,
            version=self.version,
            file=self.file,
            size=self.size,
            sha256=self.sha256.hex,
            source=OWN_SOURCE,
        )


class BuildsWheels(Protocol):
    """Builds the wheel of a spec's project."""

    def build(self, spec: Spec, lock: Lock, target: Target, report: Reporter) -> OwnWheel:
        """The wheel for a lock, its bytes in the store. BuildFailed with what the build backend said last."""


class OwnPackages:
    """Puts a spec's own package on top of its locks; `builder` is opened when a wheel is to be built."""

    def __init__(
        self,
        specs: Specs,
        blobs: BlobStore,
        claims: Claims,
        builder: Callable[[], BuildsWheels],
        dump: Callable[[LockDocument], bytes],
        alone: Callable[[Digest, Callable[[str], object]], AbstractContextManager[None]],
    ) -> None:
        """`alone` holds a wheel's id against every other process that would build it."""
        self._specs, self._blobs, self._claims = specs, blobs, claims
        self._builder, self._dump, self._alone = builder, dump, alone

    def find(self, spec: Spec, platform: Platform, locked: Locked) -> Locked | None:
        """The lock with the package in it; itself where the spec has none. None where its wheel was not built here."""
        if spec.project is None:
            return locked
        lock = self._lock(locked, platform)
        wheel = self._known(_material(spec, lock))
        return None if wheel is None or _unmet(wheel, lock) else self._on_top(locked, lock, wheel)

    def ensure(self, spec: Spec, platform: Platform, locked: Locked, report: Reporter) -> Locked:
        """`find`, else build the wheel. ResolveFailed where it needs what is not locked."""
        if spec.project is None:
            return locked
        lock = self._lock(locked, platform)
        material = _material(spec, lock)
        wheel = self._known(material) or self._build(spec, lock, material, report)
        if missing := _unmet(wheel, lock):
            hint = f"name what it needs in the definition, too: {', '.join(missing)}"
            raise ResolveFailed(f"{wheel.file} needs packages that are not locked", at=spec.path, hint=hint)
        for other in lock.of_kind(ArtifactKind.WHEEL):
            if other.name == wheel.name:
                what = f"{other.name} {other.version} of {other.source} is left out"
                report.notice(f"{what}: the project's own {wheel.version} is installed")
        return self._on_top(locked, lock, wheel)

    def _lock(self, locked: Locked, platform: Platform) -> Lock:
        section = self._specs.document(locked.document, locked.place).section(platform)
        if section is None or section.lock.interpreter is None:
            what = "a project's package needs a Python, and the environment has none"
            raise EnvironmentFault(what, at=locked.place, hint='name one: python = "3.11"')
        return section.lock

    def _known(self, material: Material) -> OwnWheel | None:
        """The wheel that was built from this, if its bytes are here."""
        value: Any = self._claims.get(_KIND, identity(material))
        try:
            wheel = _from_json(value)
        except (KeyError, TypeError, ValueError):
            return None
        return wheel if self._blobs.has(wheel.sha256) else None

    def _build(self, spec: Spec, lock: Lock, material: Material, report: Reporter) -> OwnWheel:
        wheel_id = identity(material)
        with self._alone(wheel_id, report.notice):
            # Whoever built it while we waited built it for us.
            known = self._known(material)
            if known is not None:
                return known
            report.begin("wheel", 0)
            try:
                wheel = self._builder().build(spec, lock, _target(lock), report)
            finally:
                report.end("wheel")
            self._claims.put(_KIND, wheel_id, _to_json(wheel), material)
            return wheel

    def _on_top(self, locked: Locked, lock: Lock, wheel: OwnWheel) -> Locked:
        """The lock with the wheel, kept in the store so that images made of it can be looked at."""
        own = wheel.artifact
        others = [a for a in lock.artifacts if (a.kind, a.name) != (own.kind, own.name)]
        whole = replace(lock, artifacts=tuple(sorted([*others, own], key=lambda a: (a.kind.value, a.name))))
        asked: Material = {"schema": "envbuild.on-top/1", "lock": str(locked.lock_id), "wheel": str(wheel.sha256)}
        section = LockSection(request=identity(asked), lock=whole, settings=locked.settings)
        content = self._dump(LockDocument(sections=(section,)))
        document = Digest.of(content)
        if not self._blobs.has(document):
            with self._blobs.create() as writer:
                writer.write(content)
                writer.commit(document)
        material = lock_material(whole)
        lock_id = identity(material)
        if self._claims.get("locked", lock_id) is None:
            self._claims.put("locked", lock_id, {"document": str(document)}, material)
        return replace(locked, lock_id=lock_id, document=document)


def _material(spec: Spec, lock: Lock) -> Material:
    """What a project's wheel is a function of, as far as it can be told without building it."""
    project, interpreter = spec.project, lock.interpreter
    material: Material = {
        "schema": "envbuild.wheel/1",
        "project": project.digest if project else "",
        "python": interpreter.minor if interpreter else "",
        "platform": str(lock.platform),
        "glibc": lock.glibc,
        "recipe": _RECIPE,
    }
    if standalone := [artifact.sha256 for artifact in lock.of_kind(ArtifactKind.PYTHON)]:
        material["interpreter"] = standalone[0]
    return material


def _target(lock: Lock) -> Target:
    return Target(lock.platform, lock.interpreter.version if lock.interpreter else "", lock.glibc)


def _unmet(wheel: OwnWheel, lock: Lock) -> list[str]:
    """What the wheel needs and the lock does not name: the package would not start."""
    there = {a.name for a in lock.of_kind(ArtifactKind.WHEEL)} | {wheel.name}
    return [line for line in wheel.requires if canonicalize_name(Requirement(line).name) not in there]


def _to_json(wheel: OwnWheel) -> dict[str, Any]:
    return {
        "name": wheel.name,
        "version": wheel.version,
        "file": wheel.file,
        "size": wheel.size,
        "sha256": str(wheel.sha256),
        "requires": list(wheel.requires),
    }


def _from_json(value: Mapping[str, Any]) -> OwnWheel:
    return OwnWheel(
        name=str(value["name"]),
        version=str(value["version"]),
        file=str(value["file"]),
        size=int(value["size"]),
        sha256=Digest.parse(value["sha256"]),
        requires=tuple(map(str, value["requires"])),
    )
