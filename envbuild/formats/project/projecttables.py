"""What Python's own project files say: `requires-python`, dependency lists, and uv's indexes.

PEP 621 and PEP 735 (pyproject.toml), PEP 723 (a script's header); uv documentation, "Package indexes" and "Dependency sources".
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

from packaging.markers import InvalidMarker, Marker
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.utils import canonicalize_name

from envbuild.definition import DEFAULT_PYTHON, SUITE_PYTHONS, DebianBase, Definition, Index
from envbuild.formats.pip.reqindexes import Logins, index_names
from envbuild.formats.pythons import STANDALONE, allowed_python
from envbuild.formats.toml.tomltable import Table
from envbuild.formats.urls import NO_QUERY, address
from envbuild.indexurl import HostNotAscii, index_url, is_pypi

__all__ = ["NOT_THE_PROJECT", "Line", "based_on", "dependencies", "uv_indexes", "with_python"]

Line: TypeAlias = tuple[str, int]
"""A requirement, and the line that it stands on."""
NOT_THE_PROJECT = "the project's own package is not installed, only what it depends on (--project installs it)"

_LINUX = {
    "sys_platform": "linux",
    "platform_system": "Linux",
    "os_name": "posix",
    "implementation_name": "cpython",
    "platform_python_implementation": "CPython",
}
_UNKNOWN = re.compile(
    r"\b(python_version|python_full_version|platform_\w*(machine|release|version)|implementation_version|extra\w*|dependency_groups)\b"
)
"""What a marker may ask that is not the same for all images."""


def based_on(table: Table, definition: Definition) -> Definition:
    """The definition with the first Python that `requires-python` allows, and its base; as it is where the key says nothing.

    The bases' own go first, then the newest one that there is a standalone build of.
    """
    wanted = table.string("requires-python")
    if not wanted:
        return definition
    try:
        allowed = SpecifierSet(wanted)
    except InvalidSpecifier:
        table.fault("requires-python", f"not a version specifier: {wanted!r}", 'such as requires-python = ">=3.11"')
        return definition
    found = allowed_python(allowed)
    if found is None:
        has = f"those are {STANDALONE[0]} to {STANDALONE[-1]}"
        table.fault("requires-python", f"{wanted} allows none of the Pythons that there are", has)
        return definition
    return replace(definition, base=found[0], python=found[1])


def with_python(definition: Definition) -> Definition:
    """The definition with the Python of its base, where it names none: a project is nothing without."""
    suite = definition.base.suite if isinstance(definition.base, DebianBase) else ""
    return replace(definition, python=definition.python or SUITE_PYTHONS.get(suite, DEFAULT_PYTHON))


def dependencies(table: Table, key: str) -> list[Line]:
    """A list of requirements, each with its line. Options of a requirements file have no place in it."""
    found = []
    for text in table.strings(key):
        if text.lstrip().startswith("-"):
            table.fault(key, f"{text}: not a requirement (PEP 508)", "options belong in a requirements.txt", item=text)
        else:
            found.append((" ".join(text.split()), table.line(key, text)))
    return found


def uv_indexes(tool: Table | None, logins: Logins) -> tuple[Index, ...]:
    """`[[tool.uv.index]]` and `[tool.uv.sources]`: the indexes by name, with the packages that are pinned to each.

    In the order in which uv asks them: its default index is `pypi`, and the last wherever it stands.
    """
    uv = tool.table("uv") if tool else None
    if uv is None:
        return ()
    sources = uv.table("sources")
    pinned = _pinned(sources) if sources else {}
    found = [one for table in uv.tables("index") if (one := _uv_index(table, logins)) is not None]
    found += _older_options(uv, logins)
    named = _named(found)
    if sources:
        known = {one.name for one in found}
        for package, name in ((package, name) for name, packages in pinned.items() for package in packages):
            if name not in known:
                sources.fault(package, f"there is no index {name!r}", "give it a [[tool.uv.index]]")
    indexes: dict[str, Index] = {}
    for one in _as_asked(found):
        own = map(canonicalize_name, pinned.get(one.name, ()) if one.name else ())
        before = indexes.get(one.url, Index(named[one.url], one.url, explicit=True))
        packages = tuple(sorted({*before.packages, *own}))
        indexes[one.url] = replace(before, explicit=before.explicit and one.explicit, packages=packages)
    return tuple(indexes.values())


@dataclass(frozen=True, slots=True)
class _UvIndex:
    name: str
    """As `[tool.uv.sources]` has it; empty where it has none."""
    url: str
    default: bool = False
    explicit: bool = False


def _uv_index(table: Table, logins: Logins) -> _UvIndex | None:
    name, url = table.string("name"), table.string("url")
    default, explicit = table.boolean("default"), table.boolean("explicit")
    if table.string("format", "simple") != "simple":
        table.fault(
            "format", "only indexes of PEP 503 are read", "name a wheel by its URL: `name @ https://.../name.whl`"
        )
        return None
    clean = _clean(table, "url", url, logins)
    return _UvIndex(name, clean, default, explicit) if clean else None


def _older_options(uv: Table, logins: Logins) -> Iterator[_UvIndex]:
    """`index-url` and `extra-index-url`, which uv still reads: left out, they would leave their packages to PyPI."""
    for url in uv.strings("extra-index-url"):
        if clean := _clean(uv, "extra-index-url", url, logins):
            yield _UvIndex("", clean)
    url = uv.string("index-url")
    if url and (clean := _clean(uv, "index-url", url, logins)):
        yield _UvIndex("", clean, default=True)


def _clean(table: Table, key: str, url: str, logins: Logins) -> str:
    """The URL in its one spelling, without its login; nothing where it is none."""
    try:
        place = address(url)
        clean = index_url(place.url)
    except HostNotAscii as bad:
        table.fault(key, bad.what, bad.hint)
        return ""
    except ValueError:
        table.fault(key, "not a URL", "write https://host/path/simple")
        return ""
    if "?" in place.url:
        table.fault(key, *NO_QUERY)
        return ""
    if not logins.add(place.host, place.login):
        table.fault(key, f"two different logins for {place.host}", "keep one; netrc or a keyring serve better")
    return clean


def _as_asked(found: Sequence[_UvIndex]) -> list[_UvIndex]:
    """In uv's order: the default index last, which PyPI is where no other is, even if it is named for pinning alone."""
    if not any(one.default for one in found):
        found = [replace(one, default=True, explicit=False) if _only_for_pins(one) else one for one in found]
    return sorted(found, key=lambda one: one.default)


