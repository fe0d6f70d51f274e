"""`Chooser`: from what a user points at (a file, a folder, a lock) to the lock that an image is made from."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePath

from envbuild.errors import UsageError
from envbuild.formats.kinds import is_envbuild_lock
from envbuild.pipeline.locking import Choice, Locked
from envbuild.pipeline.specs import Spec
from envbuild.platforms import Platform
from envbuild.ports import Reporter
from envbuild.workspace.adapters import Adapters

__all__ = ["Chooser", "Chosen"]


@dataclass(frozen=True, slots=True)
class Chosen:
    """A lock, the name and platform of the image that is made from it, and the ids on the way."""

    name: str
    platform: Platform
    locked: Locked
    ids: Mapping[str, str]


class Chooser:
    """Reads specs and locks through a workspace's adapters. Paths are of files: a folder's definition was found before."""

    def __init__(self, adapters: Adapters) -> None:
        self._adapters = adapters

    def choose(self, path: str, platform: Platform | None, choice: Choice, report: Reporter) -> Chosen:
        """A spec's lock, found or resolved."""
        found = self.find(path, platform, choice, report)
        if isinstance(found, Chosen):
            return found
        chosen = self.platform(list(found.requests), platform)
        return _of_spec(found, chosen, self._adapters.locking.ensure(found, chosen, choice, report))

    def find(self, path: str, platform: Platform | None, choice: Choice, report: Reporter) -> Chosen | Spec:
        """A spec's lock without resolving; the spec alone where there is none."""
        if is_envbuild_lock(path) and self._adapters.given_definition is None:
            return self._of_lock_file(path, platform)
        spec = self.spec(path, report)
        chosen = self.platform(list(spec.requests), platform)
        locked = self._adapters.locking.find(spec, chosen, choice, report)
        return _of_spec(spec, chosen, locked) if locked else spec

    def spec(self, path: str, report: Reporter) -> Spec:
        """The spec of a definition's file, or of a value by what it is called."""
        spec = self._adapters.specs.open(path)
        mistaken = self._adapters.settings.notices
        for notice in (*self._adapters.places.notices, *mistaken, *spec.notices):
            report.notice(notice)
        return spec

    def _of_lock_file(self, path: str, platform: Platform | None) -> Chosen:
        facts = self._adapters.specs.lock_facts(path)
        chosen = self.platform(list(facts.sections), platform)
        if chosen not in facts.sections:
            known = ", ".join(map(str, facts.sections))
            raise UsageError(f"the lock has no section for {chosen}", at=path, hint=f"it has {known}")
        section = facts.sections[chosen]
        locked = Locked(lock_id=section.lock_id, settings=section.settings, document=facts.document, place=path)
        # What was chosen stands in the file's name in one way, in the image's in another: there `+` is no letter.
        name = PurePath(path).name.removesuffix(".lock").removesuffix(".envbuild").replace("+", "__")
        return Chosen(name, chosen, locked, {"request": str(section.request), "lock": str(section.lock_id)})

    def platform(self, named: list[Platform], wanted: Platform | None) -> Platform:
        """The wanted one, else this machine's where it is named, else the first named."""
        host = self._adapters.host_platform
        return wanted or (host if host in named or not named else named[0])


def _of_spec(spec: Spec, platform: Platform, locked: Locked) -> Chosen:
    ids = {
        "definition": str(spec.definition_id),
        "request": str(spec.requests[platform]),
        "lock": str(locked.lock_id),
    }
    return Chosen(spec.name + spec.selection.in_image_names, platform, locked, ids)
