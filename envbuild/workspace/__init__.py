"""`Workspace`: a store on this machine, and everything that can be done with it."""

import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Self

from envbuild.errors import UsageError
from envbuild.formats.selection import NOTHING_MORE, Selection
from envbuild.ids import definition_material
from envbuild.pipeline.delivering import Destination, Names, deliver, names_of
from envbuild.pipeline.locking import Choice
from envbuild.pipeline.quiet import Quiet
from envbuild.pipeline.specs import Spec
from envbuild.platforms import Platform
from envbuild.ports import Reporter, SpecSource
from envbuild.workspace.adapters import Adapters
from envbuild.workspace.choosing import Chooser
from envbuild.workspace.notices import Notices
from envbuild.workspace.opening import opened

if TYPE_CHECKING:
    from envbuild.pipeline.explaining import Explanation
    from envbuild.pipeline.filetree import Entry
    from envbuild.pipeline.linting import Finding
    from envbuild.pipeline.relocking import LockResult
    from envbuild.pipeline.running import RunRequest
    from envbuild.pipeline.verifying import Verified
    from envbuild.sources.installed import Captured
    from envbuild.workspace.caching import Cache
    from envbuild.workspace.comparing import Difference
    from envbuild.workspace.configuring import Configuration
    from envbuild.workspace.doctor.diagnosis import Diagnosis
    from envbuild.workspace.linting import FixedFile
    from envbuild.workspace.logins import Forgotten, LoggedIn
    from envbuild.workspace.results import BuildRequest, Delivered, Probe, Shown

__all__ = ["Workspace"]


