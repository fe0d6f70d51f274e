"""A conda environment made as a folder of the store: its packages fetched by hash, and linked anew.

Their files stay until `cache prune`: the next environment, with one package changed, is linked of them too.
"""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from envbuild.builders.activation import activation_of, tell_of_unread
from envbuild.lockfile import ArtifactKind, Lock
from envbuild.members import MemberTable
from envbuild.pipeline.locking import Locked
from envbuild.plan import find_conflicts
from envbuild.ports import Reporter
from envbuild.runners.condafolder import CondaFolder
from envbuild.runners.condaprefix import CondaParts, Decided, make_conda_prefix
from envbuild.runners.hostfit import HostSystem, check_host, virtual_packages_needed
from envbuild.workspace.adapters import Adapters
from envbuild.workspace.hosting import has_library, has_program

__all__ = ["make_conda"]

_DRIVER = "libcuda.so.1"


def make_conda(adapters: Adapters, lock: Lock, locked: Locked, folder: Path, report: Reporter) -> CondaFolder:
    """The environment of this lock at `folder`. EnvironmentFault names all that this machine lacks for it."""
    others = tuple(a for a in lock.artifacts if a.kind is not ArtifactKind.CONDA)
    packages = lock.of_kind(ArtifactKind.CONDA)
    segments = adapters.assembler.segments(lock, others, locked.settings.layout, report)
    _check(adapters, replace(lock, artifacts=others), {sha256: s.table for sha256, s in segments.items()})
    if not all(adapters.blobs.has(a.digest) for a in packages):
        adapters.source.fetch(packages, adapters.blobs, report)

    def decide(tables: Mapping[str, MemberTable]) -> Decided:
        _check(adapters, lock, tables)
        _tell_of_drivers(adapters, lock, tables, report)
        conflicts = find_conflicts(replace(lock, base_artifacts=()), tables)
        found = activation_of(lock, tables)
        if not locked.settings.activate:
            tell_of_unread(found, report)
        return Decided(winners={c.path: c.winner for c in conflicts}, activation=found)

    parts = CondaParts(lock=lock, segments=segments, blobs=adapters.blobs, decide=decide)
    return make_conda_prefix(parts, folder, report)


def _check(adapters: Adapters, lock: Lock, tables: Mapping[str, MemberTable]) -> None:
    check_host(lock, tables, HostSystem.here(), has_library(adapters.environ), has_program)


def _tell_of_drivers(adapters: Adapters, lock: Lock, tables: Mapping[str, MemberTable], report: Reporter) -> None:
    """Programs for a graphics card start without one, and say themselves what they make of it."""
    asking = [
        a.name for a in lock.of_kind(ArtifactKind.CONDA) if "__cuda" in virtual_packages_needed(tables[a.sha256].facts)
    ]
    if asking and not has_library(adapters.environ)(_DRIVER):
        report.notice(f"{', '.join(asking)}: made for an NVIDIA driver, and this machine has none ({_DRIVER})")
