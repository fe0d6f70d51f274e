"""`Adapters`: what a workspace is made of. Each is opened when it is first needed, since a hit needs few of them."""

import atexit
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from envbuild import __version__
from envbuild.builders.layercache import LayerCount
from envbuild.definition import NEWEST_LAYOUT, Definition
from envbuild.digest import Digest
from envbuild.formats.kinds import is_envbuild_lock
from envbuild.formats.selection import NOTHING_MORE, Selection
from envbuild.host import filesystem_type
from envbuild.ids import identity, image_material
from envbuild.pipeline.building import Building
from envbuild.pipeline.locking import Choice, Locking
from envbuild.pipeline.quiet import Quiet
from envbuild.pipeline.specs import Parsed, Spec, Specs
from envbuild.platforms import LINUX_AMD64, Platform
from envbuild.ports import Builder, Resolver
from envbuild.settings.files import project_tables
from envbuild.settings.reading import Settings, variables_of
from envbuild.sources.files import ProjectFiles
from envbuild.store.blobs import Blobs
from envbuild.store.claims import Claims
from envbuild.store.durable import make_folder, writing
from envbuild.store.filesystems import trusted
from envbuild.store.leases import Lease
from envbuild.store.places import Places
from envbuild.store.turns import Turns
from envbuild.workspace.notices import Notices
from envbuild.workspace.ontop import OnTop
from envbuild.workspace.reading import complete, dump_lock, outside_image, read_definition, readers

if TYPE_CHECKING:
    from envbuild.builders.assemble import Assembler
    from envbuild.conda.condarc import Condarc
    from envbuild.http.client import Http
    from envbuild.httpsettings import HttpSettings
    from envbuild.machine import Machine
    from envbuild.pipeline.images import Images
    from envbuild.sources.channels import ChannelClient
    from envbuild.sources.debianmirror import DebianMirror
    from envbuild.sources.fetch import Fetcher
    from envbuild.sources.index import IndexClient
    from envbuild.sources.keyring import Keyring
    from envbuild.store.memo import Memo
    from envbuild.workspace.contents import Contents
    from envbuild.workspace.pythonplaces import PythonPlaces

__all__ = ["Adapters"]

_OK = 200


