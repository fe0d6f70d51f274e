"""`ChannelClient`: what conda channels offer: shards where a channel has them (CEP 16), else repodata.json (CEP 36)."""

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from threading import Lock
from typing import Any, TypeVar
from urllib.parse import quote, urljoin

from envbuild.errors import EnvironmentFault, IntegrityError, ResolveFailed
from envbuild.http.client import Http
from envbuild.http.faults import Passing
from envbuild.http.localfile import is_file_url
from envbuild.http.logins import basic, decoded
from envbuild.httpsettings import host_of, public_url, split_login
from envbuild.layers.conda.zstd import inflated
from envbuild.lockfile import Artifact
from envbuild.matchspec.channel import SUBDIRS
from envbuild.sources.channelplaces import ChannelPlaces, Mirrors
from envbuild.sources.keptpages import KeptPages, Page
from envbuild.sources.repodata import RepodataTable, read_records, repodata_table
from envbuild.sources.shards import Records, shard_index, shard_records

__all__ = ["ChannelClient", "Folder", "MeasuredFile"]

_AT_ONCE = 16
_LARGEST = 2 << 30
_OK = 200
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_HOPS = 5
_TRY_AGAIN = "the channel may be in the middle of an update: try again"

_Item = TypeVar("_Item")
_Made = TypeVar("_Made")


@dataclass(frozen=True, slots=True, eq=False)
class Folder:
    """A folder of a channel, as it is now. Implements resolvers.conda.listing.Listing."""

    channel: str
    tier: int
    subdir: str
    names: Mapping[str, Any]
    """By package, where its records are."""
    base_urls: tuple[str, ...] = field(repr=False)
    """Where its packages stand by its own word (CEP 15), beside the folder itself."""
    read: Callable[[str], Records] = field(repr=False)
    """A package's records."""
    place: str = field(default="", repr=False)
    """The URL of the channel that answered, with its login and token."""


@dataclass(frozen=True, slots=True)
class MeasuredFile:
    """What a file turned out to be."""

    sha256: str
    md5: str
    size: int


