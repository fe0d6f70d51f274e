"""`CondaLockSolver`: conda packages by conda-lock, over a conda, mamba or micromamba of this machine; none is ever fetched."""

import importlib.util
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol

from envbuild import process
from envbuild.errors import MissingExtra, ResolveFailed, UsageError
from envbuild.http.waiting import SLOW
from envbuild.matchspec.spec import MatchSpec
from envbuild.overdue import overdue
from envbuild.ports import Reporter
from envbuild.resolvers.conda.condalockfiles import (
    Locked,
    environment,
    kept,
    locked,
    needed,
    unserved,
    virtual_packages_file,
    wanted,
)
from envbuild.resolvers.conda.condalocksays import failure
from envbuild.resolvers.conda.condaprogram import find_conda
from envbuild.resolvers.conda.request import CondaRecord, CondaRequest

__all__ = ["CondaLockSolver"]

_ROUNDS = 4
"""Of keeping what older packages need in turn."""
_AT = "--resolver conda-lock"
_OWN = {
    "CONDA_AGGRESSIVE_UPDATE_PACKAGES": "",
    "CONDA_CHANNEL_PRIORITY": "strict",
    "CONDA_CREATE_DEFAULT_PACKAGES": "",
    "CONDA_PINNED_PACKAGES": "",
    "CONDA_TRACK_FEATURES": "",
    "MAMBA_CHANNEL_PRIORITY": "strict",
    "MAMBA_NO_RC": "1",
}
"""What conda's configuration files, which it reads wherever they are, may not decide."""


class _Channels(Protocol):
    def answering(self, channel: str, subdirs: Sequence[str]) -> tuple[str, ...]:
        """Of each channel that a name stands for, the one place that has one of these folders, with its login."""


class CondaLockSolver:
    """Implements CondaSolver. Sizes are not known to it."""

    def __init__(self, channels: _Channels, environ: Mapping[str, str], program: Mapping[str, str]) -> None:
        """`environ` is the whole environment that conda-lock and conda see; `program` the one in which conda is looked for."""
        self._channels, self._environ, self._program = channels, environ, program

    def solve(self, request: CondaRequest, report: Reporter) -> tuple[CondaRecord, ...]:
        """The packages that meet a request, sorted by name.

        What is preferred is kept altogether; where it does not fit together any more, nothing of it. Errors as CondaSolver
        has them; UsageError where conda-lock has no words for what is asked.
        """
        if importlib.util.find_spec("conda_lock") is None:
            raise MissingExtra("conda-lock", _AT)
        conda = find_conda(self._program)
        if reason := unserved(request):
            hint = "leave --resolver out: rattler solves it"
            raise UsageError(f"conda-lock cannot ask for {reason}", at=_AT, hint=hint)
        specs = wanted(request)
        # Asked before conda is: it fails where one of its channels does not answer, and does not try another place.
        places = {name: self._channels.answering(name, (request.subdir, "noarch")) for name in request.channels}
        with overdue(SLOW, lambda: report.notice(f"still solving with conda-lock over {Path(conda).name}")):
            found = self._solved(conda, request, specs, places)
        return tuple(sorted(one.record for one in found))

    def _solved(
        self, conda: str, request: CondaRequest, specs: Mapping[str, MatchSpec], places: Mapping[str, Sequence[str]]
    ) -> list[Locked]:
        found = self._locked(conda, request, specs, places)
        pins: dict[str, MatchSpec] = {}
        for _ in range(_ROUNDS):
            newer = {one.record.name for one in found if request.prefer.get(one.record.name) != one.record.file}
            more = kept(specs, {name: file for name, file in request.prefer.items() if name in newer - pins.keys()})
            if not more:
                break
            try:
                again = self._locked(conda, request, {**specs, **pins, **more}, places)
            except ResolveFailed:
                break
            # A pin of what nothing needs any more brings it back: it is left out again.
            found = needed(again, list(specs))
            pins |= more
        return found

    def _locked(
        self, conda: str, request: CondaRequest, specs: Mapping[str, MatchSpec], places: Mapping[str, Sequence[str]]
    ) -> list[Locked]:
        with tempfile.TemporaryDirectory(prefix="envbuild-conda-lock-") as place:
            folder = Path(place)
            urls = [url for of_channel in places.values() for url in of_channel]
            (folder / "environment.yml").write_text(environment(specs, urls, request.subdir), encoding="utf-8")
            (folder / "virtual-packages.yml").write_text(virtual_packages_file(request), encoding="utf-8")
            # Names of PyPI play no part; without a file of them, conda-lock would fetch one.
            (folder / "names.json").write_text("{}", encoding="utf-8")
            done = process.run(_argv(conda, request.subdir), env=self._environment(place), cwd=folder)
            written = folder / "conda-lock.yml"
            if done.code != 0 or not written.is_file():
                raise failure(done.stderr.decode("utf-8", "replace"), place)
            return locked(written.read_text(encoding="utf-8"), places)

    def _environment(self, temporary: str) -> dict[str, str]:
        # conda-lock has conda keep nothing from one solve to the next, so that no home of its own is worth keeping.
        own = ("HOME", "TMPDIR", "XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "MAMBA_ROOT_PREFIX")
        return {**self._environ, **_OWN, **dict.fromkeys(own, temporary)}


def _argv(conda: str, subdir: str) -> list[str]:
    return [
        sys.executable, "-I", "-m", "conda_lock", "lock", "--conda", conda, "--no-mamba", "--no-micromamba",
        "--file", "environment.yml", "--platform", subdir, "--virtual-package-spec", "virtual-packages.yml",
        "--lockfile", "conda-lock.yml", "--kind", "lock", "--pypi_to_conda_lookup_file", "names.json",
    ]  # fmt: skip
