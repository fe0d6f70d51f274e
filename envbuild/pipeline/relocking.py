"""`envbuild lock`: keep what fits, resolve what does not, write the file, tell what changed."""

from collections.abc import Mapping
from dataclasses import dataclass

from envbuild.digest import Digest
from envbuild.errors import LockStale
from envbuild.formats.lockfiles.lockchanges import Change, changes
from envbuild.ids import identity, lock_material
from envbuild.lockfile import LockDocument, LockSection
from envbuild.pipeline.locking import Choice, Locking
from envbuild.pipeline.specs import Spec
from envbuild.ports import Reporter

__all__ = ["LockResult", "check", "relock"]


@dataclass(frozen=True, slots=True, kw_only=True)
class LockResult:
    """A lock file: where it is, its lock ids by platform, what changed, and whether it was written anew."""

    path: str
    ids: Mapping[str, str]
    changes: tuple[Change, ...]
    written: bool


def relock(locking: Locking, spec: Spec, choice: Choice, report: Reporter) -> LockResult:
    """Bring a spec's lock file up to date. A lock that fits stays as it is, unless the choice asks for newer versions."""
    if spec.project is not None:
        report.notice("the project's own package is in no lock file: each build makes it from the folder")
    before = locking.before(spec, choice)
    kept = None if choice.asks_for_change else _kept(before, spec)
    document = kept or locking.resolve(spec, list(spec.requests), choice, report)
    locking.remember(spec, document)
    place = locking.place_of(spec, choice)
    old = locking.reads(place) if place is not None else None
    path = place if place is not None and old == document else locking.write(spec, document, choice)
    return _result(path, old, document, written=old != document)


def check(locking: Locking, spec: Spec, choice: Choice) -> LockResult:
    """The lock file, where it is there and fits; LockStale else. Nothing is written or resolved."""
    place = locking.place_of(spec, choice)
    if place is None:
        raise LockStale("there is no lock file", at=spec.path, hint=f"write one: envbuild lock {spec.command_words}")
    document = locking.reads(place)
    if _kept(document, spec) != document:
        raise LockStale(
            f"the lock does not answer what {spec.path} asks now",
            at=place,
            hint=f"bring it up to date: envbuild lock {spec.command_words}",
        )
    return _result(place, document, document, written=False)


def _kept(before: LockDocument | None, spec: Spec) -> LockDocument | None:
    """The document of before with the spec's settings, if it answers exactly the spec's requests."""
    if before is None or {s.lock.platform: s.request for s in before.sections} != dict(spec.requests):
        return None
    return LockDocument(
        sections=tuple(LockSection(request=s.request, lock=s.lock, settings=spec.settings) for s in before.sections)
    )


def _result(path: str, before: LockDocument | None, document: LockDocument, *, written: bool) -> LockResult:
    found: list[Change] = []
    ids: dict[str, Digest] = {}
    for section in document.sections:
        old = before.section(section.lock.platform) if before else None
        found += changes(old.lock if old else None, section.lock)
        ids[str(section.lock.platform)] = identity(lock_material(section.lock))
    return LockResult(path=path, ids={p: str(i) for p, i in ids.items()}, changes=tuple(found), written=written)
