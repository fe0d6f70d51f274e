"""From wanted packages to everything they need: the dependency closure, in stages.

What holds, and in this order of weight: versions in dependencies; a wanted version; a preferred version while it fits; the
highest version that fits. Of alternatives, one that is chosen already is enough, else the first that can be met is taken.
A name that no package has is met by one that provides it. Recommends count for nothing. Nothing is taken because it is
Essential. The result depends on the universe and the arguments alone, not on the order in which packages are named.

It is no search: where a version turns out too low for a later dependency, the walk begins again knowing that dependency,
and a preference that stands in the way is dropped. Both can happen only so often, so it ends.
"""

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from envbuild.debian.candidates import Demand, Wanted, no_such_package, no_such_version, unmet
from envbuild.debian.packages import Package, Universe
from envbuild.debian.relations import Alternatives, Relation
from envbuild.errors import ResolveFailed

__all__ = ["LeaveOut", "Wanted", "close"]

LeaveOut = Callable[[str, Alternatives], bool]
"""Whether a dependency (of the package named) is left out."""


def close(
    universe: Universe,
    stages: Sequence[Sequence[Wanted]],
    *,
    prefer: Mapping[str, str] | None = None,
    leave_out: LeaveOut = lambda _package, _group: False,
) -> tuple[tuple[Package, ...], ...]:
    """For each stage, the packages that it adds to those of the stages before it, sorted by name.

    `prefer`: versions to keep, by name, while the universe has them and they fit. ResolveFailed says what cannot be met,
    for whom, and what there is instead.
    """
    pins = _pins(stages)
    kept = {name: version for name, version in (prefer or {}).items() if name not in pins}
    learned: dict[str, tuple[Relation, ...]] = {}
    taught: ResolveFailed | None = None
    while True:
        walk = _Walk(universe, pins, kept, learned, leave_out)
        try:
            return tuple(walk.add(stage) for stage in stages)
        except _Clash as clash:
            in_the_way = clash.involved & kept.keys()
            known = learned.get(clash.target.name, ()) if clash.target else ()
            if in_the_way:
                kept = {name: version for name, version in kept.items() if name not in in_the_way}
                learned, taught = {}, None
            elif clash.target and clash.target not in known:
                learned = {**learned, clash.target.name: (*known, clash.target)}
                taught = taught or clash.failure
            else:
                raise (taught or clash.failure) from None


def _pins(stages: Sequence[Sequence[Wanted]]) -> dict[str, str]:
    pins: dict[str, str] = {}
    for wanted in (w for stage in stages for w in stage if w.version):
        if pins.setdefault(wanted.name, wanted.version) != wanted.version:
            raise ResolveFailed(
                f"{wanted.name} is asked for in version {pins[wanted.name]} and in version {wanted.version}",
                hint="Keep one of them.",
            )
    return pins


class _Clash(Exception):
    """A walk cannot go on. `target`: what the next one should know; `involved`: whose versions led here."""

    def __init__(self, failure: ResolveFailed, involved: frozenset[str], target: Relation | None) -> None:
        super().__init__(failure.what)
        self.failure, self.involved, self.target = failure, involved, target


@dataclass(frozen=True, slots=True)
class _Chosen:
    package: Package
    parent: str