@dataclass(frozen=True)
class Adapters:
    """Chosen by the environment's variables, and by what was given as settings by name (`resolver`, `ca-bundle`)."""

    environ: Mapping[str, str] = field(repr=False)
    given: Mapping[str, str] = field(default_factory=dict, repr=False)
    spec_path: str = ""
    """The definition whose indexes and logins are used."""
    notices: Notices = field(default_factory=Notices, repr=False)
    selection: Selection = NOTHING_MORE
    """What of the definition's project was chosen."""
    given_definition: Definition | None = None
    """A normalized definition that stands in no file; `spec_path` is what it is called."""

    # The store.

    @cached_property
    def places(self) -> Places:
        """Where things are kept."""
        return Places.read({**self.environ, **variables_of(self.given)})

    @cached_property
    def named_places(self) -> Places:
        """Where things would be kept; nothing of it is opened."""
        return Places.named({**self.environ, **variables_of(self.given)})

    @cached_property
    def settings(self) -> Settings:
        """What is set for the definition's project, by this user, and for this command."""
        in_file = self.spec_path and self.given_definition is None
        folder = Path(self.spec_path).absolute().parent if in_file else Path.cwd()
        return Settings.read(
            self.environ, given=self.given, project=project_tables(folder), user_file=self.named_places.settings
        )

    @cached_property
    def blobs(self) -> Blobs:
        """Content by digest."""
        return Blobs(self.places.blobs, self._open_memo, self.lease)

    @cached_property
    def claims(self) -> Claims:
        """What is claimed for an id."""
        return Claims(self.places.claims, self.lease)

    @cached_property
    def lease(self) -> Lease:
        """What this process uses of the store, until it ends."""
        lease = Lease(self.places.locks)
        atexit.register(lease.close)
        return lease

    @cached_property
    def turns(self) -> Turns:
        """Whose turn it is to make what several ask for."""
        return Turns(self.places, self._longest_wait)

    @cached_property
    def files(self) -> ProjectFiles:
        """The user's files."""
        return ProjectFiles()

    @cached_property
    def contents(self) -> "Contents":
        """The folders that the definition names, each read once."""
        from envbuild.workspace.contents import Contents

        return Contents(self.files.load)

    # The story's parts.

    @cached_property
    def specs(self) -> Specs:
        """Definitions and locks as files."""
        load, selection = self.files.load, self.selection
        read = readers(load, selection, self.given_definition, lambda: self.contents, self._definition)
        specs = Specs(
            load, read, self.blobs, self.claims, folder=str(Path.cwd()), version=__version__, selection=selection
        )
        if self.given_definition is not None:
            from envbuild.normalize import unserved

            specs.give(self.spec_path, self.given_definition, served=not unserved(self.given_definition))
        return specs

    @cached_property
    def locking(self) -> Locking:
        """Locks."""
        alone, on_top = self.turns.resolve, OnTop(self)
        return Locking(
            self.specs, self.files, self.blobs, self.claims, self._open_resolver, dump_lock, alone=alone, on_top=on_top
        )

    @cached_property
    def building(self) -> Building:
        """Images."""
        return Building(self.specs, self.blobs, self.claims, self._open_builder, self.turns.build)

    @cached_property
    def images(self) -> "Images":
        """Images by what people call them."""
        from envbuild.pipeline.images import Images

        return Images(
            self.building, self.specs, self.claims, self.blobs, outside=outside_image, of_spec=self._image_of_spec
        )

    # The outside.

    @cached_property
    def machine(self) -> "Machine":
        """The machine's configuration."""
        from envbuild.machine import Machine

        return Machine.read(self.environ, self.settings)

    @cached_property
    def http(self) -> "Http":
        """The network, with this machine's proxies, trust and logins, and the definition's own logins."""
        from envbuild.http.client import Http

        return Http(self.heard(self.machine.http_settings(logins=self.logins, login=self.keyring.login)))

    @cached_property
    def keyring(self) -> "Keyring":
        """The user's keyring."""
        from envbuild.sources.keyring import Keyring
        from envbuild.workspace.indexlogins import known_users

        return Keyring(known_users({**self.machine.logins, **self.logins}))

    @cached_property
    def logins(self) -> dict[str, str]:
        """The definition's own logins, by host."""
        return dict(self._parsed.logins) if self._parsed else {}

    @cached_property
    def asked_logins(self) -> dict[str, str]:
        """By host, of what is resolved from: where the keyring alone has the login, or netrc for a user whom a URL names."""
        from envbuild.sources.keyring import has_keyring
        from envbuild.workspace.indexlogins import asked_logins, places

        ask = self.keyring.login if has_keyring() else None
        urls = places(self.index_urls.values(), self._parsed.definition.pypi if self._parsed else ())
        return asked_logins(urls, self.http, self.machine.http_settings(logins=self.logins), ask)

    @cached_property
    def index_urls(self) -> dict[str, str]:
        """Where each package index is served: the machine's word goes before the definition's."""
        named = {i.name: i.url for i in self._parsed.definition.indexes if i.url} if self._parsed else {}
        return {"pypi": self.machine.pypi_index, **named, **self.machine.index_urls}

    @cached_property
    def index(self) -> "IndexClient":
        """Package indexes; this machine's extra ones are there for fetching by hash alone."""
        from envbuild.sources.index import IndexClient

        return IndexClient(self.http, {**{url: url for url in self.machine.fetch_only_indexes}, **self.index_urls})

    @cached_property
    def debian(self) -> "DebianMirror":
        """Debian's suites."""
        from envbuild.debian.aptsources import mirrors
        from envbuild.sources.debianmirror import DebianMirror

        return DebianMirror(
            self._read_url, self.blobs, mirrors(self.settings.variables, dict(self.machine.apt_sources))
        )

    @property
    def layout(self) -> int:
        """The layout that the definition asks for."""
        return self._parsed.definition.layout if self._parsed else NEWEST_LAYOUT

    @cached_property
    def condarc(self) -> "Condarc":
        """How conda is set up on this machine."""
        from envbuild.conda.condarc import read_condarc

        return read_condarc(self.environ)

    @cached_property
    def channels(self) -> "ChannelClient":
        """Conda's channels."""
        from envbuild.workspace.condachannels import open_channels

        return open_channels(self)

    @cached_property
    def python_places(self) -> "PythonPlaces":
        """Standalone Pythons."""
        from envbuild.workspace.pythonplaces import PythonPlaces

        return PythonPlaces(self.machine, self.http, self.blobs, self.environ)

    @cached_property
    def source(self) -> "Fetcher":
        """Where the files that locks name are had."""
        from envbuild.sources.fetch import Fetcher

        return Fetcher(
            self.http,
            self.index,
            fetch_only=self.machine.fetch_only_indexes,
            find_links=self.machine.find_links,
            deb_urls=self.debian.url_of,
            conda=lambda: self.channels,
            python_urls=lambda artifact: self.python_places.mirror.urls_of(artifact),  # noqa: PLW0108 (opened when needed)
            now=self.debian.version_now,
        )

    @cached_property
    def assembler(self) -> "Assembler":
        """What makes layers and images."""
        from envbuild.builders.assemble import Assembler

        return Assembler(self.blobs, self.claims, lambda: self.source, self._drop)

    @cached_property
    def host_platform(self) -> Platform:
        """What this machine runs."""
        from envbuild.host import machine

        try:
            return Platform.parse(f"linux/{machine()}")
        except ValueError:
            return LINUX_AMD64

    def heard(self, settings: "HttpSettings") -> "HttpSettings":
        """These settings, with the user told of long waits, and no wait for one who gave up."""
        return replace(settings, tell=self.notices.tell, ended=self.notices.interrupted)

    def make_folder(self, folder: Path) -> None:
        """A folder of the store; in a store that a group shares every member may write it."""
        with writing(folder):
            make_folder(folder)

    def for_spec(self, path: str, selection: Selection = NOTHING_MORE) -> "Adapters":
        """The same workspace, with the indexes and logins of the definition at `path`; a lock or a folder has none."""
        return Adapters(self.environ, self.given, path, self.notices, selection)

    def for_definition(self, definition: Definition) -> "Adapters":
        """The same workspace, with a definition that stands in no file: by its name. InvalidDefinition has all its faults."""
        normal = complete(definition, self.files.load)
        path = normal.name or "environment"
        return Adapters(self.environ, self.given, path, self.notices, given_definition=normal)

    # How they are opened.

    @cached_property
    def _parsed(self) -> Parsed | None:
        if self.given_definition is not None:
            return Parsed(self.given_definition)
        if not self.files.is_file(self.spec_path) or is_envbuild_lock(self.spec_path):
            return None
        return read_definition(self.spec_path, self.files.load, self.selection, lambda: self.contents)

    def _definition(self, path: str) -> Parsed:
        """A definition in full; that of the spec itself is read once, so that all of a command sees the same."""
        own = self._parsed if path == self.spec_path else None
        return own or read_definition(path, self.files.load, self.selection, lambda: self.contents)

    def _open_memo(self) -> "Memo":
        from envbuild.store.memo import Memo

        return Memo(self.places.memo, off=not trusted(filesystem_type(self.places.cache)))

    def _longest_wait(self) -> float | None:
        """Seconds to wait for another process that makes what we need."""
        return self.settings.seconds("lock-timeout")

    def _drop(self, packages: Iterable[Digest]) -> None:
        """Packages whose layers are made, unless the setting keeps them."""
        if self.settings.switch("drop-packages"):
            from envbuild.store.dropping import drop_unused

            drop_unused(packages, self.blobs, self.places, self.lease)

    def _open_builder(self) -> tuple[Builder, Callable[[], LayerCount]]:
        assembler = self.assembler
        return assembler, lambda: assembler.count

    def _open_resolver(self, spec: Spec) -> Resolver:
        from envbuild.workspace.resolving import open_resolver

        return open_resolver(self if self.spec_path == spec.path else self.for_spec(spec.path, self.selection))

    def _read_url(self, url: str) -> bytes | None:
        answer = self.http.get(url)
        return answer.body if answer.status == _OK else None

    def _image_of_spec(self, path: str) -> Digest | None:
        """The image that a spec has here already, if it is one."""
        if not self.files.is_file(path) and not self.files.is_folder(path):
            return None
        path = self.files.definition(path)
        if is_envbuild_lock(path):
            sections = list(self.specs.lock_facts(path).sections.values())
            return identity(image_material(sections[0].lock_id, sections[0].settings)) if sections else None
        spec = self.specs.open(path)
        for platform in spec.requests:
            found = self.locking.find(spec, platform, Choice(), Quiet())
            if found is not None:
                return self.building.image_id(found)
        return None