def _only_for_pins(one: _UvIndex) -> bool:
    return one.explicit and is_pypi(one.url)


def _named(found: Sequence[_UvIndex]) -> dict[str, str]:
    """By URL, what we call each index; uv takes names in capitals, and one address under two names has the first.

    `pypi` is PyPI itself, whatever its name, else uv's default index.
    """
    has_pypi = any(is_pypi(one.url) for one in found)
    names: dict[str, str] = {}
    for one in found:
        pypi = is_pypi(one.url) or (one.default and not has_pypi)
        own = one.name.lower() if one.name.lower() != "pypi" else ""
        names[one.url] = "pypi" if pypi else names.get(one.url) or own
    return names | index_names(url for url, name in names.items() if not name)


def _pinned(sources: Table) -> dict[str, list[str]]:
    """Packages by the name of the index that they are pinned to, in an image."""
    pinned: dict[str, list[str]] = {}
    for package in sources.values:
        source: Any = sources.take(package)
        choices = source if isinstance(source, list) else [source]
        if all(_is_pin(choice) for choice in choices):
            for index in [choice["index"] for choice in choices if _on_linux(choice.get("marker", ""))][:1]:
                pinned.setdefault(index, []).append(package)
        else:
            hint = f"a wheel can be named: `{package} @ https://.../{package}-1.0-py3-none-any.whl`"
            sources.fault(package, "only a source that names an index is read", hint)
    return pinned


def _is_pin(source: Any) -> bool:
    """Whether a source names an index, for a platform at most: every image is of Linux and CPython."""
    if not isinstance(source, dict) or not source.keys() <= {"index", "marker"}:
        return False
    marker = source.get("marker", "")
    try:
        known = isinstance(marker, str) and (not marker or not _UNKNOWN.search(str(Marker(marker))))
    except InvalidMarker:
        known = False
    return known and isinstance(source.get("index"), str)


def _on_linux(marker: str) -> bool:
    return not marker or Marker(marker).evaluate(_LINUX)
