"""`Direct`: runs without a container, in a folder that is made from the lock's own packages."""

import os
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from envbuild.errors import EnvironmentFault
from envbuild.http.stepnetwork import StepNetwork
from envbuild.lockfile import ArtifactKind, Lock
from envbuild.pipeline.locking import Locked
from envbuild.ports import Reporter
from envbuild.runners.command import Command, Outcome
from envbuild.workspace.adapters import Adapters
from envbuild.workspace.hosting import has_library, has_program, left_out_of
from envbuild.workspace.lockedpython import hold_python, locked_python

if TYPE_CHECKING:
    from envbuild.runners.prefixcommand import Surroundings

__all__ = ["Direct"]


class Direct:
    """Environments as folders of the store; opened for one command."""

    def __init__(self, adapters: Adapters, network: StepNetwork) -> None:
        self._adapters, self._network = adapters, network

    def run(self, lock: Lock, locked: Locked, command: Command, report: Reporter) -> Outcome:
        """Run in the lock's folder, which is found or made first."""
        from envbuild.runners.prefixcommand import run_in_prefix

        folder = self._adapters.places.prefixes / locked.lock_id.hex
        self._adapters.lease.hold(f"prefix/{locked.lock_id.hex}")
        around = self._conda(lock, locked, folder, report) if lock.has_conda else None
        if around is None:
            self._virtual(lock, locked, folder, report)
        with suppress(OSError):
            # The time of the last use, by which `cache prune` goes.
            os.utime(folder)
        for notice in self._network.notices:
            report.notice(notice)
        variables = locked.settings.variables
        return run_in_prefix(folder, command, self._adapters.environ, variables, self._network, around)

    def _virtual(self, lock: Lock, locked: Locked, folder: Path, report: Reporter) -> None:
        from envbuild.runners.hostfit import HostSystem, check_host
        from envbuild.runners.interpreter import find_interpreter
        from envbuild.runners.prefix import find_prefix, make_prefix

        hold_python(self._adapters, lock)
        if find_prefix(folder):
            return
        environ, assembler = self._adapters.environ, self._adapters.assembler
        if lock.interpreter is None:
            raise EnvironmentFault("this environment has no Python to run directly", hint="run it in a container")
        brings_python = bool(lock.of_kind(ArtifactKind.PYTHON))
        found = None if brings_python else find_interpreter(lock.interpreter.minor, environ)
        layout = locked.settings.layout
        segments = assembler.segments(lock, lock.artifacts, layout, report)
        tables = {sha256: s.table for sha256, s in segments.items()}
        check_host(lock, tables, found or HostSystem.here(), has_library(environ), has_program)
        python = found if found is not None else locked_python(self._adapters, lock, layout, report)
        wheels = [segments[a.sha256] for a in lock.of_kind(ArtifactKind.WHEEL)]
        left_out = left_out_of(lock, segments)
        make_prefix(wheels, self._adapters.blobs, python, folder, report, left_out)

    def _conda(self, lock: Lock, locked: Locked, folder: Path, report: Reporter) -> "Surroundings":
        from envbuild.runners.condafolder import find_conda_prefix

        found = find_conda_prefix(folder)
        if found is None:
            from envbuild.workspace.directconda import make_conda

            found = make_conda(self._adapters, lock, locked, folder, report)
        return found.surroundings(activate=locked.settings.activate)
