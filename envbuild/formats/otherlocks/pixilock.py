"""pixi.lock (versions 4 to 7): the packages of one environment as a complete list, each with its sha256.

rattler_lock, `parse/models`: `environments` name, for each platform, the packages that stand in `packages` with their hashes.
The environment `default` is taken, or the one that `--group` names. A conda package that pixi builds from sources, and a
local folder, are refused; the project itself, when pixi installs it, is left out and said.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from envbuild.errors import Fault, InvalidDefinition
from envbuild.formats.nodes.yamlfields import YamlFields
from envbuild.formats.nodes.yamlnodes import Map, Scalar
from envbuild.formats.otherlocks.condalocked import CondaLock
from envbuild.formats.otherlocks.lockopening import too_new
from envbuild.formats.otherlocks.lockpins import LockedPackage
from envbuild.formats.otherlocks.lockyaml import lock_map, rows, url_of
from envbuild.formats.otherlocks.pypifiles import locked_file
from envbuild.formats.pip.requirementlist import in_order
from envbuild.formats.pip.specline import BadSpec
from envbuild.formats.project.projecttables import NOT_THE_PROJECT
from envbuild.formats.sourcefile import Loader, Reading, ReadRequest

__all__ = ["read_pixi_lock"]

_AGAIN = "pixi lock"
_VERSIONS = range(4, 8)
_KINDS = ("conda", "pypi", "conda_source")
_READ = ("kind", *_KINDS, "url", "path", "name", "version", "build", "index", "sha256", "md5")
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
    packages: dict[tuple[str, str], _Package] = {}
    for kind, url, one in _packages(fields, path):
        before = packages.setdefault((kind, url), one)
        if kind != "conda_source" and before.fields != one.fields:
            what = f"{lock.plain(url, one.at)} is among the packages twice, and not the same ({before.at})"
            lock.faults.append(Fault(one.at, what, f"make it anew: {_AGAIN}"))
    subdirs = dict(_platforms(fields))
    environment = _environment(fields, asked, lock)
    for item in rows(environment, "channels", _AGAIN):
        if url := url_of(item):
            lock.channel(url, f"{path}:{item.line}")
        else:
            lock.faults.append(Fault(f"{path}:{item.line}", "channels: a url is missing", f"make it anew: {_AGAIN}"))
    indexes = [lock.plain(url, environment.at("indexes")) for url, _ in environment.items("indexes")]
    table = environment.table("packages")
    for name in table.names if table else ():
        subdir = subdirs.get(name, name)
        if lock.platform(subdir) and table:
            for kind, url, at in _listed(table, name, path):
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
    for item in rows(fields, "platforms", _AGAIN):
        name, subdir = (_text(item, key) for key in ("name", "subdir")) if isinstance(item, Map) else (url_of(item), "")
        if name:
            yield name, subdir or name
        else:
            fields.fault("platforms", "one has no name", f"make it anew: {_AGAIN}")


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
    for item in rows(fields, "packages", _AGAIN):
        if not isinstance(item, Map):
            fields.faults.append(Fault(f"{path}:{item.line}", "packages: expected a table", f"make it anew: {_AGAIN}"))
            continue
        inner = YamlFields(item, path, fields.faults, "packages.")
        words = {key: inner.words(key) for key in _READ if key in inner.names}
        kind = words.get("kind") or next((key for key in _KINDS if key in words), "")
        url = words.get("url") or words.get("path") or words.get(kind, "")
        if kind in _KINDS and url:
            yield kind, url, _Package(f"{path}:{item.line}", words)
        else:
            inner.fault("kind", f"it is none of {', '.join(_KINDS)}, or has no URL", f"make it anew: {_AGAIN}")


def _listed(table: YamlFields, name: str, path: str) -> Iterator[tuple[str, str, str]]:
    """Kind, URL and place of each package that an environment has on a platform."""
    for item in rows(table, name, _AGAIN):
        kind = next((key for key in _KINDS if key in item.entries), "") if isinstance(item, Map) else ""
        url = _text(item, kind) if isinstance(item, Map) else ""
        if url:
            yield kind, url, f"{path}:{item.line}"
        else:
            what = f"packages.{name}: expected a table that names a package: {' or '.join(_KINDS)}"
            table.faults.append(Fault(f"{path}:{item.line}", what, f"make it anew: {_AGAIN}"))


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
        try:
            lock.pypi(subdir, _of_index(lock, package, url, indexes))
        except BadSpec as bad:
            lock.faults.append(bad.fault(package.at))
    else:
        what = f"{says['name'] or lock.plain(url, package.at)} is built from its sources by pixi: only packages of a channel are taken"
        lock.faults.append(Fault(package.at, what, "publish it in a channel, and lock it again"))


def _of_index(lock: CondaLock, package: _Package, url: str, indexes: list[str]) -> LockedPackage:
    named = package.fields.get("index", "")
    plain = lock.plain(url.removeprefix("direct+"), package.at)
    # What was asked for by its URL is of no index, whoever else is on that host.
    own = [] if url.startswith("direct+") else [lock.plain(named, package.at)] if named else indexes
    fields = package.fields
    return locked_file(package.at, fields.get("name", ""), fields.get("version", ""), plain, package.hashes, own)


def _text(item: Map, key: str) -> str:
    node = item.entries.get(key)
    return node.text if isinstance(node, Scalar) else ""
