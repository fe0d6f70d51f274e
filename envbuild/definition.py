"""`Definition`: what a person asked for. A frozen value; readers make it, `normalize` gives it one spelling.

Names, descriptions and tags are for people and never enter an id. Credentials are never part of a definition: a reader
hands them over beside it (`formats.reading`).
"""

from dataclasses import dataclass
from typing import Self, TypeAlias

from envbuild.platforms import LINUX_AMD64, Platform

__all__ = [
    "DEFAULT_IMAGE",
    "DEFAULT_PYTHON",
    "DEFAULT_SUITE",
    "NEWEST_LAYOUT",
    "SUITE_PYTHONS",
    "SUITE_RELEASES",
    "Base",
    "Context",
    "CopyStep",
    "DebianBase",
    "Definition",
    "DockerfileBase",
    "ImageBase",
    "Index",
    "Project",
    "Requirement",
]

DEFAULT_PYTHON = "3.11"
DEFAULT_SUITE = "bookworm"
DEFAULT_IMAGE = "envbuild/default-base"
"""Stands for the default base where only an image can be named; it is no image of any registry."""
SUITE_PYTHONS = {"bookworm": DEFAULT_PYTHON, "trixie": "3.13"}
"""The one Python that a Debian suite has: what a definition means that names the suite and no Python."""
SUITE_RELEASES = {"bookworm": "3.11.2", "trixie": "3.13.5"}
"""Its release, which stays the same as long as the suite does."""
NEWEST_LAYOUT = 1


@dataclass(frozen=True, slots=True)
class DebianBase:
    """Debian packages as the base: a suite, and the version of the list of packages every such base has."""

    suite: str = DEFAULT_SUITE
    list_version: int = 1

    @classmethod
    def with_python(cls, python: str) -> Self:
        """The base whose Python is this one (`3.13`, or its release `3.13.5`); the default base where none is."""
        having = (suite for suite, its in SUITE_PYTHONS.items() if python in (its, SUITE_RELEASES[suite]))
        return cls(next(having, DEFAULT_SUITE))


@dataclass(frozen=True, slots=True)
class ImageBase:
    """An existing image as the base, by reference."""

    reference: str


@dataclass(frozen=True, slots=True)
class Context:
    """A folder as content: `digest` is that of its files; `folder` says where they are, and is part of no id."""

    folder: str
    digest: str = ""
    """`sha256:<hex>`; nothing before the folder was read."""


@dataclass(frozen=True, slots=True)
class DockerfileBase:
    """A user's own Dockerfile, with its build context, as the base."""

    dockerfile: str = ""
    """Its text; nothing before the file at `path` was read."""
    context: Context | None = None
    arguments: tuple[tuple[str, str], ...] = ()
    target: str = ""
    path: str = ""
    """Where the text is from, relative to the definition's folder; part of no id."""


Base: TypeAlias = DebianBase | ImageBase | DockerfileBase


@dataclass(frozen=True, slots=True)
class Requirement:
    """One PEP 508 line and the hashes it allows (`sha256:<hex>`; none: any file)."""

    text: str
    hashes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Index:
    """A package index (PEP 503) by name. `url` is its identity, without credentials; the machine says where it is served.

    An explicit index gives only the packages pinned to it. `pypi` is the default index and needs no url.
    """

    name: str
    url: str = ""
    explicit: bool = False
    packages: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class CopyStep:
    """Files of the project that go into the image; `digest` is that of their content, nothing before they were read."""

    source: str
    target: str
    digest: str = ""


@dataclass(frozen=True, slots=True)
class Project:
    """A folder with a Python project whose own package is installed; its content is part of the ids, its place is not."""

    path: str
    digest: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Definition:
    """An environment, as asked for. Fields are the keys of envbuild.toml; the defaults stand here and nowhere else."""

    name: str = ""
    description: str = ""
    tags: tuple[tuple[str, str], ...] = ()

    base: Base = DebianBase()
    python: str = DEFAULT_PYTHON
    """`3.11`, or a release of it, `3.11.9`; nothing for an environment without Python, or with conda's."""
    interpreter: str = ""
    """A base image's own Python, where the image is to be used as it is: a program on its PATH, or a path in it."""
    pypi: tuple[Requirement, ...] = ()
    constraints: tuple[str, ...] = ()
    no_deps: bool = False
    """Whether `pypi` is complete: only what is listed is installed, as from another tool's lock."""
    project: Project | None = None
    indexes: tuple[Index, ...] = ()
    conda: tuple[str, ...] = ()
    channels: tuple[str, ...] = ()
    channel_priority: str = "strict"
    """`strict`: the first channel that has a package gives it (conda-forge's advice); `disabled`: any may."""
    system: tuple[str, ...] = ()
    platforms: tuple[Platform, ...] = (LINUX_AMD64,)
    sdists: str = "refuse"
    accelerator: str = ""
    virtual_packages: tuple[tuple[str, str], ...] = ()

    variables: tuple[tuple[str, str], ...] = ()
    user: str = ""
    workdir: str = ""
    entrypoint: tuple[str, ...] = ()
    activate: bool = False
    """Whether the image's entry point runs what conda packages have in activate.d, before all else."""
    run: tuple[str, ...] = ()
    copy: tuple[CopyStep, ...] = ()
    bytecode: str = "none"
    layout: int = NEWEST_LAYOUT
