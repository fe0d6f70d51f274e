"""conda-lock.yml (conda-lock's unified lock, version 1): its packages as a complete list, each with its sha256.

conda-lock, `lockfile/v1/models.py`: `version`, `metadata` (channels, platforms, content_hash, sources) and `package`, a list
of one entry for each package, platform and category. `main` is taken, and what `--group` or `--extra` names of the other
categories. Packages of pip's are pins with the one file's hash; those that PyPI does not serve are direct references.
"""

import posixpath
from collections.abc import Iterator
from dataclasses import dataclass, field

from packaging.utils import canonicalize_name

from envbuild.errors import Fault, InvalidDefinition
from envbuild.formats.nodes.yamlfields import YamlFields
from envbuild.formats.nodes.yamlnodes import Map, Scalar
from envbuild.formats.otherlocks.condalocked import CondaLock
from envbuild.formats.otherlocks.condastale import behind
from envbuild.formats.otherlocks.lockchoice import Choice, left_out
from envbuild.formats.otherlocks.lockopening import too_new
from envbuild.formats.otherlocks.lockyaml import lock_map, rows, url_of
from envbuild.formats.otherlocks.pypifiles import locked_file
from envbuild.formats.pip.requirementlist import in_order
from envbuild.formats.sourcefile import Loader, Reading, ReadRequest, is_absent

__all__ = ["read_conda_lock"]

_AGAIN = "conda-lock lock"
_MAIN = "main"


@dataclass(slots=True)
class _Entry:
    """One entry of `package`, as it is written."""

    at: str
    name: str
    version: str
    manager: str
    platform: str
    url: str
    build: str
    categories: frozenset[str]
    hashes: dict[str, str] = field(default_factory=dict)


def read_conda_lock(path: str, load: Loader, asked: ReadRequest) -> Reading:
    """The definition that lists what a conda-lock.yml installs.

    InvalidDefinition has all faults; UsageError: the file cannot be read.
    """
    document = lock_map(path, load, _AGAIN)
    _check_version(document, path)
    lock = CondaLock(path, asked, _AGAIN)
    fields = YamlFields(document, path, lock.faults)
    sources, channels = _metadata(fields, lock, path)
    entries = list(_entries(fields, path, lock.faults))
    if lock.faults:
        raise in_order(lock.faults)
    wanted = _wanted(entries, asked, lock, path)
    for entry in entries:
        if lock.platform(entry.platform) and entry.categories & wanted:
            _take(entry, lock)
    source = posixpath.join(posixpath.dirname(path), sources[0] if len(sources) == 1 else "environment.yml")
    files, absent = _compare(source, load, lock, channels)
    return lock.reading(files, absent)


def _check_version(document: Map, path: str) -> None:
    version = document.entries.get("version")
    if not isinstance(version, Scalar) or not version.text.isdigit() or "package" not in document.entries:
        what = "this is no conda-lock.yml: it has no version, or no packages"
        raise InvalidDefinition([Fault(path, what, f"make it anew: {_AGAIN}")])
    if version.text != "1":
        raise too_new(f"{path}:{version.line}", f"conda-lock.yml of version {version.text}", "version 1")


def _metadata(fields: YamlFields, lock: CondaLock, path: str) -> tuple[list[str], list[str]]:
    """The files that the lock was made from, and the channels."""
    metadata = fields.table("metadata")
    if metadata is None:
        fields.fault("metadata", "missing", f"make the lock anew: {_AGAIN}")
        return [], []
    found = []
    for item in rows(metadata, "channels", _AGAIN):
        if url := url_of(item):
            lock.channel(url, f"{path}:{item.line}")
            found.append(url)
        else:
            lock.faults.append(Fault(f"{path}:{item.line}", "metadata.channels: a url is missing", _AGAIN))
    return [source for source, _ in metadata.items("sources")], found


def _entries(fields: YamlFields, path: str, faults: list[Fault]) -> Iterator[_Entry]:
    for item in rows(fields, "package", _AGAIN):
        at = f"{path}:{item.line}"
        if not isinstance(item, Map):
            faults.append(Fault(at, "package: expected a table", f"make the lock anew: {_AGAIN}"))
            continue
        entry = YamlFields(item, path, faults, "package.")
        given = {key: entry.words(key) for key in ("name", "version", "manager", "platform", "url")}
        if missing := [key for key, value in given.items() if not value]:
            faults.append(Fault(at, f"package: {', '.join(missing)} missing", f"make the lock anew: {_AGAIN}"))
            continue
        named = (*(name for name, _ in entry.items("categories")), entry.text("category"))
        categories = {str(canonicalize_name(name)) for name in named if name}
        hashes = dict(entry.pairs("hash"))
        yield _Entry(
            at,
            **given,
            build=entry.words("build"),
            categories=frozenset(categories) or frozenset((_MAIN,)),
            hashes=hashes,
        )


def _wanted(entries: list[_Entry], asked: ReadRequest, lock: CondaLock, path: str) -> frozenset[str]:
    """The categories that are installed."""
    choice = Choice(asked.selection)
    there = {category for entry in entries for category in entry.categories} - {_MAIN}
    lock.faults += choice.unknown(path, there, there)
    lock.notices += left_out("conda-lock", there & {"dev"} - choice.groups - choice.extras)
    return frozenset({_MAIN, *choice.groups, *choice.extras})


def _take(entry: _Entry, lock: CondaLock) -> None:
    if entry.manager == "conda":
        says = {"name": entry.name, "version": entry.version, "build": entry.build}
        lock.conda(entry.platform, entry.url, entry.hashes, entry.at, says)
    elif entry.manager in ("pip", "pypi"):
        file = locked_file(entry.at, entry.name, entry.version, lock.plain(entry.url, entry.at), entry.hashes)
        lock.pypi(entry.platform, file)
    else:
        what = f"{entry.name}: {entry.manager!r} installs nothing that is known here"
        lock.faults.append(Fault(entry.at, what, "conda and pip do"))


def _compare(source: str, load: Loader, lock: CondaLock, channels: list[str]) -> tuple[list[str], list[str]]:
    """Whether the lock still answers the environment.yml beside it: told, and the files that were looked at or for."""
    try:
        data = load(source)
    except OSError as error:
        return [], [source] if is_absent(error) else []
    lock.notices += behind(source, data, lock.versions(), channels, _AGAIN)
    return [source], []
