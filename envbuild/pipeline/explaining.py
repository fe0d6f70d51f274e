"""Why an image is found or has to be built: each id on the way, and for a miss the nearest definition that was resolved."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from envbuild.canonical import JSON
from envbuild.digest import Digest
from envbuild.errors import UsageError
from envbuild.ids import Material, identity
from envbuild.pipeline.building import Building
from envbuild.pipeline.differing import FieldChange, field_changes
from envbuild.pipeline.locking import Choice, Locking
from envbuild.pipeline.quiet import Quiet
from envbuild.pipeline.specs import Spec
from envbuild.platforms import Platform
from envbuild.ports import Claims

__all__ = ["Explanation", "Nearest", "Step", "explain", "nearest"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One id, whether something is known for it here, and what."""

    kind: str
    id: str
    known: bool
    what: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Nearest:
    """The definition resolved here that asks for the most of the same."""

    definition_id: Digest
    name: str
    changes: tuple[FieldChange, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """The steps from a definition to its image. `nearest` only where the image is not here."""

    name: str
    platform: Platform
    steps: tuple[Step, ...]
    nearest: Nearest | None = None

    @property
    def hit(self) -> bool:
        """Whether the image is here."""
        return self.steps[-1].known


def explain(spec: Spec, platform: Platform, locking: Locking, building: Building) -> Explanation:
    """The steps alone, by what the store has: nothing is resolved and nothing built."""
    request = spec.requests.get(platform)
    if request is None:
        asked = ", ".join(map(str, spec.requests))
        raise UsageError(f"{spec.path} does not ask for {platform}", at="--platform", hint=f"it asks for {asked}")
    steps = [Step(kind="definition", id=str(spec.definition_id), known=True, what=f"what {spec.path} asks for")]
    locked = locking.find(spec, platform, Choice(), Quiet())
    beneath = locking.found(spec, platform, Choice(), Quiet()) if locked is None and spec.project else None
    if beneath is not None:
        unbuilt = "not known before the project's own package is built from its files as they are now"
        steps += [
            Step(kind="request", id=str(request), known=True, what=f"its lock is in {beneath.place}"),
            Step(kind="lock", id="", known=False, what=unbuilt),
            Step(kind="image", id="", known=False, what=unbuilt),
        ]
    elif locked is None:
        steps += [
            Step(
                kind="request", id=str(request), known=False, what="was never resolved here, and no lock file fits it"
            ),
            Step(kind="lock", id="", known=False, what="not known before it is resolved"),
            Step(kind="image", id="", known=False, what="not known before it is resolved"),
        ]
    else:
        image_id = building.image_id(locked)
        built = building.image_by_id(image_id)
        steps += [
            Step(kind="request", id=str(request), known=True, what=f"its lock is in {locked.place}"),
            Step(kind="lock", id=str(locked.lock_id), known=True, what="the exact packages"),
            Step(
                kind="image",
                id=str(image_id),
                known=built is not None,
                what=f"is here: {built.digest}" if built else "was not built here",
            ),
        ]
    return Explanation(name=spec.name, platform=platform, steps=tuple(steps))


def nearest(
    spec: Spec, material: Material, platform: Platform, claims: Claims, known: Iterable[tuple[Digest, JSON]]
) -> Nearest | None:
    """Of the `known` definitions (id, what is claimed of it) that were resolved for this platform the most alike one."""
    return min(_others(spec, material, platform, claims, known), key=_distance, default=None)


def _others(
    spec: Spec, material: Material, platform: Platform, claims: Claims, known: Iterable[tuple[Digest, JSON]]
) -> Iterator[Nearest]:
    """Each with what it asks for otherwise."""
    for other, value in known:
        theirs: Any = claims.material("definition", other) if other != spec.definition_id else None
        if not isinstance(theirs, dict) or not isinstance(theirs.get("request"), dict):
            continue
        request = {"schema": "envbuild.request/1", "platform": str(platform), **theirs["request"]}
        if claims.get("lock", identity(request)) is None:
            continue
        name = value.get("name", "") if isinstance(value, dict) else ""
        yield Nearest(definition_id=other, name=str(name), changes=field_changes(theirs, material))


def _distance(other: Nearest) -> tuple[int, str]:
    """How much is different; of two that are equally near, always the same one."""
    return sum(max(len(c.gone), len(c.came), 1) for c in other.changes), other.definition_id.hex
