"""Which of a release's files fits a target: by the target's own tags (PEP 425, 600), never by the host's."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache

from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.tags import Tag, compatible_tags, cpython_tags
from packaging.utils import InvalidWheelFilename, canonicalize_name, parse_wheel_filename
from packaging.version import InvalidVersion, Version

from envbuild.platforms import Platform

__all__ = ["IndexFile", "Target", "best_file", "release_of", "releases", "runs_on", "tags"]

_LEGACY = {17: "manylinux2014", 12: "manylinux2010", 5: "manylinux1"}
_SDISTS = (".tar.gz", ".zip", ".tar.bz2", ".tgz")
_OLDEST_GLIBC = {"x86_64": 5, "aarch64": 17}


@dataclass(frozen=True, slots=True)
class Target:
    """What packages are for: a platform, a full Python version (`3.11.2`), and the base's glibc (`2.36`)."""

    platform: Platform
    python: str
    glibc: str


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexFile:
    """A file that an index offers (PEP 503, 691, 700)."""

    file: str
    url: str
    """Without the hash that its fragment may have had."""
    size: int | None = None
    """Bytes, where the index says it."""
    sha256: str = ""
    """In hex; nothing where the index gives none."""
    requires_python: str = ""
    yanked: bool = False
    uploaded: str = ""
    """ISO 8601, where the index says it."""
    metadata: bool = False
    """Whether the core metadata stands beside it (PEP 658)."""


@lru_cache(maxsize=16)
def tags(target: Target) -> tuple[Tag, ...]:
    """All tags that the target takes, the best first, as PEP 425 and PEP 600 order them. Nothing is asked of the host."""
    version = tuple(int(part) for part in target.python.split(".")[:2])
    platforms = list(_platforms(target))
    interpreter = f"cp{version[0]}{version[1]}"
    return (
        *cpython_tags(version, abis=[interpreter], platforms=platforms),
        *compatible_tags(version, interpreter=interpreter, platforms=platforms),
    )


def _platforms(target: Target) -> Iterable[str]:
    machine = target.platform.machine
    newest = int(target.glibc.split(".")[1]) if target.glibc else 0
    for minor in range(newest, _OLDEST_GLIBC[machine] - 1, -1):
        yield f"manylinux_2_{minor}_{machine}"
        if minor in _LEGACY:
            yield f"{_LEGACY[minor]}_{machine}"
    yield f"linux_{machine}"


@lru_cache(maxsize=16)
def _ranks(target: Target) -> dict[Tag, int]:
    return {tag: rank for rank, tag in reversed(list(enumerate(tags(target))))}


def best_file(files: Sequence[IndexFile], target: Target) -> IndexFile | None:
    """The wheel that fits the target best: by its tags, then by its build tag, then by name. None where none fits."""
    ranked = [(rank, f) for f in files if (rank := _rank(f, target)) is not None]
    return min(ranked, key=lambda pair: pair[0])[1] if ranked else None


def _rank(file: IndexFile, target: Target) -> tuple[bool, int, tuple[int, str], str] | None:
    if not file.file.endswith(".whl") or not runs_on(file.requires_python, target.python):
        return None
    try:
        _, _, build, found = parse_wheel_filename(file.file)
    except InvalidWheelFilename:
        return None
    ranks = _ranks(target)
    fitting = [ranks[tag] for tag in found if tag in ranks]
    if not fitting:
        return None
    number, suffix = build or (0, "")
    # A yanked file serves only where its release has no other: then the release itself was asked for.
    return file.yanked, min(fitting), (-number, suffix), file.file


@lru_cache(maxsize=4096)
def runs_on(requires_python: str, python: str) -> bool:
    """Whether a Requires-Python takes this version; one that cannot be read takes every version, as pip has it."""
    if not requires_python:
        return True
    try:
        return SpecifierSet(requires_python).contains(python, prereleases=True)
    except InvalidSpecifier:
        return True


def release_of(file: str, name: str) -> Version | None:
    """The version that a file (wheel or source distribution) of this package is of, or None where its name does not tell."""
    if file.endswith(".whl"):
        project, _, rest = file.partition("-")
        return _version(rest.partition("-")[0]) if _normal(project) == _normal(name) else None
    stem = next((file.removesuffix(end) for end in _SDISTS if file.endswith(end)), "")
    for cut in (number for number, character in enumerate(stem) if character == "-"):
        if _normal(stem[:cut]) == _normal(name):
            return _version(stem[cut + 1 :])
    return None


def releases(files: Iterable[IndexFile], name: str) -> dict[Version, tuple[IndexFile, ...]]:
    """A package's files by version; those that have none by PEP 440 are left out."""
    found: dict[Version, list[IndexFile]] = {}
    for file in files:
        version = release_of(file.file, name)
        if version is not None:
            found.setdefault(version, []).append(file)
    return {version: tuple(group) for version, group in found.items()}


# A popular package has thousands of files of a few hundred versions.
@lru_cache(maxsize=4096)
def _version(text: str) -> Version | None:
    try:
        return Version(text)
    except InvalidVersion:
        return None


@lru_cache(maxsize=4096)
def _normal(name: str) -> str:
    return canonicalize_name(name)
