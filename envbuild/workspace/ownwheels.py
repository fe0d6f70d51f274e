"""A project's own wheel: its files copied as they are content, built by the project's backend, kept in the store."""

import posixpath
import shutil
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from envbuild.definition import Definition, Project
from envbuild.digest import Digest
from envbuild.errors import BuildFailed, EnvironmentFault, UsageError
from envbuild.lockfile import ArtifactKind, Lock
from envbuild.pipeline.ownpackage import OwnPackages, OwnWheel
from envbuild.pipeline.specs import Spec, Specs
from envbuild.platforms import Platform
from envbuild.ports import Reporter
from envbuild.store.blobs import Blobs
from envbuild.store.claims import Claims
from envbuild.store.leases import Lease
from envbuild.store.places import Places
from envbuild.store.turns import Turns
from envbuild.wheelfiles import Target
from envbuild.workspace.lockedpython import locked_python
from envbuild.workspace.reading import dump_lock

if TYPE_CHECKING:
    from envbuild.builders.assemble import Assembler
    from envbuild.machine import Machine
    from envbuild.resolvers.ownwheel import WheelMaker
    from envbuild.workspace.contents import Contents

__all__ = ["OwnWheels", "Parts", "own_packages"]


class Parts(Protocol):
    """What is needed of a workspace's adapters, which open this in their turn."""

    @property
    def environ(self) -> Mapping[str, str]:
        """The variables of the process."""

    @property
    def given_definition(self) -> Definition | None:
        """A definition that stands in no file."""

    @property
    def specs(self) -> Specs:
        """Definitions as files."""

    @property
    def blobs(self) -> Blobs:
        """Content by digest."""

    @property
    def claims(self) -> Claims:
        """What is claimed for an id."""

    @property
    def turns(self) -> Turns:
        """Whose turn it is."""

    @property
    def lease(self) -> Lease:
        """What this process uses of the store."""

    @property
    def places(self) -> Places:
        """Where things are kept."""

    @property
    def contents(self) -> "Contents":
        """The folders that the definition names."""

    @property
    def machine(self) -> "Machine":
        """The machine's configuration."""

    @property
    def logins(self) -> dict[str, str]:
        """The definition's own logins, by host."""

    @property
    def asked_logins(self) -> dict[str, str]:
        """Those of the keyring, by host."""

    @property
    def index_urls(self) -> dict[str, str]:
        """Where each package index is served."""

    @property
    def assembler(self) -> "Assembler":
        """What makes layers."""

    @property
    def host_platform(self) -> Platform:
        """What this machine runs."""

    def make_folder(self, folder: Path) -> None:
        """A folder of the store."""


def own_packages(adapters: Parts) -> OwnPackages:
    """What puts a spec's own package on top of its locks, with this workspace's store."""
    return OwnPackages(
        adapters.specs, adapters.blobs, adapters.claims, lambda: OwnWheels(adapters), dump_lock, adapters.turns.resolve
    )


class OwnWheels:
    """Implements `pipeline.ownpackage.BuildsWheels`."""

    def __init__(self, adapters: Parts) -> None:
        self._adapters = adapters

    def build(self, spec: Spec, lock: Lock, target: Target, report: Reporter) -> OwnWheel:
        """The wheel of a spec's project, its bytes in the store. BuildFailed with what the build backend said last."""
        project = spec.project or Project(".")
        with tempfile.TemporaryDirectory(prefix="envbuild-project-") as place:
            # The same name everywhere: a backend may look at it.
            tree, out = Path(place) / "project", Path(place) / "out"
            self._copy(spec, project, tree)
            try:
                python = self._python(spec, lock, report)
                made = self._maker(spec, python).make(tree, out, target)
            except BuildFailed as failed:
                failed.at = failed.at or spec.path
                raise
            with made.path.open("rb") as stream, self._adapters.blobs.create() as writer:
                shutil.copyfileobj(stream, writer)
                digest = writer.commit()
            report.notice(f"built {made.path.name} from {self._folder(spec, project) or '.'}")
            return OwnWheel(
                name=made.name,
                version=made.version,
                file=made.path.name,
                size=made.path.stat().st_size,
                sha256=digest,
                requires=made.requires,
            )

    def _start(self, spec: Spec) -> str:
        """The folder that the project's path starts from: the definition's, or for a value the current one."""
        return "" if self._adapters.given_definition is not None else posixpath.dirname(spec.path)

    def _folder(self, spec: Spec, project: Project) -> str:
        return posixpath.normpath(posixpath.join(self._start(spec), project.path))

    def _copy(self, spec: Spec, project: Project, tree: Path) -> None:
        """What the definition's id covers, and nothing else. UsageError where it changed since it was read."""
        from envbuild.context.tree import context_digest
        from envbuild.resolvers.ownwheel import EPOCH
        from envbuild.sources.contextcopy import copy_entries
        from envbuild.sources.contextfiles import read_tree

        folder = self._folder(spec, project)
        tree.mkdir(mode=0o755)
        copy_entries(folder, self._adapters.contents.project_entries(project.path, self._start(spec)), tree, EPOCH)
        if context_digest(read_tree(str(tree), "project")) != Digest.parse(project.digest):
            raise UsageError("the project's files changed while they were read", at=folder, hint="try again")

    def _python(self, spec: Spec, lock: Lock, report: Reporter) -> str:
        """What the backend runs in: the lock's own interpreter where it is a standalone build for this machine's CPU, else
        this machine's of that version; any other one builds what is pure.
        """
        from envbuild.runners.interpreter import find_interpreter

        if lock.of_kind(ArtifactKind.PYTHON) and lock.platform == self._adapters.host_platform:
            return str(locked_python(self._adapters, lock, spec.settings.layout, report).path)
        try:
            return str(
                find_interpreter(lock.interpreter.minor if lock.interpreter else "", self._adapters.environ).path
            )
        except EnvironmentFault:
            return sys.executable

    def _maker(self, spec: Spec, python: str) -> "WheelMaker":
        from envbuild.host import glibc_version
        from envbuild.normalize.accelerators import indexes_of
        from envbuild.resolvers.ownwheel import WheelMaker
        from envbuild.workspace.packages import tool_environment

        adapters = self._adapters
        definition = adapters.specs.definition(spec).definition
        indexes = [index for index in indexes_of(definition) if not index.explicit]
        adapters.lease.hold("tools")
        adapters.make_folder(adapters.places.tools)
        urls = adapters.index_urls
        logins = {**adapters.machine.logins, **adapters.logins, **adapters.asked_logins}
        return WheelMaker(
            indexes=indexes,
            urls=urls,
            environ=tool_environment(adapters.machine, urls, adapters.environ, logins),
            cache=adapters.places.tools / "uv",
            python=python,
            glibc=glibc_version(),
        )
