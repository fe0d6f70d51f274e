"""Pipfile.lock: what `pipenv sync` would install in an image, and with the group `dev` what `pipenv sync --dev` would.

The lock's format is `pipfile-spec: 6`. It lists packages, not what needs them, and pipenv makes it for the Python and the
machine that it runs on: what is needed elsewhere alone may not be in it.
"""

import posixpath
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from packaging.utils import canonicalize_name

from envbuild.definition import Index
from envbuild.errors import Fault, InvalidDefinition
from envbuild.formats.lockfiles.jsonfields import parse_json
from envbuild.formats.otherlocks.lockchoice import Choice
from envbuild.formats.otherlocks.lockedfiles import LockedFile, file_name
from envbuild.formats.otherlocks.lockindexes import LockIndexes
from envbuild.formats.otherlocks.lockopening import lock_text, too_new
from envbuild.formats.otherlocks.lockpins import LockedPackage, LockPins
from envbuild.formats.otherlocks.lockproject import lock_project
from envbuild.formats.otherlocks.lockreading import lock_reading
from envbuild.formats.otherlocks.pipfileentries import wrong_entry
from envbuild.formats.otherlocks.pipfilehash import is_hash_of
from envbuild.formats.pip.reqindexes import Logins
from envbuild.formats.selection import Selection
from envbuild.formats.sourcefile import Loader, Reading, ReadRequest, is_absent, load_text
from envbuild.formats.toml.tomlplaces import Places, parse_toml
from envbuild.formats.toml.tomltable import Table
from envbuild.markersets import MarkerSets, marker_environment

__all__ = ["read_pipfile_lock"]

_AGAIN = "pipenv lock"
_SPEC = 6
_DEVELOP = frozenset({"dev", "develop", "dev-packages"})
"""What people call the section that `--dev` installs."""
_KEYS = frozenset(marker_environment("", "3.11")) - {"extra", "extras", "dependency_groups"}
_LOGIN_IN_VARIABLES = re.compile(r"(?<=://)[^/@]*\$[^/@]*@")


def read_pipfile_lock(path: str, load: Loader, asked: ReadRequest) -> Reading:
    """The definition that lists what a Pipfile.lock installs.

    InvalidDefinition has all faults; UsageError: the file cannot be read.
    """
    text = lock_text(path, load, _AGAIN)
    lock = _Lock(path, text)
    logins = Logins()
    project = lock_project(path, load, logins, _AGAIN)
    requires = lock.requires_python()
    definition = project.based(requires)
    sections, faults = lock.chosen(Choice(asked.selection))
    faults += [*project.faults, *requires.faults, *lock.faults]
    if asked.selection.project:
        faults.append(Fault(path, "a Pipfile has no package of its own to install", "leave --project out"))
    if faults:
        raise InvalidDefinition(faults)
    sets = MarkerSets(definition.python, lock.markers(), requires.string("requires-python"))
    default, names = lock.indexes()
    indexes = LockIndexes(logins, [*project.indexes, *default], names)
    pins = LockPins(sets, sets.on(definition.platforms), indexes, logins, _AGAIN)
    for package in lock.packages(sections, sets):
        pins.add(package)
    files, absent, notices = _pipfile(path, load, lock)
    if not requires.values["requires-python"]:
        notices.append(f"no Python is named: {definition.python} is meant")
    definition = replace(definition, name=definition.name or asked.name)
    reading = lock_reading(path, asked, definition, pins, logins, project=project, faults=lock.faults, notices=notices)
    return replace(reading, files=(*reading.files, *files), absent=(*reading.absent, *absent))


def _pipfile(path: str, load: Loader, lock: "_Lock") -> tuple[list[str], list[str], list[str]]:
    """The Pipfile beside the lock: as read, as absent, and what is said of it."""
    beside = posixpath.join(posixpath.dirname(path), "Pipfile")
    try:
        load(beside)
    except OSError as error:
        if is_absent(error):
            return [], [beside], []
    pipfile = parse_toml(load_text(beside, load, at=path), beside)
    if is_hash_of(pipfile, lock.content_hash):
        return [beside], [], []
    what = f"{path} is older than {beside}, or was made from another"
    return [beside], [], [f"{what}. It is used as it is; {_AGAIN} brings it up to date"]