@dataclass(frozen=True)
class Workspace:
    """A store and the machine it is on. Open one with `Workspace.open()`."""

    adapters: Adapters = field(repr=False)

    @classmethod
    def open(
        cls,
        environ: Mapping[str, str] | None = None,
        *,
        settings: Mapping[str, str] | None = None,
        resolver: str = "",
        interrupted: Callable[[], bool] | None = None,
    ) -> Self:
        """The workspace that an environment names (ENVBUILD_HOME and XDG folders; the process's own by default).

        `settings` by name (`{"ca-bundle": "/srv/ca.pem"}`) go before every variable and file, and `resolver` is one of
        them. UsageError for a setting that there is not. Once `interrupted` says so, the network is not waited for.
        """
        given = dict(settings or {}) | ({"resolver": resolver} if resolver else {})
        notices = Notices(interrupted) if interrupted else Notices()
        return cls(Adapters(dict(os.environ if environ is None else environ), given, notices=notices))

    def build(self, request: "BuildRequest", report: Reporter) -> "Delivered":
        """The image of a spec, found or built, and brought to its places."""
        from envbuild.workspace.delivery import Delivery
        from envbuild.workspace.results import Delivered

        with self.adapters.notices.to(report):
            adapters = opened(self.adapters, request.spec, request.selection, report)
            destinations = [Destination.parse(t) for t in request.targets]
            delivery = Delivery(adapters, report)
            shared = delivery.shared(request.cache)
            chosen = Chooser(adapters).choose(adapters.spec_path, request.platform, request.choice, report)
            if shared is not None:
                shared.fetch(chosen.locked, chosen.platform, report)
            built = adapters.building.ensure(chosen.locked, chosen.platform, report)
            if shared is not None:
                shared.publish(built, chosen.locked, chosen.ids.get("request", ""), report)
            names = names_of(chosen.name, built.image_id, request.names)
            Names(adapters.claims).put(names, built.image_id)
            places = destinations or [delivery.default_destination()]
            references = tuple(deliver(built.image, place, names, delivery.writers) for place in places)
            ids = {**chosen.ids, "image": str(built.image_id)}
            return Delivered(built=built, ids=ids, references=references, pushed=delivery.pushed)

    def lock(
        self, spec: SpecSource, choice: Choice, report: Reporter, *, selection: Selection = NOTHING_MORE
    ) -> "LockResult":
        """Resolve where needed, write the lock file, tell what changed; a `locked` choice only checks it."""
        from envbuild.pipeline.relocking import check, relock

        with self.adapters.notices.to(report):
            adapters = opened(self.adapters, spec, selection, report)
            found = Chooser(adapters).spec(adapters.spec_path, report)
            if choice.locked:
                return check(adapters.locking, found, choice)
            return relock(adapters.locking, found, choice, report)

    def export(
        self,
        spec: SpecSource,
        form: str,
        platform: Platform | None,
        choice: Choice,
        report: Reporter,
        *,
        selection: Selection = NOTHING_MORE,
    ) -> str:
        """A spec's lock for other tools: its PyPI packages as `pylock` (PEP 751) or `requirements` with hashes, or all of
        conda's and PyPI's as `conda-lock`, `pixi` or `explicit`.
        """
        from envbuild.workspace.exporting import exported

        with self.adapters.notices.to(report):
            adapters = opened(self.adapters, spec, selection, report)
            return exported(adapters, form, platform, choice, report)

    def probe(
        self,
        spec: SpecSource,
        platform: Platform | None,
        choice: Choice,
        report: Reporter,
        *,
        selection: Selection = NOTHING_MORE,
    ) -> "Probe":
        """Whether the image is here, by the store alone: no network, no engine."""
        from envbuild.workspace.results import Probe

        adapters = opened(self.adapters, spec, selection, report)
        chosen = Chooser(adapters).find(adapters.spec_path, platform, choice, report)
        if isinstance(chosen, Spec):
            ids = {"definition": str(chosen.definition_id)}
            own = ", or its own package was not built from its files as they are now" if chosen.project else ""
            return Probe(hit=False, ids=ids, missing=f"no lock is known for it yet{own}")
        image_id = adapters.building.image_id(chosen.locked)
        ids = {**chosen.ids, "image": str(image_id)}
        built = adapters.building.find(chosen.locked, chosen.platform)
        if built is None:
            return Probe(hit=False, ids=ids, missing="its image was not built here yet")
        reference = names_of(chosen.name, image_id, ())[0]
        return Probe(hit=True, ids=ids, digest=str(built.image.digest), reference=reference)

    def show(self, spec: SpecSource, report: Reporter, *, selection: Selection = NOTHING_MORE) -> "Shown":
        """The normalized definition and all its ids; of a lock and an image only what is known here."""
        from envbuild.formats.toml.envtomldump import envbuild_toml
        from envbuild.workspace.results import Shown

        adapters = opened(self.adapters, spec, selection, report)
        found = Chooser(adapters).spec(adapters.spec_path, report)
        ids = {"definition": str(found.definition_id)}
        for platform, request in found.requests.items():
            suffix = "" if len(found.requests) == 1 else f" {platform}"
            locked = adapters.locking.find(found, platform, Choice(), report)
            ids[f"request{suffix}"] = str(request)
            ids[f"lock{suffix}"] = str(locked.lock_id) if locked else ""
            ids[f"image{suffix}"] = str(adapters.building.image_id(locked)) if locked else ""
        definition = adapters.specs.definition(found).definition
        toml = envbuild_toml(definition)
        return Shown(name=found.name, ids=ids, material=definition_material(definition), toml=toml)

    def explain(
        self, spec: SpecSource, platform: Platform | None = None, *, selection: Selection = NOTHING_MORE
    ) -> "Explanation":
        """Why the image of a spec is here or not: each id, and for a miss the nearest definition. Nothing is resolved."""
        from envbuild.workspace.comparing import Comparing

        adapters = opened(self.adapters, spec, selection, Quiet())
        return Comparing(adapters, platform).explain(adapters.spec_path)

    def lint(
        self, spec: SpecSource, *, selection: Selection = NOTHING_MORE, also: "Iterable[Finding]" = ()
    ) -> "tuple[Finding, ...]":
        """What is likely to hurt in a spec's definition, although it is valid; `also`: what its maker found by itself."""
        from envbuild.workspace.linting import Linting

        return Linting(opened(self.adapters, spec, selection, Quiet())).findings(also)

    def fix(self, path: str, *, selection: Selection = NOTHING_MORE) -> "tuple[FixedFile, ...]":
        """Mend in a definition's files what `lint` finds and can be mended safely."""
        from envbuild.workspace.linting import Linting

        return Linting(opened(self.adapters, path, selection, Quiet())).fix()

    def diff(self, first: str, second: str, platform: Platform | None = None) -> "Difference":
        """What differs between two environments, each a definition, a lock or an image."""
        from envbuild.workspace.comparing import Comparing

        return Comparing(self.adapters, platform).diff(first, second)

    def run(self, request: "RunRequest", report: Reporter) -> int:
        """Run a command in an environment, attached to this process's terminal; its exit code."""
        from envbuild.pipeline.running import run
        from envbuild.workspace.engines import Engines

        with self.adapters.notices.to(report):
            spec = request.spec or self._own_spec(request)
            adapters = opened(self.adapters, spec, request.selection, report)
            chosen = Chooser(adapters).choose(adapters.spec_path, request.platform, request.choice, report)
            lock = adapters.building.lock(chosen.locked, chosen.platform)
            return run(request, chosen.name, lock, chosen.locked, Engines(adapters, chosen.platform), report)

    def _own_spec(self, request: "RunRequest") -> str:
        """What a run without a spec means: a script's own header (PEP 723), else what the folder has."""
        from envbuild.runners.command import CommandKind
        from envbuild.workspace.reading import says_what_it_needs

        command = request.command
        if command.kind is CommandKind.SCRIPT and says_what_it_needs(command.target, self.adapters.files):
            return command.target
        return "."

    def capture(self, prefix: str = "", *, ask_channels: bool = False) -> "Captured":
        """An existing environment as a definition: a folder's, a conda environment's by name, else the active one's.

        `ask_channels`: of a build of conda's that its channel has no more, the version alone is kept.
        """
        from envbuild.workspace.capturing import capture

        return capture(prefix, self.adapters.environ, (lambda: self.adapters.channels) if ask_channels else None)

    def verify(self, image: str) -> "Verified":
        """Compare an image with its lock: distributions, RECORDs, and whether the interpreter starts."""
        from envbuild.pipeline.verifying import verify
        from envbuild.workspace.engines import Engines

        found = self.adapters.images.find(image)
        lock = self.adapters.images.lock(found.image)
        start, why_not = Engines(self.adapters, lock.platform).starter(found)
        return verify(found.image, lock, found.blobs, start, why_not)

    def doctor(self, report: Reporter) -> "Diagnosis":
        """What of this machine works, what does not, and what to do about it; within seconds, and without an error."""
        from envbuild.workspace.doctor.running import diagnose

        report.begin("doctor", 0)
        diagnosis = diagnose(self.adapters)
        report.end("doctor")
        return diagnosis

    @property
    def configuration(self) -> "Configuration":
        """The settings: what each is and who said so; the user's file may be changed."""
        from envbuild.workspace.configuring import Configuration

        return Configuration(self.adapters)

    def login(self, registry: str, user: str, password: str, report: Reporter) -> "LoggedIn":
        """Try a login to a registry (`host[:port]`) or a package index (its URL), and keep it for the next commands."""
        from envbuild.workspace.logins import Logins

        with self.adapters.notices.to(report):
            return Logins(self.adapters).login(registry, user, password, report)

    def logout(self, registry: str) -> "Forgotten":
        """Forget the login that `login`, or Docker's, kept; what it answers says where others remain."""
        from envbuild.workspace.logins import Logins

        return Logins(self.adapters).logout(registry)

    @property
    def cache(self) -> "Cache":
        """The store as a whole: what it holds, whether it is sound, what of it may go."""
        from envbuild.workspace.caching import Cache

        return Cache(self.adapters)

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
