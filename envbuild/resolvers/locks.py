"""`LockResolver`: a definition becomes a lock: the base first, since its Python and libc decide which wheels fit."""

from collections.abc import Mapping
from typing import Protocol

from envbuild.definition import DebianBase, Definition
from envbuild.errors import Fault, InvalidDefinition
from envbuild.lockfile import Artifact, Lock
from envbuild.platforms import Platform
from envbuild.ports import Reporter
from envbuild.wheelfiles import Target

__all__ = ["LockResolver"]


class _BaseResolver(Protocol):
    def resolve(
        self, definition: Definition, platform: Platform, prefer: Mapping[str, str]
    ) -> tuple[tuple[Artifact, ...], tuple[Artifact, ...]]:
        """The base's packages, and the system packages on top of it."""


class _PackageResolver(Protocol):
    def resolve(
        self, definition: Definition, target: Target, prefer: Mapping[str, str], report: Reporter
    ) -> tuple[Artifact, ...]:
        """The PyPI packages."""


class LockResolver:
    """Implements `ports.Resolver` for Debian bases with PyPI packages."""

    def __init__(self, base: _BaseResolver, packages: _PackageResolver) -> None:
        self._base, self._packages = base, packages

    def resolve(self, definition: Definition, platform: Platform, prefer: Mapping[str, str], report: Reporter) -> Lock:
        """The lock of a normalized definition for one platform."""
        base = definition.base
        if not isinstance(base, DebianBase):
            raise InvalidDefinition([Fault("base", "only Debian packages can be the base here")])
        report.begin("resolve", 0)
        try:
            base_artifacts, system = self._base.resolve(definition, platform, _of_kind(prefer, "deb"))
            lock = Lock(platform=platform, base=base, base_artifacts=base_artifacts, artifacts=system)
            if definition.pypi and lock.interpreter is not None:
                target = Target(platform, lock.interpreter.version, lock.glibc)
                wheels = self._packages.resolve(definition, target, _of_kind(prefer, "wheel"), report)
                lock = Lock(
                    platform=platform,
                    base=base,
                    base_artifacts=base_artifacts,
                    artifacts=tuple(sorted([*system, *wheels], key=lambda a: (a.kind.value, a.name))),
                )
        finally:
            report.end("resolve")
        return lock


def _of_kind(prefer: Mapping[str, str], kind: str) -> dict[str, str]:
    return {name.partition(":")[2]: version for name, version in prefer.items() if name.startswith(f"{kind}:")}
