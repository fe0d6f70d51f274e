"""What Python's own project files say: `requires-python`, dependency lists, and uv's indexes.

PEP 621 and PEP 735 (pyproject.toml), PEP 723 (a script's header); uv documentation, "Package indexes" and "Dependency sources".
"""

from dataclasses import replace
from typing import Any

from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.utils import canonicalize_name

from envbuild.definition import SUITE_PYTHONS, DebianBase, Definition, Index
from envbuild.formats.reqindexes import Logins
from envbuild.formats.tomltable import Table
from envbuild.formats.urls import address

__all__ = ["based_on", "dependencies", "uv_indexes"]


def based_on(table: Table, definition: Definition) -> Definition:
    """The definition on the first base whose Python `requires-python` allows; as it is where the key says nothing."""
    wanted = table.string("requires-python")
    if not wanted:
        return definition
    try:
        allowed = SpecifierSet(wanted)
    except InvalidSpecifier:
        table.fault("requires-python", f"not a version specifier: {wanted!r}", 'such as requires-python = ">=3.11"')
        return definition
    for suite, python in SUITE_PYTHONS.items():
        # Any release of it: `>=3.11.4` is not answered by the name 3.11 alone.
        if any(allowed.contains(f"{python}.{patch}") for patch in range(20)):
            return replace(definition, base=DebianBase(suite), python=python)
    has = ", ".join(SUITE_PYTHONS.values())
    table.fault("requires-python", f"{wanted} allows none of the Pythons that a base has", f"those are {has}")
    return definition


def dependencies(table: Table, key: str) -> list[tuple[str, int]]:
    """A list of requirements, each with its line. Options of a requirements file have no place in it."""
    found = []
    for text in table.strings(key):
        at = table.at(key, text).rpartition(":")[2]
        if text.lstrip().startswith("-"):
            table.fault(key, f"{text}: not a requirement (PEP 508)", "options belong in a requirements.txt", item=text)
        else:
            found.append((" ".join(text.split()), int(at) if at.isdigit() else 1))
    return found


def uv_indexes(tool: Table | None, logins: Logins) -> tuple[Index, ...]:
    """`[[tool.uv.index]]` and `[tool.uv.sources]`: the indexes by name, with the packages that are pinned to each."""
    uv = tool.table("uv") if tool else None
    if uv is None:
        return ()
    sources = uv.table("sources")
    pinned = _pinned(sources) if sources else {}
    found = []
    for number, one in enumerate(uv.tables("index")):
        name, url = one.string("name"), one.string("url")
        default, explicit = one.boolean("default"), one.boolean("explicit")
        try:
            place = address(url)
        except ValueError:
            one.fault("url", "not a URL", "write https://host/path/simple")
            continue
        if not logins.add(place.host, place.login):
            one.fault("url", f"two different logins for {place.host}", "keep one; netrc or a keyring serve better")
        name = "pypi" if default else name or f"index-{number + 1}"
        found.append(Index(name, place.url, explicit, tuple(sorted(map(canonicalize_name, pinned.pop(name, ()))))))
    if sources:
        for package, name in ((package, name) for name, packages in pinned.items() for package in packages):
            sources.fault(package, f"there is no index {name!r}", "give it a [[tool.uv.index]]")
    return tuple(found)


def _pinned(sources: Table) -> dict[str, list[str]]:
    """Packages by the name of the index that they are pinned to."""
    pinned: dict[str, list[str]] = {}
    for package in sources.values:
        source: Any = sources.take(package)
        index = source.get("index") if isinstance(source, dict) and "marker" not in source else None
        if isinstance(index, str):
            pinned.setdefault(index, []).append(package)
        else:
            hint = f"a wheel can be named: `{package} @ https://.../{package}-1.0-py3-none-any.whl`"
            sources.fault(package, "only a source that names an index is read", hint)
    return pinned
