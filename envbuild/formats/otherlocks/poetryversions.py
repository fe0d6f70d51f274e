"""Poetry's version constraints (Poetry documentation, "Dependency specification") in PEP 440's words.

`^1.2.3`, `~1.2`, `1.2.*`, `>=1,<2`, `*`, a version alone (exactly that), and several of them with `||` between.
"""

import re
from collections.abc import Iterator

from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.version import InvalidVersion, Version

__all__ = ["allows", "python_marker", "specifier_sets"]

_ONE = re.compile(r"(?P<sign>\^|~=|~|[<>=!]=?=?)?\s*v?(?P<version>[0-9][\w+!-]*(?:\.[\w+!-]+)*(?:\.\*)?)")


def specifier_sets(constraint: str) -> list[SpecifierSet]:
    """One set for each alternative. ValueError where it is no constraint."""
    try:
        return [SpecifierSet(",".join(_parts(text))) for text in re.split(r"\|\|?", constraint)]
    except (InvalidSpecifier, InvalidVersion) as error:
        raise ValueError(f"{constraint!r} is no version constraint") from error


def allows(constraint: str, version: str) -> bool:
    """Whether a constraint takes a version. One that cannot be read takes every version: the lock has chosen already."""
    try:
        return any(one.contains(version, prereleases=True) for one in specifier_sets(constraint))
    except ValueError:
        return True


def python_marker(constraint: str) -> str:
    """The marker (PEP 508) that a constraint on Python is. ValueError where it is no constraint."""
    texts = []
    for specifiers in specifier_sets(constraint):
        if not specifiers:
            return ""
        # Sorted, since a set of specifiers has no order of its own.
        rows = sorted(f'python_full_version {one.operator} "{one.version}"' for one in specifiers)
        texts.append(" and ".join(rows))
    return " or ".join(f"({text})" for text in texts)


def _parts(text: str) -> Iterator[str]:
    """The specifiers of one alternative."""
    text = text.strip()
    rest = text
    while rest and rest != "*":
        found = _ONE.match(rest)
        if found is None:
            raise InvalidSpecifier(text)
        yield from _specifiers(found["sign"] or "", found["version"])
        rest = rest[found.end() :].lstrip(" ,")


def _specifiers(sign: str, version: str) -> Iterator[str]:
    match sign:
        case "^":
            release = Version(version).release
            fixed = next((n for n, part in enumerate(release) if part), len(release) - 1) + 1
            yield f">={version}"
            yield f"<{_next(release[:fixed])}"
        case "~":
            release = Version(version).release
            yield f">={version}"
            yield f"<{_next(release[:2])}"
        case "" | "=" | "==":
            yield f"=={version}"
        case _:
            yield f"{sign}{version}"


def _next(release: tuple[int, ...]) -> str:
    """The first version beyond all that begin so: `1.3` for `1.2`."""
    return ".".join(map(str, (*release[:-1], release[-1] + 1)))
