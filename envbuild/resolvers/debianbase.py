"""The Debian part of a lock: the base's packages, and the `system` packages on top of it."""

from collections.abc import Mapping
from typing import Protocol

from envbuild.debian.baselist import Suite, base_packages, is_left_out, own_python, suite_of
from envbuild.debian.closure import Wanted, close
from envbuild.debian.packages import Package, Universe
from envbuild.debian.relations import is_package_name
from envbuild.definition import DebianBase, Definition
from envbuild.errors import ResolveFailed
from envbuild.lockfile import Artifact, ArtifactKind
from envbuild.platforms import Platform

__all__ = ["DebianBaseResolver", "DebianSuites", "wanted_package"]


class DebianSuites(Protocol):
    """Where the packages of a suite are known."""

    def universe(self, suite: Suite, platform: Platform) -> Universe:
        """The packages of a suite with its updates and security suites."""


class DebianBaseResolver:
    """Resolves what a definition needs of Debian."""

    def __init__(self, mirror: DebianSuites) -> None:
        self._mirror = mirror

    def resolve(
        self, definition: Definition, platform: Platform, prefer: Mapping[str, str]
    ) -> tuple[tuple[Artifact, ...], tuple[Artifact, ...]]:
        """The base's packages, and those of `system` with what they need beyond it; both sorted by name.

        `prefer`: versions to keep, by package, while the mirror has them. ResolveFailed: no such package, version, suite or
        Python, or packages that exclude each other; EnvironmentFault and IntegrityError as the mirror raises them.
        """
        if not isinstance(definition.base, DebianBase):
            return (), ()
        suite = suite_of(definition.base)
        python, wheels = bool(own_python(definition)), bool(definition.pypi or definition.python)
        system = [wanted_package(text, platform) for text in definition.system]
        names = base_packages(suite, definition.base.list_version, python=python, wheels=wheels)
        base = [Wanted(name) for name in names]
        universe = self._mirror.universe(suite, platform)
        of_base, of_system = close(universe, (base, system), prefer=prefer, leave_out=is_left_out)
        return tuple(map(_artifact, of_base)), tuple(map(_artifact, of_system))


def wanted_package(text: str, platform: Platform) -> Wanted:
    """`libgomp1` or `libgomp1=12.2.0-14`, as apt writes them. ResolveFailed where it is neither."""
    name, equals, version = (part.strip() for part in text.partition("="))
    name, _, architecture = name.partition(":")
    if not is_package_name(name) or (equals and not version):
        raise ResolveFailed(
            f"{text!r} is not a Debian package", at="system", hint="Write its name, or name=version: 'libgomp1'."
        )
    if architecture not in ("", "any", platform.architecture):
        raise ResolveFailed(
            f"{name} is asked for on {architecture}, in an image for {platform}",
            at="system",
            hint=f"Write {name!r} alone, and choose what the image is for with `platforms`.",
        )
    return Wanted(name, version)


def _artifact(package: Package) -> Artifact:
    return Artifact(
        kind=ArtifactKind.DEB,
        name=package.name,
        version=package.version,
        file=package.filename.rpartition("/")[2],
        size=package.size,
        sha256=package.sha256,
        source=package.source,
        path=package.filename,
    )
