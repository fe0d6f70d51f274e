"""The door to rattler: its solver, given records and nothing else. No network, no configuration, no host is asked by it."""

import asyncio
import json
import queue
import tempfile
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar

from rattler import (
    BuildString,
    Channel,
    ChannelConfig,
    GenericVirtualPackage,
    MatchSpec,
    PackageName,
    RepoDataRecord,
    SparseRepoData,
    Version,
)
from rattler.channel import ChannelPriority
from rattler.exceptions import SolverError
from rattler.solver import solve_with_sparse_repodata

from envbuild.errors import EnvbuildError, EnvironmentFault
from envbuild.matchspec import spec as matchspec
from envbuild.matchspec.channel import ANY_CHANNEL, channel, subdir_of
from envbuild.platforms import LINUX_AMD64, Platform
from envbuild.ports import Reporter
from envbuild.resolvers.conda.closure import Universe, reach
from envbuild.resolvers.conda.listing import Channels, Listing
from envbuild.resolvers.conda.reasons import absent, unsolvable
from envbuild.resolvers.conda.request import CondaRecord, CondaRequest
from envbuild.resolvers.conda.virtualpackages import VirtualPackage

__all__ = ["RattlerSolver"]

_LINUX_ARM64 = Platform("linux", "arm64")
_PATIENCE = timedelta(minutes=10)
_LARGEST = 1 << 40
"""Bytes: a package that is said to be larger is measured."""
_PLACE = "https://channel.invalid"
"""Stands for a channel, by its number: where it is served is no part of a solution (RFC 2606: no host has such a name)."""
_NARROWED = ("fn", "sha256", "md5")
"""What `reach` looks at itself."""

_Found = TypeVar("_Found")


class RattlerSolver:
    """Implements CondaSolver."""

    def __init__(self, channels: Channels[Any]) -> None:
        self._channels = channels

    def solve(self, request: CondaRequest, report: Reporter) -> tuple[CondaRecord, ...]:
        """The packages that meet a request, sorted by name. Errors as CondaSolver has them."""
        specs = [matchspec.match_spec(text) for text in request.specs]
        specs = [s for s in specs if s.channel.subdir in ("", "noarch", request.subdir)]
        order = _order(request.channels, specs)
        folders = self._channels.listings(order, [request.subdir, "noarch"])
        universe = reach(specs, folders, self._channels, strict=request.strict)
        if fault := absent(specs, universe, request, lambda name: self._elsewhere(name, order, request.subdir)):
            raise fault
        try:
            chosen = _apart(lambda: _solved(specs, universe, request))
        except SolverError as error:
            raise unsolvable(str(error), _names(universe), request, universe) from None
        except OSError as error:
            if error.errno is not None:
                what = f"cannot be written: {error.strerror}"
                raise EnvironmentFault(what, at=tempfile.gettempdir(), hint="free some space, or set TMPDIR") from error
            # What rattler says of a file that it cannot read.
            raise EnvironmentFault(
                f"a record in a channel's index cannot be understood: {error}",
                at=", ".join(order),
                hint="its owner has to index the channel anew",
            ) from error
        return tuple(sorted(_record(universe, number, file) for number, file in chosen))

    def _elsewhere(self, name: str, channels: Sequence[str], subdir: str) -> list[str]:
        """The folders of other platforms that have a package, as far as they can be asked."""
        with suppress(EnvbuildError):
            others = sorted({subdir_of(platform) for platform in (LINUX_AMD64, _LINUX_ARM64)} - {subdir})
            folders = self._channels.listings(channels, others)
            return [f"{folder.channel}/{folder.subdir}" for folder in folders if name in folder.names]
        return []


def _order(channels: Sequence[str], specs: Sequence[matchspec.MatchSpec]) -> list[str]:
    """The channels, and behind them those that only a spec names, as conda has it."""
    known = {channel(text).name for text in channels}
    return [*channels, *dict.fromkeys(s.channel.name for s in specs if s.channel.name not in {"", *known})]


