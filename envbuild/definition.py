"""`Definition`: what a person asked for. A frozen value; readers make it, `normalize` gives it one spelling.

Names, descriptions and tags are for people and never enter an id. Credentials are never part of a definition: a reader
hands them over beside it (`formats.reading`).
"""

from dataclasses import dataclass
from typing import TypeAlias

from envbuild.platforms import LINUX_AMD64, Platform

__all__ = [
    "DEFAULT_PYTHON",
    "DEFAULT_SUITE",
    "NEWEST_LAYOUT",
    "SUITE_PYTHONS",
    "Base",
    "CopyStep",
    "DebianBase",
    "Definition",
    "DockerfileBase",
    "ImageBase",
    "Index",
    "Requirement",
]

DEFAULT_PYTHON = "3.11"
DEFAULT_SUITE = "bookworm"
SUITE_PYTHONS = {"bookworm": DEFAULT_PYTHON, "trixie": "3.13"}
"""The one Python that a Debian suite has: what a definition means that names the suite and no Python."""
NEWEST_LAYOUT = 1


@dataclass(frozen=True, slots=True)
class DebianBase:
    """Debian packages as the base: a suite, and the version of the list of packages every such base has."""

    suite: str = DEFAULT_SUITE
    list_version: int = 1


@dataclass(frozen=True, slots=True)
class ImageBase:
    """An existing image as the base, by reference."""

    reference: str


@dataclass(frozen=True, slots=True)
class DockerfileBase:
    """A user's own Dockerfile, with its build context, as the base."""

    dockerfile: str
    context: str = ""


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
    """Files of the project that go into the image."""

    source: str
    target: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Definition:
    """An environment, as asked for. Fields are the keys of envbuild.toml; the defaults stand here and nowhere else."""

    name: str = ""
    description: str = ""
    tags: tuple[tuple[str, str], ...] = ()

    base: Base = DebianBase()
    python: str = DEFAULT_PYTHON
    """`3.11`; nothing for an environment without Python."""
    pypi: tuple[Requirement, ...] = ()
    constraints: tuple[str, ...] = ()
    indexes: tuple[Index, ...] = ()
    conda: tuple[str, ...] = ()
    channels: tuple[str, ...] = ()
    system: tuple[str, ...] = ()
    platforms: tuple[Platform, ...] = (LINUX_AMD64,)
    sdists: str = "refuse"
    accelerator: str = ""
    virtual_packages: tuple[tuple[str, str], ...] = ()

    variables: tuple[tuple[str, str], ...] = ()
    user: str = ""
    workdir: str = ""
    entrypoint: tuple[str, ...] = ()
    run: tuple[str, ...] = ()
    copy: tuple[CopyStep, ...] = ()
    bytecode: str = "none"
    layout: int = NEWEST_LAYOUT