class _Walk:
    """One pass from the wanted packages downwards."""

    def __init__(
        self,
        universe: Universe,
        pins: Mapping[str, str],
        prefer: Mapping[str, str],
        learned: Mapping[str, tuple[Relation, ...]],
        leave_out: LeaveOut,
    ) -> None:
        self.universe, self.pins, self.prefer, self.learned, self.leave_out = universe, pins, prefer, learned, leave_out
        self.chosen: dict[str, _Chosen] = {}
        self.answers: dict[str, list[Package]] = {}
        self.excluded: dict[str, list[Relation]] = {}
        self.queue: deque[Package] = deque()

    def add(self, stage: Sequence[Wanted]) -> tuple[Package, ...]:
        before = set(self.chosen)
        # The wanted ones stand before any dependency is met, so that they decide between alternatives; packages stand
        # before names that packages provide, for the same reason.
        for wanted in sorted(stage, key=lambda w: (not self.universe.candidates(w.name), w)):
            self.want(wanted)
        while self.queue:
            package = self.queue.popleft()
            for group in package.depends:
                if not self.is_met(group) and not self.leave_out(package.name, group):
                    self.meet(package.name, group)
        self.check_exclusions()
        return tuple(self.chosen[name].package for name in sorted(self.chosen.keys() - before))

    def want(self, wanted: Wanted) -> None:
        relation = Relation(wanted.name)
        candidates = self.universe.candidates(wanted.name)
        if wanted.name in self.chosen or (not candidates and self.is_met((relation,))):
            return
        if not candidates and len({p.name for p in self.universe.providers(wanted.name)}) != 1:
            raise no_such_package(self.universe, wanted.name)
        if wanted.version and all(c.version != wanted.version for c in candidates):
            raise no_such_version(wanted, candidates)
        self.meet("", (relation,))

    def is_met(self, group: Alternatives) -> bool:
        return any(
            relation.serves(self.universe.architecture) and package.meets(relation)
            for relation in group
            for package in self.answers.get(relation.name, ())
        )

    def meet(self, dependent: str, group: Alternatives) -> None:
        # One that is excluded is better than none: check_exclusions says who excludes it.
        for allowed in (self.is_allowed, lambda _package: True):
            for relation in group:
                if found := self.pick(relation, allowed):
                    self.choose(found, dependent)
                    return
        raise self.clash(dependent, group)

    def pick(self, relation: Relation, allowed: Callable[[Package], bool]) -> Package | None:
        """The package to take for a relation that no chosen one meets."""
        if not relation.serves(self.universe.architecture):
            return None
        preferred = self.prefer.get(relation.name)
        named = sorted(self.universe.candidates(relation.name), key=lambda p: p.version != preferred)
        for candidate in (*named, *self.universe.providers(relation.name)):
            if candidate.meets(relation) and self.fits(candidate) and allowed(candidate):
                return candidate
        return None

    def fits(self, candidate: Package) -> bool:
        return (
            candidate.name not in self.chosen
            and self.pins.get(candidate.name, candidate.version) == candidate.version
            and all(relation.allows(candidate.version) for relation in self.learned.get(candidate.name, ()))
        )

    def is_allowed(self, candidate: Package) -> bool:
        """Whether neither it nor a chosen package excludes the other."""
        names = {candidate.name, *(provided.name for provided in candidate.provides)}
        return not any(
            other.meets(relation) for _, relation in candidate.excludes for other in self.answers.get(relation.name, ())
        ) and not any(candidate.meets(relation) for name in names for relation in self.excluded.get(name, ()))

    def choose(self, package: Package, parent: str) -> None:
        self.chosen[package.name] = _Chosen(package, parent)
        self.queue.append(package)
        for name in {package.name, *(provided.name for provided in package.provides)}:
            self.answers.setdefault(name, []).append(package)
        for _, relation in package.excludes:
            self.excluded.setdefault(relation.name, []).append(relation)

    def chain(self, name: str) -> tuple[str, ...]:
        """From a wanted package down to this one."""
        names: list[str] = []
        while name:
            names.append(name)
            name = self.chosen[name].parent
        return tuple(reversed(names))

    def clash(self, dependent: str, group: Alternatives) -> _Clash:
        chain = self.chain(dependent)
        taken = {r.name: self.chosen[r.name] for r in group if r.name in self.chosen}
        rivals = {name: (chosen.package, self.chain(chosen.parent)) for name, chosen in taken.items()}
        failure = unmet(Demand(self.universe, chain, group, rivals, self.pins))
        involved = {*chain, *(r.name for r in group), *(n for name in taken for n in self.chain(name))}
        return _Clash(failure, frozenset(involved), next((r for r in group if r.name in taken), None))

    def check_exclusions(self) -> None:
        for name in sorted(self.chosen):
            package = self.chosen[name].package
            for field, relation in package.excludes:
                for other in self.answers.get(relation.name, ()):
                    if other.name != name and other.meets(relation):
                        raise self.exclusion(package, field, relation, other)

    def exclusion(self, package: Package, field: str, relation: Relation, other: Package) -> _Clash:
        ours, theirs = self.chain(package.name), self.chain(other.name)
        verb = "conflicts with" if field == "Conflicts" else "breaks"
        failure = ResolveFailed(
            f"{' -> '.join(ours)} ({package.version}) {verb} {relation}, and {' -> '.join(theirs)} brings "
            f"{other.name} {other.version}",
            hint=f"Leave out {ours[0]} or {theirs[0]}, or ask for other versions of them.",
        )
        return _Clash(failure, frozenset({*ours, *theirs}), None)
