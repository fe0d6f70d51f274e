"""What a solver of conda packages is asked, and what it answers: one file for each package."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from envbuild.ports import Reporter
from envbuild.resolvers.conda.virtualpackages import VirtualPackage

__all__ = ["CondaRecord", "CondaRequest", "CondaSolver"]


@dataclass(frozen=True, slots=True, kw_only=True)
class CondaRequest:
    """What is to be solved, for one platform. Nothing of the machine that solves is part of it."""

    specs: tuple[str, ...]
    """In their one spelling (`matchspec`)."""
    channels: tuple[str, ...]
    """As the definition names them, the first goes first."""
    subdir: str
    """conda's name of the platform: `linux-64`; noarch is always meant too."""
    strict: bool = True
    """Whether the first channel that has a package gives it, whatever others have; else any may."""
    virtual_packages: tuple[VirtualPackage, ...] = ()
    prefer: Mapping[str, str] = field(default_factory=dict)
    """By package, the file to keep where it still fits: `numpy-1.26.4-py311h64a7726_0.conda`."""


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class CondaRecord:
    """One file of a channel. A size of 0, and an empty hash, are not known."""

    name: str
    version: str
    build: str
    file: str
    channel: str
    """As the definition names it."""
    subdir: str
    size: int = 0
    sha256: str = ""
    md5: str = ""


class CondaSolver(Protocol):
    """Finds packages that fit together."""

    def solve(self, request: CondaRequest, report: Reporter) -> tuple[CondaRecord, ...]:
        """One record for each package, virtual ones left out.

        ResolveFailed says why nothing fits; EnvironmentFault where a channel cannot be asked.
        """
