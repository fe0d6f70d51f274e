"""Locks: where a spec's lock is found, when it fits, and how it comes to be where there is none."""

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import PurePath
from typing import Any, Protocol

from envbuild.digest import Digest
from envbuild.errors import LockStale, UsageError
from envbuild.ids import identity, lock_material, request_material
from envbuild.lockfile import ArtifactKind, ImageSettings, Lock, LockDocument, LockSection
from envbuild.pipeline.settings import settings_of
from envbuild.pipeline.specs import LockFacts, SectionFacts, Spec, Specs
from envbuild.platforms import Platform
from envbuild.ports import BlobStore, Claims, Files, Reporter, Resolver

__all__ = ["Choice", "Locked", "Locking", "OnTop"]

_BY_FILE = (ArtifactKind.CONDA, ArtifactKind.PYTHON)
"""Of one version of these there are several builds."""
_INDEX = "lock"
_STORE = "the store"


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """How a lock is chosen: `locked`: it must be there and fit; `frozen`: used as it is; the rest asks for new versions."""

    file: str = ""
    locked: bool = False
    frozen: bool = False
    upgrade: bool = False
    packages: tuple[str, ...] = ()
    upgrade_base: bool = False

    @property
    def asks_for_change(self) -> bool:
        """Whether a lock that fits is to be resolved again all the same."""
        return self.upgrade or self.upgrade_base or bool(self.packages)


@dataclass(frozen=True, slots=True, kw_only=True)
class Locked:
    """A lock that serves: its id, the image settings to use, the document that has it, and where that was found."""

    lock_id: Digest
    settings: ImageSettings
    document: Digest
    place: str
    fresh: bool = False
    """Whether it was resolved just now."""


class OnTop(Protocol):
    """What puts a project's own package on top of its lock (pipeline.ownpackage)."""

    def find(self, spec: Spec, platform: Platform, locked: Locked) -> Locked | None:
        """The lock with the package; itself where there is none, None where its wheel is not here."""

    def ensure(self, spec: Spec, platform: Platform, locked: Locked, report: Reporter) -> Locked:
        """The same, with the wheel built where it is not here."""


@contextmanager
def _nobody_else(_request: Digest, _waiting: Callable[[str], object]) -> Iterator[None]:
    yield


