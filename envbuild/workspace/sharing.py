"""`Shared`: a cache repository beside the store: what others built is pulled, what is built here is claimed there."""

import json
from dataclasses import replace
from functools import partial

from envbuild.digest import Digest
from envbuild.errors import EnvironmentFault, IntegrityError, UsageError
from envbuild.members import LayerClaim
from envbuild.oci import Image, image_of
from envbuild.pipeline.building import Built
from envbuild.pipeline.locking import Locked
from envbuild.pipeline.settings import config_of
from envbuild.platforms import Platform
from envbuild.ports import Reporter
from envbuild.reference import Reference
from envbuild.registry.claims import RegistryClaims
from envbuild.registry.push import push_image
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
        if not reference.is_repository:
            raise UsageError(f"no repository: {name!r}", at="--cache", hint="HOST/REPOSITORY, without a tag")
        self._adapters = adapters
        self._memory = registries.memory
        self._repository = registries.repository(reference)
        self._claims = RegistryClaims(self._repository)
        self._down = False
        self._lost = False
        """Whether a blob of the image that is claimed there is gone."""

    def fetch(self, locked: Locked, platform: Platform, report: Reporter) -> None:
        """Bring the image of a lock into the store, if it is claimed there and not here.

        IntegrityError where what is claimed is not the image that this lock and these settings give.
        """
        building = self._adapters.building
        image_id = building.image_id(locked)
        if building.image_by_id(image_id) is not None:
            return
        with self._adapters.turns.build(image_id, report.notice):
            if building.image_by_id(image_id) is not None:
                return
            try:
                self._pull(image_id, locked, platform, report)
            except EnvironmentFault as fault:
                self._down = True
                report.notice(f"the cache {self._repository.name} does not serve, so it is built here: {fault}")
            except KeyError as error:
                self._lost = True
                report.notice(f"the cache {self._repository.name} lacks the blob {error.args[0]}: built here")

    def publish(self, built: Built, locked: Locked, request: str, report: Reporter) -> None:
        """Claim the image, its layers and its lock there, where they are not yet."""
        if self._down:
            return
        try:
            self._publish_image(built, report)
            if request:
                self._publish_lock(built, locked, Digest.parse(request))
        except EnvironmentFault as fault:
            report.notice(f"nothing was claimed in the cache {self._repository.name}: {fault}")

    def _pull(self, image_id: Digest, locked: Locked, platform: Platform, report: Reporter) -> None:
        image = self._claims.image(image_id)
        if image is None:
            return
        if self._expected(image, image_id, locked, platform) != image:
            raise IntegrityError(
                f"the image that is claimed for {image_id} is not what its lock and settings give",
                at=self._repository.name,
                hint="whoever put it there used another envbuild, or changed it: delete its tag there",
            )
        report.begin("pull", sum(layer.descriptor.size for layer in image.layers))
        try:
            self._claims.pull(image, self._adapters.blobs, partial(report.advance, "pull"))
        finally:
            report.end("pull")
        self._adapters.building.claim(image, locked)
        report.notice(f"pulled from the cache {self._repository.name}")

    def _expected(self, image: Image, image_id: Digest, locked: Locked, platform: Platform) -> Image:
        """All that is not a layer follows from lock and settings, so nobody's word is taken for it.

        But for variables that conda packages set: they stand in files of the layers, which are taken as they are claimed.
        """
        lock = self._adapters.building.lock(locked, platform)
        config = config_of(lock, locked.settings, locked.lock_id, image_id)
        if lock.has_conda:
            config = replace(config, env=tuple(sorted({**_variables(image), **dict(config.env)}.items())))
        return image_of(config, image.layers)

    def _publish_image(self, built: Built, report: Reporter) -> None:
        image = built.image
        there = self._claims.image_digest(built.image_id)
        if there is None or self._lost:
            blobs = self._adapters.blobs
            report.begin("publish", image.size)
            try:
                push_image(
                    image, self._repository, (str(image.digest),), blobs, self._memory,
                    partial(report.advance, "publish"),
                )  # fmt: skip
            finally:
                report.end("publish")
            self._claims.put_layers(self._layers(built), blobs)
            there = self._claims.put_image(built.image_id, image)
        if there != image.digest:
            report.notice(
                f"the cache {self._repository.name} has another image for {built.image_id}: {there}, and here it is "
                f"{image.digest}; one of them is damaged, or of another envbuild"
            )

    def _publish_lock(self, built: Built, locked: Locked, request: Digest) -> None:
        if self._claims.has_lock(request):
            return
        facts = self._adapters.specs.facts_of(locked.document, locked.place).sections.get(built.platform)
        if facts is None or facts.request != request or not self._adapters.blobs.has(locked.document):
            # A lock that was used although the definition says something else by now (--frozen).
            return
        with self._adapters.blobs.open(locked.document) as stream:
            self._claims.put_lock(request, stream.read())

    def _layers(self, built: Built) -> tuple[LayerClaim, ...]:
        """The image's layers as this store knows them."""
        wanted = {layer.descriptor.digest for layer in built.image.layers}
        found = []
        for layer_id, value in self._adapters.claims.entries("layer"):
            try:
                claim = LayerClaim.from_json(layer_id, value)
            except (KeyError, TypeError, ValueError):
                continue
            if claim.blob in wanted and self._adapters.blobs.has(claim.table):
                found.append(claim)
        return tuple(found)


def _variables(image: Image) -> dict[str, str]:
    """What an image's config sets; nothing where it is none."""
    try:
        set_there = json.loads(image.config)["config"]["Env"]
        return {name: value for name, _, value in (entry.partition("=") for entry in set_there)}
    except (ValueError, KeyError, TypeError, AttributeError):
        return {}
