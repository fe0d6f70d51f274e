"""Relations between Debian packages: Depends, Pre-Depends, Conflicts, Breaks and Provides (Debian Policy 7.1)."""

import re
from dataclasses import dataclass

from envbuild.debian.versions import satisfies, sort_key

__all__ = ["Alternatives", "Provided", "Relation", "is_package_name", "parse_provides", "parse_relations"]

_RELATION = re.compile(
    r"(?P<name>[a-z0-9][a-z0-9+.-]*)(?::(?P<qualifier>[a-z0-9-]+))?"
    r"(?:\s*\(\s*(?P<operator><<|<=|=|>=|>>|<|>)\s*(?P<version>[^\s()]+)\s*\))?"
)
_NAME = re.compile(r"[a-z0-9][a-z0-9+.-]+")


@dataclass(frozen=True, slots=True)
class Relation:
    """One package that is asked for (or ruled out): `libc6 (>= 2.36)`, `python3:any`."""

    name: str
    operator: str = ""
    version: str = ""
    qualifier: str = ""

    def __str__(self) -> str:
        qualifier = f":{self.qualifier}" if self.qualifier else ""
        version = f" ({self.operator} {self.version})" if self.operator else ""
        return f"{self.name}{qualifier}{version}"

    def allows(self, version: str) -> bool:
        """Whether a package of this name fits with `version`."""
        return not self.operator or satisfies(version, self.operator, self.version)

    def serves(self, architecture: str) -> bool:
        """Whether the qualifier can be met in an image of one architecture."""
        return self.qualifier in ("", "any", "native", "all", architecture)


Alternatives = tuple[Relation, ...]
"""Relations of which one is enough."""


@dataclass(frozen=True, slots=True)
class Provided:
    """A name that a package also answers to; with a version only where it says so."""

    name: str
    version: str = ""

    def meets(self, relation: Relation) -> bool:
        """Whether the relation is met: a versioned one only by a versioned name (Debian Policy 7.5)."""
        return self.name == relation.name and (
            not relation.operator or (bool(self.version) and relation.allows(self.version))
        )


def is_package_name(text: str) -> bool:
    """Whether this can be a binary package's name (Debian Policy 5.6.7)."""
    return bool(_NAME.fullmatch(text))


def parse_relations(text: str) -> tuple[Alternatives, ...]:
    """`a (>= 1) | b, c:any` as ((a, b), (c,)). ValueError names the part that is no relation."""
    groups = (group.strip() for group in text.split(","))
    return tuple(tuple(_relation(part.strip()) for part in group.split("|")) for group in groups if group)


def parse_provides(text: str) -> tuple[Provided, ...]:
    """The names of a Provides field. ValueError names the part that is none."""
    relations = (relation for group in parse_relations(text) for relation in group)
    return tuple(Provided(r.name, r.version if r.operator == "=" else "") for r in relations)


def _relation(text: str) -> Relation:
    found = _RELATION.fullmatch(text)
    if not found:
        raise ValueError(f"not a relation to a package: {text!r}")
    if found["version"]:
        sort_key(found["version"])
    return Relation(found["name"], found["operator"] or "", found["version"] or "", found["qualifier"] or "")