class Locking:
    """Finds locks, and makes them with the resolver that `resolver` opens when one is needed."""

    def __init__(
        self, specs: Specs, files: Files, blobs: BlobStore, claims: Claims, resolver: Callable[[Spec], Resolver],
        dump: Callable[[LockDocument], bytes], *,
        alone: Callable[[Digest, Callable[[str], object]], AbstractContextManager[None]] = _nobody_else,
        on_top: OnTop | None = None,
    ) -> None:  # fmt: skip
        """`alone` holds a request id against every other process that would resolve it, and tells whom it waits for.

        `on_top` serves specs that install their own package.
        """
        self._specs, self._files, self._blobs, self._claims = specs, files, blobs, claims
        self._resolver, self._dump, self._alone, self._on_top = resolver, dump, alone, on_top

    def find(self, spec: Spec, platform: Platform, choice: Choice, report: Reporter) -> Locked | None:
        """What a build uses without resolving or building a wheel, or None. LockStale where the choice forbids to go on."""
        found = self.found(spec, platform, choice, report)
        return found if found is None or self._on_top is None else self._on_top.find(spec, platform, found)

    def ensure(self, spec: Spec, platform: Platform, choice: Choice, report: Reporter) -> Locked:
        """`find`, else resolve and build the project's own wheel, and remember the answer."""
        locked = self.found(spec, platform, choice, report) or self._resolved(spec, platform, choice, report)
        return locked if self._on_top is None else self._on_top.ensure(spec, platform, locked, report)

    def found(self, spec: Spec, platform: Platform, choice: Choice, report: Reporter) -> Locked | None:
        """The lock of what a spec depends on, without resolving; the project's own package is not in it."""
        request = _request(spec, platform)
        place = self.place_of(spec, choice)
        if place is not None:
            facts = self._specs.lock_facts(place)
            section = facts.sections.get(platform)
            if section is not None and (choice.frozen or section.request == request):
                return _locked(spec, section, facts, place, frozen=choice.frozen)
            if choice.locked or choice.frozen:
                raise LockStale(
                    f"the lock does not answer what {spec.path} asks now for {platform}",
                    at=place,
                    hint=f"bring it up to date: envbuild lock {spec.command_words}",
                )
            report.notice(f"{place} does not fit {spec.path} any more (envbuild lock {spec.command_words} updates it)")
        elif choice.file and not (choice.locked or choice.frozen):
            report.notice(f"there is no lock {choice.file}: {spec.path} is resolved, or its lock in the store is used")
        elif choice.locked or choice.frozen:
            raise LockStale(
                f"there is no lock for {spec.path}",
                at=", ".join(self.places(spec)),
                hint=f"write one: envbuild lock {spec.command_words}",
            )
        here = self._section_here(request, platform)
        return _locked(spec, *here, _STORE, frozen=False) if here else None

    def _resolved(self, spec: Spec, platform: Platform, choice: Choice, report: Reporter) -> Locked:
        request = _request(spec, platform)
        with self._alone(request, report.notice):
            # Whoever resolved it while we waited resolved it for us. Said once: what `find` has to tell was told.
            section_here = self._section_here(request, platform)
            if section_here is not None:
                return _locked(spec, *section_here, _STORE, frozen=False)
            document = self.resolve(spec, [platform], choice, report)
            digest = self.remember(spec, document)
        section = self._specs.facts_of(digest).sections[platform]
        return Locked(lock_id=section.lock_id, settings=spec.settings, document=digest, place=_STORE, fresh=True)

    def resolve(self, spec: Spec, platforms: Sequence[Platform], choice: Choice, report: Reporter) -> LockDocument:
        """A new lock document; versions of the lock before are kept where they fit and no upgrade is asked for."""
        self._specs.refuse_unserved(spec)
        definition = self._specs.definition(spec).definition
        if definition.no_deps and choice.asks_for_change and not choice.upgrade_base:
            report.notice(f"{spec.path} is a complete list: the tool that wrote it upgrades its versions")
        before = self.before(spec, choice)
        _check_names(choice, before)
        resolver = self._resolver(spec)
        sections = []
        for platform in sorted(platforms):
            old = before.section(platform) if before else None
            lock = resolver.resolve(definition, platform, _preferences(old.lock if old else None, choice), report)
            request = identity(request_material(definition, platform))
            sections.append(LockSection(request=request, lock=lock, settings=settings_of(definition)))
        return LockDocument(sections=tuple(sections))

    def before(self, spec: Spec, choice: Choice) -> LockDocument | None:
        """The lock document of before, fitting or not: the file's, else the store's."""
        place = self.place_of(spec, choice)
        if place is not None:
            return self.reads(place)
        for request in spec.requests.values():
            facts_here = self.from_index(request)
            if facts_here is not None:
                return self._specs.document(facts_here.document)
        return None

    def remember(self, spec: Spec, document: LockDocument) -> Digest:
        """Keep a spec's document in the store, and claim it for each of the spec's requests."""
        definition = self._specs.definition(spec).definition
        with self._blobs.create() as writer:
            writer.write(self._dump(document))
            digest = writer.commit()
        for section in document.sections:
            material = lock_material(section.lock)
            self._claims.put("locked", identity(material), {"document": str(digest)}, material)
            asked = request_material(definition, section.lock.platform)
            self._claims.put(_INDEX, identity(asked), {"document": str(digest)}, asked)
        return digest

    def write(self, spec: Spec, document: LockDocument, choice: Choice) -> str:
        """Write the lock file where the project keeps it; the path."""
        path = choice.file or self.place_of(spec, choice) or self.new_place(spec)
        self._files.write(path, self._dump(document))
        return path

    def reads(self, place: str) -> LockDocument:
        """The lock document of a file."""
        return self._specs.document(self._specs.lock_facts(place).document, place)

    def place_of(self, spec: Spec, choice: Choice) -> str | None:
        """The lock file of a spec, if there is one."""
        if choice.file:
            if not self._files.is_file(choice.file):
                if choice.locked or choice.frozen:
                    raise UsageError(
                        "there is no such lock file", at=choice.file, hint="leave --lock out, or name another"
                    )
                return None
            return choice.file
        return next((p for p in self.places(spec) if self._files.is_file(p)), None)

    def new_place(self, spec: Spec) -> str:
        """Where a lock file of this spec is written: `lockfiles/` where the project has it, else beside the spec."""
        return self.places(spec)[0]

    def places(self, spec: Spec) -> list[str]:
        """Where a lock file of this spec may stand, in order. Each choice of extras and groups has a file of its own."""
        path, chosen = PurePath(spec.path), spec.selection.in_lock_names
        beside = str(path.with_name(f"{path.stem}{chosen}.envbuild.lock"))
        folder = self._lockfiles(path.parent)
        return [str(folder / f"{spec.name}{chosen}.lock"), beside] if folder else [beside]

    def _lockfiles(self, start: PurePath) -> PurePath | None:
        """The folder `lockfiles` of the project: looked for upwards, to the root of the repository at the most."""
        folder = start
        for _ in range(32):
            if self._files.is_folder(str(folder / "lockfiles")):
                return folder / "lockfiles"
            if self._files.is_folder(str(folder / ".git")) or self._files.is_file(str(folder / "pyproject.toml")):
                return None
            parent = folder.parent if folder.parent != folder and folder.name != ".." else folder / ".."
            if folder.is_absolute() and folder.parent == folder:
                return None
            folder = parent
        return None

    def _section_here(self, request: Digest, platform: Platform) -> tuple[SectionFacts, LockFacts] | None:
        """What the store has for this request and platform."""
        facts = self.from_index(request)
        section = facts.sections.get(platform) if facts else None
        return (section, facts) if facts and section and section.request == request else None

    def from_index(self, request: Digest) -> LockFacts | None:
        """The lock document that the store has for this request, or None."""
        value: Any = self._claims.get(_INDEX, request)
        try:
            digest = Digest.parse(value["document"])
            return self._specs.facts_of(digest) if self._blobs.has(digest) else None
        except (KeyError, TypeError, ValueError):
            return None


