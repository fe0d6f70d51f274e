"""What a wheel says about itself: its dist-info folder, WHEEL and METADATA (PyPA, binary distribution format; PEP 566)."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from envbuild.errors import BuildFailed
from envbuild.layers.wheelfault import bad_wheel

__all__ = ["Distribution", "check_format", "dist_info_of", "distribution_of", "header_fields"]

_REQUIREMENT = re.compile(r"\s*([A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?)(?![A-Za-z0-9._-])")
_SUFFIX = ".dist-info"


@dataclass(frozen=True, slots=True)
class Distribution:
    """The package in a wheel. `stem` is `<name>-<version>` as the wheel's own folders spell it."""

    stem: str
    name: str
    """Normalized (PEP 503)."""
    version: str
    requires: tuple[str, ...]
    """Normalized names that any Requires-Dist line names, whatever its marker, sorted."""
    tags: tuple[str, ...]

    @property
    def dist_info(self) -> str:
        """The folder of the wheel's metadata."""
        return self.stem + _SUFFIX

    @property
    def data(self) -> str:
        """The folder of files that belong outside site-packages."""
        return f"{self.stem}.data"


def dist_info_of(names: Iterable[str]) -> str:
    """The one dist-info folder of a wheel. IntegrityError where there is none, or more than one."""
    found = sorted({top for name in names if (top := name.partition("/")[0]).endswith(_SUFFIX) and "/" in name})
    if len(found) != 1:
        raise bad_wheel(f"a wheel has one .dist-info folder; this one has {', '.join(found) or 'none'}")
    return found[0]


def check_format(wheel: bytes) -> tuple[str, ...]:
    """The tags that a WHEEL file names. BuildFailed where its format is newer than 1.x."""
    fields = header_fields(wheel)
    version = _one(fields, "wheel-version", "WHEEL")
    if not re.fullmatch(r"\d+\.\d+", version):
        raise bad_wheel(f"WHEEL names no version of the format: {version!r}")
    if not version.startswith("1."):
        raise BuildFailed(
            f"the wheel is of format {version}; 1.x is served", hint="use another release, or a newer envbuild"
        )
    return tuple(sorted(set(fields.get("tag", ()))))


def distribution_of(dist_info: str, metadata: bytes, tags: tuple[str, ...]) -> Distribution:
    """The distribution that METADATA describes. IntegrityError unless its folder is named for it."""
    fields = header_fields(metadata)
    name, version = _one(fields, "name", "METADATA"), _one(fields, "version", "METADATA")
    stem = dist_info.removesuffix(_SUFFIX)
    folder_name, _, folder_version = stem.rpartition("-")
    if canonicalize_name(folder_name) != canonicalize_name(name) or not _same_version(folder_version, version):
        raise bad_wheel(f"the folder {dist_info} holds the metadata of {name} {version}")
    requires = {_required(line) for line in fields.get("requires-dist", ())}
    return Distribution(stem, canonicalize_name(name), version, tuple(sorted(requires)), tags)


def _required(line: str) -> str:
    found = _REQUIREMENT.match(line)
    if not found:
        raise bad_wheel(f"METADATA requires something that is no package: {line!r}")
    return canonicalize_name(found[1])


def _same_version(folder: str, version: str) -> bool:
    """Folders spell `-` and `+` parts with `_`, and normalize (PEP 440)."""
    if folder == version:
        return True
    try:
        return Version(folder.replace("_", "-")) == Version(version)
    except InvalidVersion:
        return folder.replace("_", "-") == version.replace("_", "-")


def header_fields(text: bytes) -> Mapping[str, list[str]]:
    """Header fields by lower-case name, as in an e-mail; what follows the first empty line is prose."""
    # Old packages have their author's name in another encoding; what counts here is ASCII.
    head = re.split(r"\r?\n\r?\n", text.decode(errors="replace"), maxsplit=1)[0]
    fields: dict[str, list[str]] = {}
    for line in re.sub(r"\r?\n[ \t]+", " ", head).splitlines():
        name, colon, value = line.partition(":")
        if colon:
            fields.setdefault(name.strip().lower(), []).append(value.strip())
    return fields


def _one(fields: Mapping[str, list[str]], name: str, file: str) -> str:
    values = fields.get(name, [])
    if len(values) != 1 or not values[0]:
        raise bad_wheel(f"{file} has {len(values)} fields {name!r}; it should have one")
    return values[0]
