"""`StandalonePythons`: which standalone build a definition's Python means, where its base has another one.

A minor version means the newest release of it that there is when it is locked; a release means itself. What a lock has is
kept, the very archive, until something newer is asked for.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from packaging.version import Version

from envbuild.debian.baselist import SUITES, own_python
from envbuild.definition import Definition
from envbuild.errors import ResolveFailed
from envbuild.lockfile import Artifact, ArtifactKind
from envbuild.platforms import Platform
from envbuild.ports import Reporter
from envbuild.resolvers.pythoncatalog import PythonBuild

__all__ = ["NAME", "SOURCE", "StandalonePythons", "chosen", "kept_build"]

NAME = "cpython"
SOURCE = "python-build-standalone"
_OLDEST = Version("3.8")
_FILE = re.compile(
    r"cpython-(?P<version>[0-9]+\.[0-9]+\.[0-9]+[a-z0-9]*)\+(?P<tag>[0-9]{8})-(?P<machine>[a-z0-9_]+?)-.*"
)


class _Mirrors(Protocol):
    def measure(self, path: str, places: Sequence[str], sha256: str, report: Reporter) -> tuple[str, int] | None:
        """The sha256 and size of the archive at this path, or at one of these URLs; None where it is nowhere."""


class StandalonePythons:
    """Chooses among the builds that are listed; `builds` is asked once, and only where one is needed."""

    def __init__(self, builds: Callable[[], Sequence[PythonBuild]], mirrors: _Mirrors, *, is_own_list: bool) -> None:
        """`is_own_list`: the list is uv's own, so that every machine finds by its path what is in it."""
        self._builds, self._mirrors, self._is_own_list = builds, mirrors, is_own_list

    def resolve(
        self, definition: Definition, platform: Platform, prefer: Mapping[str, str], report: Reporter
    ) -> Artifact | None:
        """The build that the definition means; None where its base or conda has the Python.

        `prefer` has the file of the locked one. ResolveFailed, with all there are, where there is none of this version.
        """
        if not definition.python or definition.conda or own_python(definition):
            return None
        builds = [build for build in self._builds() if build.machine == platform.machine]
        kept = kept_build(builds, definition.python, prefer.get(NAME, ""), platform.machine)
        found = self._artifact(kept, report) if kept else None
        if found is None:
            build = chosen(builds, definition.python, str(platform))
            found = self._artifact(build, report)
            if found is None:
                raise ResolveFailed(
                    f"Python {build.version} is listed for {definition.python}, and its file is not there: {build.path}",
                    at="python",
                    hint="name a release that the mirror (python-mirror) has, or a list of what it has: python-catalog",
                )
        return found

    def _artifact(self, build: PythonBuild, report: Reporter) -> Artifact | None:
        measured = self._mirrors.measure(build.path, (build.url,), build.sha256, report)
        if measured is None:
            return None
        return Artifact(
            kind=ArtifactKind.PYTHON,
            name=NAME,
            version=build.version,
            file=build.file,
            size=measured[1],
            sha256=measured[0],
            source=SOURCE,
            path=build.path,
            url="" if self._is_own_list else build.url,
        )


def chosen(builds: Sequence[PythonBuild], asked: str, platform: str) -> PythonBuild:
    """The newest build of a minor version (`3.12`), or that of a release (`3.12.7`). ResolveFailed tells what there is."""
    fitting = [build for build in builds if _fits(build.release, asked)]
    if not fitting:
        raise _none(builds, asked, platform)
    return max(fitting, key=lambda build: build.release)


def kept_build(builds: Sequence[PythonBuild], asked: str, file: str, machine: str) -> PythonBuild | None:
    """The build with this file, where it still is what is asked for: as it is listed, else where such files are."""
    named = _FILE.fullmatch(file)
    if named is None or named["machine"] != machine or not _fits(Version(named["version"]), asked):
        return None
    listed = next((build for build in builds if build.file == file), None)
    if listed is not None or not builds:
        return listed
    # uv lists one build of each release; an older one stays where the builds of that day are.
    quoted = file.replace("+", "%2B")
    return PythonBuild(version=named["version"], machine=machine, url=f"{builds[0].base}/{named['tag']}/{quoted}")


def _fits(release: Version, asked: str) -> bool:
    wanted = Version(asked)
    if asked.count(".") > 1 or wanted.is_prerelease:
        return release == wanted
    return release.release[:2] == wanted.release and not release.is_prerelease


def _none(builds: Sequence[PythonBuild], asked: str, platform: str) -> ResolveFailed:
    wanted = Version(asked)
    minor = ".".join(map(str, wanted.release[:2]))
    same = [build for build in builds if build.minor == minor]
    releases = ", ".join(dict.fromkeys(build.version for build in same if not build.release.is_prerelease))
    if wanted < _OLDEST:
        what = f"there is no standalone build of Python {asked}: 3.8 is the oldest that there are builds of"
    elif same and not releases:
        what = (
            f"of Python {minor} there are previews alone: {', '.join(dict.fromkeys(build.version for build in same))}"
        )
        return ResolveFailed(what, at="python", hint=f'name one of them: python = "{same[0].version}"')
    else:
        what = f"there is no standalone build of Python {asked} for {platform}"
    if releases:
        return ResolveFailed(what, at="python", hint=f"of {minor} there are {releases}")
    minors = sorted({build.minor for build in builds if not build.release.is_prerelease}, key=Version)
    bases = ", ".join(f"{suite.python_release} ({suite.name})" for suite in SUITES.values())
    bases += "; conda has older ones (an environment.yml)" if wanted < _OLDEST else ""
    there = f"there are {', '.join(minors)}" if minors else "there are none at all"
    return ResolveFailed(what, at="python", hint=f"{there}, and the bases' own: {bases}")
