"""Locks as pixi.lock (version 7, rattler_lock `parse/models/v7`): one environment, `default`, with all their platforms.

The order of keys and packages is rattler's own. As there, what a file's name and folder say is not said again: name, version,
build and the rest of it stand in an entry only where they differ. Not known to a lock, and left out: `purls` (pixi looks them
up), `run_exports`, the options of the solve, a wheel's `requires_python`; of `requires_dist` only names that the lock has.
"""

import re
from collections.abc import Iterator, Mapping, Sequence

from envbuild.canonical import JSON
from envbuild.formats.lockfiles.exportedlock import ExportedLock
from envbuild.formats.nodes.yamltext import yaml_text
from envbuild.indexurl import PUBLIC_INDEX, is_pypi
from envbuild.lockfile import Artifact

__all__ = ["pixi_lock"]

_LAST_NUMBER = re.compile(r"[0-9]*$")
_YEAR_9999 = 253_402_300_799
"""A time above is in milliseconds, one below in seconds (rattler_lock, `serde/timestamp.rs`)."""


def pixi_lock(locks: Sequence[ExportedLock], channels: Sequence[str]) -> str:
    """The document. `channels`: their URLs, the first goes first. The same bytes for the same locks and places."""
    named = {lock.subdir: lock for lock in sorted(locks, key=lambda lock: lock.subdir)}
    conda = {lock.urls[a.sha256]: _conda(lock, a) for lock in named.values() for a in lock.conda}
    pypi = {_place(lock, a): _pypi(lock, a) for lock in named.values() for a in lock.wheels}
    indexes = dict.fromkeys(url for lock in named.values() for a in lock.wheels if (url := _index(lock, a)))
    return yaml_text(
        {
            "version": 7,
            "platforms": [{"name": subdir} for subdir in named],
            "environments": {
                "default": {
                    "channels": [{"url": f"{url}/"} for url in channels],
                    **({"indexes": list(indexes)} if indexes else {}),
                    "packages": {subdir: list(_selected(lock)) for subdir, lock in named.items()},
                }
            },
            "packages": [entry for packages in (conda, pypi) for _, entry in sorted(packages.items())],
        }
    )


def _selected(lock: ExportedLock) -> Iterator[dict[str, str]]:
    yield from ({"conda": url} for url in sorted(lock.urls[package.sha256] for package in lock.conda))
    yield from ({"pypi": url} for url in sorted(_place(lock, wheel) for wheel in lock.wheels))


def _conda(lock: ExportedLock, package: Artifact) -> dict[str, JSON]:
    facts = lock.facts[package.sha256]
    said: dict[str, JSON] = {
        "conda": lock.urls[package.sha256],
        **_not_derived(package, facts),
        "sha256": package.sha256,
        "md5": facts["md5"],
        "depends": _lines(facts, "depends"),
        "constrains": _lines(facts, "constrains"),
        "track_features": list(facts.get("track_features", "").split()),
        "license": facts.get("license", ""),
        "license_family": facts.get("license_family", ""),
        "size": package.size,
        "timestamp": _milliseconds(facts.get("timestamp", "")),
        "python_site_packages_path": facts.get("python_site_packages_path", ""),
    }
    return {key: value for key, value in said.items() if value not in ("", []) and value is not None}


def _not_derived(package: Artifact, facts: Mapping[str, str]) -> dict[str, JSON]:
    """The build's number and the kind of noarch, where rattler would read something else out of the file's name."""
    build, kind, said = facts.get("build", ""), facts.get("noarch", ""), dict[str, JSON]()
    number = facts.get("build_number", "")
    if number.isdigit() and int(number) != int((_LAST_NUMBER.search(build) or [""])[0] or 0):
        said["build_number"] = int(number)
    if kind != (("python" if "py" in build else "generic") if package.is_noarch else ""):
        said["noarch"] = kind or False
    return said


def _pypi(lock: ExportedLock, wheel: Artifact) -> dict[str, JSON]:
    index, needed = _index(lock, wheel), list[JSON](lock.requires(wheel))
    return {
        "pypi": _place(lock, wheel),
        "name": wheel.name,
        "version": wheel.version,
        "sha256": wheel.sha256,
        **({"index": index} if index and not is_pypi(index) else {}),
        **({"requires_dist": needed} if needed else {}),
    }


def _place(lock: ExportedLock, wheel: Artifact) -> str:
    """A wheel's URL, marked as pixi marks what was asked for by its URL."""
    return f"direct+{wheel.url}" if wheel.url else lock.urls[wheel.sha256]


def _index(lock: ExportedLock, wheel: Artifact) -> str:
    """The index that a wheel is from; nothing for a direct reference."""
    url = "" if wheel.url else lock.indexes.get(wheel.source, "")
    return PUBLIC_INDEX if is_pypi(url) else url


def _lines(facts: Mapping[str, str], key: str) -> list[JSON]:
    return [line for line in facts.get(key, "").split("\n") if line]


def _milliseconds(time: str) -> int | None:
    if not time.isdigit():
        return None
    return int(time) if int(time) > _YEAR_9999 else int(time) * 1000
