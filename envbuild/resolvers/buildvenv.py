"""`BuildVenv`: a virtual environment with what a project's build backend needs (PEP 518, and PEP 517's get_requires).

uv fetches it, and has the logins for that. What the project's own code is run in has none: no login of an index, no netrc,
no proxy's password. So a build requirement has to be a wheel: one that is built would run code while the logins are there.
And so the virtual environment, whose Python may start with code of the project's, is filled from uv's cache, without them.
"""

import json
import tempfile
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeGuard
from urllib.parse import unquote

from uv import find_uv_bin

from envbuild import process
from envbuild.httpsettings import split_login

__all__ = ["BuildVenv", "StepFailed", "secrets_in", "without_logins"]

_LEGACY = "setuptools.build_meta:__legacy__"
_DEFAULT = ("setuptools>=40.8.0",)
"""What PEP 518 says of a project that names no build system."""
_ASK = """
import importlib, json, os, sys
backend, paths, out = sys.argv[1:]
sys.path[:] = [os.path.abspath(path) for path in json.loads(paths)] + [path for path in sys.path if path]
module, _, name = backend.partition(":")
found = importlib.import_module(module)
for part in filter(None, name.split(".")):
    found = getattr(found, part)
hook = getattr(found, "get_requires_for_build_wheel", None)
asked = [str(one) for one in (hook({}) if hook else ())]
with open(out, "w", encoding="utf-8") as stream:
    json.dump(asked, stream)
"""
_SHORTEST = 4
"""Characters: what is shorter stands in too many words to be taken out."""


class StepFailed(Exception):
    """A program ended with another code than 0; what it wrote on stderr."""

    def __init__(self, stderr: str) -> None:
        super().__init__(stderr)
        self.stderr = stderr


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildVenv:
    """In `folder`, made with the interpreter `python`. `uv` are the words that every call of uv has behind its command."""

    folder: Path
    python: str
    uv: Sequence[str]
    indexes: Sequence[str]
    """uv's options for the indexes that its packages come from."""
    fetching: Mapping[str, str]
    """The environment of what fetches: with the logins."""
    running: Mapping[str, str]
    """That of the project's code: without."""

    def prepare(self, tree: Path) -> None:
        """Make it, with all that the project in `tree` asks for. StepFailed where that cannot be had."""
        requires, backend, paths = _build_system(tree)
        run([find_uv_bin(), "venv", *self.uv, "--python", self.python, str(self.folder)], self.running, tree)
        self._install(requires, tree)
        if backend:
            self._install(self._asked(tree, backend, paths), tree)

    @property
    def interpreter(self) -> str:
        """Its Python."""
        return str(self.folder / "bin" / "python")

    @property
    def environ(self) -> dict[str, str]:
        """For what runs in it: no logins, and its programs first on PATH."""
        path = ":".join(filter(None, (str(self.folder / "bin"), self.running.get("PATH", ""))))
        return {**self.running, "PATH": path, "VIRTUAL_ENV": str(self.folder)}

    def _install(self, requires: Sequence[str], tree: Path) -> None:
        if not requires:
            return
        options = [*self.uv, "--no-build", *self.indexes]
        with tempfile.TemporaryDirectory(dir=self.folder.parent) as place:
            words = ["pip", "install", *options, "--python", self.python, "--target", place, "--"]
            run([find_uv_bin(), *words, *requires], self.fetching, tree)
        words = ["pip", "install", *options, "--python", self.interpreter, "--offline", "--"]
        run([find_uv_bin(), *words, *requires], self.running, tree)

    def _asked(self, tree: Path, backend: str, paths: Sequence[str]) -> list[str]:
        """What the backend says that it needs besides."""
        out = self.folder / "asked.json"
        run([self.interpreter, "-c", _ASK, backend, json.dumps(paths), str(out)], self.environ, tree)
        asked: list[str] = json.loads(out.read_text("utf-8"))
        return asked


def run(argv: Sequence[str], env: Mapping[str, str], cwd: Path) -> None:
    """Run a program to its end. StepFailed where it ends with another code than 0."""
    done = process.run(argv, env=env, cwd=cwd)
    if done.code != 0:
        raise StepFailed(done.stderr.decode("utf-8", "replace"))


def _build_system(tree: Path) -> tuple[list[str], str, list[str]]:
    """What is required, the backend, and where that stands; without a backend where uv will say what is wrong."""
    try:
        document: Any = tomllib.loads((tree / "pyproject.toml").read_text("utf-8"))
    except FileNotFoundError:
        document = {}
    except (OSError, ValueError, RecursionError):
        return [], "", []
    table = document.get("build-system", {"requires": list(_DEFAULT)})
    backend = table.get("build-backend", _LEGACY) if isinstance(table, dict) else None
    requires, paths = (table.get(key, []) if isinstance(table, dict) else None for key in ("requires", "backend-path"))
    if isinstance(backend, str) and _texts(requires) and _texts(paths):
        return requires, backend, paths
    return [], "", []


def _texts(value: object) -> TypeGuard[list[str]]:
    return isinstance(value, list) and all(isinstance(one, str) for one in value)


def without_logins(environ: Mapping[str, str]) -> dict[str, str]:
    """An environment for code that is to know no login: proxies stay, without theirs."""
    kept = {name: value for name, value in environ.items() if not name.startswith("UV_INDEX_") and name != "NETRC"}
    return {name: split_login(value)[0] if _is_proxy(name) else value for name, value in kept.items()}


def secrets_in(environ: Mapping[str, str]) -> tuple[str, ...]:
    """The passwords that stand in a tool's environment, the longest first: what is shown has none of them."""
    found = {value for name, value in environ.items() if name.startswith("UV_INDEX_") and name.endswith("_PASSWORD")}
    for name, value in environ.items():
        if _is_proxy(name):
            password = split_login(value)[1].partition(":")[2]
            found |= {password, unquote(password)}
    return tuple(sorted((one for one in found if len(one) >= _SHORTEST), key=len, reverse=True))


def _is_proxy(name: str) -> bool:
    return name.upper().endswith("_PROXY") and name.upper() != "NO_PROXY"
