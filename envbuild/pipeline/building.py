"""Images: found by image id, else built and claimed. A hit opens no connection and reads no package."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

from envbuild.builders.layercache import LayerCount
from envbuild.digest import Digest
from envbuild.errors import IntegrityError
from envbuild.ids import identity, image_material
from envbuild.lockfile import Lock
from envbuild.oci import Image, parse_image
from envbuild.pipeline.locking import Locked
from envbuild.pipeline.settings import config_of
from envbuild.pipeline.specs import Specs
from envbuild.platforms import Platform
from envbuild.ports import BlobStore, Builder, Claims, Reporter

__all__ = ["Building", "Built"]

_KIND = "image"


@dataclass(frozen=True, slots=True, kw_only=True)
class Built:
    """An image that is in the store: its ids, and what it took."""

    image_id: Digest
    lock_id: Digest
    platform: Platform
    image: Image
    reused: bool
    """Whether the image was there already."""
    layers: LayerCount


class Building:
    """Finds and builds images; `builder` opens what builds when something has to be built."""

    def __init__(
        self,
        specs: Specs,
        blobs: BlobStore,
        claims: Claims,
        builder: Callable[[], tuple[Builder, Callable[[], LayerCount]]],
        alone: Callable[[Digest, Callable[[str], object]], AbstractContextManager[None]],
    ) -> None:
        """`alone` holds an image id against every other process that would build it, and tells whom it waits for."""
        self._specs, self._blobs, self._claims = specs, blobs, claims
        self._builder, self._alone = builder, alone

    def image_id(self, locked: Locked) -> Digest:
        """The id of the image that this lock and its settings give: known before anything is built."""
        return identity(image_material(locked.lock_id, locked.settings))

    def find(self, locked: Locked, platform: Platform) -> Built | None:
        """The image, where it was built before and all of its blobs are here."""
        image_id = self.image_id(locked)
        image = self.image_by_id(image_id)
        if image is None:
            return None
        count = LayerCount(reused=len(image.layers))
        return Built(
            image_id=image_id, lock_id=locked.lock_id, platform=platform, image=image, reused=True, layers=count
        )

    def ensure(self, locked: Locked, platform: Platform, report: Reporter) -> Built:
        """`find`, else build."""
        found = self.find(locked, platform)
        if found is not None:
            return found
        with self._alone(self.image_id(locked), report.notice):
            # Whoever built it while we waited built it for us.
            return self.find(locked, platform) or self._build(locked, platform, report)

    def _build(self, locked: Locked, platform: Platform, report: Reporter) -> Built:
        lock = self.lock(locked, platform)
        image_id = self.image_id(locked)
        builder, count = self._builder()
        config = config_of(lock, locked.settings, locked.lock_id, image_id)
        image = builder.build(lock, config, locked.settings.layout, report)
        self.claim(image, locked)
        return Built(
            image_id=image_id,
            lock_id=locked.lock_id,
            platform=platform,
            image=image,
            reused=False,
            layers=count(),
        )

    def claim(self, image: Image, locked: Locked) -> None:
        """Claim an image, whose blobs are in the store, as the one that this lock and its settings give."""
        value = {"manifest": str(image.digest), "config": str(image.config_digest), "lock": str(locked.lock_id)}
        material = image_material(locked.lock_id, locked.settings)
        self._claims.put(_KIND, identity(material), value, material)

    def lock(self, locked: Locked, platform: Platform) -> Lock:
        """The lock itself, out of its document."""
        section = self._specs.document(locked.document, locked.place).section(platform)
        if section is None:
            raise IntegrityError(f"the lock has no section for {platform}", at=locked.place)
        return section.lock

    def image_by_id(self, image_id: Digest) -> Image | None:
        """The image of an id, or None where it is not (or not wholly) here."""
        value: Any = self._claims.get(_KIND, image_id)
        try:
            manifest, config = (self._read(Digest.parse(value[part])) for part in ("manifest", "config"))
            image = parse_image(manifest, config)
        except (KeyError, TypeError, ValueError, IntegrityError):
            # A claim may be dropped at any time, and so may blobs: what is not whole is built again.
            return None
        return image if all(self._blobs.has(layer.descriptor.digest) for layer in image.layers) else None

    def _read(self, digest: Digest) -> bytes:
        with self._blobs.open(digest) as stream:
            return stream.read()