def _request(spec: Spec, platform: Platform) -> Digest:
    if platform not in spec.requests:
        known = ", ".join(map(str, spec.requests))
        raise UsageError(
            f"{spec.path} does not name the platform {platform}", hint=f"it names {known}; add it to `platforms`"
        )
    return spec.requests[platform]


def _locked(spec: Spec, section: SectionFacts, facts: LockFacts, place: str, *, frozen: bool) -> Locked:
    settings = section.settings if frozen else spec.settings
    return Locked(lock_id=section.lock_id, settings=settings, document=facts.document, place=place)


def _preferences(lock: Lock | None, choice: Choice) -> dict[str, str]:
    if lock is None or choice.upgrade:
        return {}
    prefer = {f"{a.kind.value}:{a.name}": a.file if a.kind in _BY_FILE else a.version for a in lock.everything}
    for name in choice.packages:
        prefer.pop(f"wheel:{_normalized(name)}", None)
        for kind in ("deb", "conda", "python"):
            prefer.pop(f"{kind}:{name.lower()}", None)
    if choice.upgrade_base:
        prefer = {name: version for name, version in prefer.items() if not name.startswith("deb:")}
    return prefer


def _check_names(choice: Choice, before: LockDocument | None) -> None:
    """A name that is in no lock would be upgraded to nothing, silently."""
    known = {a.name for s in (before.sections if before else ()) for a in s.lock.everything}
    for name in choice.packages:
        if known.isdisjoint({_normalized(name), name.lower()}):
            near = ", ".join(get_close_matches(name.lower(), known, 3))
            hint = (
                f"is it one of {near}?" if near else "name a package that the lock has, or ask for it in the definition"
            )
            raise UsageError(f"no package {name!r} is in the lock", at="-P", hint=hint)


def _normalized(name: str) -> str:
    """PEP 503."""
    return re.sub(r"[-_.]+", "-", name).lower()
