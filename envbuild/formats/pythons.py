"""Which Pythons an environment without conda can have, and which of them a file's `requires-python` means.

A base has its own; every other one is a standalone build, which the lock names.
"""

import re

from packaging.specifiers import SpecifierSet

from envbuild.definition import SUITE_PYTHONS, SUITE_RELEASES, DebianBase

__all__ = ["STANDALONE", "allowed_python", "allows", "is_served", "minor_of"]

STANDALONE = ("3.8", "3.9", "3.10", "3.11", "3.12", "3.13", "3.14")
"""The minor versions that there are standalone builds of, oldest first."""

_PYTHON = re.compile(r"(3\.[0-9]+)(\.[0-9]+((a|b|rc)[0-9]+)?)?")
_NEWEST = 99
"""Stands for the newest release of a minor version, which a lock takes."""


def minor_of(python: str) -> str:
    """`3.11` of `3.11` and of `3.11.9`."""
    return ".".join(python.split(".")[:2])


def is_served(python: str) -> bool:
    """Whether a Python, `3.11` or a release of it, is one of those."""
    return _PYTHON.fullmatch(python) is not None and minor_of(python) in STANDALONE


def allows(allowed: SpecifierSet, base: DebianBase, python: str) -> bool:
    """Whether a specifier allows a Python: a release as it is, a minor version by the release that is taken of it."""
    own = SUITE_RELEASES.get(base.suite, "") if SUITE_PYTHONS.get(base.suite) == python else ""
    release = python if python != minor_of(python) else own or f"{python}.{_NEWEST}"
    return allowed.contains(release, prereleases=True)


def allowed_python(allowed: SpecifierSet) -> tuple[DebianBase, str] | None:
    """The base and Python that a specifier means: the first base's own, else the newest standalone one; None: there is none."""
    named = [one.version for one in allowed if one.operator in ("==", "===") and is_served(one.version)]
    known = [
        *((DebianBase(suite), python) for suite, python in SUITE_PYTHONS.items()),
        *((_without(python), python) for python in reversed(STANDALONE)),
        *((DebianBase.with_python(python), python) for python in named),
    ]
    return next((place for place in known if allows(allowed, *place)), None)


def _without(python: str) -> DebianBase:
    """The first base that has another Python of its own, so that the newest release of this one is taken."""
    return DebianBase(next(suite for suite, own in SUITE_PYTHONS.items() if own != python))
