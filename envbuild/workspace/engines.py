"""`Engines`: where images are loaded and commands run, on this machine."""

import os
from collections.abc import Callable, Sequence
from functools import cached_property
from pathlib import Path

from envbuild import host
from envbuild.builders.layerids import PREFIX
from envbuild.errors import BuildFailed, EngineFault, EnvironmentFault
from envbuild.http.stepnetwork import StepNetwork
from envbuild.layers.conda.activateprogram import ACTIVATE_PROGRAM
from envbuild.lockfile import Lock
from envbuild.pipeline.delivering import names_of
from envbuild.pipeline.images import Found as FoundImage
from envbuild.pipeline.locking import Locked
from envbuild.pipeline.quiet import Quiet
from envbuild.platforms import Platform
from envbuild.ports import Reporter
from envbuild.runners.command import Command, Outcome
from envbuild.runners.container import Place, run_in_container
from envbuild.runners.engine import Engine, EngineKind, Found, find, open_engine
from envbuild.store.blobs import Blobs
from envbuild.workspace.adapters import Adapters
from envbuild.workspace.direct import Direct
from envbuild.workspace.loading import Loader

__all__ = ["Engines"]

_ENGINE_CODES = (125, 126, 127)
"""What an engine's client ends with where the container did not start."""


class Engines:
    """Implements `pipeline.running.Runtime`; opened for one command, asks for engines when they matter."""

    def __init__(self, adapters: Adapters, platform: Platform | None = None) -> None:
        self._adapters = adapters
        self._platform = platform or adapters.host_platform

    @cached_property
    def found(self) -> Found:
        """The engine that is used unasked."""
        wished = self._adapters.settings.text("engine")
        return find(self._adapters.environ, (EngineKind(wished),) if wished else tuple(EngineKind))

    def loader(self, kind: EngineKind, report: Reporter) -> Loader:
        """An engine as a place. EnvironmentFault where it is not here."""
        return Loader(self._open(kind), self._adapters.blobs, report)

    def _open(self, kind: EngineKind) -> Engine:
        known = self.found.engine
        return known if known is not None and known.kind is kind else open_engine(kind, self._adapters.environ)

    def why_no_engine(self) -> str:
        """Why no container can be started here; nothing where one can."""
        if self._platform != self._adapters.host_platform:
            return f"the image is for {self._platform}, this machine is {self._adapters.host_platform}"
        return "" if self.found.engine else self.found.why

    def in_container(self, name: str, locked: Locked, command: Command, report: Reporter) -> Outcome:
        """Run in a container of the image, which is found or built first."""
        engine = self.found.engine
        if engine is None:
            raise EnvironmentFault(self.found.why)
        built = self._adapters.building.ensure(locked, self._platform, report)
        names = names_of(name, built.image_id, ())
        reference = names[0]
        self.loader(engine.kind, report).ensure(built.image, names)
        network = self._network.contained()
        place = Place(
            caller=host.user(),
            folder=Path.cwd().resolve(),
            state=self._adapters.places.cache,
            network=network,
            variables=dict(locked.settings.variables),
            entry=(f"{PREFIX}/{ACTIVATE_PROGRAM}",) if locked.settings.activate else (),
        )
        for notice in network.notices:
            report.notice(notice)
        outcome = run_in_container(engine, reference, built.image, self._adapters.blobs, command, place)
        report.notice(f"ran in {engine.kind.value}, in the image {reference}")
        return outcome

    def directly(self, lock: Lock, locked: Locked, command: Command, report: Reporter) -> Outcome:
        """Run in a folder of the lock's packages, which is found or made first."""
        return Direct(self._adapters, self._network).run(lock, locked, command, report)

    @cached_property
    def _network(self) -> StepNetwork:
        """What the program is told of the network."""
        return StepNetwork.of(self._adapters.machine.http_settings())

    def starter(self, found: FoundImage) -> tuple[Callable[[Sequence[str]], str] | None, str]:
        """What runs a command in a container of an image and gives its output; else why nothing can."""
        why = self.why_no_engine()
        engine = self.found.engine
        if why or engine is None or not isinstance(found.blobs, Blobs):
            return None, why or "the image is not in the store"
        names = (f"envbuild/verify:{found.image.digest.short}-{os.getpid()}",)
        Loader(engine, found.blobs, Quiet()).ensure(found.image, names)

        def start(words: Sequence[str]) -> str:
            options = ("run", "--rm", "--network=none", "--pull=never", f"--entrypoint={words[0]}")
            done = engine.run(*options, names[0], *words[1:])
            engine.run("rmi", names[0])
            said = done.stderr.decode(errors="replace").strip()
            if done.code in _ENGINE_CODES:
                raise EngineFault(f"{engine.kind.value} could not start a container: {said}")
            if done.code != 0:
                raise BuildFailed(
                    f"the interpreter does not start: {said}", hint="look at its files: envbuild ls IMAGE"
                )
            return done.stdout.decode()

        return start, ""
