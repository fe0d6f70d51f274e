"""Conda environments as folders, to run without a container: a lock's packages linked anew, with the folder as their prefix.

The prefix is in their files, so that an image's layers would not do. Made once for a lock; what its packages set for their programs
is kept in it, so that the next run only reads it.
"""

import os
import shutil
from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from envbuild.digest import Digest
from envbuild.errors import EnvbuildError, EnvironmentFault
from envbuild.layers.conda.activation import Activation
from envbuild.layers.conda.condaprefix import prefix_files
from envbuild.layers.conda.linking import link_package
from envbuild.layers.conda.place import CondaPlace
from envbuild.layers.conda.placeholders import PrefixTooLong
from envbuild.lockfile import Artifact, ArtifactKind, Lock
from envbuild.members import MemberTable, Segment
from envbuild.ports import OpensBlobs, Reporter
from envbuild.runners.condafolder import CondaFolder, find_conda_prefix, write_mark
from envbuild.runners.linkedfiles import SPARE, LinkedFolder
from envbuild.runners.madeonce import make_once
from envbuild.runners.prefixwheels import IMAGE_PREFIX, unpack_wheels

__all__ = ["CondaParts", "Decided", "make_conda_prefix"]

_STAGE = "unpack"
_MOVE = "ENVBUILD_HOME=FOLDER moves the store, to a shorter and plainer path"


@dataclass(frozen=True, slots=True, kw_only=True)
class Decided:
    """What all packages together mean: the one whose file stands, by path in an image, and the variables that they set."""

    winners: Mapping[str, Artifact]
    activation: Activation


@dataclass(frozen=True, slots=True, kw_only=True)
class CondaParts:
    """What a folder is made of: the lock, its wheels' and Debian packages' segments by sha256, and where all content is read.

    `decide` is asked with the tables of all packages, by sha256, and may refuse them.
    """

    lock: Lock
    segments: Mapping[str, Segment]
    blobs: OpensBlobs
    decide: Callable[[Mapping[str, MemberTable]], Decided]


def make_conda_prefix(parts: CondaParts, folder: Path, report: Reporter) -> CondaFolder:
    """The environment of a lock at `folder`, found or made. The packages' files are in the store.

    EnvironmentFault where the disk does not take it, or where the folder's path is longer than a package allows.
    """
    make_once(
        folder,
        lambda: find_conda_prefix(folder),
        lambda aside: _fill(aside, parts, folder, report),
        report,
        what="the environment",
    )
    found = find_conda_prefix(folder)
    if found is None:
        raise EnvironmentFault("was made, and is gone again", at=str(folder), hint="run it again")
    return found


def _fill(aside: Path, parts: CondaParts, final: Path, report: Reporter) -> None:
    spare = aside / SPARE
    spare.mkdir(mode=0o755)
    linked = LinkedFolder(aside, spare)
    linked.generated(_own_files(parts.lock, final))
    tables = _linked(linked, parts, final, report)
    tables |= {sha256: segment.table for sha256, segment in parts.segments.items()}
    decided = parts.decide(tables)
    linked.decide({_below(path): artifact.sha256 for path, artifact in decided.winners.items()})
    shutil.rmtree(spare)
    wheels = parts.lock.of_kind(ArtifactKind.WHEEL)
    left_out = _left_out(wheels, parts.segments, decided.winners, linked.paths)
    if wheels:
        unpack_wheels(aside, [parts.segments[a.sha256] for a in wheels], parts.blobs, final, report, left_out)
    write_mark(aside, final, decided.activation.at(str(final)))


def _own_files(lock: Lock, final: Path) -> Mapping[str, tuple[bytes, int]]:
    try:
        return prefix_files(lock.interpreter, str(final))
    except ValueError as error:
        raise EnvironmentFault(
            f"no conda environment can be in this folder: {error}", at=str(final), hint=_MOVE
        ) from error


def _linked(linked: LinkedFolder, parts: CondaParts, final: Path, report: Reporter) -> dict[str, MemberTable]:
    """All packages linked into the folder, the largest first; their tables by sha256."""
    packages = sorted(parts.lock.of_kind(ArtifactKind.CONDA), key=lambda a: -a.size)

    def one(artifact: Artifact) -> MemberTable:
        place = CondaPlace.of(str(final), parts.lock.interpreter if artifact.is_noarch else None)
        try:
            with (
                parts.blobs.open(artifact.digest) as stream,
                link_package(stream, file=artifact.file, place=place) as package,
            ):
                table = linked.add(artifact.sha256, package)
        except PrefixTooLong as error:
            raise EnvironmentFault(error.what, at=artifact.file, hint=_MOVE) from error
        except EnvbuildError as error:
            error.at = error.at or artifact.file
            raise
        report.advance(_STAGE, artifact.size)
        return table

    report.begin(_STAGE, sum(a.size for a in packages))
    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        jobs = {artifact.sha256: pool.submit(one, artifact) for artifact in packages}
        try:
            tables = {sha256: job.result() for sha256, job in jobs.items()}
        finally:
            pool.shutdown(cancel_futures=True)
    report.end(_STAGE)
    return tables


def _left_out(
    wheels: Sequence[Artifact],
    segments: Mapping[str, Segment],
    winners: Mapping[str, Artifact],
    conda: Collection[str],
) -> dict[Digest, Collection[str]]:
    """By layer id the wheel's paths that are another's: those that were lost, and those that conda has alike."""
    left_out: dict[Digest, Collection[str]] = {}
    for wheel in wheels:
        segment = segments[wheel.sha256]
        left_out[segment.layer_id] = {
            member.path
            for member in segment.table.members
            if (winners[member.path] != wheel if member.path in winners else _below(member.path) in conda)
        }
    return left_out


def _below(path: str) -> str:
    """A path of a member table, below the environment's folder."""
    return path.removeprefix(f"{IMAGE_PREFIX}/")
