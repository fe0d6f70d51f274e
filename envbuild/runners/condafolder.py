"""A conda environment that is a folder, as it is found again: what its packages set for their programs is kept in it."""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from envbuild.layers.conda.activateprogram import ACTIVATE_PROGRAM
from envbuild.runners.prefixcommand import Surroundings

__all__ = ["MARK", "CondaFolder", "find_conda_prefix", "write_mark"]

MARK = ".envbuild.json"
"""What the folder says of itself; conda's own tools read no such file."""

_HIDDEN = ("VIRTUAL_ENV", "CONDA_SHLVL", "CONDA_PROMPT_MODIFIER")
"""What the caller's environment may say of another one that is active there."""

_NEVER_THEIRS = frozenset({"PATH", "HOME", "LANG", "VIRTUAL_ENV"})
"""What no package sets: in an image it stands in the config already, or is the user's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CondaFolder:
    """An environment that is there: its folder, and the variables that its packages set."""

    root: Path
    variables: Mapping[str, str]

    def surroundings(self, *, activate: bool) -> Surroundings:
        """What its programs are told. `activate`: they start after the packages' scripts."""
        own = {"CONDA_PREFIX": str(self.root), "CONDA_DEFAULT_ENV": str(self.root), "PYTHONNOUSERSITE": "1"}
        theirs = {name: value for name, value in self.variables.items() if name not in _NEVER_THEIRS}
        entry = (str(self.root / ACTIVATE_PROGRAM),) if activate else ()
        return Surroundings(variables={**theirs, **own}, hidden=_HIDDEN, entry=entry)


def find_conda_prefix(folder: Path) -> CondaFolder | None:
    """The environment, if it was made, and made for this place: a store that was moved has another one in all its files."""
    try:
        said = json.loads((folder / MARK).read_bytes())
        if said["prefix"] != str(folder):
            return None
        return CondaFolder(root=folder, variables=dict(said["variables"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def write_mark(folder: Path, final: Path, variables: Mapping[str, str]) -> None:
    """Say that the environment in a folder, which will be at `final`, is whole, and what its packages set."""
    said = {"format": 1, "prefix": str(final), "variables": dict(variables)}
    # New, and through no link: nothing that a package brought decides where it goes.
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    with os.fdopen(os.open(folder / MARK, flags, 0o644), "w", encoding="utf-8") as mark:
        mark.write(json.dumps(said, indent=1, sort_keys=True) + "\n")
