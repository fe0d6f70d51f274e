"""A lock's PyPI packages in the forms that other installers read."""

from dataclasses import replace

from envbuild.lockfile import ArtifactKind, Lock
from envbuild.workspace.adapters import Adapters

__all__ = ["exported"]


def exported(adapters: Adapters, lock: Lock, form: str) -> str:
    """As `pylock` (PEP 751), with the address of each file at the index now, or as `requirements` with hashes."""
    # The project's own wheel is on no index: whoever installs from this has the folder, or has not.
    lock = replace(lock, artifacts=tuple(a for a in lock.artifacts if not a.is_own))
    if form == "requirements":
        from envbuild.formats.lockfiles.hashed import hashed_requirements

        return hashed_requirements(lock)
    from envbuild.formats.lockfiles.pylock import pylock_toml

    return pylock_toml(lock, _urls(adapters, lock))


def _urls(adapters: Adapters, lock: Lock) -> dict[str, str]:
    """Where each wheel of a lock is served now, by sha256."""
    urls: dict[str, str] = {}
    for artifact in lock.of_kind(ArtifactKind.WHEEL):
        project = None if artifact.url else adapters.index.project(artifact.source, artifact.name)
        urls |= {f.sha256: f.url for f in (project.files if project else ()) if f.sha256 == artifact.sha256}
    return urls
