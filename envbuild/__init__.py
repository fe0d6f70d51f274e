"""Content-addressed environment images: an environment is a value, its image is a function of that value."""

from importlib import import_module
from typing import TYPE_CHECKING

__version__ = "0.1.0"

if TYPE_CHECKING:
    from envbuild.definition import Definition
    from envbuild.digest import Digest
    from envbuild.environment import Environment
    from envbuild.errors import EnvbuildError
    from envbuild.lockfile import Lock
    from envbuild.oci import Image
    from envbuild.platforms import Platform
    from envbuild.workspace import Workspace

__all__ = [
    "Definition",
    "Digest",
    "EnvbuildError",
    "Environment",
    "Image",
    "Lock",
    "Platform",
    "Workspace",
    "__version__",
]

_HOMES = {
    "Definition": "envbuild.definition",
    "Digest": "envbuild.digest",
    "EnvbuildError": "envbuild.errors",
    "Environment": "envbuild.environment",
    "Image": "envbuild.oci",
    "Lock": "envbuild.lockfile",
    "Platform": "envbuild.platforms",
    "Workspace": "envbuild.workspace",
}


def __getattr__(name: str) -> object:
    """Load a public name when it is first asked for, so that `import envbuild` stays light."""
    if name not in _HOMES:
        raise AttributeError(f"module 'envbuild' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return __all__
