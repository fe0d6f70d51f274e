"""What a conda package says of itself: info/index.json, the list of its paths, its entry points (CEP 16, 17 and 34).

Packages made before 2017 have no paths.json; for those the lists `files`, `has_prefix`, `no_link` and `no_softlink` say
the same, but for hashes and sizes.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from envbuild.errors import BuildFailed
from envbuild.layers.conda.condafault import bad_package
from envbuild.layers.conda.condajson import number_of, object_of, text_of, texts_of
from envbuild.layers.conda.entrypoints import EntryPoint
from envbuild.layers.conda.placeholders import FileMode, Placeholder

__all__ = ["Noarch", "PackageInfo", "PackagePath", "PathType", "package_info"]

_INDEX, _PATHS, _LINK = "index.json", "paths.json", "link.json"
_OLD_PLACEHOLDER = "/opt/anaconda" + "1anaconda2anaconda3"
"""What the first packages were built with, and what their has_prefix does not spell."""
_SHORTEST_PLACEHOLDER = 8
"""Characters: a shorter one would stand in content that means something else, and make it grow without end."""
_NAME_PART = re.compile(r"[A-Za-z0-9_.!+*~-]+")
_HASH = re.compile(r"[0-9a-fA-F]{64}")
_QUOTED = r'"((?:[^"\\]|\\.)*)"'
_HAS_PREFIX = re.compile(
    rf"(?:(?:{_QUOTED}|([^\s\"]\S*))\s+(text|binary)\s+)?(?:{_QUOTED}|([^\s\"]\S*))", re.IGNORECASE
)
_BITS = {"x86_64": "64", "x86": "32"}


class PathType(StrEnum):
    """What paths.json says a path is."""

    HARDLINK = "hardlink"
    SOFTLINK = "softlink"
    DIRECTORY = "directory"


class Noarch(StrEnum):
    """For which platforms a package is: one, or all; those with Python code are linked for the environment's Python."""

    NO = ""
    GENERIC = "generic"
    PYTHON = "python"


@dataclass(frozen=True, slots=True, kw_only=True)
class PackagePath:
    """One path that the package brings, as it says itself."""

    path: str
    path_type: PathType
    placeholder: Placeholder | None = None
    no_link: bool = False
    sha256: str = ""
    """In hex; nothing where the package does not say."""
    size: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PackageInfo:
    """A package's description; `index` is all of index.json."""

    index: Mapping[str, Any]
    name: str
    version: str
    build: str
    subdir: str
    noarch: Noarch
    paths: tuple[PackagePath, ...]
    entry_points: tuple[EntryPoint, ...]

    @property
    def stem(self) -> str:
        """What its file and its record in conda-meta are named by."""
        return f"{self.name}-{self.version}-{self.build}"

    @property
    def track_features(self) -> str:
        """The words of that field, a blank between them; index.json has them as a text or as a list."""
        value = self.index.get("track_features") or ""
        words = re.split("[, ]", value) if isinstance(value, str) else value
        return " ".join(word.strip() for word in words)


def package_info(documents: Mapping[str, bytes], file: str, kinds: Mapping[str, PathType]) -> PackageInfo:
    """The description of the package in `file`; `kinds` says what its archive has, for packages without paths.json.

    IntegrityError where it is not what the format says, or is another package than its file name says.
    """
    if _INDEX not in documents:
        raise bad_package("the package has no info/index.json")
    index = object_of(documents[_INDEX], _INDEX)
    name, version, build = (text_of(index, field, _INDEX) for field in ("name", "version", "build"))
    stem = file.removesuffix(".conda").removesuffix(".tar.bz2")
    if not all(map(_NAME_PART.fullmatch, (name, version, build))) or f"{name}-{version}-{build}" != stem:
        raise bad_package(f"the package says it is {name!r} {version!r} {build!r}, and its file is named {file}")
    _check_fields(index)
    noarch = _noarch(index.get("noarch"))
    return PackageInfo(
        index=index, name=name, version=version, build=build, subdir=_subdir(index, noarch), noarch=noarch,
        paths=_paths(documents, kinds), entry_points=_entry_points(documents) if noarch is Noarch.PYTHON else (),
    )  # fmt: skip


def _check_fields(index: dict[str, Any]) -> None:
    for field in ("depends", "constrains"):
        texts_of(index, field, _INDEX)
    for field in ("license", "license_family", "features", "platform", "arch", "python_site_packages_path"):
        text_of(index, field, _INDEX, "")
    if not isinstance(index.get("track_features"), str):
        texts_of(index, "track_features", _INDEX)
    number_of(index, "timestamp", _INDEX)
    if number_of(index, "build_number", _INDEX) is None:
        raise bad_package("the package's index.json has no build_number")


def _noarch(value: Any) -> Noarch:
    """Old packages say `true` for what is now `generic`."""
    if value is None or value is False or value == "":
        return Noarch.NO
    try:
        return Noarch.GENERIC if value is True else Noarch(value)
    except ValueError:
        raise bad_package(f"the package's index.json has an unknown noarch: {value!r}") from None


