"""`ExportedLock`: a lock, and beside it what conda's other tools write of its packages: where they are, what they need."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from envbuild.lockfile import Artifact, ArtifactKind, Lock
from envbuild.matchspec.channel import subdir_of

__all__ = ["ExportedLock"]

_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*")


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportedLock:
    """One platform's lock. All that is by sha256 is there for every conda package and every wheel."""

    lock: Lock
    urls: Mapping[str, str]
    """Where each file is, by sha256; without logins and tokens."""
    facts: Mapping[str, Mapping[str, str]] = field(repr=False)
    """What each package's own metadata says (the facts of its layer's table), by sha256."""
    indexes: Mapping[str, str]
    """The URL of each index that wheels are from, by its name."""

    @property
    def subdir(self) -> str:
        """The platform as conda names it."""
        return subdir_of(self.lock.platform)

    @property
    def conda(self) -> tuple[Artifact, ...]:
        """The conda packages, by name."""
        return tuple(sorted(self.lock.of_kind(ArtifactKind.CONDA), key=lambda a: a.name))

    @property
    def wheels(self) -> tuple[Artifact, ...]:
        """The packages from indexes and URLs, by name. The project's own wheel is none: it is on no index."""
        wheels = self.lock.of_kind(ArtifactKind.WHEEL)
        return tuple(sorted((a for a in wheels if not a.is_own), key=lambda a: a.name))

    def depends(self, package: Artifact) -> dict[str, str]:
        """The names that a conda package depends on, each with the versions that it asks for ("" for any)."""
        asked: dict[str, list[str]] = {}
        for line in self.facts[package.sha256].get("depends", "").split("\n"):
            if found := _NAME.match(line.strip()):
                words = line.strip()[found.end() :].split()
                # What stands in brackets, and a build behind the version, has no place beside a name.
                versions = words[:1] if words and words[0][0] not in "[;" else []
                asked.setdefault(found[0].lower(), []).extend(versions)
        return {name: _both(versions) for name, versions in sorted(asked.items())}

    def requires(self, wheel: Artifact) -> list[str]:
        """The lock's other wheels that a wheel names in its metadata, for whichever reason."""
        names = set(self.facts[wheel.sha256].get("requires", "").split("\n"))
        return [other.name for other in self.wheels if other.name in names and other.name != wheel.name]

    def in_link_order(self) -> tuple[Artifact, ...]:
        """The conda packages, each behind what it depends on; where packages need each other, by name."""
        packages = {package.name: package for package in self.conda}
        order: dict[str, Artifact] = {}
        entered: set[str] = set()
        # Each waits with what it still has to see first: a chain of packages may be longer than Python's stack.
        for start in packages:
            waiting = [(start, self._needed(start, packages, entered))]
            while waiting:
                name, needs = waiting[-1]
                following = next((need for need in needs if need not in entered), None)
                if following is None:
                    order.setdefault(name, packages[name])
                    waiting.pop()
                else:
                    waiting.append((following, self._needed(following, packages, entered)))
        return tuple(order.values())

    def _needed(self, name: str, packages: Mapping[str, Artifact], entered: set[str]) -> Iterator[str]:
        entered.add(name)
        return (need for need in self.depends(packages[name]) if need in packages)


def _both(versions: list[str]) -> str:
    """One expression for versions that all have to hold."""
    texts = list(dict.fromkeys(versions))
    return texts[0] if len(texts) == 1 else ",".join(f"({text})" if "|" in text else text for text in texts)
