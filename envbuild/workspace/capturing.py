"""An existing environment as a definition: which one is meant, and the reading of it."""

import sys
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from envbuild.errors import UsageError

if TYPE_CHECKING:
    from envbuild.sources.channels import ChannelClient
    from envbuild.sources.installed import Captured

__all__ = ["capture", "prefix_of"]


def capture(
    prefix: str, environ: Mapping[str, str], channels: "Callable[[], ChannelClient] | None" = None
) -> "Captured":
    """The environment at `prefix`: see `prefix_of`. With `channels` these are asked which of conda's builds they still have.

    UsageError where there is none; InvalidDefinition for what none can say.
    """
    from envbuild.normalize import normalize
    from envbuild.sources.installed import captured

    found = captured(prefix_of(prefix, environ), environ)
    # In its one spelling, so that what is written of it can be read again: conda's Python stands among its packages alone.
    found = replace(found, definition=normalize(found.definition))
    if channels is None or not found.definition.conda:
        return found
    from envbuild.sources.installed.condabuilds import with_served_builds

    definition, gone, notices = with_served_builds(found.definition, channels())
    left = (*gone, *found.left_behind)
    return replace(found, definition=definition, left_behind=left, notices=(*found.notices, *notices))


def prefix_of(prefix: str, environ: Mapping[str, str]) -> Path:
    """The folder that is meant: a path, or the name of a conda environment; nothing: the one that is active, else our own."""
    if not prefix:
        return Path(environ.get("VIRTUAL_ENV") or environ.get("CONDA_PREFIX") or sys.prefix)
    path = Path(prefix)
    if "/" in prefix or "\\" in prefix or prefix in (".", "..") or path.exists() or path.is_symlink():
        return path
    from envbuild.sources.installed.condaenvironments import conda_environments

    known = conda_environments(environ)
    if prefix not in known:
        hint = f"conda's are {', '.join(known)}" if known else "no conda environment is known here either"
        raise UsageError("there is no such folder, and no conda environment of this name", at=prefix, hint=hint)
    return known[prefix]
