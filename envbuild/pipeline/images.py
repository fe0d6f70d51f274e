"""Images by what people call them: a reference, an id, a spec's file, an OCI layout, an archive."""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from envbuild.digest import Digest
from envbuild.errors import EnvironmentFault, UsageError
from envbuild.lockfile import Lock
from envbuild.oci import LABEL_LOCK, Image
from envbuild.pipeline.building import Building
from envbuild.pipeline.delivering import Names
from envbuild.pipeline.specs import Specs
from envbuild.platforms import Platform
from envbuild.ports import Claims, OpensBlobs

__all__ = ["Found", "Images"]

_ID = re.compile(r"(?:sha256:)?([0-9a-f]{64})")


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """An image, and where its blobs are."""

    image: Image
    blobs: OpensBlobs
    names: tuple[str, ...] = ()


class Images:
    """Finds images. `outside` opens those that are no part of the store; `of_spec` builds none, it only looks."""

    def __init__(
        self,
        building: Building,
        specs: Specs,
        claims: Claims,
        blobs: OpensBlobs,
        *,
        outside: Callable[[str], tuple[Image, OpensBlobs] | None],
        of_spec: Callable[[str], Digest | None],
    ) -> None:
        self._building, self._specs, self._claims, self._blobs = building, specs, claims, blobs
        self._outside, self._of_spec, self._names = outside, of_spec, Names(claims)

    def find(self, text: str) -> Found:
        """The image that `text` names. UsageError where there is none."""
        given = self._outside(text)
        if given is not None:
            return Found(image=given[0], blobs=given[1])
        found = _ID.fullmatch(text)
        image_id = Digest(found[1]) if found else self._names.get(text) or self._of_spec(text)
        image = self._building.image_by_id(image_id) if image_id else None
        if image is None:
            raise UsageError(
                "no such image is in the store",
                at=text,
                hint="name what `envbuild build` printed, an image id, a built spec, oci:DIR or an archive's file",
            )
        return Found(image=image, blobs=self._blobs, names=(text,) if not found else ())

    def lock(self, image: Image) -> Lock:
        """The lock that an image was built from, as its label says. EnvironmentFault where it is not here."""
        label = image.labels.get(LABEL_LOCK, "")
        try:
            value: Any = self._claims.get("locked", Digest.parse(label))
            document = self._specs.document(Digest.parse(value["document"]))
        except (KeyError, TypeError, ValueError):
            raise EnvironmentFault(
                "the image's lock is not in the store" if label else "this image was not built by envbuild",
                hint="build it here from its lock file: envbuild build FILE.lock --to store",
            ) from None
        platform = Platform.parse(_platform_of(image))
        section = document.section(platform)
        if section is None:
            raise EnvironmentFault(f"the image's lock has no section for {platform}")
        return section.lock


def _platform_of(image: Image) -> str:
    config = json.loads(image.config)
    return f"{config['os']}/{config['architecture']}"
