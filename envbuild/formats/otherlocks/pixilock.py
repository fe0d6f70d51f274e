"""pixi.lock (versions 4 to 7): the packages of one environment as a complete list, each with its sha256.

rattler_lock, `parse/models`: `environments` name, for each platform, the packages that stand in `packages` with their hashes.
The environment `default` is taken, or the one that `--group` names. A conda package that pixi builds from sources, and a
local folder, are refused; the project itself, when pixi installs it, is left out and said.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from envbuild.errors import Fault, InvalidDefinition
from envbuild.formats.nodes.yamlfields import YamlFields
from envbuild.formats.nodes.yamlnodes import Map, Scalar, Sequence
from envbuild.formats.otherlocks.condalocked import CondaLock
from envbuild.formats.otherlocks.lockopening import too_new
from envbuild.formats.otherlocks.lockpins import LockedPackage
from envbuild.formats.otherlocks.lockyaml import lock_map
from envbuild.formats.otherlocks.pypifiles import locked_file
from envbuild.formats.pip.requirementlist import in_order
from envbuild.formats.project.projecttables import NOT_THE_PROJECT
from envbuild.formats.sourcefile import Loader, Reading, ReadRequest

__all__ = ["read_pixi_lock"]

_AGAIN = "pixi lock"
_VERSIONS = range(4, 8)
_KINDS = ("conda", "pypi", "conda_source")
_DEFAULT = "default"


@dataclass(frozen=True, slots=True)
class _Package:
    """A package of the lock, as it is written."""

    at: str
    fields: Mapping[str, str]

    @property
    def hashes(self) -> dict[str, str]:
        return {kind: value for kind in ("sha256", "md5") if (value := self.fields.get(kind, ""))}


def read_pixi_lock(path: str, load: Loader, asked: ReadRequest) -> Reading:
    """The definition that lists what an environment of a pixi.lock has.

    InvalidDefinition has all faults; UsageError: the file cannot be read.
    """
    document = lock_map(path, load, _AGAIN)
    _check_version(document, path)
    lock = CondaLock(path, asked, _AGAIN)
    fields = YamlFields(document, path, lock.faults)
    packages = {(kind, url): one for kind, url, one in _packages(fields, path)}
    subdirs = dict(_platforms(fields))
    environment = _environment(fields, asked, lock)
    channels = environment.take("channels")
    for item in channels.items if isinstance(channels, Sequence) else ():
        place = item.entries.get("url") if isinstance(item, Map) else item
        if isinstance(place, Scalar):
            lock.channel(place.text, f"{path}:{item.line}")
    indexes = [lock.plain(url, environment.at("indexes")) for url, _ in environment.items("indexes")]
    table = environment.take("packages")
    for name, listed in table.entries.items() if isinstance(table, Map) else ():
        subdir = subdirs.get(name, name)
        if lock.platform(subdir) and isinstance(listed, Sequence):
            for kind, url, at in _listed(listed, path):
                _take(lock, subdir, (kind, url), packages.get((kind, url)), at, indexes)
    if lock.faults:
        raise in_order(lock.faults)
    return lock.reading()


def _check_version(document: Map, path: str) -> None:
    version = document.entries.get("version")
    if not isinstance(version, Scalar) or not version.text.isdigit():
        raise InvalidDefinition([Fault(path, "this is no pixi.lock: it has no version", f"make it anew: {_AGAIN}")])
    at = f"{path}:{version.line}"
    if int(version.text) >= _VERSIONS.stop:
        raise too_new(at, f"pixi.lock of version {version.text}", f"versions {_VERSIONS[0]} to {_VERSIONS[-1]}")
    if int(version.text) < _VERSIONS.start:
        what = f"pixi.lock of version {version.text} is not read: versions {_VERSIONS[0]} to {_VERSIONS[-1]} are"
        raise InvalidDefinition([Fault(at, what, f"a newer pixi brings it up to date: {_AGAIN}")])


def _platforms(fields: YamlFields) -> Iterator[tuple[str, str]]:
    """The names of platforms and what conda calls each (version 7)."""
    listed = fields.take("platforms")
    for item in listed.items if isinstance(listed, Sequence) else ():
        if isinstance(item, Map):
            name, subdir = (_text(item, key) for key in ("name", "subdir"))
            yield name, subdir or name


def _environment(fields: YamlFields, asked: ReadRequest, lock: CondaLock) -> YamlFields:
    """The environment that is meant. InvalidDefinition where there is none of that name."""
    environments = fields.table("environments")
    if environments is None:
        fields.fault("environments", "missing", f"make the lock anew: {_AGAIN}")
        raise in_order(lock.faults)
    names = environments.names
    chosen = [*asked.selection.groups, *asked.selection.extras]
    if len(chosen) > 1:
        fields.fault("environments", f"an image has one of them, not {' and '.join(chosen)}", "name one: --group NAME")
        raise in_order(lock.faults)
    name = chosen[0] if chosen else _DEFAULT if _DEFAULT in names or len(names) != 1 else names[0]
    found = environments.table(name)
    if found is None:
        fields.fault("environments", f"there is none named {name}", f"name one: --group {' or '.join(sorted(names))}")
        raise in_order(lock.faults)
    if others := [other for other in names if other != name]:
        lock.notices.append(f"the environment {name} is taken, not {', '.join(others)} (--group NAME takes another)")
    return found


def _packages(fields: YamlFields, path: str) -> Iterator[tuple[str, str, _Package]]:
    """Each package of the lock with its kind and URL (`kind:` and `url:` or `path:` before version 6)."""
    listed = fields.take("packages")
    for item in listed.items if isinstance(listed, Sequence) else ():
        if not isinstance(item, Map):
            fields.faults.append(Fault(f"{path}:{item.line}", "packages: expected a table", f"make it anew: {_AGAIN}"))
            continue
        words = {key: _text(item, key) for key in item.entries}
        kind = words.get("kind") or next((key for key in _KINDS if key in words), "")
        url = words.get("url") or words.get("path") or words.get(kind, "")
        yield kind, url, _Package(f"{path}:{item.line}", words)


def _listed(listed: Sequence, path: str) -> Iterator[tuple[str, str, str]]:
    """Kind, URL and place of each package that an environment has."""
    for item in listed.items:
        if isinstance(item, Map):
            kind = next((key for key in _KINDS if key in item.entries), "")
            yield kind, _text(item, kind), f"{path}:{item.line}"


def _take(
    lock: CondaLock, subdir: str, key: tuple[str, str], package: _Package | None, at: str, indexes: list[str]
) -> None:
    kind, url = key
    if package is None:
        lock.faults.append(
            Fault(at, f"{lock.plain(url, at)}: not among the lock's packages", f"make it anew: {_AGAIN}")
        )
        return
    says = {name: package.fields.get(name, "") for name in ("name", "version", "build")}
    if kind == "conda" and "://" in url:
        lock.conda(subdir, url, package.hashes, package.at, says)
    elif kind == "pypi" and url in (".", "./"):
        if NOT_THE_PROJECT not in lock.notices:
            lock.notices.append(NOT_THE_PROJECT)
    elif kind == "pypi":
        lock.pypi(subdir, _of_index(lock, package, url, indexes))
    else:
        what = f"{says['name'] or url} is built from its sources by pixi: only packages of a channel are taken"
        lock.faults.append(Fault(package.at, what, "publish it in a channel, and lock it again"))


def _of_index(lock: CondaLock, package: _Package, url: str, indexes: list[str]) -> LockedPackage:
    named = package.fields.get("index", "")
    plain = lock.plain(url.removeprefix("direct+"), package.at)
    own = [lock.plain(named, package.at)] if named else indexes
    fields = package.fields
    return locked_file(package.at, fields.get("name", ""), fields.get("version", ""), plain, package.hashes, own)


def _text(item: Map, key: str) -> str:
    node = item.entries.get(key)
    return node.text if isinstance(node, Scalar) else ""