class ChannelClient:
    """Channels by the names that definitions have for them; each folder is read once for each instance. Safe for threads."""

    def __init__(
        self, http: Http, places: ChannelPlaces, cache: Path, login_of: Callable[[str], str] = lambda _host: ""
    ) -> None:
        """`cache`: a folder of this user's, where what was read is kept. `login_of`: `user:password` by host."""
        self.http, self._places, self._login_of = http, places, login_of
        self._pages = KeptPages(http, cache)
        self._known: dict[tuple[str, str], Folder | None] = {}
        self._lock = Lock()

    def listings(self, channels: Sequence[str], subdirs: Sequence[str]) -> tuple[Folder, ...]:
        """The channels' folders of these names, in order.

        ResolveFailed where a channel is not there; EnvironmentFault where one cannot be asked, or answers something else.
        """
        members: list[tuple[str, Mirrors, tuple[str, ...]]] = []
        for text in channels:
            name, wanted = _folders(text, subdirs)
            members += [(name, mirrors, wanted) for mirrors in self._places.members(name)]
        found = _each(lambda member: self._member(*member), members)
        return tuple(replace(folder, tier=tier) for tier, folders in enumerate(found) for folder in folders)

    def records(self, wanted: Sequence[tuple[Folder, str]]) -> list[Records]:
        """For each folder and package, the records by file name; many are read at a time."""
        return _each(lambda pair: pair[0].read(pair[1]), wanted)

    def urls(self, channel: str) -> tuple[str, ...]:
        """All places of a channel, of each that a name of several stands for."""
        return tuple(url for mirrors in self._places.members(_folders(channel, ())[0]) for url in mirrors)

    def answering(self, channel: str, subdirs: Sequence[str]) -> tuple[str, ...]:
        """Of each channel that a name stands for, the first of its places that has one of these folders, with its login.

        Errors as `listings` has them.
        """
        return tuple(dict.fromkeys(folder.place for folder in self.listings([channel], subdirs)))

    def file_urls(self, artifact: Artifact) -> Iterator[str]:
        """Where a locked file may be, likeliest first. Where none of a channel's own folders has it, its index is asked."""
        channel, _, subdir = artifact.source.rpartition("/")
        yield from self._file_urls(channel, subdir, artifact.file)

    def size(self, channel: str, subdir: str, file: str) -> int:
        """A file's size by a quick question, else by reading it. ResolveFailed where it is not there."""
        for url in self._file_urls(channel, subdir, file):
            if (length := self._length(url)) is not None:
                return length
        return self.measure(channel, subdir, file).size

    def measure(self, channel: str, subdir: str, file: str) -> MeasuredFile:
        """A file's hashes and size; it is read once and not kept. ResolveFailed where it is not there."""
        faults: list[EnvironmentFault] = []
        for url in self._file_urls(channel, subdir, file):
            # By md5 nothing is identified: it is compared with what an old lock says.
            hashes, sizes = (hashlib.sha256(), hashlib.md5(usedforsecurity=False)), [0]

            def take(data: bytes, hashes: Any = hashes, sizes: list[int] = sizes) -> None:
                for hasher in hashes:
                    hasher.update(data)
                sizes[0] += len(data)

            try:
                self.http.download(url, take)
            except KeyError:
                continue
            except EnvironmentFault as fault:
                faults.append(fault)
                continue
            return MeasuredFile(hashes[0].hexdigest(), hashes[1].hexdigest(), sizes[0])
        if faults:
            raise faults[0]
        raise ResolveFailed(f"there is no {file} in {channel}/{subdir}", at=channel, hint="lock a version of today")

    def _file_urls(self, channel: str, subdir: str, file: str) -> Iterator[str]:
        name = quote(file, safe="!+=_.-")
        urls = self.urls(channel)
        yield from (f"{url}/{subdir}/{name}" for url in urls)
        with suppress(ResolveFailed, EnvironmentFault):
            folders = self.listings([channel], [subdir])
            yield from (f"{base}{name}" for folder in folders for base in folder.base_urls)

    def _length(self, url: str) -> int | None:
        """What a HEAD says, whoever the server sends us on to; None where it says nothing."""
        bare, written = split_login(url)
        first, own = host_of(bare), decoded(written) if written else ""
        for _ in range(_HOPS if not is_file_url(url) else 0):
            login = own or self._login_of(first) if host_of(bare) == first else ""
            try:
                answer = self.http.exchange("HEAD", bare, {"Authorization": basic(login)} if login else {})
            except (EnvironmentFault, Passing):
                return None
            answer.close()
            length = answer.headers.get("content-length", "")
            if answer.status == _OK and length.isdecimal() and "content-encoding" not in answer.headers:
                return int(length)
            if answer.status not in _REDIRECTS:
                return None
            bare = split_login(urljoin(bare, answer.headers.get("location", "")))[0]
        return None

    def _member(self, channel: str, mirrors: Mirrors, subdirs: Sequence[str]) -> list[Folder]:
        """The folders of a channel, of the first of its places that has any."""
        fault: EnvironmentFault | IntegrityError | None = None
        for url in mirrors:
            try:
                found = _each(partial(self._folder, channel, url, mirrors), subdirs)
            except (EnvironmentFault, IntegrityError) as error:
                fault = fault or error
                continue
            if folders := [folder for folder in found if folder is not None]:
                return folders
        if fault is not None:
            fault.hint = f"{fault.hint}; it was asked for the channel {channel}".removeprefix("; ")
            raise fault
        shown = public_url(mirrors[0])
        raise ResolveFailed(
            f"there is no such conda channel: {shown} has none of {', '.join(subdirs)} (404)",
            at=channel,
            hint="is its name right? Where another place serves it, say so: "
            f"envbuild config set channels.{channel} URL",
        )

    def _folder(self, channel: str, url: str, mirrors: Mirrors, subdir: str) -> Folder | None:
        with self._lock:
            if (url, subdir) in self._known:
                return self._known[url, subdir]
        try:
            found = self._sharded(channel, f"{url}/{subdir}/", [f"{m}/{subdir}/" for m in mirrors], subdir)
            found = found or self._whole(channel, f"{url}/{subdir}/", subdir)
            found = found and replace(found, place=url)
        except ValueError as error:
            raise _no_index(f"{url}/{subdir}", error) from error
        except OSError as error:
            raise _changed(url, error) from error
        with self._lock:
            return self._known.setdefault((url, subdir), found)

    def _sharded(self, channel: str, url: str, mirrors: Sequence[str], subdir: str) -> Folder | None:
        page = self._pages.page(f"{url}repodata_shards.msgpack.zst", bytes, optional=True)
        if page is None:
            return None
        index = shard_index(page.path.read_bytes())
        places = [_below(place, index.shards_base_url) for place in (url, *(m for m in mirrors if m != url))]

        def read(name: str) -> Records:
            sha256 = index.shards[name]
            data = self._shard(list(dict.fromkeys(places)), sha256)
            try:
                return shard_records(data)
            except ValueError as error:
                raise _no_index(f"{places[0]}{sha256}.msgpack.zst", error) from error

        return Folder(channel, 0, subdir, index.shards, _elsewhere(url, index.base_url), read)

    def _shard(self, places: Sequence[str], sha256: str) -> bytes:
        fault: EnvironmentFault | IntegrityError | None = None
        for place in places:
            try:
                return self._pages.content(f"{place}{sha256}.msgpack.zst", sha256)
            except KeyError:
                what = "a part of the channel's index is not there (404), and the index names it"
                fault = fault or EnvironmentFault(what, at=public_url(place), hint=_TRY_AGAIN)
            except (EnvironmentFault, IntegrityError) as error:
                fault = fault or error
        raise fault or EnvironmentFault("the channel has no place", hint=_TRY_AGAIN)

    def _whole(self, channel: str, url: str, subdir: str) -> Folder | None:
        page = self._pages.page(f"{url}repodata.json.zst", partial(inflated, limit=_LARGEST), optional=True)
        page = page or self._pages.page(f"{url}repodata.json", bytes)
        if page is None:
            return None
        table = self._table(page)

        def read(name: str) -> Records:
            try:
                return read_records(page.path, table, name)
            except (OSError, ValueError) as error:
                raise _changed(url, error) from error

        return Folder(channel, 0, subdir, table.places, _elsewhere(url, table.base_url), read)

    def _table(self, page: Page) -> RepodataTable:
        try:
            return RepodataTable.parse(self._pages.beside(page, lambda data: repodata_table(data).dump()))
        except (ValueError, KeyError, TypeError):
            return repodata_table(page.path.read_bytes())


