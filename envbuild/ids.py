"""The ids: each the sha256 of a hand-written projection in canonical JSON. Golden vectors: tests/golden/ids.json.

    definition id   was exactly this asked?
    request id      was this resolution ever asked?
    lock id         is this the same set of bytes?
    layer id        was this layer ever made?
    image id        was this ever built?

A projection names every field it covers; a new field is a decision, and a new schema number where it changes an id.
Materials are stored under their ids, so that a difference can be explained.
"""

from collections.abc import Iterable
from typing import TypeAlias

from envbuild.canonical import JSON, encode
from envbuild.definition import Base, DebianBase, Definition, ImageBase
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
    """Of a normalized definition: all that was asked, without what is only for people (name, description, tags)."""
    return {
        "schema": "envbuild.definition/1",
        "request": _request(definition),
        "platforms": [str(p) for p in definition.platforms],
        "variables": dict(definition.variables),
        "user": definition.user,
        "workdir": definition.workdir,
        "entrypoint": list(definition.entrypoint),
        "run": list(definition.run),
        "copy": [[step.source, step.target] for step in definition.copy],
        "bytecode": definition.bytecode,
    }


def request_material(definition: Definition, platform: Platform) -> Material:
    """Of a normalized definition and one platform: what resolving depends on, and nothing else."""
    return {"schema": "envbuild.request/1", "platform": str(platform), **_request(definition)}


def _request(definition: Definition) -> Material:
    return {
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


def _base(base: Base) -> JSON:
    if isinstance(base, DebianBase):
        return {"debian": base.suite, "list": base.list_version}
    if isinstance(base, ImageBase):
        return {"image": base.reference}
    return {"dockerfile": base.dockerfile, "context": base.context}


def lock_material(lock: Lock) -> Material:
    """Of a lock: the bytes it names, never where they were found."""
    return {
        "schema": "envbuild.lock/1",
        "platform": str(lock.platform),
        "base": {**_named_base(lock.base), "artifacts": _artifacts(lock.base_artifacts)},
        "artifacts": _artifacts(lock.artifacts),
    }


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
    return {
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


def index_material(image_ids: Iterable[Digest]) -> Material:
    """Of an index over several platforms: the sorted image ids."""
    return {"schema": "envbuild.index/1", "images": sorted(str(i) for i in image_ids)}
