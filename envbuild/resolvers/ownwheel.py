"""`WheelMaker`: a project's own wheel by `uv build`: an environment of its own, the definition's indexes, no time of day.

The build backend (PEP 517) is the project's own, and runs on this machine, without the logins that its packages are
fetched with (`buildvenv`). These come from where the definition's come from; SOURCE_DATE_EPOCH, the umask and the hash seed
are fixed, so that most backends give the same bytes each time.
"""

import tempfile
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from email.parser import BytesHeaderParser
from pathlib import Path

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import InvalidWheelFilename, canonicalize_name, parse_wheel_filename
from uv import find_uv_bin

from envbuild.definition import Index
from envbuild.errors import BuildFailed, EnvironmentFault
from envbuild.markersets import marker_environment
from envbuild.resolvers.buildvenv import BuildVenv, StepFailed, run, secrets_in, without_logins
from envbuild.resolvers.folderindex import served_folder
from envbuild.resolvers.uv import RETRIES, index_options
from envbuild.resolvers.uvsays import last_lines, unreached
from envbuild.wheelfiles import IndexFile, Target, best_file

__all__ = ["EPOCH", "MadeWheel", "WheelMaker"]

EPOCH = 315619200
"""1980-01-02, as every file of an image: zip archives know nothing older."""
_QUIET = ("--no-config", "--color", "never", "--no-progress", "--no-python-downloads")
_FROM = ("--keyring-provider", "disabled", "--index-strategy", "first-index")
_UMASK = ("/bin/sh", "-c", 'umask 022; exec "$0" "$@"')
_VERSIONED = ("setuptools-scm", "setuptools_scm", "hatch-vcs", "versioningit", "dunamai", "unable to detect version")
_NO_WHEEL = ("no usable wheels", "no wheels", "Building source distributions", "building source distributions")
_TAIL = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class MadeWheel:
    """A wheel that was built, and what its METADATA says."""

    path: Path
    name: str
    """Normalized (PEP 503)."""
    version: str
    requires: tuple[str, ...]
    """The requirements whose markers hold for the target, extras left out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WheelMaker:
    """Builds with uv. `urls` serve the indexes by name; `environ` is the environment that uv fetches with."""

    indexes: Sequence[Index]
    urls: Mapping[str, str]
    environ: Mapping[str, str]
    cache: Path
    python: str
    """The interpreter that the backend runs in: the target's Python where this machine has it."""
    glibc: str
    """This machine's."""

    def make(self, tree: Path, out: Path, target: Target) -> MadeWheel:
        """The wheel of the project in `tree`, written to `out`.

        BuildFailed: the backend failed, or built for another target; EnvironmentFault: an index cannot be reached.
        """
        with tempfile.TemporaryDirectory(prefix="envbuild-wheel-") as place:
            venv = self._venv(Path(place))
            try:
                venv.prepare(tree)
                run([*_UMASK, *self._argv(tree, out, venv)], venv.environ, tree)
            except StepFailed as failed:
                raise _failed(self._shown(failed.stderr), str(tree), place) from None
        wheels = sorted(out.glob("*.whl"))
        if len(wheels) != 1:
            raise BuildFailed(f"the build backend wrote {len(wheels)} wheels, not one", hint="look at [build-system]")
        return self._read(wheels[0], target)

    def _venv(self, folder: Path) -> BuildVenv:
        """Where the backend runs; not made yet."""
        fixed = {"HOME": str(folder), "SOURCE_DATE_EPOCH": str(EPOCH), "PYTHONHASHSEED": "0"}
        fixed |= {"PYTHONDONTWRITEBYTECODE": "1", "LC_ALL": "C.UTF-8", "TZ": "UTC"}
        served = {index.name: served_folder(self._url(index), folder / index.name) for index in self.indexes}
        return BuildVenv(
            folder=folder / "venv",
            python=self.python,
            uv=[*_QUIET, "--cache-dir", str(self.cache)],
            indexes=[*_FROM, *index_options(self.indexes, served, folder)],
            fetching={"UV_HTTP_RETRIES": RETRIES, **self.environ, **fixed},
            running={**without_logins(self.environ), **fixed},
        )

    def _argv(self, tree: Path, out: Path, venv: BuildVenv) -> list[str]:
        words = ["build", "--wheel", "--out-dir", str(out), "--python", venv.interpreter, "--no-build-isolation"]
        return [find_uv_bin(), *words, *venv.uv, "--no-sources", "--offline", str(tree)]

    def _shown(self, said: str) -> str:
        """What a step said, without the passwords that it was given."""
        for secret in secrets_in(self.environ):
            said = said.replace(secret, "***")
        return said

    def _url(self, index: Index) -> str:
        return self.urls.get(index.name, index.url)

    def _read(self, path: Path, target: Target) -> MadeWheel:
        try:
            with zipfile.ZipFile(path) as archive:
                member = next(name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
                fields = BytesHeaderParser().parsebytes(archive.read(member))
            name, version, _, tags = parse_wheel_filename(path.name)
        except (OSError, StopIteration, zipfile.BadZipFile, InvalidWheelFilename) as error:
            raise BuildFailed(f"the build backend wrote no wheel: {error}", at=path.name) from error
        requires_python = str(fields.get("Requires-Python", ""))
        if best_file([IndexFile(file=path.name, url="", requires_python=requires_python)], target) is None:
            raise _misfit(path.name, target)
        if any(tag.platform.startswith("linux_") for tag in tags) and _newer(self.glibc, target.glibc):
            what = f"compiled here, with glibc {self.glibc}; the image has {target.glibc}, on which it may not start"
            hint = "build on a machine with the image's glibc, or make manylinux wheels and name one in the definition"
            raise BuildFailed(what, at=path.name, hint=hint)
        environment = marker_environment(target.platform.machine, target.python)
        lines = [line for line in map(str, fields.get_all("Requires-Dist", [])) if _applies(line, environment)]
        return MadeWheel(path=path, name=canonicalize_name(name), version=str(version), requires=tuple(lines))


def _misfit(file: str, target: Target) -> BuildFailed:
    return BuildFailed(
        f"built for another target than Python {target.python} on {target.platform} with glibc {target.glibc}",
        at=file,
        hint=f"compiled code needs python{'.'.join(target.python.split('.')[:2])} on PATH, on a machine of that platform",
    )


def _failed(stderr: str, tree: str, place: str) -> BuildFailed | EnvironmentFault:
    """What the backend said last; an index that was not reached is no fault of the project's."""
    if fault := unreached(stderr, place):
        return fault
    lines = last_lines(stderr.replace(tree, "the project"), place, _TAIL)
    hint = "the project's own build failed; try it by itself: uv build --wheel"
    if any(word in stderr for word in _NO_WHEEL):
        hint = "what a build needs is taken as a wheel, not built: ask for a version of it that has one"
    if any(word in stderr for word in _VERSIONED):
        hint = "a version from version control is no part of the files: write `version` into [project]"
    return BuildFailed("its wheel cannot be built:\n" + "\n".join(f"    {line}" for line in lines), hint=hint)


def _applies(line: str, environment: Mapping[str, object]) -> bool:
    try:
        marker = Requirement(line).marker
    except InvalidRequirement:
        return False
    return marker is None or marker.evaluate(dict(environment))  # type: ignore[arg-type]


def _newer(one: str, other: str) -> bool:
    """Whether a glibc is newer than another; what is not known is not."""
    numbers = [[int(part) for part in text.split(".") if part.isdigit()] for text in (one, other)]
    return bool(numbers[0] and numbers[1]) and numbers[0] > numbers[1]
