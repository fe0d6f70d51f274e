"""A command with the Python and the programs of an environment that is a folder, attached to our terminal."""

import os
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from envbuild import process
from envbuild.errors import EnvironmentFault
from envbuild.http.stepnetwork import NO_NETWORK, StepNetwork
from envbuild.runners.command import Command, Outcome

__all__ = ["Surroundings", "run_in_prefix"]

_ELSEWHERE = (
    "PYTHONHOME", "PYTHONPATH", "PYTHONPLATLIBDIR", "PYTHONEXECUTABLE", "PYTHONUSERBASE", "PYTHONSTARTUP",
    "PYTHONPYCACHEPREFIX", "PYTHONCASEOK", "__PYVENV_LAUNCHER__",
)  # fmt: skip
"""What would bring modules of another Python into this one."""

_OURS = ("PATH", "HOME", "VIRTUAL_ENV", "CONDA_PREFIX", "CONDA_DEFAULT_ENV")
"""What means the image's own folders in a definition."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What a kind of environment says to its programs: variables of its own, and which of the caller's mean another one.

    `entry`: words before the command's own, of a program that starts it.
    """

    variables: Mapping[str, str] = field(default_factory=dict)
    hidden: tuple[str, ...] = ()
    entry: tuple[str, ...] = ()


def run_in_prefix(
    prefix: Path,
    command: Command,
    environ: Mapping[str, str],
    variables: Iterable[tuple[str, str]] = (),
    network: StepNetwork = NO_NETWORK,
    surroundings: Surroundings | None = None,
) -> Outcome:
    """Run a command with this environment's Python and programs, attached to our terminal, in the current folder.

    `variables` are the definition's own: they win over the caller's, and both over what `network` says. Without
    `surroundings` it is a virtual environment.
    """
    around = surroundings or Surroundings(variables={"VIRTUAL_ENV": str(prefix)})
    own = {name: value for name, value in variables if name not in _OURS}
    kept = {name: value for name, value in environ.items() if name not in _ELSEWHERE and name not in around.hidden}
    path = f"{prefix / 'bin'}{os.pathsep}{environ.get('PATH') or os.defpath}"
    env = {**kept, "PYTHONUNBUFFERED": "1", **around.variables, "PATH": path, **own}
    env |= network.proxy_variables(env) | network.trust_variables(env, str(network.ca_bundle))
    words = command.argv(str(prefix / "bin" / "python"))
    program = words[0] if "/" in words[0] else shutil.which(words[0], path=env["PATH"])
    if program is None or not Path(program).exists():
        return Outcome(127, started=False, problem=f"{words[0]}: command not found")
    if not os.access(program, os.X_OK) or Path(program).is_dir():
        return Outcome(126, started=False, problem=f"{words[0]}: may not be run")
    try:
        return Outcome(process.attached((*around.entry, program, *words[1:]), env=env))
    except EnvironmentFault as fault:
        return Outcome(126, started=False, problem=fault.what)
