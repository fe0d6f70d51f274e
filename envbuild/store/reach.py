"""`Reach`: which environment needs what. An environment is an image of the store, with its lock, layers and packages."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property

from envbuild.store.snapshot import Claim, Snapshot

__all__ = ["Environment", "Reach"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Environment:
    """An image: its claim, the names that mean it, and when any of them was last used."""

    image: Claim
    names: tuple[Claim, ...]

    @property
    def used(self) -> float:
        """Seconds since the epoch."""
        return max(claim.used for claim in (self.image, *self.names))

    @property
    def lasting(self) -> bool:
        """Whether a name keeps it that does not come from its id."""
        return any(name.lasting for name in self.names)

    @property
    def claims(self) -> frozenset[str]:
        """Its claim and its names' claims, as leases name them."""
        return frozenset(claim.name for claim in (self.image, *self.names))


class Reach:
    """The references of a snapshot, forwards and backwards."""

    def __init__(self, snapshot: Snapshot) -> None:
        self.snapshot = snapshot
        names: dict[str, list[Claim]] = defaultdict(list)
        for name in snapshot.of_kind("name"):
            names[name.refers].append(name)
        images = snapshot.of_kind("image")
        self.environments: Mapping[str, Environment] = {
            c.id: Environment(image=c, names=tuple(sorted(names[c.id], key=lambda n: n.title))) for c in images
        }

    @cached_property
    def artifacts(self) -> Mapping[str, frozenset[str]]:
        """The packages that each lock names, by lock id."""
        return {c.id: c.covers for c in self.snapshot.of_kind("locked")}

    @cached_property
    def packages(self) -> frozenset[str]:
        """All packages that any lock names."""
        return frozenset().union(*self.artifacts.values())

    @cached_property
    def named(self) -> frozenset[str]:
        """The blobs that any claim names, or named before it was taken away."""
        return self.snapshot.released.union(*(c.blobs for c in self.snapshot.claims.values()))

    @cached_property
    def documents(self) -> Mapping[str, frozenset[str]]:
        """The lock documents (blobs) that have a lock, by lock id."""
        found: dict[str, set[str]] = defaultdict(set)
        for claim in self.snapshot.of_kind("locked"):
            found[claim.id] |= claim.blobs
        for claim in self.snapshot.of_kind("document"):
            for lock in claim.covers:
                found[lock] |= claim.blobs
        return {lock: frozenset(blobs) for lock, blobs in found.items()}

    @cached_property
    def locks_in(self) -> Mapping[str, frozenset[str]]:
        """The locks in each document (blob)."""
        found: dict[str, set[str]] = defaultdict(set)
        for lock, documents in self.documents.items():
            for document in documents:
                found[document].add(lock)
        return {document: frozenset(locks) for document, locks in found.items()}

    @cached_property
    def made_of(self) -> Mapping[str, tuple[Claim, ...]]:
        """The layers that are made of one package alone, by package."""
        found: dict[str, list[Claim]] = defaultdict(list)
        for layer in self.snapshot.of_kind("layer"):
            if len(layer.covers) == 1:
                found[next(iter(layer.covers))].append(layer)
        return {package: tuple(layers) for package, layers in found.items()}

    @cached_property
    def layers_with(self) -> Mapping[str, tuple[Claim, ...]]:
        """The layers whose blob or table this is, by blob."""
        found: dict[str, list[Claim]] = defaultdict(list)
        for layer in self.snapshot.of_kind("layer"):
            for blob in layer.blobs:
                found[blob].append(layer)
        return {blob: tuple(layers) for blob, layers in found.items()}

    def layers(self, environments: Iterable[Environment]) -> dict[str, Claim]:
        """The layers, by claim's name, that are in these images or made of nothing but packages of one of their locks."""
        found = {
            layer.name: layer
            for environment in environments
            for blob in environment.image.blobs
            for layer in self.layers_with.get(blob, ())
        }
        for lock in {environment.image.refers for environment in environments}:
            found |= {layer.name: layer for layer in self._made_from(self.artifacts.get(lock, frozenset()))}
        return found

    def blobs(self, environment: Environment) -> frozenset[str]:
        """All blobs that are here for this environment."""
        lock = environment.image.refers
        layers = self.layers([environment]).values()
        parts = (environment.image.blobs, self.documents.get(lock, ()), self.artifacts.get(lock, ()))
        needed = frozenset().union(*parts, *(layer.blobs for layer in layers))
        return needed.intersection(self.snapshot.blobs)

    @cached_property
    def _with_artifact(self) -> Mapping[str, tuple[Claim, ...]]:
        found: dict[str, list[Claim]] = defaultdict(list)
        for layer in self.snapshot.of_kind("layer"):
            for artifact in layer.covers:
                found[artifact].append(layer)
        return {artifact: tuple(layers) for artifact, layers in found.items()}

    def _made_from(self, artifacts: frozenset[str]) -> list[Claim]:
        layers = {layer.name: layer for a in artifacts for layer in self._with_artifact.get(a, ())}
        count = Counter(layer.name for a in artifacts for layer in self._with_artifact.get(a, ()))
        return [layer for name, layer in layers.items() if count[name] == len(layer.covers)]
