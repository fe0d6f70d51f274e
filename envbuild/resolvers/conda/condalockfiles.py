"""What conda-lock reads and writes: a request as its environment.yml and virtual-packages.yml, and the packages of its lock."""

import fnmatch
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from urllib.parse import unquote

from envbuild.errors import ResolveFailed
from envbuild.formats.nodes.yamlnodes import YamlFault, parse_lock, plain
from envbuild.matchspec.channel import channel, without_logins
from envbuild.matchspec.ranges import both, holds, range_text
from envbuild.matchspec.spec import MatchSpec, match_spec
from envbuild.resolvers.conda.request import CondaRecord, CondaRequest

__all__ = ["Locked", "environment", "kept", "locked", "needed", "unserved", "virtual_packages_file", "wanted"]

_ENDS = (".conda", ".tar.bz2")


@dataclass(frozen=True, slots=True)
class Locked:
    """A package of a conda-lock.yml, and the names of what it needs."""

    record: CondaRecord
    needs: frozenset[str]


def unserved(request: CondaRequest) -> str:
    """What of a request conda-lock has no words for; empty: nothing.

    It keeps a spec's name, version and build (conda_lock/src_parser/conda_common.py), and one spec a name.
    """
    if not request.strict:
        return "the channel priority `disabled`"
    folders = (f"one platform's folder of a channel ({text})" for text in request.channels if channel(text).subdir)
    specs = _specs(request)
    builds = {spec.name: spec.build for spec in specs if spec.build}
    two = (
        f"two builds of one package ({spec.build} and {builds[spec.name]} of {spec.name})"
        for spec in specs
        if spec.build and spec.build != builds[spec.name]
    )
    return next(chain(folders, filter(None, map(_unserved, specs)), two), "")


def _unserved(spec: MatchSpec) -> str:
    if spec.channel.name or spec.channel.subdir:
        return f"a package of one channel or folder ({spec})"
    if spec.fields:
        return f"a package's {' and '.join(key for key, _ in spec.fields)} ({spec})"
    return f"a build as a regular expression ({spec})" if spec.build.startswith("^") else ""


def wanted(request: CondaRequest) -> dict[str, MatchSpec]:
    """What is asked for, one spec a package; of a request that is served. ResolveFailed: two that exclude each other."""
    found: dict[str, MatchSpec] = {}
    for spec in _specs(request):
        before = found.get(spec.name, spec)
        try:
            versions = both(before.versions, spec.versions)
        except ValueError as error:
            raise ResolveFailed(f"{spec.name}: {error}", at="conda", hint="say its version once") from error
        found[spec.name] = replace(before, versions=versions, build=before.build or spec.build)
    return found


def kept(specs: Mapping[str, MatchSpec], prefer: Mapping[str, str]) -> dict[str, MatchSpec]:
    """The files to keep as exact specs, but those that are not what is asked for any more."""
    found: dict[str, MatchSpec] = {}
    for name, file in prefer.items():
        _, version, build = _parts(file)
        asked = specs.get(name)
        if asked is None or _takes(asked, version, build):
            found[name] = match_spec(f"{name}=={version}={build}")
    return found


def environment(specs: Mapping[str, MatchSpec], urls: Sequence[str], subdir: str) -> str:
    """An environment.yml (JSON, which is YAML): channels as URLs, one platform."""
    lines = [_line(spec) for _, spec in sorted(specs.items())]
    return json.dumps({"channels": list(urls), "dependencies": lines, "platforms": [subdir]}) + "\n"


def virtual_packages_file(request: CondaRequest) -> str:
    """conda-lock's virtual-packages.yml: what the image has; a build stands behind the version."""
    found = {p.name: p.version if p.build == "0" else f"{p.version} {p.build}" for p in request.virtual_packages}
    return json.dumps({"subdirs": {request.subdir: {"packages": found}}}) + "\n"


def locked(text: str, places: Mapping[str, Sequence[str]]) -> list[Locked]:
    """The packages of a conda-lock.yml (version 1), virtual ones left out. `places`: each channel's URLs.

    ResolveFailed where one stands in none of the channels: its lock would not say where it is from.
    """
    try:
        document = plain(parse_lock(text))
        packages = [entry for entry in document["package"] if entry["manager"] == "conda"]
        real = [entry for entry in packages if not str(entry["name"]).startswith("__")]
        return [_locked(entry, places) for entry in real]
    except (YamlFault, KeyError, TypeError, AttributeError, ValueError) as error:
        raise ResolveFailed(f"what conda-lock wrote is no lock: {error!r}", at="--resolver conda-lock") from error


def needed(packages: Sequence[Locked], names: Sequence[str]) -> list[Locked]:
    """Those that these packages are, or need."""
    by_name = {one.record.name: one for one in packages}
    waiting, found = list(names), dict[str, Locked]()
    while waiting:
        one = by_name.get(waiting.pop())
        if one is not None and one.record.name not in found:
            found[one.record.name] = one
            waiting += one.needs
    return list(found.values())


def _specs(request: CondaRequest) -> list[MatchSpec]:
    """Those that are meant for the platform."""
    found = map(match_spec, request.specs)
    return [spec for spec in found if spec.channel.subdir in ("", "noarch", request.subdir)]


def _takes(spec: MatchSpec, version: str, build: str) -> bool:
    fits = not spec.versions or any(all(holds(clause, version) for clause in clauses) for clauses in spec.versions)
    return fits and fnmatch.fnmatchcase(build, spec.build or "*")


def _line(spec: MatchSpec) -> str:
    fields = [f"version='{range_text(spec.versions)}'"] if spec.versions else []
    fields += [f"build='{spec.build}'"] if spec.build else []
    return f"{spec.name}[{','.join(fields)}]" if fields else spec.name


def _locked(entry: Mapping[str, object], places: Mapping[str, Sequence[str]]) -> Locked:
    url, hashes, needs = str(entry["url"]), entry["hash"], entry.get("dependencies") or {}
    if not isinstance(hashes, dict) or not isinstance(needs, dict):
        raise TypeError(url)
    # Conda hides tokens, and conda-lock puts variables in the place of logins: neither tells channels apart.
    base, subdir, file = without_logins(url)[0].rsplit("/", 2)
    file = unquote(file)
    name, version, build = _parts(file)
    record = CondaRecord(
        name=name,
        version=version,
        build=build,
        file=file,
        channel=_channel(base, places),
        subdir=subdir,
        sha256=str(hashes.get("sha256") or "").lower(),
        md5=str(hashes.get("md5") or "").lower(),
    )
    return Locked(record, frozenset(map(str, needs)))


def _channel(base: str, places: Mapping[str, Sequence[str]]) -> str:
    for name, urls in places.items():
        if base in {without_logins(url)[0].rstrip("/") for url in urls}:
            return name
    if len(places) == 1:
        return next(iter(places))
    raise ResolveFailed(
        f"conda-lock does not say which channel {base} belongs to", at="conda", hint="leave --resolver conda-lock out"
    )


def _parts(file: str) -> tuple[str, str, str]:
    """Name, version and build of a file (CEP 26)."""
    stem = next((file.removesuffix(end) for end in _ENDS if file.endswith(end)), file)
    name, version, build = stem.rsplit("-", 2)
    return name.lower(), version, build
