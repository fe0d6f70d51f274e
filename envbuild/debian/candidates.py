"""What to say when a package cannot be had: who needs it, what there is instead, which names look alike."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches

from envbuild.debian.packages import Package, Universe
from envbuild.debian.relations import Alternatives, Relation
from envbuild.errors import ResolveFailed

__all__ = ["Demand", "Wanted", "look_alikes", "no_such_package", "no_such_version", "unmet"]

_SHOWN = 5


@dataclass(frozen=True, slots=True, order=True)
class Wanted:
    """A package that is asked for by name, in one version or in any."""

    name: str
    version: str = ""


@dataclass(frozen=True, slots=True)
class Demand:
    """A dependency that nothing meets."""

    universe: Universe
    chain: tuple[str, ...]
    """From the package that was asked for down to the one that has the dependency; empty: it was asked for itself."""
    group: Alternatives
    rivals: Mapping[str, tuple[Package, tuple[str, ...]]]
    """Packages of these names that were chosen already in a version that does not fit, and for whom."""
    pins: Mapping[str, str]


def look_alikes(universe: Universe, name: str) -> tuple[str, ...]:
    """Up to five names that somebody who wrote `name` may have meant."""
    names = universe.names()
    renamed = sorted(n for n in names if n.removesuffix("t64") == name.removesuffix("t64"))
    grown = sorted((n for n in names if n.startswith(name)), key=lambda n: (len(n), n))
    near = sorted(n for n in names if n[:1] == name[:1] and abs(len(n) - len(name)) <= 2)
    similar = get_close_matches(name, near, n=_SHOWN, cutoff=0.75)
    holding = sorted((n for n in names if name in n), key=lambda n: (len(n), n))
    return tuple(dict.fromkeys([*renamed, *grown[:3], *similar[:3], *holding]))[:_SHOWN]


def no_such_package(universe: Universe, name: str) -> ResolveFailed:
    """No package has this name, or several provide it and none has it."""
    suites = _either(universe.sources)
    providers = sorted({p.name for p in universe.providers(name)})
    if providers:
        return ResolveFailed(
            f"{name} is no package of {suites}: it is a name that {len(providers)} packages provide",
            hint=f"Ask for one of them: {', '.join(providers[:_SHOWN])}",
        )
    alike = look_alikes(universe, name)
    advice = f"Did you mean {_either(alike)}?" if alike else "Only the component main is read; check the name."
    return ResolveFailed(f"there is no package {name} in {suites} for {universe.architecture}", hint=advice)


def no_such_version(wanted: Wanted, candidates: Sequence[Package]) -> ResolveFailed:
    """The package is there, the version that was asked for is not."""
    return ResolveFailed(
        f"{wanted.name} {wanted.version} is not in the mirror (any more)",
        hint=f"There now: {_versions(candidates)}. Ask for one of them, or leave the version away.",
    )


def unmet(demand: Demand) -> ResolveFailed:
    """`a -> b needs c (>= 2)`, and why that cannot be."""
    needed = " | ".join(map(str, demand.group))
    who = f"{' -> '.join(demand.chain)} needs {needed}" if demand.chain else f"{needed} cannot be had"
    reasons = "; ".join(dict.fromkeys(_reason(demand, relation) for relation in demand.group))
    root = demand.chain[0] if demand.chain else demand.group[0].name
    return ResolveFailed(
        f"{who}, but {reasons}",
        hint=f"Ask for another version of {root}, leave it out, or lock the base again (--upgrade-base).",
    )


def _reason(demand: Demand, relation: Relation) -> str:
    name = relation.name
    if name in demand.rivals:
        package, chain = demand.rivals[name]
        return f"{name} {package.version} is taken already" + (f" for {' -> '.join(chain)}" if chain else "")
    if not relation.serves(demand.universe.architecture):
        return f"{relation} is for another architecture than {demand.universe.architecture}"
    candidates = demand.universe.candidates(name)
    if name in demand.pins:
        return f"{name} was asked for in version {demand.pins[name]}"
    if candidates and not any(candidate.meets(relation) for candidate in candidates):
        return f"there is only {name} {_versions(candidates)}"
    if candidates or demand.universe.providers(name):
        return f"no {name} fits the other packages"
    return f"there is no {name} in {_either(demand.universe.sources)}"


def _versions(packages: Sequence[Package]) -> str:
    return ", ".join(f"{p.version} ({p.source})" for p in packages[:_SHOWN])


def _either(words: Sequence[str]) -> str:
    return " or ".join(filter(None, [", ".join(words[:-1]), *words[-1:]]))
