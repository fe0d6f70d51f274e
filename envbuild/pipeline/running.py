"""Runs: in a container where an engine runs, else directly, in a prefix made from the same lock."""

from dataclasses import dataclass, field
from typing import Protocol

from envbuild.errors import EngineFault, EnvironmentFault, UsageError
from envbuild.formats.selection import NOTHING_MORE, Selection
from envbuild.lockfile import ArtifactKind, Lock
from envbuild.pipeline.locking import Choice, Locked
from envbuild.platforms import Platform
from envbuild.ports import Reporter, SpecSource
from envbuild.runners.command import Command, CommandKind, Outcome

__all__ = ["RunRequest", "Runtime", "run"]


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRequest:
    """What to run in which environment; no spec: the folder's own. `container`: demanded, forbidden, or (None) as it comes."""

    spec: SpecSource
    command: Command
    platform: Platform | None = None
    choice: Choice = field(default_factory=Choice)
    selection: Selection = NOTHING_MORE
    container: bool | None = None


class Runtime(Protocol):
    """The two ways to run a command in an environment."""

    def why_no_engine(self) -> str:
        """Why no container can be started here; nothing where one can."""

    def in_container(self, name: str, locked: Locked, command: Command, report: Reporter) -> Outcome:
        """Run in a container of the image, which is found or built first."""

    def directly(self, lock: Lock, locked: Locked, command: Command, report: Reporter) -> Outcome:
        """Run in a prefix of the lock's packages, which is found or made first."""


def run(request: RunRequest, name: str, lock: Lock, locked: Locked, runtime: Runtime, report: Reporter) -> int:
    """The command's own exit code. EnvironmentFault where it cannot be run in the way that was asked for."""
    if lock.interpreter is None and request.command.kind is not CommandKind.RAW:
        raise UsageError(
            f"this environment has no Python to run a {request.command.kind.value} with",
            at=name,
            hint="run one of its programs (envbuild run -- PROGRAM), or add python to the definition",
        )
    missing = "" if request.container is False else runtime.why_no_engine()
    if request.container is False or missing:
        outcome = None
    else:
        outcome, missing = _in_container(request, name, locked, runtime, report)
    if outcome is None and request.container:
        raise EnvironmentFault(f"no container can be started: {missing}", hint="leave --container out to run directly")
    if outcome is None:
        why = f" ({missing})" if missing else ""
        own = lock.has_conda or lock.of_kind(ArtifactKind.PYTHON)
        whose = "" if own else "with this machine's Python "
        report.notice(f"running directly, {whose}in a folder made from the same lock, not in the image{why}")
        outcome = runtime.directly(lock, locked, request.command, report)
    if outcome.problem:
        report.notice(outcome.problem)
    return outcome.code


def _in_container(
    request: RunRequest, name: str, locked: Locked, runtime: Runtime, report: Reporter
) -> tuple[Outcome | None, str]:
    """How the run in a container ended; or why the engine did not start one, where it may be done without."""
    try:
        return runtime.in_container(name, locked, request.command, report), ""
    except EngineFault as fault:
        if request.container:
            raise
        return None, fault.what