def _folders(text: str, subdirs: Sequence[str]) -> tuple[str, tuple[str, ...]]:
    """A channel's name, and which of these folders it is meant with: `conda-forge/linux-64` is that one and noarch."""
    name, slash, last = text.rpartition("/")
    if slash and last in SUBDIRS:
        return name, tuple(subdir for subdir in subdirs if subdir in (last, "noarch"))
    return text, tuple(subdirs)


def _below(url: str, place: str) -> str:
    """A place as a channel's index writes it, with a slash at its end. Its login and token go nowhere else.

    ValueError for what another host may not say: a file of this machine, or an address with a query.
    """
    found = urljoin(url, place or "./")
    if (is_file_url(found) and not is_file_url(url)) or any(mark in found for mark in "?#"):
        raise ValueError(f"it says that its packages are at {place[:100]!r}")
    return found if found.endswith("/") else f"{found}/"


def _elsewhere(url: str, base_url: str) -> tuple[str, ...]:
    found = _below(url, base_url)
    return () if found == url else (found,)


def _changed(url: str, error: Exception) -> EnvironmentFault:
    what = f"what is kept of the channel's index changed while it was read: {error}"
    return EnvironmentFault(what, at=public_url(url), hint="try again")


def _no_index(url: str, error: ValueError) -> EnvironmentFault:
    return EnvironmentFault(
        f"the answer is no index of a conda channel: {error}",
        at=public_url(url),
        hint="is this the address of a channel, or does a login page stand before it?",
    )


def _each(work: Callable[[_Item], _Made], items: Sequence[_Item]) -> list[_Made]:
    """Do all, some at a time; the first failure is raised once what was begun is over, and what waits is not begun."""
    if len(items) < 2:
        return [work(item) for item in items]
    pool = ThreadPoolExecutor(min(_AT_ONCE, len(items)))
    try:
        return list(pool.map(work, items))
    except Exception:
        pool.shutdown(cancel_futures=True)
        raise
    finally:
        # Ctrl-C waits for no silent server.
        pool.shutdown(wait=False, cancel_futures=True)
