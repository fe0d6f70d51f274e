"""Whether a uv.lock still answers its pyproject.toml, as far as the dependencies that both write down show it.

The lock has in `[package.metadata]` what the project file said when it was locked. Only names, extras and versions are
compared: uv writes markers in a form of its own.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, TypeAlias

from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.utils import canonicalize_name

from envbuild.formats.otherlocks.lockproject import LockProject
from envbuild.formats.otherlocks.uvpackages import UvPackage
from envbuild.formats.toml.tomltable import Table

__all__ = ["behind"]

_Asked: TypeAlias = tuple[str, frozenset[str], SpecifierSet]
_MOST = 3
_ELSEWHERE = frozenset({"url", "git", "path", "directory", "editable", "virtual"})
"""Sources for which uv writes no versions."""


def behind(project: LockProject, roots: Sequence[UvPackage]) -> list[str]:
    """A notice where the project file asks for something else than it did when it was locked."""
    if not project.there or len(roots) != 1:
        return []
    metadata: Any = roots[0].table.values.get("metadata")
    declared = project.table("project")
    if not isinstance(metadata, dict) or declared is None or "dependencies" in declared.strings("dynamic"):
        return []
    try:
        rows = list(_rows(metadata))
        elsewhere = {canonicalize_name(row["name"]) for row in rows if _ELSEWHERE & row.keys()}
        own = canonicalize_name(declared.string("name"))
        now, then = (
            {
                (name, extras, SpecifierSet() if name in elsewhere else versions)
                for name, extras, versions in asked
                if name != own
            }
            for asked in (_now(project, declared), _then(rows))
        )
    except (InvalidRequirement, InvalidSpecifier, TypeError, AttributeError, LookupError):
        # Whatever is wrong with the project file is no reason not to take the lock.
        return []
    added, gone = sorted(map(_text, now - then)), sorted(map(_text, then - now))
    if not added and not gone:
        return []
    words = [f"{', '.join(texts[:_MOST])}{', ...' if len(texts) > _MOST else ''}" for texts in (added, gone)]
    said = [f"it lacks {words[0]}"] if added else []
    said += [f"{words[1]} is not asked for any more"] if gone else []
    return [
        f"uv.lock is older than {project.path}: {'; '.join(said)}. It is used as it is; uv lock brings it up to date"
    ]


def _now(project: LockProject, declared: Table) -> Iterator[_Asked]:
    optional: Any = declared.values.get("optional-dependencies", {})
    texts = [*declared.strings("dependencies"), *(text for name in optional for text in optional[name])]
    groups: Any = project.document.values.get("dependency-groups", {})
    texts += [text for name in groups for text in groups[name] if isinstance(text, str)]
    uv = project.table("tool", "uv")
    texts += uv.strings("dev-dependencies") if uv is not None else ()
    for parsed in map(Requirement, texts):
        extras = frozenset(map(canonicalize_name, parsed.extras))
        yield canonicalize_name(parsed.name), extras, SpecifierSet(str(parsed.specifier))


def _rows(metadata: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    yield from metadata.get("requires-dist", ())
    for group in metadata.get("requires-dev", {}).values():
        yield from group


def _then(rows: Iterable[Mapping[str, Any]]) -> Iterator[_Asked]:
    for row in rows:
        extras = frozenset(map(canonicalize_name, row.get("extras", ())))
        yield canonicalize_name(row["name"]), extras, SpecifierSet(row.get("specifier", ""))


def _text(asked: _Asked) -> str:
    name, extras, specifiers = asked
    return name + (f"[{','.join(sorted(extras))}]" if extras else "") + str(specifiers)
