"""What every Debian base has: versioned lists of packages, the suites, and dependencies that an image does not need.

A list never changes once it is released: another choice is another version. What it resolves to is in the lock.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from envbuild.debian.relations import Alternatives
from envbuild.definition import SUITE_PYTHONS, SUITE_RELEASES, DebianBase, Definition
from envbuild.errors import ResolveFailed

__all__ = [
    "LEFT_OUT",
    "SUITES",
    "LeftOut",
    "Suite",
    "base_packages",
    "is_left_out",
    "own_python",
    "suite_of",
]


@dataclass(frozen=True, slots=True)
class Suite:
    """A Debian release that is served, and the one Python it has."""

    name: str
    python: str
    """`3.11`."""
    python_packages: tuple[str, ...]
    """The whole standard library that CPython of this version has, without Tk, IDLE, ensurepip and the tests."""

    @property
    def python_release(self) -> str:
        """`3.11.2`: the same as long as the suite lives."""
        return SUITE_RELEASES[self.name]

    @property
    def archives(self) -> tuple[str, ...]:
        """The suites that are read as one, as the mirror names them. The last one is served from the security mirror."""
        return (self.name, f"{self.name}-updates", f"{self.name}-security")


SUITES = {
    suite.name: suite
    for suite in (
        # Until 3.12 distutils is part of CPython, and wheels of that time import it; Debian keeps it in its own package.
        Suite("bookworm", SUITE_PYTHONS["bookworm"], ("python3", "python3.11", "python3-distutils")),
        Suite("trixie", SUITE_PYTHONS["trixie"], ("python3", "python3.13")),
    )
}

_LISTS = {
    1: (
        "base-files",
        "bash",
        "ca-certificates",
        "coreutils",
        "dash",
        "findutils",
        "grep",
        "gzip",
        "hostname",
        "libc-bin",
        "libc6",
        "media-types",
        "ncurses-base",
        "netbase",
        "sed",
        "tar",
        "tzdata",
    )
}

# What a manylinux wheel may expect of any system (PEP 600) and the interpreter does not bring already.
_FOR_WHEELS = ("libatomic1", "libgcc-s1", "libstdc++6", "zlib1g")


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A dependency that is left out: of one package, or of each (`dependent` empty), unless it is asked for by name."""

    dependent: str
    dependency: str
    reason: str


LEFT_OUT = (
    LeftOut("", "debconf-2.0", "asks questions while installing; a program that needs debconf names debconf alone"),
    LeftOut("", "install-info", "keeps the list of info pages while installing"),
    LeftOut("", "adduser", "makes accounts while installing; no program runs it"),
    LeftOut("", "init-system-helpers", "registers services while installing; an image has no init system"),
    LeftOut("", "ucf", "merges configuration files on upgrades; an image is never upgraded in place"),
    LeftOut("ca-certificates", "openssl", "update-ca-certificates calls it; the bundle is made without it"),
    LeftOut("dash", "dpkg", "its preinst needs a dpkg that knows conffiles' moves"),
    LeftOut("python3-minimal", "dpkg", "py3compile and py3clean ask dpkg for files while installing"),
)
"""Reviewed by hand. Maintainer scripts do not run, so what only they call is dead weight (debconf brings Perl)."""


def suite_of(base: DebianBase) -> Suite:
    """The suite of a base. ResolveFailed: unknown suite or list."""
    suite = SUITES.get(base.suite)
    if suite is None:
        raise ResolveFailed(f"base.debian = {base.suite!r} is not served", hint=f"Served are {', '.join(SUITES)}.")
    if base.list_version not in _LISTS:
        raise ResolveFailed(
            f"version {base.list_version} of the list of base packages is not known",
            hint=f"Known are {', '.join(map(str, _LISTS))}; a newer envbuild may know it.",
        )
    return suite


def own_python(definition: Definition) -> str:
    """The Python (`3.11`) that a definition takes from its base's suite; nothing where it needs none, or another one.

    A release is the suite's own where the suite has just that one; conda brings its own.
    """
    if not isinstance(definition.base, DebianBase) or definition.conda:
        return ""
    suite = suite_of(definition.base)
    own = definition.python in ("", suite.python, suite.python_release)
    return suite.python if own and (definition.python or definition.pypi) else ""


def base_packages(suite: Suite, list_version: int, *, python: bool, wheels: bool = False) -> tuple[str, ...]:
    """The packages that a base is made of, before their dependencies, sorted.

    `python`: with the suite's interpreter; `wheels`: with what wheels expect of a system, whatever interpreter they are for.
    """
    extra: Sequence[str] = (*suite.python_packages, *_FOR_WHEELS) if python else _FOR_WHEELS if wheels else ()
    return tuple(sorted({*_LISTS[list_version], *extra}))


def is_left_out(dependent: str, group: Alternatives) -> bool:
    """Whether a dependency of `dependent` is left out: one of its alternatives stands in the table."""
    names = {relation.name for relation in group}
    return any(entry.dependency in names and entry.dependent in ("", dependent) for entry in LEFT_OUT)
