"""What a store holds and who shares it: a pure function of a snapshot."""

from collections import Counter, defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from envbuild.store.reach import Environment, Reach
from envbuild.store.snapshot import Snapshot

__all__ = ["FOLDER_KINDS", "Amount", "EnvironmentUsage", "PackageUsage", "Usage", "kinds_of", "usage_of"]

KINDS = (
    "images",
    "layers",
    "packages",
    "locks",
    "other blobs",
    "claims",
    "prefixes",
    "bytecode",
    "tools",
    "memo",
    "rest",
)
"""Everything is one of these. `images`: manifests and configs; `other blobs`: what no claim names, such as index pages."""

FOLDER_KINDS = {"prefix": "prefixes", "bytecode": "bytecode", "tools": "tools", "memo": "memo"}
"""Of folders, by the first word of their names in a snapshot."""


@dataclass(frozen=True, slots=True)
class Amount:
    """How many, and how many bytes."""

    count: int
    size: int


@dataclass(frozen=True, slots=True, kw_only=True)
class EnvironmentUsage:
    """An image: its names, whether one of them lasts, and its bytes; `own`: those that no other environment has."""

    image: str
    names: tuple[str, ...]
    lasting: bool
    used: float
    image_size: int
    """Of what a pull would move: manifest, config and layers."""
    size: int
    """With lock, tables, the layers that shared ones are made of, and packages."""
    own: int
    complete: bool
    """Whether all blobs of the image are here."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PackageUsage:
    """A package of a lock: bytes of its file and of the layers made of it alone, as far as they are here."""

    kind: str
    name: str
    version: str
    sha256: str
    file_size: int
    layer_size: int
    environments: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerUsage:
    """A layer's blob and how many images have it."""

    blob: str
    title: str
    size: int
    environments: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """All of a store. `summed`: bytes of all images, each counted alone; `stored`: each of their blobs counted once."""

    amounts: Mapping[str, Amount]
    environments: tuple[EnvironmentUsage, ...]
    packages: tuple[PackageUsage, ...]
    layers: tuple[LayerUsage, ...]
    summed: int
    stored: int
    total: int

    @property
    def ratio(self) -> float:
        """How many times a byte of an image is used on average."""
        return self.summed / self.stored if self.stored else 1.0


def kinds_of(reach: Reach) -> dict[str, str]:
    """What each blob is, by digest: one of `images`, `layers`, `packages`, `locks`, `other blobs`."""
    kinds = dict.fromkeys(reach.packages, "packages")
    for claim in reach.snapshot.claims.values():
        if claim.kind == "image":
            kinds |= dict.fromkeys(claim.blobs, "images")
    for claim in reach.snapshot.claims.values():
        if claim.kind == "layer":
            kinds |= dict.fromkeys(claim.blobs, "layers")
        elif claim.kind in ("lock", "locked", "document"):
            kinds |= dict.fromkeys(claim.blobs, "locks")
    return {b: kinds.get(b, "other blobs") for b in reach.snapshot.blobs}


def usage_of(snapshot: Snapshot, described: Mapping[str, tuple[str, str, str]]) -> Usage:
    """`described`: kind, name and version of each package, by sha256."""
    reach = Reach(snapshot)
    environments = reach.environments.values()
    blobs = {e.image.id: reach.blobs(e) for e in environments}
    shared = Counter(blob for held in blobs.values() for blob in held)
    in_images = Counter(b for e in environments for b in e.image.blobs if b in snapshot.blobs)
    return Usage(
        amounts=_amounts(reach),
        environments=tuple(
            sorted((_environment(e, blobs[e.image.id], shared, snapshot) for e in environments), key=lambda u: -u.used)
        ),
        packages=_packages(reach, described),
        layers=_layers(reach, in_images),
        summed=sum(snapshot.blobs[b].size * n for b, n in in_images.items()),
        stored=sum(snapshot.blobs[b].size for b in in_images),
        total=snapshot.size,
    )


def _environment(
    environment: Environment, blobs: Collection[str], shared: Mapping[str, int], snapshot: Snapshot
) -> EnvironmentUsage:
    image = environment.image.blobs
    sizes = {b: snapshot.blobs[b].size for b in blobs}
    return EnvironmentUsage(
        image=environment.image.id,
        names=tuple(n.title for n in environment.names),
        lasting=environment.lasting,
        used=environment.used,
        image_size=sum(size for b, size in sizes.items() if b in image),
        size=sum(sizes.values()),
        own=sum(size for b, size in sizes.items() if shared[b] == 1),
        complete=len(image) > 2 and all(b in snapshot.blobs for b in image),
    )


def _amounts(reach: Reach) -> dict[str, Amount]:
    found: dict[str, list[int]] = defaultdict(list)
    snapshot = reach.snapshot
    for blob, kind in kinds_of(reach).items():
        found[kind].append(snapshot.blobs[blob].size)
    for claim in snapshot.claims.values():
        found["claims"].append(claim.size)
    for name, folder in snapshot.folders.items():
        found[FOLDER_KINDS[name.partition("/")[0]]].append(folder.size)
    amounts = {kind: Amount(len(found[kind]), sum(found[kind])) for kind in KINDS}
    amounts["rest"] = Amount(0, snapshot.other)
    return amounts


def _packages(reach: Reach, described: Mapping[str, tuple[str, str, str]]) -> tuple[PackageUsage, ...]:
    blobs = reach.snapshot.blobs
    users = Counter(a for e in reach.environments.values() for a in reach.artifacts.get(e.image.refers, ()))
    found = []
    for package in reach.packages:
        layers = {b for layer in reach.made_of.get(package, ()) for b in layer.blobs if b in blobs}
        kind, name, version = described.get(package, ("", package[:12], ""))
        usage = PackageUsage(
            kind=kind, name=name, version=version, sha256=package, environments=users[package],
            file_size=blobs[package].size if package in blobs else 0, layer_size=sum(blobs[b].size for b in layers),
        )  # fmt: skip
        if usage.file_size or usage.layer_size:
            found.append(usage)
    return tuple(sorted(found, key=lambda p: (-(p.file_size + p.layer_size), p.name, p.version)))


def _layers(reach: Reach, in_images: Mapping[str, int]) -> tuple[LayerUsage, ...]:
    blobs = reach.snapshot.blobs
    titles = {b: layer.title for b, layers in reach.layers_with.items() for layer in layers}
    found = [
        LayerUsage(blob=b, title=titles.get(b, ""), size=blobs[b].size, environments=in_images.get(b, 0))
        for b, kind in kinds_of(reach).items()
        if kind == "layers"
    ]
    return tuple(sorted(found, key=lambda u: (-u.size, u.blob)))
