"""What of its channels a request can need: the records of the packages that its specs reach through `depends`.

Here it is decided who gives a package. With strict priority that is the first channel that has one of its name, and what
others have of it is not even read: no later channel can slip a package in, whatever version it claims to have.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cmp_to_key
from typing import Any, Generic, TypeVar

from envbuild.matchspec.channel import Channel
from envbuild.matchspec.ordering import compared
from envbuild.matchspec.spec import MatchSpec
from envbuild.resolvers.conda.listing import Channels, Listing

__all__ = ["Universe", "is_file_stem", "reach"]

_STEM = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.+!~-]*")
"""What a package's file may be called (conda's CEP 26): nothing that a path or an address reads in its own way."""
_NAME = re.compile(r"\s*(?:[^\s\[=<>!~]*::)?([A-Za-z0-9_][A-Za-z0-9_.-]*)")

_order = cmp_to_key(compared)

_Listed = TypeVar("_Listed", bound=Listing)


@dataclass(frozen=True, slots=True)
class Universe(Generic[_Listed]):
    """The folders of channels, and what may be taken from each: records by file name."""

    folders: Sequence[_Listed]
    records: Sequence[Mapping[str, Mapping[str, Any]]]
    passed_over: Mapping[str, tuple[str, ...]]
    """By package, the channels that have it too and come later."""

    def names(self) -> set[str]:
        """Every package that the channels have, needed or not."""
        return {name for folder in self.folders for name in folder.names}

    def versions(self, name: str) -> dict[str, list[str]]:
        """By channel, the versions of a package that may be taken, the highest first."""
        found: dict[str, set[str]] = {}
        for folder, records in zip(self.folders, self.records, strict=True):
            of_name = {str(record["version"]) for record in records.values() if record["name"] == name}
            found.setdefault(folder.channel, set()).update(of_name)
        return {channel: sorted(all_, key=_order, reverse=True) for channel, all_ in found.items() if all_}


def reach(
    specs: Sequence[MatchSpec], folders: Sequence[_Listed], channels: Channels[_Listed], *, strict: bool
) -> Universe[_Listed]:
    """The records that can be needed. Errors as `channels` raises them."""
    asked: dict[str, list[MatchSpec]] = {}
    for spec in specs:
        asked.setdefault(spec.name, []).append(spec)
    found: list[dict[str, Mapping[str, Any]]] = [{} for _ in folders]
    places = {id(folder): number for number, folder in enumerate(folders)}
    passed_over: dict[str, tuple[str, ...]] = {}
    seen: set[str] = set()
    waiting = set(asked)
    while waiting:
        seen |= waiting
        wanted: list[tuple[_Listed, str]] = []
        for name in sorted(waiting):
            having = _giving([f for f in folders if name in f.names], asked.get(name, ()))
            givers = [f for f in having if not strict or f.tier == min(f.tier for f in having)]
            later = dict.fromkeys(f.channel for f in having if f not in givers)
            passed_over |= {name: tuple(later)} if later else {}
            wanted += [(folder, name) for folder in givers]
        waiting = set()
        for (folder, name), records in zip(wanted, channels.records(wanted), strict=True):
            meant = {
                file: record
                for file, record in records.items()
                if _is_itself(file, record, folder.subdir, name) and _is_meant(file, record, asked.get(name, ()))
            }
            found[places[id(folder)]] |= meant
            waiting |= set(_needed(meant.values()))
        waiting -= seen
    return Universe(folders, found, passed_over)


def _giving(folders: list[_Listed], specs: Sequence[MatchSpec]) -> list[_Listed]:
    """The folders that may give a package, as its specs name channels and folders."""
    return [folder for folder in folders if all(_allows(spec.channel, folder) for spec in specs)]


def _allows(channel: Channel, folder: Listing) -> bool:
    return channel.name in ("", folder.channel) and channel.subdir in ("", folder.subdir)


def _is_itself(file: str, record: Mapping[str, Any], subdir: str, name: str) -> bool:
    """Whether a record says what its folder, its file's name and its place in the index say.

    One that does not is nobody's package: it would pass by what the specs of its name ask for.
    """
    stem = f"{record.get('name')}-{record.get('version')}-{record.get('build')}"
    return (
        str(record.get("name")).lower() == name
        and is_file_stem(stem)
        and file in (f"{stem}.conda", f"{stem}.tar.bz2")
        and record.get("subdir") in (None, subdir)
        and isinstance(record.get("depends") or [], list)
    )


def is_file_stem(stem: str) -> bool:
    """Whether a package's file may be called so: name, version and build."""
    return _STEM.fullmatch(stem) is not None


def _is_meant(file: str, record: Mapping[str, Any], specs: Sequence[MatchSpec]) -> bool:
    """Whether a file is what its specs name by file or hash: the solver does not look at all of these."""
    for spec in specs:
        fields = dict(spec.fields)
        if fields.get("fn", file) != file:
            return False
        if any(key in fields and record.get(key) != fields[key] for key in ("sha256", "md5")):
            return False
    return True


def _needed(records: Iterable[Mapping[str, Any]]) -> Iterable[str]:
    """The packages that records depend on, without virtual ones."""
    # Builds of a package differ in little: most of their dependencies are the same texts.
    texts = {str(text) for record in records for text in record.get("depends") or ()}
    for text in texts:
        found = _NAME.match(text)
        if found and not found[1].startswith("__"):
            yield found[1].lower()
