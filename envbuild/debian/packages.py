"""Packages indexes of a suite, its updates and its security suite, seen as one universe of packages.

An index holds 63,000 stanzas, of which a resolution touches a hundred: names are found by scanning the bytes, and a stanza
is parsed when somebody asks for its package.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache

from envbuild.debian.control import parse_stanza
from envbuild.debian.relations import Alternatives, Provided, Relation, parse_provides, parse_relations
from envbuild.debian.versions import SortKey, sort_key
from envbuild.digest import Digest
from envbuild.errors import IntegrityError

__all__ = ["Package", "PackagesIndex", "Universe"]

# A literal first byte makes these four times as fast as ^ with MULTILINE.
_NAME = re.compile(rb"\nPackage: ?([^\s]+)")
_PROVIDES = re.compile(rb"\nProvides: ?([^\n]+(?:\n[ \t][^\n]*)*)")
_PROVIDED_NAME = re.compile(rb"(?:^|,)\s*([a-z0-9][a-z0-9+.-]*)")
_PRIORITIES = ("required", "important", "standard", "optional", "extra")


@dataclass(frozen=True, slots=True, kw_only=True)
class Package:
    """One version of a binary package in an index."""

    name: str
    version: str
    architecture: str
    """The index's own, or `all`."""
    source: str
    """The suite it is in, as a lock names it: `debian:bookworm-security`."""
    filename: str
    """Relative to the mirror: `pool/main/...`."""
    size: int
    """Bytes of the .deb."""
    sha256: str
    priority: int = 3
    """0 (required) to 4 (extra): between several that provide a name, the lowest is taken."""
    depends: tuple[Alternatives, ...] = ()
    """Pre-Depends, then Depends."""
    provides: tuple[Provided, ...] = ()
    excludes: tuple[tuple[str, Relation], ...] = ()
    """Conflicts and Breaks: the field's name and what must not be there."""

    def meets(self, relation: Relation) -> bool:
        """Whether this package is what the relation asks for, by its name or by one that it provides."""
        if self.name == relation.name and relation.allows(self.version):
            return True
        return any(provided.meets(relation) for provided in self.provides)


class PackagesIndex:
    """One Packages file. `data` is its verified, decompressed content; nothing is parsed before it is asked for."""

    def __init__(self, source: str, data: bytes) -> None:
        self.source = source
        self._data = b"\n" + data

    @cached_property
    def _offsets(self) -> dict[str, list[int]]:
        offsets: dict[str, list[int]] = {}
        for found in _NAME.finditer(self._data):
            offsets.setdefault(found[1].decode("ascii", "replace"), []).append(found.start())
        return offsets

    @cached_property
    def _providers(self) -> dict[str, list[int]]:
        providers: dict[str, list[int]] = {}
        for found in _PROVIDES.finditer(self._data):
            for name in _PROVIDED_NAME.findall(found[1]):
                providers.setdefault(name.decode("ascii"), []).append(found.start())
        return providers

    def names(self) -> Iterable[str]:
        """Every package's name."""
        return self._offsets.keys()

    def named(self, name: str) -> Iterator[Package]:
        """Each version of a package."""
        return (self._package(offset) for offset in self._offsets.get(name, ()))

    def providing(self, name: str) -> Iterator[Package]:
        """Each package whose Provides has this name."""
        return (self._package(offset) for offset in self._providers.get(name, ()))

    def _package(self, offset: int) -> Package:
        # The byte at `offset` is the line break before the field.
        start = self._data.rfind(b"\n\n", 0, offset + 1) + 1
        end = self._data.find(b"\n\n", offset)
        text = self._data[start : end if end >= 0 else len(self._data)]
        try:
            return _parse_package(self.source, text.decode("utf-8"))
        except (KeyError, ValueError) as fault:
            name = text.partition(b"Package: ")[2].partition(b"\n")[0].decode("utf-8", "replace")
            raise IntegrityError(
                f"the stanza of {name} is malformed: {fault}", at=self.source, hint="Name another mirror, or try again."
            ) from fault


class Universe:
    """All packages of several indexes for one architecture. Of equal versions, the first index's is taken."""

    def __init__(self, indexes: Sequence[PackagesIndex], architecture: str) -> None:
        self.architecture = architecture
        self._indexes = tuple(indexes)
        self._candidates: dict[str, tuple[Package, ...]] = {}
        self._providers: dict[str, tuple[Package, ...]] = {}

    @property
    def sources(self) -> tuple[str, ...]:
        """The suites, in the order given."""
        return tuple(index.source for index in self._indexes)

    def names(self) -> set[str]:
        """Every package's name."""
        return {name for index in self._indexes for name in index.names()}

    def candidates(self, name: str) -> tuple[Package, ...]:
        """The versions of a package, highest first; none where there is no such package."""
        if name not in self._candidates:
            versions: dict[str, Package] = {}
            for index in self._indexes:
                for package in index.named(name):
                    if package.name == name and package.architecture in (self.architecture, "all"):
                        versions.setdefault(package.version, package)
            self._candidates[name] = tuple(sorted(versions.values(), key=_version_key, reverse=True))
        return self._candidates[name]

    def providers(self, name: str) -> tuple[Package, ...]:
        """The packages, in every version, that provide a name: by priority and name, then the highest version first."""
        if name not in self._providers:
            found = {p.name for index in self._indexes for p in index.providing(name)}
            versions = [p for n in found for p in self.candidates(n) if any(v.name == name for v in p.provides)]
            versions.sort(key=_version_key, reverse=True)
            self._providers[name] = tuple(sorted(versions, key=lambda p: (p.priority, p.name)))
        return self._providers[name]


def _version_key(package: Package) -> SortKey:
    return sort_key(package.version)


@lru_cache(maxsize=1 << 12)
def _parse_package(source: str, text: str) -> Package:
    fields = parse_stanza(text)
    filename = fields["filename"]
    if filename.startswith("/") or ".." in filename.split("/") or not filename.endswith(".deb"):
        raise ValueError(f"Filename {filename!r} is not a path of a .deb below the mirror")
    sort_key(fields["version"])
    excludes = [
        (field, relation)
        for field in ("Conflicts", "Breaks")
        for group in parse_relations(fields.get(field.lower(), ""))
        for relation in group
    ]
    priority = fields.get("priority", "optional")
    return Package(
        name=fields["package"],
        version=fields["version"],
        architecture=fields["architecture"],
        source=source,
        filename=filename,
        size=int(fields["size"]),
        sha256=Digest(fields["sha256"]).hex,
        priority=_PRIORITIES.index(priority) if priority in _PRIORITIES else len(_PRIORITIES),
        depends=parse_relations(fields.get("pre-depends", "")) + parse_relations(fields.get("depends", "")),
        provides=parse_provides(fields.get("provides", "")),
        excludes=tuple(excludes),
    )
