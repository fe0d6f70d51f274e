"""`Pins`: what every resolver is asked, and what it answers: one version for each package."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from envbuild.definition import Definition, Index, Requirement
from envbuild.wheelfiles import IndexFile, Target

__all__ = ["TORCH_PACKAGES", "Indexes", "Pin", "PinRequest", "Pinner", "indexes_of", "torch_index"]

TORCH_PACKAGES = frozenset(
    {
        "pytorch-triton", "torch", "torchao", "torcharrow", "torchaudio", "torchcodec", "torchdata", "torchrec",
        "torchtext", "torchvision", "triton",
    }
)  # fmt: skip
"""What PyTorch's own indexes serve, and uv takes from there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PinRequest:
    """What is to be resolved: for which target, and which versions are kept where they fit (by package name)."""

    requirements: tuple[Requirement, ...]
    constraints: tuple[str, ...]
    indexes: tuple[Index, ...]
    """In order; `pypi` is among them."""
    accelerator: str
    target: Target
    prefer: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, order=True)
class Pin:
    """A package's version; `url` is set for a direct reference, without credentials."""

    name: str
    """Normalized (PEP 503)."""
    version: str
    url: str = ""


def indexes_of(definition: Definition) -> tuple[Index, ...]:
    """A definition's indexes in order: its own, then `pypi`, unless it places that one itself."""
    own = definition.indexes
    return own if any(i.name == "pypi" for i in own) else (*own, Index("pypi"))


def torch_index(accelerator: str) -> str:
    """The name of the index that has PyTorch's builds for an accelerator (`cpu`, `cu128`)."""
    return f"pytorch-{accelerator}"


class Pinner(Protocol):
    """A resolver's own part: requirements in, one version a package out."""

    def pins(self, request: PinRequest) -> tuple[Pin, ...]:
        """The pins. ResolveFailed where nothing fits."""


class Listing(Protocol):
    """A package's files."""

    @property
    def files(self) -> tuple[IndexFile, ...]:
        """In the index's order."""


class Indexes(Protocol):
    """Package indexes by name."""

    def project(self, index: str, package: str) -> Listing | None:
        """What an index has of a package, or None."""

    def metadata(self, file: IndexFile) -> bytes | None:
        """A wheel's core metadata, where it stands beside it."""

    def measure(self, url: str) -> tuple[str, int]:
        """A file's sha256 (hex) and size in bytes; it is read once and not kept."""