def _subdir(index: dict[str, Any], noarch: Noarch) -> str:
    """The folder of a channel that the package is for; old packages name platform and processor alone."""
    subdir = text_of(index, "subdir", _INDEX, "")
    if not subdir and noarch is not Noarch.NO:
        return "noarch"
    if not subdir:
        arch = text_of(index, "arch", _INDEX)
        subdir = f"{text_of(index, 'platform', _INDEX)}-{_BITS.get(arch, arch)}"
    if not re.fullmatch(r"[a-z0-9]+(?:-[a-z0-9_]+)?", subdir):
        raise bad_package(f"the package's index.json names no platform: {subdir!r}")
    return subdir


def _paths(documents: Mapping[str, bytes], kinds: Mapping[str, PathType]) -> tuple[PackagePath, ...]:
    if _PATHS not in documents:
        return _old_paths(documents, kinds)
    record = object_of(documents[_PATHS], _PATHS)
    if record.get("paths_version") != 1:
        raise BuildFailed(
            f"the package's paths.json is of version {record.get('paths_version')!r}; 1 is served",
            hint="use another build of the package, or a newer envbuild",
        )
    rows = record.get("paths")
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise bad_package("the package's paths.json has no list of paths")
    return tuple(map(_path, rows))


def _path(row: dict[str, Any]) -> PackagePath:
    path = text_of(row, "_path", _PATHS)
    sha256 = text_of(row, "sha256", _PATHS, "")
    no_link = row.get("no_link", False)
    try:
        path_type = PathType(text_of(row, "path_type", _PATHS))
    except ValueError:
        raise bad_package(f"the package's paths.json has an unknown path_type for {path}") from None
    if (sha256 and not _HASH.fullmatch(sha256)) or not isinstance(no_link, bool):
        raise bad_package(f"the package's paths.json has a field that cannot be read for {path}")
    return PackagePath(
        path=path, path_type=path_type, placeholder=_placeholder(row, path), no_link=no_link,
        sha256=sha256.lower(), size=number_of(row, "size_in_bytes", _PATHS),
    )  # fmt: skip


def _placeholder(row: dict[str, Any], path: str) -> Placeholder | None:
    """Both fields or none, as rattler and conda read them."""
    text, mode = text_of(row, "prefix_placeholder", _PATHS, ""), text_of(row, "file_mode", _PATHS, "")
    if row.get("prefix_placeholder") is None or not mode:
        return None
    return _checked_placeholder(text, mode, path)


def _checked_placeholder(text: str, mode: str, path: str) -> Placeholder:
    if mode not in ("text", "binary") or len(text) < _SHORTEST_PLACEHOLDER or not text.isprintable():
        raise bad_package(f"the package has a placeholder that cannot be replaced in {path}")
    return Placeholder(text, FileMode(mode))


def _old_paths(documents: Mapping[str, bytes], kinds: Mapping[str, PathType]) -> tuple[PackagePath, ...]:
    if "files" not in documents:
        raise bad_package("the package has neither info/paths.json nor info/files")
    placeholders = dict(map(_has_prefix, _lines(documents, "has_prefix")))
    no_link = {*_lines(documents, "no_link"), *_lines(documents, "no_softlink")}
    return tuple(
        PackagePath(
            path=path,
            path_type=kinds.get(path, PathType.HARDLINK),
            placeholder=placeholders.get(path),
            no_link=path in no_link,
        )
        for path in _lines(documents, "files")
    )


def _lines(documents: Mapping[str, bytes], name: str) -> list[str]:
    try:
        return [line for line in documents.get(name, b"").decode().replace("\r\n", "\n").split("\n") if line]
    except UnicodeDecodeError:
        raise bad_package(f"the package's info/{name} is not UTF-8") from None


def _has_prefix(line: str) -> tuple[str, Placeholder]:
    """A line is `<path>`, or `<prefix> <mode> <path>`; each may be quoted."""
    found = _HAS_PREFIX.fullmatch(line)
    if not found:
        raise bad_package(f"the package's info/has_prefix has a line that cannot be read: {line!r}")
    quoted_prefix, prefix, mode, quoted_path, path = found.groups()
    name = path if path is not None else re.sub(r"\\(.)", r"\1", quoted_path)
    if mode is None:
        return name, Placeholder(_OLD_PLACEHOLDER, FileMode.TEXT)
    text = prefix if prefix is not None else re.sub(r"\\(.)", r"\1", quoted_prefix)
    return name, _checked_placeholder(text, mode.lower(), name)


def _entry_points(documents: Mapping[str, bytes]) -> tuple[EntryPoint, ...]:
    if _LINK not in documents:
        return ()
    noarch = object_of(documents[_LINK], _LINK).get("noarch")
    if not isinstance(noarch, dict) or noarch.get("type") != "python":
        raise bad_package("the package's link.json is not of a package with Python code, and its index.json is")
    return tuple(map(EntryPoint.parse, texts_of(noarch, "entry_points", _LINK)))
