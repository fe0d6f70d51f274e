"""`Pins`: what every resolver is asked, and what it answers: one version for each package."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from packaging.requirements import Requirement as Parsed
from packaging.utils import canonicalize_name

from envbuild.definition import Index, Requirement
from envbuild.errors import ResolveFailed
from envbuild.wheelfiles import IndexFile, Target

__all__ = [
    "Indexes",
    "NoSolution",
    "Pin",
    "PinRequest",
    "Pinner",
    "Provided",
    "Unmet",
    "names_of",
    "reachable",
    "read_pins",
    "serving",
]


@dataclass(frozen=True, slots=True, order=True)
class Provided:
    """A Python distribution that the environment has already (from conda): its version holds, and it is not installed again."""

    name: str
    """Normalized (PEP 503)."""
    version: str
    extras: tuple[str, ...] = ()
    """What its metadata requires for its extras alone (PEP 508, each with an `extra ==` marker)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PinRequest:
    """What is to be resolved: for which target, and which versions are kept where they fit (by package name)."""

    requirements: tuple[Requirement, ...]
    constraints: tuple[str, ...]
    indexes: tuple[Index, ...]
    """In the order in which they are asked; `pypi` is among them."""
    target: Target
    prefer: Mapping[str, str] = field(default_factory=dict)
    provided: tuple[Provided, ...] = ()
    """What the environment has already; requirements on it are met by it, or not at all."""
    complete: bool = False
    """Whether nothing but the requirements is to be installed."""

    @property
    def pinned(self) -> dict[str, str]:
        """The packages that come from one index alone, and its name."""
        return {package: index.name for index in self.indexes for package in index.packages}


@dataclass(frozen=True, slots=True, order=True)
class Pin:
    """A package's version; `url` is set for a direct reference, without credentials."""

    name: str
    """Normalized (PEP 503)."""
    version: str
    """Empty for a direct reference: its file's name tells."""
    url: str = ""
    via: tuple[str, ...] = ()
    """The packages that need it; what the definition itself asks for may have none."""
    place: str = ""
    """The URL of the index that served it, where the resolver says so."""


@dataclass(frozen=True, slots=True)
class Unmet:
    """What a provided distribution cannot meet: who needs what instead of it."""

    name: str
    version: str
    package: str
    needs: str

    def __str__(self) -> str:
        return f"conda has {self.name} {self.version}, and {self.package} needs {self.needs}"

    @property
    def hint(self) -> str:
        """What may be done."""
        return (
            f"conda's packages hold: ask conda for what brings {self.needs}, or change the pip packages so that "
            f"{self.name} {self.version} will do"
        )


class NoSolution(ResolveFailed):
    """Nothing fits: `absent` packages are on no index that was asked, `wheelless` have no wheel that may be used.

    `versionless` are there, and not in a version that is asked for. `unmet`: what conda has in another version.
    """

    def __init__(
        self,
        what: str,
        *,
        hint: str = "",
        absent: tuple[str, ...] = (),
        wheelless: tuple[str, ...] = (),
        versionless: tuple[str, ...] = (),
        unmet: tuple[Unmet, ...] = (),
    ) -> None:
        self.absent, self.wheelless, self.versionless, self.unmet = absent, wheelless, versionless, unmet
        super().__init__(what, hint=hint)


class Pinner(Protocol):
    """A resolver's own part: requirements in, one version a package out."""

    name: str
    """As people know it."""

    def pins(self, request: PinRequest) -> tuple[Pin, ...]:
        """The pins, without what is provided. NoSolution where nothing fits; EnvironmentFault where an index cannot be asked."""


class Listing(Protocol):
    """A package's files."""

    @property
    def files(self) -> tuple[IndexFile, ...]:
        """In the index's order."""

    @property
    def host(self) -> str:
        """What answered, where the index sent us on to another host."""


class Indexes(Protocol):
    """Package indexes by name."""

    def project(self, index: str, package: str) -> Listing | None:
        """What an index has of a package, or None."""

    def check(self, index: str) -> None:
        """EnvironmentFault where nothing at all is at an index's address, so that what it lacks says nothing."""

    def measure(self, url: str) -> tuple[str, int]:
        """A file's sha256 (hex) and size in bytes; it is read once and not kept."""


def names_of(requirements: Sequence[Requirement]) -> frozenset[str]:
    """The packages that requirements name, normalized."""
    return frozenset(canonicalize_name(Parsed(r.text).name) for r in requirements)


def serving(name: str, indexes: Sequence[Index]) -> tuple[str, ...]:
    """The indexes that are asked for a package, in order: the first that has it serves it, whatever others have.

    That is the one it is pinned to, else all that are not explicit.
    """
    pinned = tuple(index.name for index in indexes if name in index.packages)
    return pinned[:1] or tuple(index.name for index in indexes if not index.explicit)


_LINE = re.compile(r"([A-Za-z0-9][A-Za-z0-9._-]*)(?:\[[^\]]*\])?\s*(?:==\s*(\S+)|@\s*(\S+))")
_NOTE = re.compile(r"#\s+(from\s+|via\s+)?(.*)")


def read_pins(text: str) -> tuple[Pin, ...]:
    """The pins of an annotated requirements file, as uv and pip-tools write it: `# via` packages, `# from` an index."""
    found: list[Pin] = []
    for line in map(str.strip, text.splitlines()):
        pin, note = _LINE.match(line), _NOTE.match(line)
        if pin:
            found.append(Pin(canonicalize_name(pin[1]), pin[2] or "", (pin[3] or "").partition("#")[0]))
        elif note and found:
            found[-1] = _noted(found[-1], (note[1] or "").strip(), note[2].strip())
    return tuple(sorted(found))


def _noted(pin: Pin, kind: str, text: str) -> Pin:
    if kind == "from":
        return Pin(pin.name, pin.version, pin.url, pin.via, text)
    # Only names: `-r FILE` and `project (pyproject.toml)` are the request itself.
    via = (canonicalize_name(text),) if re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*", text) else ()
    return Pin(pin.name, pin.version, pin.url, pin.via + via, pin.place)


def reachable(pins: Sequence[Pin], names: frozenset[str]) -> tuple[Pin, ...]:
    """Those of the pins that these packages are, or need."""
    kept, before = set(names), 0
    while len(kept) != before:
        before = len(kept)
        kept |= {pin.name for pin in pins if not kept.isdisjoint(pin.via)}
    return tuple(pin for pin in pins if pin.name in kept)
