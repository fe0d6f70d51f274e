"""Where conda's environments are by name, found as conda finds them, without conda (conda/base/context.py, envs_manager.py)."""

import os
from collections.abc import Iterator, Mapping
from pathlib import Path

from envbuild.conda.condarc import read_condarc
from envbuild.errors import UsageError

__all__ = ["conda_environment", "conda_environments"]


def conda_environment(name: str, environ: Mapping[str, str]) -> Path:
    """The folder of the environment of this name; `base` is conda's own. UsageError has the names that there are."""
    known = conda_environments(environ)
    wanted = "base" if name == "root" else name
    if name and wanted in known:
        return known[wanted]
    names = ", ".join(known) or "none: where is conda installed? CONDA_EXE or CONDA_PREFIX says it"
    raise UsageError(f"there is no conda environment {name!r}", at=name, hint=f"known here: {names}")


def conda_environments(environ: Mapping[str, str]) -> dict[str, Path]:
    """Every environment that conda, mamba or micromamba made here, by name, `base` first; of one name, conda's choice."""
    found: dict[str, Path] = {}
    for root in _roots(environ):
        if _is_environment(root):
            found.setdefault("base", root)
    for folder in _folders(environ):
        for prefix in _inside(folder):
            found.setdefault(prefix.name, prefix)
    for prefix in _listed(environ):
        # One that was made with a path (-p) has no name for conda; its folder's name tells it here.
        if prefix not in found.values() and prefix not in [*_roots(environ)]:
            found.setdefault(prefix.name, prefix)
    rest = sorted((name, prefix) for name, prefix in found.items() if name != "base")
    return ({"base": found["base"]} if "base" in found else {}) | dict(rest)


def _roots(environ: Mapping[str, str]) -> Iterator[Path]:
    """Where conda itself, or micromamba's environments, may be."""
    if environ.get("CONDA_ROOT"):
        yield Path(environ["CONDA_ROOT"])
    for variable in ("CONDA_EXE", "MAMBA_EXE"):
        if environ.get(variable):
            yield Path(environ[variable]).parent.parent
    if environ.get("MAMBA_ROOT_PREFIX"):
        yield Path(environ["MAMBA_ROOT_PREFIX"])
    for prefix in (Path(environ[name]) for name in ("CONDA_PREFIX_1", "CONDA_PREFIX") if environ.get(name)):
        if prefix.parent.name == "envs":
            yield prefix.parent.parent
        elif (prefix / "envs").is_dir() or (prefix / "condabin").is_dir():
            # Any other environment was made with a path, and tells nothing of its root.
            yield prefix


def _folders(environ: Mapping[str, str]) -> Iterator[Path]:
    """Folders of environments: as configured, of each root, of the user."""
    yield from read_condarc(environ).envs_dirs
    roots = [*_roots(environ)]
    yield from (root / "envs" for root in roots if os.access(root, os.W_OK))
    if environ.get("HOME"):
        yield Path(environ["HOME"], ".conda", "envs")
    yield from (root / "envs" for root in roots)


def _inside(folder: Path) -> list[Path]:
    try:
        return sorted(prefix for prefix in folder.iterdir() if _is_environment(prefix))
    except OSError:
        return []


def _listed(environ: Mapping[str, str]) -> Iterator[Path]:
    """Those in conda's own list; what was deleted without conda is still in it."""
    try:
        text = Path(environ.get("HOME", ""), ".conda", "environments.txt").read_text("utf-8", "replace")
    except OSError:
        return
    yield from (prefix for line in text.splitlines() if line.strip() and _is_environment(prefix := Path(line.strip())))


def _is_environment(prefix: Path) -> bool:
    return os.path.isdir(prefix / "conda-meta")  # noqa: PTH112  (a Path raises where a folder is closed)
