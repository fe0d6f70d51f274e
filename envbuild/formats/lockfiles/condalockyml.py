"""Locks as conda-lock.yml, conda-lock's unified lock (version 1; `lockfile/v1/models.py`), for all their platforms.

What cannot be known is left as it has to be: `sources` is empty, since no file was read by conda-lock, and `content_hash`,
which is over conda-lock's own reading of such files, has the platform's lock id. It equals no hash of conda-lock's, so its
`--check-input-hash` locks anew. Channels stand as they were asked for, without logins and variables for them; packages have
the addresses that are theirs here.
"""

from collections.abc import Sequence

from envbuild.canonical import JSON
from envbuild.formats.lockfiles.exportedlock import ExportedLock
from envbuild.formats.nodes.yamltext import yaml_text
from envbuild.ids import identity, lock_material
from envbuild.lockfile import Artifact

__all__ = ["conda_lock_yml"]

_HEAD = "# Written by envbuild. Install it with: conda-lock install --name NAME conda-lock.yml\n"


def conda_lock_yml(locks: Sequence[ExportedLock], channels: Sequence[str]) -> str:
    """The document. `channels`: names and URLs, the first goes first. The same bytes for the same locks and places."""
    named = {lock.subdir: lock for lock in locks}
    packages = [
        (kind, one.name, subdir, entry)
        for subdir, lock in named.items()
        for kind, entries in (("conda", _conda(lock)), ("pip", _pip(lock)))
        for one, entry in entries
    ]
    return _HEAD + yaml_text(
        {
            "version": 1,
            "metadata": {
                "content_hash": {subdir: identity(lock_material(named[subdir].lock)).hex for subdir in sorted(named)},
                "channels": [{"url": channel, "used_env_vars": []} for channel in channels],
                "platforms": sorted(named),
                "sources": [],
            },
            "package": [entry for *_, entry in sorted(packages, key=lambda row: row[:3])],
        }
    )


def _conda(lock: ExportedLock) -> list[tuple[Artifact, dict[str, JSON]]]:
    return [
        (
            package,
            _entry("conda", package, lock, dict(lock.depends(package)), {"md5": lock.facts[package.sha256]["md5"]}),
        )
        for package in lock.conda
    ]


def _pip(lock: ExportedLock) -> list[tuple[Artifact, dict[str, JSON]]]:
    """Of wheels only the names that they need: their own metadata has the versions, and conda-lock looks there."""
    return [(wheel, _entry("pip", wheel, lock, dict.fromkeys(lock.requires(wheel), "*"), {})) for wheel in lock.wheels]


def _entry(
    manager: str, package: Artifact, lock: ExportedLock, dependencies: dict[str, JSON], hashes: dict[str, JSON]
) -> dict[str, JSON]:
    return {
        "name": package.name,
        "version": package.version,
        "manager": manager,
        "platform": lock.subdir,
        "dependencies": dependencies,
        "url": lock.urls[package.sha256],
        "hash": {**hashes, "sha256": package.sha256},
        "category": "main",
        "optional": False,
    }
