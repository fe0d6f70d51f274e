"""`Workspace`: a store on this machine, and everything that can be done with it."""

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import PurePath
from typing import TYPE_CHECKING, Self

from envbuild.errors import UsageError
from envbuild.ids import definition_material
from envbuild.pipeline.delivering import Destination, Names, deliver, names_of
from envbuild.pipeline.locking import Choice, Locked
from envbuild.pipeline.specs import Spec
from envbuild.platforms import Platform
from envbuild.ports import Reporter
from envbuild.workspace.adapters import Adapters

if TYPE_CHECKING:
    from envbuild.pipeline.filetree import Entry
    from envbuild.pipeline.relocking import LockResult
    from envbuild.pipeline.running import RunRequest
    from envbuild.pipeline.verifying import Verified
    from envbuild.workspace.results import BuildRequest, Delivered, Probe, Shown

__all__ = ["Workspace"]

_DEFINITIONS = ("envbuild.toml", "requirements.txt")


@dataclass(frozen=True, slots=True)
class _Chosen:
    """A spec with its lock: what an image is made from."""

    name: str
    platform: Platform
    locked: Locked
    ids: Mapping[str, str]


@dataclass(frozen=True)
class Workspace:
    """A store and the machine it is on. Open one with `Workspace.open()`."""

    adapters: Adapters = field(repr=False)

    @classmethod
    def open(cls, environ: Mapping[str, str] | None = None, *, resolver: str = "uv") -> Self:
        """The workspace that an environment names (ENVBUILD_HOME and XDG folders; the process's own by default)."""
        return cls(Adapters(dict(os.environ if environ is None else environ), resolver))

    def build(self, request: "BuildRequest", report: Reporter) -> "Delivered":
        """The image of a spec, found or built, and brought to its places."""
        from envbuild.workspace.results import Delivered

        from envbuild.workspace.engines import Engines

        adapters = self.adapters.for_spec(request.spec)
        here = Workspace(adapters)
        chosen = here._choose(request.spec, request.platform, request.choice, report)
        built = adapters.building.ensure(chosen.locked, chosen.platform, report)
        names = names_of(chosen.name, built.image_id, request.names)
        Names(adapters.claims).put(names, built.image_id)
        engines = Engines(adapters, chosen.platform)
        destinations = [Destination.parse(t) for t in request.targets] or [engines.default_destination()]
        references = tuple(deliver(built.image, d, names, engines.writers(report)) for d in destinations)
        return Delivered(built=built, ids={**chosen.ids, "image": str(built.image_id)}, references=references)

    def lock(self, path: str, choice: Choice, report: Reporter) -> "LockResult":
        """Resolve where needed, write the lock file, tell what changed; a `locked` choice only checks it."""
        from envbuild.pipeline.relocking import check, relock

        spec = self.spec(path, report)
        if choice.locked:
            return check(self.adapters.locking, spec, choice)
        return relock(self.adapters.locking, spec, choice, report)

    def export(self, path: str, form: str, platform: Platform | None, choice: Choice, report: Reporter) -> str:
        """The PyPI packages of a spec's lock, as `pylock` (PEP 751) or `requirements` with hashes."""
        chosen = self._choose(path, platform, choice, report)
        return self.adapters.exported(self.adapters.building.lock(chosen.locked, chosen.platform), form)

    def probe(self, path: str, platform: Platform | None, choice: Choice, report: Reporter) -> "Probe":
        """Whether the image is here, by the store alone: no network, no engine."""
        from envbuild.workspace.results import Probe

        chosen = self._find(path, platform, choice, report)
        if isinstance(chosen, Spec):
            return Probe(
                hit=False, ids={"definition": str(chosen.definition_id)}, missing="no lock is known for it yet"
            )
        image_id = self.adapters.building.image_id(chosen.locked)
        ids = {**chosen.ids, "image": str(image_id)}
        built = self.adapters.building.find(chosen.locked, chosen.platform)
        if built is None:
            return Probe(hit=False, ids=ids, missing="its image was not built here yet")
        reference = names_of(chosen.name, image_id, ())[0]
        return Probe(hit=True, ids=ids, digest=str(built.image.digest), reference=reference)

    def show(self, path: str, report: Reporter) -> "Shown":
        """The normalized definition and all its ids."""
        from envbuild.workspace.results import Shown

        spec = self.spec(path, report)
        definition = self.adapters.specs.definition(spec).definition
        ids = {"definition": str(spec.definition_id)}
        for platform, request in spec.requests.items():
            suffix = "" if len(spec.requests) == 1 else f" {platform}"
            locked = self.adapters.locking.find(spec, platform, Choice(), report)
            ids[f"request{suffix}"] = str(request)
            ids[f"lock{suffix}"] = str(locked.lock_id) if locked else ""
            ids[f"image{suffix}"] = str(self.adapters.building.image_id(locked)) if locked else ""
        return Shown(name=spec.name, ids=ids, material=definition_material(definition))

    def run(self, request: "RunRequest", report: Reporter) -> int:
        """Run a command in an environment; its exit code."""
        from envbuild.pipeline.running import run
        from envbuild.workspace.engines import Engines

        path = request.spec or self._definition_in(".")
        adapters = self.adapters.for_spec(path)
        chosen = Workspace(adapters)._choose(path, request.platform, request.choice, report)
        lock = adapters.building.lock(chosen.locked, chosen.platform)
        return run(request, chosen.name, lock, chosen.locked, Engines(adapters, chosen.platform), report)

    def verify(self, image: str) -> "Verified":
        """Compare an image with its lock: distributions, RECORDs, and whether the interpreter starts."""
        from envbuild.pipeline.verifying import verify
        from envbuild.workspace.engines import Engines

        found = self.adapters.images.find(image)
        start, why_not = Engines(self.adapters).starter(found)
        return verify(found.image, self.adapters.images.lock(found.image), found.blobs, start, why_not)

    def list_files(self, image: str, path: str) -> "list[Entry]":
        """The files of an image, or those at and below a path."""
        from envbuild.pipeline.filetree import FileTree

        found = self.adapters.images.find(image)
        return FileTree(found.image, found.blobs).below(path)

    def read_file(self, image: str, path: str) -> Iterator[bytes]:
        """A file of an image, in chunks. UsageError where it is none."""
        from envbuild.pipeline.filetree import FileTree

        found = self.adapters.images.find(image)
        tree = FileTree(found.image, found.blobs)
        entry = tree.find(path)
        if entry.kind != "file":
            raise UsageError(f"this is a {entry.kind}", at=f"/{entry.path}", hint="list it: envbuild ls IMAGE PATH")
        return tree.read(entry)

    def spec(self, path: str, report: Reporter) -> Spec:
        """The spec at a path: a definition's file, or a folder that has one."""
        if self.adapters.files.is_folder(path):
            path = self._definition_in(path)
        spec = self.adapters.specs.open(path)
        for notice in spec.notices:
            report.notice(notice)
        return spec

    def _definition_in(self, folder: str) -> str:
        for name in _DEFINITIONS:
            path = str(PurePath(folder) / name)
            if self.adapters.files.is_file(path):
                return path
        raise UsageError(
            "no definition is in this folder", at=folder, hint=f"name a file, or write one of {', '.join(_DEFINITIONS)}"
        )

    def _choose(self, path: str, platform: Platform | None, choice: Choice, report: Reporter) -> _Chosen:
        """A spec's lock, found or resolved."""
        found = self._find(path, platform, choice, report)
        if isinstance(found, _Chosen):
            return found
        chosen = self._platform(list(found.requests), platform)
        locked = self.adapters.locking.ensure(found, chosen, choice, report)
        return _of_spec(found, chosen, locked)

    def _find(self, path: str, platform: Platform | None, choice: Choice, report: Reporter) -> "_Chosen | Spec":
        """A spec's lock without resolving; the spec alone where there is none."""
        if path.endswith(".lock") and not self.adapters.files.is_folder(path):
            return self._of_lock_file(path, platform)
        spec = self.spec(path, report)
        chosen = self._platform(list(spec.requests), platform)
        locked = self.adapters.locking.find(spec, chosen, choice, report)
        return _of_spec(spec, chosen, locked) if locked else spec

    def _of_lock_file(self, path: str, platform: Platform | None) -> _Chosen:
        facts = self.adapters.specs.lock_facts(path)
        chosen = self._platform(list(facts.sections), platform)
        if chosen not in facts.sections:
            raise UsageError(f"the lock has no section for {chosen}", at=path)
        section = facts.sections[chosen]
        locked = Locked(lock_id=section.lock_id, settings=section.settings, document=facts.document, place=path)
        name = PurePath(path).name.removesuffix(".lock").removesuffix(".envbuild")
        return _Chosen(name, chosen, locked, {"request": str(section.request), "lock": str(section.lock_id)})

    def _platform(self, named: list[Platform], wanted: Platform | None) -> Platform:
        if wanted is not None or not named:
            return wanted or self.adapters.host_platform
        return self.adapters.host_platform if self.adapters.host_platform in named else named[0]


def _of_spec(spec: Spec, platform: Platform, locked: Locked) -> _Chosen:
    ids = {
        "definition": str(spec.definition_id),
        "request": str(spec.requests[platform]),
        "lock": str(locked.lock_id),
    }
    return _Chosen(spec.name, platform, locked, ids)