def _solved(
    specs: Sequence[matchspec.MatchSpec], universe: Universe[Any], request: CondaRequest
) -> list[tuple[int, str]]:
    """The number of the folder, and the file, of each package."""
    with tempfile.TemporaryDirectory(prefix="envbuild-conda-") as folder:
        sources = [_source(Path(folder), number, universe) for number in range(len(universe.folders))]
        try:
            found = asyncio.run(
                solve_with_sparse_repodata(
                    [_spec(spec) for spec in specs],
                    sources,
                    locked_packages=_locked(universe, sources, request.prefer),
                    virtual_packages=[_virtual(package) for package in request.virtual_packages],
                    channel_priority=ChannelPriority.Strict if request.strict else ChannelPriority.Disabled,
                    timeout=_PATIENCE,
                )
            )
        finally:
            for source in sources:
                source.close()
    numbers = {(f.tier, f.subdir): number for number, f in enumerate(universe.folders)}
    return [(numbers[_tier(record), record.subdir], record.file_name) for record in found]


def _source(folder: Path, number: int, universe: Universe[Any]) -> SparseRepoData:
    """A folder's records as a file that rattler reads."""
    listing, records = universe.folders[number], universe.records[number]
    document: dict[str, Any] = {"info": {"subdir": listing.subdir}, "packages": {}, "packages.conda": {}}
    for file, record in records.items():
        section = "packages.conda" if file.endswith(".conda") else "packages"
        # A record may leave out what its folder says.
        document[section][file] = {**record, "subdir": listing.subdir}
    path = folder / f"{number}.json"
    path.write_text(json.dumps(document), "utf-8")
    return SparseRepoData(Channel(f"{_PLACE}/{listing.tier}", ChannelConfig()), listing.subdir, path)


def _tier(record: RepoDataRecord) -> int:
    return int(str(record.channel).rstrip("/").rpartition("/")[2])


def _spec(spec: matchspec.MatchSpec) -> MatchSpec:
    """A spec without what was looked at already."""
    fields = tuple((key, value) for key, value in spec.fields if key not in _NARROWED)
    return MatchSpec(str(replace(spec, channel=ANY_CHANNEL, fields=fields)))


def _locked(
    universe: Universe[Any], sources: Sequence[SparseRepoData], prefer: Mapping[str, str]
) -> list[RepoDataRecord]:
    """The records of files that are kept where they fit. What may not be taken any more is not among them."""
    found = []
    for number, records in enumerate(universe.records):
        for name, file in prefer.items():
            if file in records:
                of_name = sources[number].load_records(PackageName(name))
                found += [record for record in of_name if record.file_name == file]
    return found


def _virtual(package: VirtualPackage) -> GenericVirtualPackage:
    return GenericVirtualPackage(PackageName(package.name), Version(package.version), BuildString(package.build))


def _record(universe: Universe[Any], number: int, file: str) -> CondaRecord:
    folder: Listing = universe.folders[number]
    said = universe.records[number][file]
    size = said.get("size")
    return CondaRecord(
        name=str(said["name"]).lower(),
        version=str(said["version"]),
        build=str(said["build"]),
        file=file,
        channel=folder.channel,
        subdir=folder.subdir,
        size=size if isinstance(size, int) and 0 < size < _LARGEST else 0,
        sha256=str(said.get("sha256") or "").lower(),
        md5=str(said.get("md5") or "").lower(),
    )


def _names(universe: Universe[Any]) -> Mapping[str, str]:
    """What stands for each channel in rattler's words, and its name."""
    return {f"{_PLACE}/{folder.tier}/": folder.channel for folder in universe.folders}


def _apart(work: Callable[[], _Found]) -> _Found:
    """Do it in a thread of its own: a caller may have an event loop already, and Ctrl-C does not wait for the solver."""
    done: queue.SimpleQueue[tuple[_Found | None, BaseException | None]] = queue.SimpleQueue()

    def run() -> None:
        try:
            done.put((work(), None))
        except BaseException as error:  # noqa: BLE001 (raised where it was asked for)
            done.put((None, error))

    threading.Thread(target=run, daemon=True).start()
    found, error = done.get()
    if error is not None:
        raise error
    return found  # type: ignore[return-value]
