"""From a definition to what the image says about itself: settings as locked, and the OCI config they become."""

from collections.abc import Mapping
from typing import Any

from envbuild.canonical import JSON
from envbuild.definition import Definition
from envbuild.digest import Digest
from envbuild.layers.conda.activateprogram import ACTIVATE_PROGRAM
from envbuild.lockfile import ImageSettings, Lock
from envbuild.oci import LABEL_IMAGE, LABEL_LAYOUT, LABEL_LOCK, ImageConfig

__all__ = ["config_of", "settings_from_json", "settings_of", "settings_to_json"]

_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_DEFAULT_USER = "1000:1000"


def settings_of(definition: Definition) -> ImageSettings:
    """The image settings of a normalized definition."""
    return ImageSettings(
        variables=definition.variables,
        user=definition.user,
        workdir=definition.workdir,
        entrypoint=definition.entrypoint,
        activate=definition.activate,
        bytecode=definition.bytecode,
        layout=definition.layout,
    )


def config_of(lock: Lock, settings: ImageSettings, lock_id: Digest, image_id: Digest) -> ImageConfig:
    """The OCI config, a function of lock and settings. The environment is first on PATH; nobody is root by default."""
    variables = {"PATH": _PATH, "LANG": "C.UTF-8"}
    if lock.has_conda:
        # As `conda activate /opt/env` sets them; VIRTUAL_ENV would make tools take it for another kind.
        variables |= {"PATH": f"/opt/env/bin:{_PATH}", "CONDA_PREFIX": "/opt/env", "CONDA_DEFAULT_ENV": "/opt/env"}
    elif lock.interpreter is not None:
        variables |= {"PATH": f"/opt/env/bin:{_PATH}", "VIRTUAL_ENV": "/opt/env"}
    variables |= dict(settings.variables)
    default_command = ("python",) if lock.interpreter is not None else ("bash",)
    first = (f"/opt/env/{ACTIVATE_PROGRAM}",) if settings.activate else ()
    return ImageConfig(
        platform=lock.platform,
        env=tuple(sorted(variables.items())),
        user=settings.user or _DEFAULT_USER,
        workdir=settings.workdir,
        entrypoint=(*first, *settings.entrypoint),
        cmd=() if settings.entrypoint else default_command,
        labels=(
            (LABEL_IMAGE, str(image_id)),
            (LABEL_LAYOUT, str(settings.layout)),
            (LABEL_LOCK, str(lock_id)),
        ),
    )


def settings_to_json(settings: ImageSettings) -> dict[str, JSON]:
    """Settings as a claim keeps them."""
    return {
        "variables": dict(settings.variables),
        "user": settings.user,
        "workdir": settings.workdir,
        "entrypoint": list(settings.entrypoint),
        "activate": settings.activate,
        "bytecode": settings.bytecode,
        "layout": settings.layout,
    }


def settings_from_json(value: Mapping[str, Any]) -> ImageSettings:
    """The settings that `settings_to_json` wrote. KeyError or TypeError for anything else."""
    return ImageSettings(
        variables=tuple(sorted(value["variables"].items())),
        user=value["user"],
        workdir=value["workdir"],
        entrypoint=tuple(value["entrypoint"]),
        # A material has it only where it is set.
        activate=bool(value.get("activate", False)),
        bytecode=value["bytecode"],
        layout=value["layout"],
    )
