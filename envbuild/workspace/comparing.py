"""`Comparing`: two environments side by side, each a definition, a lock or an image."""

from dataclasses import dataclass, replace

from envbuild.canonical import JSON
from envbuild.errors import UsageError
from envbuild.formats.kinds import is_envbuild_lock
from envbuild.formats.lockfiles.lockchanges import Change, changes
from envbuild.ids import definition_material
from envbuild.lockfile import Lock
from envbuild.oci import Image
from envbuild.pipeline.differing import FieldChange, field_changes
from envbuild.pipeline.explaining import Explanation, explain, nearest
from envbuild.pipeline.locking import Choice
from envbuild.pipeline.quiet import Quiet
from envbuild.pipeline.specs import Spec
from envbuild.platforms import Platform
from envbuild.workspace.adapters import Adapters
from envbuild.workspace.choosing import Chooser

__all__ = ["Comparing", "Difference"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """What two environments do not share. A part that one of them does not have (a definition has no lock yet) is None."""

    fields: tuple[FieldChange, ...] | None
    packages: tuple[Change, ...] | None
    same_image: bool | None
    shared_bytes: int = 0
    """Of layers that both images have."""
    sizes: tuple[int, int] = (0, 0)
    """Of the two images, in bytes."""

    @property
    def same(self) -> bool:
        """Whether nothing differs, as far as it is known."""
        return not self.fields and not self.packages and self.same_image is not False


@dataclass(frozen=True, slots=True)
class _Side:
    material: dict[str, JSON] | None = None
    lock: Lock | None = None
    image: Image | None = None


class Comparing:
    """Looks in the store alone: nothing is resolved, built or asked for."""

    def __init__(self, adapters: Adapters, platform: Platform | None) -> None:
        self._adapters, self._platform = adapters, platform

    def explain(self, path: str) -> Explanation:
        """Why the image of a spec is here, or not."""
        adapters, chooser = self._adapters, Chooser(self._adapters)
        spec = chooser.spec(path, Quiet())
        platform = chooser.platform(list(spec.requests), self._platform)
        found = explain(spec, platform, adapters.locking, adapters.building)
        if found.hit:
            return found
        material = definition_material(adapters.specs.definition(spec).definition)
        others = adapters.claims.entries("definition")
        return replace(found, nearest=nearest(spec, material, platform, adapters.claims, others))

    def diff(self, first: str, second: str) -> Difference:
        """What is different. UsageError where one of them is nothing that is known here, or the two share no aspect."""
        one, other = self._side(first), self._side(second)
        fields = field_changes(one.material, other.material) if one.material and other.material else None
        packages = changes(one.lock, other.lock) if one.lock and other.lock else None
        images = (one.image, other.image) if one.image and other.image else None
        if fields is None and packages is None and images is None:
            raise UsageError(
                "nothing can be compared: one is only asked for, the other only locked or built",
                at=f"{first}, {second}",
                hint="lock or build the definition first",
            )
        if images is None:
            return Difference(fields=fields, packages=packages, same_image=None)
        there = {layer.descriptor.digest for layer in images[0].layers}
        shared = sum(layer.descriptor.size for layer in images[1].layers if layer.descriptor.digest in there)
        same = images[0].digest == images[1].digest
        sizes = (images[0].size, images[1].size)
        return Difference(fields=fields, packages=packages, same_image=same, shared_bytes=shared, sizes=sizes)

    def _side(self, text: str) -> _Side:
        files = self._adapters.files
        if not (files.is_file(text) or files.is_folder(text)) or text.endswith(".tar"):
            found = self._adapters.images.find(text)
            return _Side(lock=self._adapters.images.lock(found.image), image=found.image)
        chooser = Chooser(self._adapters)
        path = files.definition(text)
        material = None
        if not is_envbuild_lock(path):
            spec = chooser.spec(path, Quiet())
            material = definition_material(self._adapters.specs.definition(spec).definition)
        chosen = chooser.find(path, self._platform, Choice(), Quiet())
        if isinstance(chosen, Spec):
            return _Side(material)
        building = self._adapters.building
        built = building.find(chosen.locked, chosen.platform)
        return _Side(material, building.lock(chosen.locked, chosen.platform), built.image if built else None)
