"""The ids: each the sha256 of a hand-written projection in canonical JSON. Golden vectors: tests/golden/ids.json.

    definition id   was exactly this asked?
    request id      was this resolution ever asked?
    lock id         is this the same set of bytes?
    layer id        was this layer ever made?
    image id        was this ever built?

A projection names every field it covers; a new field is a decision, and a new schema number where it changes an id. A key
that came later stands in a material only where it says something, so that ids from before it stay.
Materials are stored under their ids, so that a difference can be explained.
"""

from collections.abc import Iterable
from typing import TypeAlias

from envbuild.canonical import JSON, encode
from envbuild.definition import Base, CopyStep, DebianBase, Definition, ImageBase
from envbuild.digest import Digest
from envbuild.lockfile import Artifact, ImageSettings, Lock
from envbuild.platforms import Platform

__all__ = [
    "Material",
    "definition_material",
    "identity",
    "image_material",
    "index_material",
    "layer_material",
    "lock_material",
    "request_material",
]

Material: TypeAlias = dict[str, JSON]


def identity(material: Material) -> Digest:
    """The id of a material."""
    return Digest.of(encode(material))


def definition_material(definition: Definition) -> Material:
    """Of a normalized definition: all that was asked, without what is only for people (name, description, tags).

    Files are in it by content: ValueError where a Dockerfile, a context, a source of `copy` or the project was not read.
    """
    material: Material = {
        "schema": "envbuild.definition/1",
        "request": _request(definition),
        "platforms": [str(p) for p in definition.platforms],
        "variables": dict(definition.variables),
        "user": definition.user,
        "workdir": definition.workdir,
        "entrypoint": list(definition.entrypoint),
        "run": list(definition.run),
        "copy": [_copy(step) for step in definition.copy],
        "bytecode": definition.bytecode,
    }
    if definition.interpreter:
        material["interpreter"] = definition.interpreter
    if definition.activate:
        material["activate"] = True
    if definition.project is not None:
        material["project"] = _read(definition.project.digest, "project")
    return material


def request_material(definition: Definition, platform: Platform) -> Material:
    """Of a normalized definition and one platform: what resolving depends on, and nothing else."""
    return {"schema": "envbuild.request/1", "platform": str(platform), **_request(definition)}


def _request(definition: Definition) -> Material:
    material: Material = {
        "base": _base(definition.base),
        "python": definition.python,
        "pypi": [[r.text, list(r.hashes)] for r in definition.pypi],
        "constraints": list(definition.constraints),
        "indexes": [[i.name, i.url, i.explicit, list(i.packages)] for i in definition.indexes],
        "conda": list(definition.conda),
        "channels": list(definition.channels),
        "system": list(definition.system),
        "sdists": definition.sdists,
        "accelerator": definition.accelerator,
        "virtual-packages": dict(definition.virtual_packages),
        "layout": definition.layout,
    }
    if definition.no_deps:
        material["no-deps"] = True
    if definition.channel_priority != "strict":
        material["channel-priority"] = definition.channel_priority
    return material


def _base(base: Base) -> JSON:
    if isinstance(base, DebianBase):
        return {"debian": base.suite, "list": base.list_version}
    if isinstance(base, ImageBase):
        return {"image": base.reference}
    return {
        # Byte for byte: in a here-document every space and line end counts.
        "dockerfile": str(Digest.of(_read(base.dockerfile, "base.dockerfile").encode())),
        "context": "" if base.context is None else _read(base.context.digest, "base.context"),
        "arguments": dict(base.arguments),
        "target": base.target,
    }


def _copy(step: CopyStep) -> JSON:
    """What arrives where; what its source is called is no part of that."""
    return [_read(step.digest, "copy"), step.target]


def _read(content: str, field: str) -> str:
    """The content of a field. ValueError where it was not read: an id without it would stand for anything."""
    if not content:
        raise ValueError(f"{field} was not read: its content is part of the id")
    return content


def lock_material(lock: Lock) -> Material:
    """Of a lock: the bytes it names, never where they were found; and which of them is the project's own package.

    That one has a layer of its own, so the same wheel from an index gives another image.
    """
    material: Material = {
        "schema": "envbuild.lock/1",
        "platform": str(lock.platform),
        "base": {**_named_base(lock.base), "artifacts": _artifacts(lock.base_artifacts)},
        "artifacts": _artifacts(lock.artifacts),
    }
    if own := [artifact.name for artifact in lock.artifacts if artifact.is_own]:
        material["own"] = list(own)
    return material


def _named_base(base: DebianBase) -> dict[str, JSON]:
    return {"debian": base.suite, "list": base.list_version}


def _artifacts(artifacts: Iterable[Artifact]) -> JSON:
    return sorted([a.kind.value, a.name, a.version, a.file, a.size, a.sha256] for a in artifacts)


def layer_material(
    kind: str,
    artifacts: Iterable[str],
    *,
    layout: int,
    recipe: int,
    encoder: tuple[str, str, int],
    prefix: str = "",
    python: str = "",
    site_packages: str = "",
) -> Material:
    """Of a layer: `artifacts` are sha256 in the order in which they stand in it; `encoder` is name, version, level."""
    return {
        "schema": "envbuild.layer/1",
        "kind": kind,
        "artifacts": list(artifacts),
        "layout": layout,
        "recipe": recipe,
        "prefix": prefix,
        "python": python,
        "site-packages": site_packages,
        "encoder": list(encoder),
    }


def image_material(lock_id: Digest, settings: ImageSettings) -> Material:
    """Of an image: the bytes it is made of, and what it says about itself."""
    material: Material = {
        "schema": "envbuild.image/1",
        "lock": str(lock_id),
        "stage": None,
        "steps": [],
        "variables": dict(settings.variables),
        "user": settings.user,
        "workdir": settings.workdir,
        "entrypoint": list(settings.entrypoint),
        "bytecode": settings.bytecode,
        "layout": settings.layout,
    }
    if settings.activate:
        material["activate"] = True
    return material


def index_material(image_ids: Iterable[Digest]) -> Material:
    """Of an index over several platforms: the sorted image ids."""
    return {"schema": "envbuild.index/1", "images": sorted(str(i) for i in image_ids)}
