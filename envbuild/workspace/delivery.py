"""`Delivery`: what brings images to places. Each kind of place is loaded when an image goes there: a hit needs few."""

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from envbuild.oci import Image
from envbuild.pipeline.delivering import Destination, DestinationKind, Engine, Writers
from envbuild.ports import Reporter
from envbuild.workspace.adapters import Adapters

if TYPE_CHECKING:
    from envbuild.registry.pushes import PushCount
    from envbuild.workspace.engines import Engines
    from envbuild.workspace.registries import Registries
    from envbuild.workspace.sharing import Shared

__all__ = ["Delivery"]


class Delivery:
    """Opened for one command."""

    def __init__(self, adapters: Adapters, report: Reporter) -> None:
        self._adapters, self._report = adapters, report

    def default_destination(self) -> Destination:
        """An engine where one runs, else the store."""
        engine = self._engines.found.engine
        return Destination(DestinationKind(engine.kind.value) if engine else DestinationKind.STORE)

    @property
    def writers(self) -> Writers:
        """What brings images to each kind of place."""
        return Writers(
            engine=self._engine,
            layout=self._layout,
            archive=self._archive,
            registry=lambda image, name: self._registries.push(image, name, self._report),
        )

    def shared(self, name: str) -> "Shared | None":
        """The cache repository of this name, else the one that the machine's settings name, if any."""
        name = name or self._adapters.settings.text("cache")
        if not name:
            return None
        from envbuild.workspace.sharing import Shared

        return Shared(self._adapters, self._registries, name)

    @property
    def pushed(self) -> "tuple[PushCount, ...]":
        """What went to registries, in order."""
        return tuple(self._registries.pushed) if "_registries" in self.__dict__ else ()

    @cached_property
    def _engines(self) -> "Engines":
        from envbuild.workspace.engines import Engines

        return Engines(self._adapters)

    @cached_property
    def _registries(self) -> "Registries":
        from envbuild.workspace.registries import Registries

        return Registries(self._adapters)

    def _engine(self, kind: DestinationKind) -> Engine:
        from envbuild.runners.engine import EngineKind

        return self._engines.loader(EngineKind(kind.value), self._report)

    def _layout(self, image: Image, path: str, names: Sequence[str]) -> None:
        from envbuild.builders.ocilayout import write_layout

        write_layout(image, self._adapters.blobs, Path(path), names)

    def _archive(self, image: Image, path: str, names: Sequence[str]) -> None:
        from envbuild.builders.archive import save_archive

        save_archive(image, self._adapters.blobs, Path(path), names)