class _Lock:
    """The document; what is wrong in it is collected."""

    def __init__(self, path: str, text: str) -> None:
        self._path, self.faults = path, list[Fault]()
        try:
            document = parse_json(text.encode(), path)
        except InvalidDefinition as invalid:
            told = [replace(fault, hint=f"make it anew: {_AGAIN}") for fault in invalid.faults]
            raise InvalidDefinition(told) from None
        self._document = _mapping(document)
        self._meta = _mapping(self._document.get("_meta"))
        spec = self._meta.get("pipfile-spec")
        if isinstance(spec, int) and spec > _SPEC:
            raise too_new(path, f"Pipfile.lock of pipfile-spec {spec}", f"pipfile-spec {_SPEC}")
        if spec != _SPEC:
            what = f"this is no Pipfile.lock of pipfile-spec {_SPEC}"
            raise InvalidDefinition([Fault(path, what, f"make it anew: {_AGAIN}")])
        self._lines = {key: f"{path}:{line}" for key, line in _lines(text)}
        self._sections = dict(self._checked())
        self._sources = self._places()

    @property
    def content_hash(self) -> str:
        """The sha256 of the Pipfile that it was made from."""
        return str(_mapping(self._meta.get("hash")).get("sha256", ""))

    def requires_python(self) -> Table:
        """The Pipfile's Python as `requires-python`: the minor version, of which the base has a release of its own."""
        requires = _mapping(self._meta.get("requires"))
        version = str(requires.get("python_full_version") or requires.get("python_version") or "")
        minor = ".".join(version.split(".")[:2])
        places = Places.in_text("", self._path)
        return Table({"requires-python": f"=={minor}.*" if minor else ""}, places, [], standing=self._path)

    def chosen(self, choice: Choice) -> tuple[list[str], list[Fault]]:
        """The sections to be installed; and a fault for what was chosen and is not there."""
        named: dict[str, str] = {
            canonicalize_name(key): key for key in self._document if key not in ("_meta", "default")
        }
        if "develop" in named:
            named["dev"] = named.pop("develop")
        asked = {"dev" if name in _DEVELOP else name for name in choice.groups}
        faults = Choice(Selection(tuple(choice.extras), tuple(asked))).unknown(self._path, (), named)
        return ["default", *sorted(named[name] for name in asked if name in named)], faults

    def indexes(self) -> tuple[tuple[Index, ...], dict[str, str]]:
        """The first source, which is the default one, and the names of all by URL."""
        urls = list(self._sources.items())
        return (Index("pypi", urls[0][1]),) if urls else (), {url: name for name, url in reversed(urls)}

    def markers(self) -> list[str]:
        """All markers."""
        return [_marker(entry) for section in self._sections.values() for entry in section.values()]

    def packages(self, sections: Iterable[str], sets: MarkerSets) -> Iterator[LockedPackage]:
        """The packages of some sections."""
        for section in sections:
            for name, entry in self._sections.get(section, {}).items():
                yield self._package(name, entry, self._lines.get((section, name), self._path), sets)

    def _package(self, name: str, entry: Mapping[str, Any], at: str, sets: MarkerSets) -> LockedPackage:
        where = 0
        try:
            where = sets.of(_marker(entry))
        except ValueError as error:
            self.faults.append(Fault(at, f"{name}: not a marker (PEP 508): {error}", f"make it anew: {_AGAIN}"))
        file = str(entry.get("file", ""))
        url = file if "://" in file and not file.startswith("file:") else ""
        kinds = ("git", "hg", "svn", "bzr", "path", "editable", "file")
        source = "" if url else next((kind for kind in kinds if entry.get(kind)), "")
        version = str(entry.get("version", "")).removeprefix("===").removeprefix("==")
        index = str(entry.get("index", ""))
        if not (url or source) and index and index not in self._sources:
            self.faults.append(Fault(at, f"{name}: there is no source {index!r}", f"make it anew: {_AGAIN}"))
        first = next(iter(self._sources.values()), "")
        hashes = tuple(entry.get("hashes", ()))
        return LockedPackage(
            at=at,
            name=canonicalize_name(name),
            version=version,
            where=where,
            hashes=hashes,
            files=(LockedFile(file_name(url), hashes),) if url else (),
            index="" if url or source else self._sources.get(index, first),
            url=url,
            source=source,
        )

    def _checked(self) -> Iterator[tuple[str, dict[str, Mapping[str, Any]]]]:
        """The sections, each with those of its entries that are in the form that pipenv writes."""
        if "default" not in self._document:
            self._wrong(self._path, "default: missing")
        for key, section in self._document.items():
            if key == "_meta":
                continue
            if not isinstance(section, dict):
                self._wrong(self._path, f"{key}: expected a table of packages")
                continue
            for name, entry in section.items():
                if wrong := wrong_entry(entry):
                    self._wrong(self._lines.get((key, name), self._path), f"{key}.{name}: {wrong}")
            yield key, {name: entry for name, entry in section.items() if not wrong_entry(entry)}

    def _places(self) -> dict[str, str]:
        """The sources' URLs by name. A login that variables would give is left out: netrc or a keyring has it."""
        found: dict[str, str] = {}
        rows = self._meta.get("sources")
        if not isinstance(rows, list) or not rows:
            self._wrong(self._path, "_meta.sources: expected a list of sources")
            return found
        for number, row in enumerate(rows):
            name, url = (_mapping(row).get(key) for key in ("name", "url"))
            if not (isinstance(name, str) and name and isinstance(url, str) and url) or name in found:
                self._wrong(self._path, f"_meta.sources[{number}]: expected a name of its own, and a url")
                continue
            found[name] = _LOGIN_IN_VARIABLES.sub("", url)
            if "$" in found[name]:
                what = f"_meta.sources[{number}].url: a variable would come from the environment of whoever builds"
                self.faults.append(
                    Fault(self._path, what, f"write the address itself into the Pipfile, then: {_AGAIN}")
                )
        return found

    def _wrong(self, at: str, what: str) -> None:
        self.faults.append(Fault(at, what, f"was the lock edited by hand? Make it anew: {_AGAIN}"))


def _marker(entry: Mapping[str, Any]) -> str:
    """Where a package is installed; older locks have a key for each variable: `"sys_platform": "== 'win32'"`."""
    texts = [str(entry["markers"])] if entry.get("markers") else []
    texts += [f"{key} {entry[key]}" for key in entry if key in _KEYS]
    return " and ".join(f"({text})" for text in texts) if len(texts) > 1 else "".join(texts)


def _lines(text: str) -> Iterator[tuple[tuple[str, str], int]]:
    """The line of each section's packages, in the form in which pipenv writes them."""
    section = ""
    for number, line in enumerate(text.split("\n"), 1):
        found = re.match(r'( {4}| {8})"([^"]+)": \{', line)
        if found and len(found[1]) == 4:
            section = found[2]
        elif found:
            yield (section, found[2]), number


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}
