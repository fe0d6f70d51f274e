"""Which reader serves a file: by the file's name alone. Each reader is loaded when a file of its kind is met."""

import re
from collections.abc import Mapping
from importlib import import_module
from pathlib import PurePath
from typing import Protocol

from envbuild.formats.sourcefile import Loader, Reading, ReadRequest

__all__ = ["Reader", "is_envbuild_lock", "reader_of"]


class Reader(Protocol):
    """A definition's file becomes a `Reading`. InvalidDefinition has all faults; UsageError: it cannot be read."""

    def __call__(self, path: str, load: Loader, asked: ReadRequest) -> Reading:
        """What the file says, finished as it is asked."""


_BY_NAME: Mapping[str, str] = {
    "pyproject.toml": "envbuild.formats.project.pyprojecttoml:read_pyproject",
    "Dockerfile": "envbuild.formats.dockerfile:read_dockerfile",
    "Containerfile": "envbuild.formats.dockerfile:read_dockerfile",
    "uv.lock": "envbuild.formats.otherlocks.uvlock:read_uv_lock",
    "poetry.lock": "envbuild.formats.otherlocks.poetrylock:read_poetry_lock",
    "Pipfile.lock": "envbuild.formats.otherlocks.pipfilelock:read_pipfile_lock",
    "pylock.toml": "envbuild.formats.otherlocks.pylocktoml:read_pylock",
    "pixi.lock": "envbuild.formats.otherlocks.pixilock:read_pixi_lock",
    "conda-lock.yml": "envbuild.formats.otherlocks.condalockyml:read_conda_lock",
    "conda-lock.yaml": "envbuild.formats.otherlocks.condalockyml:read_conda_lock",
}
"""Module and function, by a file's whole name; what the name ends with serves, too: `web.pyproject.toml`."""

_BY_SUFFIX: Mapping[str, str] = {
    ".yml": "envbuild.formats.yamlforms:read_yaml",
    ".yaml": "envbuild.formats.yamlforms:read_yaml",
    ".json": "envbuild.formats.azureml.azuremljson:read_azureml_json",
    ".py": "envbuild.formats.project.scriptheader:read_script",
    ".toml": "envbuild.formats.toml.envtoml:read_envtoml",
    ".dockerfile": "envbuild.formats.dockerfile:read_dockerfile",
}
_ELSE = "envbuild.formats.textforms:read_text_form"
_OTHERS_LOCKS = ("uv.lock", "poetry.lock", "pixi.lock", "Pipfile.lock")
"""Locks of other tools, which are definitions here."""
_CONDAS_LOCK = re.compile(r"(?:.+\.)?conda-(?:linux|osx|win)-[a-z0-9]+\.lock")
"""An explicit file, as conda-lock names it."""


def reader_of(path: str) -> Reader:
    """The reader of a file: by its name, else by its suffix, else as a list in a text."""
    name = PurePath(path).name
    # Dockerfile.gpu: there the second part is the variant.
    name = "Dockerfile" if name.startswith("Dockerfile.") else name
    # PEP 751: pylock.dev.toml.
    name = "pylock.toml" if name.startswith("pylock.") and name.endswith(".toml") else name
    named = next((target for end, target in _BY_NAME.items() if name == end or name.endswith(f".{end}")), None)
    module, _, function = (named or _BY_SUFFIX.get(PurePath(path).suffix, _ELSE)).partition(":")
    reader: Reader = getattr(import_module(module), function)
    return reader


def is_envbuild_lock(path: str) -> bool:
    """Whether a path names a lock document of ours."""
    name = PurePath(path).name
    if _CONDAS_LOCK.fullmatch(name):
        return False
    return name.endswith(".lock") and not any(name == end or name.endswith(f".{end}") for end in _OTHERS_LOCKS)
