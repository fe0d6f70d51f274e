"""The walk through a uv.lock, from the project to every package that it needs."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain
from typing import Any

from packaging.utils import canonicalize_name

from envbuild.errors import Fault
from envbuild.formats.otherlocks.lockchoice import Choice
from envbuild.formats.otherlocks.lockgraph import reached
from envbuild.formats.otherlocks.uvpackages import Need, UvPackage, needs
from envbuild.formats.selection import Selection
from envbuild.formats.toml.tomltable import Table
from envbuild.markersets import MarkerSets

__all__ = ["Node", "UvGraph"]

Node = tuple[int, str]
"""A package's number, and what of it: nothing, `extra:NAME` or `group:NAME`."""

_LOCAL = ("editable", "virtual", "directory")
_LOOSE = -1
"""In the place of a package: what the lock's manifest itself asks for (a script's requirements, a bare workspace's groups)."""


class UvGraph:
    """A lock's packages, with those among them that are the project's own."""

    def __init__(self, document: Table, packages: Sequence[UvPackage], selection: Selection) -> None:
        """What is chosen and not there, or excludes each other, goes to the document's faults."""
        self.packages, self._document, self._choice = packages, document, Choice(selection)
        self._by_name: dict[str, list[int]] = {}
        for number, package in enumerate(packages):
            self._by_name.setdefault(package.name, []).append(number)
        manifest = document.table("manifest")
        members = set(manifest.strings("members")) if manifest else set()
        local = [n for n, package in enumerate(packages) if package.kind in _LOCAL]
        root = [n for n in local if packages[n].place == "."]
        self.own = frozenset({n for n in local if packages[n].name in members} | set(root))
        """The numbers of the project's own packages."""
        self._roots = root or sorted(self.own)
        self._loose = _loose(manifest)
        if not self._roots and not self._loose:
            hint = "is it the lock of a project? Make it anew: uv lock"
            document.faults.append(Fault(document.places.path, "no package in the lock is the project's own", hint))
        document.faults += self._choice.unknown(document.places.path, self._extras(), self.groups())
        document.faults += self._excluded()

    @property
    def roots(self) -> list[UvPackage]:
        """The project's own package, or all members of a workspace that has none at its root."""
        return [self.packages[n] for n in self._roots]

    @property
    def name(self) -> str:
        """The project's name, where there is one project."""
        return self.roots[0].name if len(self._roots) == 1 else ""

    def groups(self) -> frozenset[str]:
        """The dependency groups there are, the empty ones among them."""
        named = {key.removeprefix("group:") for key in self._loose if key.startswith("group:")}
        return frozenset(named).union(*(p.groups.keys() | _declared(p, "requires-dev") for p in self.roots))

    def unasked(self, groups: Iterable[str]) -> set[str]:
        """Those of the groups that install something, and that nobody chose."""
        having = {name for p in self.roots for name, needed in p.groups.items() if needed}
        having |= {key.removeprefix("group:") for key, needed in self._loose.items() if needed}
        return (set(groups) & having) - self._choice.groups

    def orphans(self) -> list[str]:
        """The packages that nothing needs, whichever extras and groups are chosen and wherever."""
        own = (self.packages[number].all_needs() for number in self.own)
        waiting = list(self._wanted(chain(*self._loose.values(), *own)))
        seen = {(number, "") for number in self.own}
        while waiting:
            node = waiting.pop()
            if node not in seen:
                seen.add(node)
                waiting += self._wanted(self._needs(node))
        return [package.name for number, package in enumerate(self.packages) if (number, "") not in seen]

    def _wanted(self, needed: Iterable[Need]) -> Iterator[Node]:
        """The nodes that are needed, wherever."""
        for need in needed:
            for number in self._meant(need):
                yield number, ""
                yield from ((number, f"extra:{extra}") for extra in need.extras)

    def walked(self, sets: MarkerSets) -> dict[Node, int]:
        """Where each package is needed. What is wrong on the way goes to the document's faults."""
        active = {text for package in self.roots for text in self._active(package)}
        found, faults = self._walk(sets, active)
        more = {text for node in found for text in self._encoded(node)} - active
        if more and any("extra" in marker for package in self.packages for marker in package.markers()):
            # Extras that are reached on the way decide, too, what the markers of conflicting ones mean.
            found, faults = self._walk(sets, active | more)
        self._document.faults += faults
        return found

    def _walk(self, sets: MarkerSets, active: set[str]) -> tuple[dict[Node, int], list[Fault]]:
        faults: dict[Fault, None] = {}

        def edges(node: Node) -> Iterator[tuple[Node, int]]:
            number, what = node
            if what.startswith("extra:") and number != _LOOSE:
                yield (number, ""), sets.all
            at = self.packages[number].at if number != _LOOSE else self._document.places.path
            for need in self._needs(node):
                where = 0
                try:
                    where = sets.of(need.marker, active.__contains__)
                except ValueError as error:
                    faults[Fault(at, f"{need.name}: not a marker (PEP 508): {error}", "make it anew: uv lock")] = None
                candidates = self._meant(need)
                if not candidates:
                    what = f"{need.name} {need.version}".strip()
                    faults[Fault(at, f"it needs {what}, which is not in the lock", "make it anew: uv lock")] = None
                for candidate in candidates:
                    yield (candidate, ""), where
                    yield from (((candidate, f"extra:{extra}"), where) for extra in need.extras)

        return reached(dict.fromkeys(self._start(), sets.all), edges), list(faults)

    def _start(self) -> Iterator[Node]:
        for number in (*self._roots, *([_LOOSE] if self._loose else [])):
            yield number, ""
            yield from ((number, f"extra:{name}") for name in sorted(self._choice.extras))
            yield from ((number, f"group:{name}") for name in sorted(self._choice.groups))

    def _needs(self, node: Node) -> tuple[Need, ...]:
        number, what = node
        if number == _LOOSE:
            return self._loose.get(what, ())
        package, (kind, _, name) = self.packages[number], what.partition(":")
        if not what:
            return package.needs
        return (package.extras if kind == "extra" else package.groups).get(name, ())

    def _meant(self, need: Need) -> list[int]:
        return [
            number
            for number in self._by_name.get(need.name, ())
            if need.version in ("", self.packages[number].version)
            and (need.source is None or need.source == self.packages[number].source)
        ]

    def _extras(self) -> frozenset[str]:
        return frozenset().union(*(p.extras.keys() | _listed(p, "provides-extras") for p in self.roots))

    def _active(self, package: UvPackage) -> Iterator[str]:
        """How uv writes, as an extra, what is chosen of a package that has conflicting extras or groups."""
        name = package.name
        yield f"project-{len(name)}-{name}"
        yield from (f"extra-{len(name)}-{name}-{extra}" for extra in self._choice.extras)
        yield from (f"group-{len(name)}-{name}-{group}" for group in self._choice.groups)

    def _encoded(self, node: Node) -> Iterator[str]:
        number, what = node
        kind, _, extra = what.partition(":")
        if number != _LOOSE and kind == "extra":
            name = self.packages[number].name
            yield f"extra-{len(name)}-{name}-{extra}"

    def _excluded(self) -> list[Fault]:
        """Where two are chosen that `tool.uv.conflicts` keeps apart."""
        chosen = {("extra", name) for name in self._choice.extras} | {("group", name) for name in self._choice.groups}
        own = {package.name for package in self.roots}
        faults = []
        for _, row in self._document.mixed("conflicts", "a list of lists"):
            items: list[Any] = row if isinstance(row, list) else []
            if not items or not all(isinstance(item, dict) for item in items):
                self._document.fault("conflicts", "expected lists of tables", "make it anew: uv lock")
                continue
            both = sorted({(k, str(i[k])) for i in items if str(i.get("package")) in own for k in i} & chosen)
            if len(both) > 1:
                names = " and ".join(f"the {kind} {name}" for kind, name in both)
                what = f"{names} exclude each other (tool.uv.conflicts)"
                faults.append(Fault(self._document.at("conflicts"), what, "choose one of them"))
        return faults


def _metadata(package: UvPackage) -> Mapping[str, Any]:
    """What the package's own project file said when it was locked."""
    value: Any = package.table.values.get("metadata")
    return value if isinstance(value, dict) else {}


def _listed(package: UvPackage, key: str) -> set[str]:
    value = _metadata(package).get(key)
    return {canonicalize_name(str(one)) for one in value} if isinstance(value, list) else set()


def _declared(package: UvPackage, key: str) -> set[str]:
    value = _metadata(package).get(key)
    return set(map(canonicalize_name, value)) if isinstance(value, dict) else set()


def _loose(manifest: Table | None) -> dict[str, tuple[Need, ...]]:
    """What the manifest asks for, by what of it is chosen."""
    if manifest is None:
        return {}
    found = {"": needs(manifest, "requirements")} if "requirements" in manifest.values else {}
    groups = manifest.table("dependency-groups")
    if groups is not None:
        found |= {f"group:{canonicalize_name(name)}": needs(groups, name) for name in groups.values}
    return found
