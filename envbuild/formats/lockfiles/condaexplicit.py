"""A lock as conda's explicit file, `@EXPLICIT`: what `conda create --file` installs without solving (conda, `misc.py`).

As `conda list --explicit --sha256` writes it, each package behind what it depends on. Packages of indexes stand in comments, in
the form that conda-lock gives them and `conda-lock install` reads; conda itself passes over them.
"""

from envbuild.formats.lockfiles.exportedlock import ExportedLock

__all__ = ["conda_explicit"]


def conda_explicit(lock: ExportedLock) -> str:
    """The document: good for the lock's platform only. The same bytes for the same lock and places."""
    lines = [
        "# Written by envbuild. Install it with: conda create --name NAME --file FILE",
        f"# platform: {lock.subdir}",
    ]
    lines.append("@EXPLICIT")
    lines += [f"{lock.urls[package.sha256]}#{package.sha256}" for package in lock.in_link_order()]
    lines += [f"# pip {w.name} @ {lock.urls[w.sha256]}#sha256={w.sha256}" for w in lock.wheels]
    return "\n".join(lines) + "\n"
