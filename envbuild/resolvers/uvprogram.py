"""Where uv is, which version, and whether it takes an interpreter."""

import sys
from collections.abc import Mapping
from dataclasses import dataclass

from uv import find_uv_bin

from envbuild import process
from envbuild.errors import EnvironmentFault

__all__ = ["UvProgram", "find_uv", "uv_takes"]


@dataclass(frozen=True, slots=True)
class UvProgram:
    """A uv that runs: `version` is `0.9.2`."""

    path: str
    version: str


def find_uv(environ: Mapping[str, str], timeout: float) -> UvProgram:
    """The uv that resolves. EnvironmentFault where it is not here or does not run."""
    hint = f"install it anew: {sys.executable} -m pip install --force-reinstall uv"
    try:
        path = find_uv_bin()
    except FileNotFoundError as error:
        raise EnvironmentFault("the program uv is not here", hint=hint) from error
    done = process.run([path, "--version"], env=environ, timeout=timeout)
    words = done.stdout.decode("utf-8", "replace").split()
    if done.code != 0 or len(words) < 2:
        said = done.stderr.decode("utf-8", "replace").strip().rpartition("\n")[2]
        raise EnvironmentFault(f"{path} does not run: {said or f'exit code {done.code}'}", hint=hint)
    return UvProgram(path, words[1])


def uv_takes(uv: str, python: str, environ: Mapping[str, str], timeout: float) -> str:
    """Why uv does not take this interpreter, which it wants for resolving; empty where it does."""
    argv = [uv, "python", "find", "--no-config", "--no-python-downloads", "--no-project", python]
    done = process.run(argv, env=environ, timeout=timeout)
    if done.code == 0:
        return ""
    return done.stderr.decode("utf-8", "replace").strip().partition("\n")[0].removeprefix("error: ")
