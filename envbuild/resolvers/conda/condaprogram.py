"""Where a program of conda's family is: what the shell's own conda says of itself, else what stands on PATH."""

import os
import shutil
from collections.abc import Mapping

from envbuild.errors import EnvironmentFault

__all__ = ["find_conda"]

_NAMES = ("conda", "mamba", "micromamba")


def find_conda(environ: Mapping[str, str]) -> str:
    """The path of conda, mamba or micromamba; CONDA_EXE and MAMBA_EXE go first. None is ever fetched.

    EnvironmentFault where there is none.
    """
    for variable in ("CONDA_EXE", "MAMBA_EXE"):
        if (path := environ.get(variable, "")) and os.access(path, os.X_OK):
            return path
    for name in _NAMES:
        if found := shutil.which(name, path=environ.get("PATH")):
            return found
    raise EnvironmentFault(
        "conda-lock needs conda, mamba or micromamba, and none is on PATH",
        at="--resolver conda-lock",
        hint="leave it out: conda packages are solved without any of them; or install one, or set CONDA_EXE to its path",
    )
