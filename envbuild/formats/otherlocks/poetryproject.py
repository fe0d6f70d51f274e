"""What a poetry.lock needs of the pyproject.toml beside it: groups, sources, and whether the lock is of this very file."""

import json
from collections.abc import Mapping
from hashlib import sha256
from typing import Any

from packaging.utils import canonicalize_name

from envbuild.definition import Index
from envbuild.formats.otherlocks.lockproject import LockProject
from envbuild.formats.urls import address

__all__ = ["default_index", "groups_of", "is_package", "is_stale", "poetry_table"]

_LEGACY = ("dependencies", "source", "extras", "dev-dependencies")
_PROJECT = ("requires-python", "dependencies", "optional-dependencies")


def poetry_table(project: LockProject, key: str) -> Mapping[str, Any]:
    """A table of `[tool.poetry]`; empty where there is none."""
    value = _tables(project, "tool", "poetry").get(key)
    return value if isinstance(value, dict) else {}


def groups_of(project: LockProject) -> dict[str, bool]:
    """The groups by name, and whether each is optional: the others are what Poetry installs unasked."""
    named = _tables(project, "dependency-groups")
    poetry = poetry_table(project, "group")
    optional: dict[str, bool] = {canonicalize_name(n): _mapping(v).get("optional") is True for n, v in poetry.items()}
    found: dict[str, bool] = {canonicalize_name(name): False for name in named}
    if poetry_table(project, "dev-dependencies"):
        found["dev"] = False
    return {**found, **optional}


def is_package(project: LockProject) -> bool:
    """Whether Poetry would install the project itself."""
    return _tables(project, "tool", "poetry").get("package-mode", True) is not False


def default_index(project: LockProject) -> tuple[Index, ...]:
    """The source that stands in for PyPI: the first that is asked for every package."""
    sources = _tables(project, "tool", "poetry").get("source")
    for source in sources if isinstance(sources, list) else ():
        one = _mapping(source)
        priority = str(one.get("priority", "primary")).lower()
        if priority in ("primary", "default") and not one.get("secondary") and isinstance(one.get("url"), str):
            try:
                return (Index("pypi", address(one["url"]).url),)
            except ValueError:
                return ()
    return ()


def is_stale(project: LockProject, content_hash: str) -> bool:
    """Whether a lock was made from other content: Poetry's own check, in the forms that its versions had.

    False where what is hashed cannot be told, as with a date in it.
    """
    try:
        known = {_hash(_relevant(project, groups=with_groups)) for with_groups in (True, False)}
        known.add(_hash(_before_groups(project)))
    except TypeError:
        return False
    return bool(content_hash) and content_hash not in known


def _relevant(project: LockProject, *, groups: bool) -> dict[str, Any]:
    """As poetry/packages/locker.py has it since version 2; without groups, as versions before 2.2 had it."""
    declared, poetry = _tables(project, "project"), _tables(project, "tool", "poetry")
    own = {key: declared[key] for key in _PROJECT if declared.get(key) is not None}
    named = _tables(project, "dependency-groups") if groups else {}
    kept = {
        key: poetry.get(key)
        for key in (*_LEGACY, "group")
        if poetry.get(key) is not None or (key in _LEGACY and not own and not named)
    }
    if not own and not named:
        return kept
    found: dict[str, Any] = {"project": own} if own else {}
    found |= {"dependency-groups": named} if named else {}
    return {**found, "tool": {"poetry": kept}}


def _before_groups(project: LockProject) -> dict[str, Any]:
    """As versions before 1.2 had it."""
    poetry = _tables(project, "tool", "poetry")
    return {key: poetry.get(key) for key in _LEGACY}


def _hash(content: Mapping[str, Any]) -> str:
    return sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def _tables(project: LockProject, *keys: str) -> Mapping[str, Any]:
    found: Mapping[str, Any] = project.document.values
    for key in keys:
        found = _mapping(found.get(key))
    return found


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}
