"""`ResolverParts`: what resolvers are opened with: of a workspace's adapters, which open them in their turn."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from envbuild.settings.reading import Settings
from envbuild.store.leases import Lease
from envbuild.store.places import Places

if TYPE_CHECKING:
    from envbuild.builders.assemble import Assembler
    from envbuild.conda.condarc import Condarc
    from envbuild.httpsettings import HttpSettings
    from envbuild.machine import Machine
    from envbuild.sources.channels import ChannelClient
    from envbuild.sources.debianmirror import DebianMirror
    from envbuild.sources.index import IndexClient
    from envbuild.sources.keyring import Keyring
    from envbuild.workspace.pythonplaces import PythonPlaces

__all__ = ["ResolverParts"]


class ResolverParts(Protocol):
    """Each is opened when it is first asked for."""

    @property
    def environ(self) -> Mapping[str, str]:
        """The variables of the process."""

    @property
    def settings(self) -> Settings:
        """What is set."""

    @property
    def machine(self) -> "Machine":
        """The machine's configuration."""

    @property
    def places(self) -> Places:
        """Where things are kept."""

    @property
    def lease(self) -> Lease:
        """What this process uses of the store."""

    @property
    def keyring(self) -> "Keyring":
        """The user's keyring."""

    def heard(self, settings: "HttpSettings") -> "HttpSettings":
        """These settings, with the user told of long waits."""

    def make_folder(self, folder: Path) -> None:
        """A folder of the store."""

    @property
    def layout(self) -> int:
        """The layout that the definition asks for."""

    @property
    def logins(self) -> dict[str, str]:
        """The definition's own logins, by host."""

    @property
    def asked_logins(self) -> dict[str, str]:
        """By host, of the indexes that are resolved from."""

    @property
    def index(self) -> "IndexClient":
        """Package indexes."""

    @property
    def index_urls(self) -> dict[str, str]:
        """Where each package index is served."""

    @property
    def debian(self) -> "DebianMirror":
        """Debian's suites."""

    @property
    def condarc(self) -> "Condarc":
        """How conda is set up on this machine."""

    @property
    def channels(self) -> "ChannelClient":
        """Conda's channels."""

    @property
    def python_places(self) -> "PythonPlaces":
        """Standalone Pythons."""

    @property
    def assembler(self) -> "Assembler":
        """What makes layers."""
