"""`Shared`: a cache repository beside the store: what others built is pulled, what is built here is claimed there."""

from typing import Any

from envbuild.digest import Digest
from envbuild.errors import EnvironmentFault, UsageError
from envbuild.ids import image_material
from envbuild.pipeline.building import Built
from envbuild.pipeline.locking import Locked
from envbuild.ports import Reporter
from envbuild.reference import Reference
from envbuild.registry.claims import LayerClaim, RegistryClaims
from envbuild.registry.push import push_image
from envbuild.registry.pushes import Memory
from envbuild.workspace.adapters import Adapters
from envbuild.workspace.registries import Registries

__all__ = ["Shared"]


class Shared:
    """One cache repository, `HOST[:PORT]/REPOSITORY`. Where it cannot be reached the build goes on, and says so."""

    def __init__(self, adapters: Adapters, registries: Registries, name: str) -> None:
        try:
            reference = Reference.parse(name)
        except ValueError as error:
            raise UsageError(str(error), at="--cache", hint="HOST/REPOSITORY") from error
        if not reference.registry or reference.tag or reference.digest:
            raise UsageError(f"no repository: {name!r}", at="--cache", hint="HOST/REPOSITORY, without a tag")
        self._adapters = adapters
        self._repository = registries.repository(reference)
        self._claims = RegistryClaims(self._repository)

    def fetch(self, locked: Locked, report: Reporter) -> None:
        """Bring the image of a lock into the store, if it is claimed there and not here."""
        building = self._adapters.building
        image_id = building.image_id(locked)
        if building.image_by_id(image_id) is not None:
            return
        try:
            image = self._claims.pull(image_id, self._adapters.blobs)
        except (EnvironmentFault, KeyError) as fault:
            what = fault.what if isinstance(fault, EnvironmentFault) else f"lacks the blob {fault.args[0]}"
            report.notice(f"the cache {self._repository.name} does not serve: {what}; built here")
            return
        if image is not None:
            value = {"manifest": str(image.digest), "config": str(image.config_digest), "lock": str(locked.lock_id)}
            self._adapters.claims.put("image", image_id, value, image_material(locked.lock_id, locked.settings))
            report.notice(f"pulled from the cache {self._repository.name}")

    def publish(self, built: Built, locked: Locked, request: str, report: Reporter) -> None:
        """Claim the image, its lock and its layers there, where they are not yet."""
        try:
            self._publish(built, locked, request)
        except EnvironmentFault as fault:
            report.notice(f"nothing was claimed in the cache {self._repository.name}: {fault}")

    def _publish(self, built: Built, locked: Locked, request: str) -> None:
        blobs, claims = self._adapters.blobs, self._adapters.claims
        memory = Memory(claims, claims.entries)
        if memory.knows(self._repository.host, self._repository.path, built.image.digest) and self._stands(built):
            return
        push_image(built.image, self._repository, (str(built.image.digest),), blobs, memory, lambda _: None)
        if request:
            with blobs.open(locked.document) as stream:
                self._claims.put_lock(Digest.parse(request), stream.read())
        self._claims.put_layers(self._layers(built), blobs)
        self._claims.put_image(built.image_id, built.image)

    def _stands(self, built: Built) -> bool:
        return self._repository.head_manifest(f"image-{built.image_id.hex}") is not None

    def _layers(self, built: Built) -> tuple[LayerClaim, ...]:
        """The image's layers as this store knows them."""
        wanted = {layer.descriptor.digest for layer in built.image.layers}
        found = []
        for layer_id, value in self._adapters.claims.entries("layer"):
            known: Any = value
            try:
                claim = LayerClaim(
                    layer_id=layer_id, blob=Digest.parse(known["blob"]), size=int(known["size"]),
                    diff_id=Digest.parse(known["diff"]), start=int(known["start"]), length=int(known["length"]),
                    table=Digest.parse(known["table"]),
                )  # fmt: skip
            except (KeyError, TypeError, ValueError):
                continue
            if claim.blob in wanted:
                found.append(claim)
        return tuple(found)
