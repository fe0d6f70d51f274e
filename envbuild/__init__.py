"""Content-addressed environment images: an environment is a value, its image is a function of that value."""

import sys
from importlib import import_module
from typing import TYPE_CHECKING

__version__ = "0.1.0"

if TYPE_CHECKING:
    from envbuild.container_registry import ContainerRegistry
    from envbuild.definition import Definition
    from envbuild.digest import Digest
    from envbuild.environment import Environment
    from envbuild.errors import EnvbuildError
    from envbuild.lockfile import Lock
    from envbuild.oci import Image
    from envbuild.platforms import Platform
    from envbuild.runconfig import DockerConfiguration, RunConfiguration
    from envbuild.workspace import Workspace

__all__ = [
    "ContainerRegistry",
    "Definition",
    "Digest",
    "DockerConfiguration",
    "EnvbuildError",
    "Environment",
    "Image",
    "Lock",
    "Platform",
    "RunConfiguration",
    "Workspace",
    "__version__",
]

_HOMES = {
    "ContainerRegistry": "envbuild.container_registry",
    "Definition": "envbuild.definition",
    "Digest": "envbuild.digest",
    "DockerConfiguration": "envbuild.runconfig",
    "EnvbuildError": "envbuild.errors",
    "Environment": "envbuild.environment",
    "Image": "envbuild.oci",
    "Lock": "envbuild.lockfile",
    "Platform": "envbuild.platforms",
    "RunConfiguration": "envbuild.runconfig",
    "Workspace": "envbuild.workspace",
}
_LATER = {
    **dict.fromkeys(("Experiment", "Run", "ScriptRun", "ScriptRunConfig", "get_run"), "comes with submitted runs"),
    **dict.fromkeys(("ComputeTarget", "LocalTarget"), "comes with compute targets"),
    **dict.fromkeys(("Dataset", "Datastore", "Keyvault", "Model"), "comes with data and submitted runs"),
}
"""Names of azureml.core's root that are not there yet."""


def __getattr__(name: str) -> object:
    """Load a public name when it is first asked for, so that `import envbuild` stays light."""
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    if name not in _LATER:
        raise AttributeError(f"module 'envbuild' has no attribute {name!r}")
    words = f"{name} is not there yet: it {_LATER[name]} (docs/from-azureml.md)"
    # `from envbuild import ...` would say nothing but "cannot import name".
    caller = sys._getframe(1)  # noqa: SLF001  the standard library's own way
    if caller.f_globals.get("__name__") == "importlib._bootstrap":
        raise ImportError(words, name="envbuild")
    raise AttributeError(words)


def __dir__() -> list[str]:
    return __all__
