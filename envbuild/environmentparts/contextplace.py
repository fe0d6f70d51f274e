"""Where a build context is, in files: from the file's own folder, so that both can be moved together."""

import os
from pathlib import Path

from envbuild.azuremlform.kinds import JSON

__all__ = ["place_from", "place_in"]


def place_in(folder: Path, docker: JSON) -> None:
    """Make the build context's place in a saved docker section one from this folder."""
    if (context := _context(docker)) is not None:
        context["location"] = Path(os.path.relpath(context["location"], folder)).as_posix()


def place_from(folder: Path, docker: JSON) -> None:
    """Make the build context's place in a saved docker section one from wherever this process is."""
    if (context := _context(docker)) is not None:
        context["location"] = os.path.abspath(folder / context["location"])  # noqa: PTH100  links stay


def _context(docker: JSON) -> JSON:
    """What the section says of a context in a folder."""
    context = docker.get("buildContext") if isinstance(docker, dict) else None
    if not isinstance(context, dict) or context.get("locationType") is not None:
        return None
    place = context.get("location")
    return context if isinstance(place, str) and place and "://" not in place else None
