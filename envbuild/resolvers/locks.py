"""`LockResolver`: a definition becomes a lock: the base first, since its libc decides what fits, then what brings Python.

In order: base and system packages, a standalone Python where one is asked for, conda packages, wheels.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from envbuild.definition import DebianBase, Definition
from envbuild.errors import Fault, InvalidDefinition, ResolveFailed
from envbuild.lockfile import Artifact, Lock
from envbuild.platforms import Platform
from envbuild.ports import Reporter
from envbuild.resolvers.pins import Provided
from envbuild.wheelfiles import Target

__all__ = ["LockResolver", "Resolvers"]

_PYPY = re.compile(r"_pypy(?:\.conda|\.tar\.bz2)$")


class _BaseResolver(Protocol):
    def resolve(
        self, definition: Definition, platform: Platform, prefer: Mapping[str, str]
    ) -> tuple[tuple[Artifact, ...], tuple[Artifact, ...]]:
        """The base's packages, and the system packages on top of it."""


class _PythonResolver(Protocol):
    def resolve(
        self, definition: Definition, platform: Platform, prefer: Mapping[str, str], report: Reporter
    ) -> Artifact | None:
        """The standalone Python that a definition means; None where its base or conda has the one."""


class _CondaResolver(Protocol):
    def resolve(
        self, definition: Definition, platform: Platform, glibc: str, prefer: Mapping[str, str], report: Reporter
    ) -> tuple[Artifact, ...]:
        """The conda packages, on a base with this C library."""


class _PackageResolver(Protocol):
    def resolve(
        self,
        definition: Definition,
        target: Target,
        prefer: Mapping[str, str],
        report: Reporter,
        provided: Sequence[Provided] = (),
    ) -> tuple[Artifact, ...]:
        """The PyPI packages, but those that are there already."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Resolvers:
    """One for each kind of artifact; those that few definitions need are opened when one does."""

    base: _BaseResolver
    packages: _PackageResolver
    python: Callable[[], _PythonResolver]
    conda: Callable[[], _CondaResolver]
    provided: Callable[[Lock, Reporter], Sequence[Provided]]
    """The Python distributions that a lock's conda packages bring."""


class LockResolver:
    """Implements `ports.Resolver` for Debian bases with conda and PyPI packages."""

    def __init__(self, resolvers: Resolvers) -> None:
        self._use = resolvers

    def resolve(self, definition: Definition, platform: Platform, prefer: Mapping[str, str], report: Reporter) -> Lock:
        """The lock of a normalized definition for one platform."""
        if not isinstance(definition.base, DebianBase):
            raise InvalidDefinition([Fault("base", "only Debian packages can be the base here")])
        report.begin("resolve", 0)
        try:
            return self._resolved(definition, definition.base, platform, prefer, report)
        finally:
            report.end("resolve")

    def _resolved(
        self, definition: Definition, base: DebianBase, platform: Platform, prefer: Mapping[str, str], report: Reporter
    ) -> Lock:
        # A Python that cannot be had is told before anything else is asked.
        python = self._python(definition, platform, prefer, report)
        # So is a missing extra, or a program that is not here.
        conda = self._use.conda() if definition.conda else None
        base_artifacts, system = self._use.base.resolve(definition, platform, _of_kind(prefer, "deb"))
        lock = Lock(platform=platform, base=base, base_artifacts=base_artifacts, artifacts=_sorted([*system, *python]))
        if conda is not None:
            kept = _of_kind(prefer, "conda")
            packages = conda.resolve(definition, platform, lock.glibc, kept, report)
            _check_python(packages)
            lock = _with(lock, packages)
        if definition.pypi:
            lock = _with(lock, self._wheels(definition, lock, _of_kind(prefer, "wheel"), report))
        return lock

    def _python(
        self, definition: Definition, platform: Platform, prefer: Mapping[str, str], report: Reporter
    ) -> list[Artifact]:
        if not definition.python or definition.conda:
            return []
        found = self._use.python().resolve(definition, platform, _of_kind(prefer, "python"), report)
        return [found] if found else []

    def _wheels(
        self, definition: Definition, lock: Lock, prefer: Mapping[str, str], report: Reporter
    ) -> tuple[Artifact, ...]:
        interpreter = lock.interpreter
        if interpreter is None:
            hint = "add python to the conda packages" if definition.conda else "name a Python in the definition"
            raise ResolveFailed("there are packages from an index, and no Python for them", at="pypi", hint=hint)
        if interpreter.abi:
            what = (
                "packages from an index are chosen for a Python with the usual threading, and conda's is free-threaded"
            )
            raise ResolveFailed(what, at="pypi", hint="take them from a channel, or ask for python=*=*_cp*")
        provided = self._use.provided(lock, report) if definition.conda else ()
        target = Target(lock.platform, interpreter.version, lock.glibc)
        return self._use.packages.resolve(definition, target, prefer, report, provided)


def _check_python(packages: Sequence[Artifact]) -> None:
    """PyPy has its packages elsewhere: those for every platform would be linked where it does not look."""
    for package in packages:
        if package.name == "python" and _PYPY.search(package.file):
            hint = "ask for CPython: python=*=*_cpython"
            raise ResolveFailed(
                f"conda's python is PyPy here ({package.file}), which is not served", at="conda", hint=hint
            )


def _with(lock: Lock, more: Sequence[Artifact]) -> Lock:
    return replace(lock, artifacts=_sorted([*lock.artifacts, *more]))


def _sorted(artifacts: Sequence[Artifact]) -> tuple[Artifact, ...]:
    return tuple(sorted(artifacts, key=lambda a: (a.kind.value, a.name)))


def _of_kind(prefer: Mapping[str, str], kind: str) -> dict[str, str]:
    return {name.partition(":")[2]: version for name, version in prefer.items() if name.startswith(f"{kind}:")}
