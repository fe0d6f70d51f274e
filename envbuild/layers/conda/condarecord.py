"""A package's record, conda-meta/<name>-<version>-<build>.json, as a function of the package, the prefix and the Python.

rattler and conda read it to know what is installed. Its fields are rattler's, in rattler's order, but for these:

| field | rattler | here |
|---|---|---|
| depends, constrains, license and all of the package's description | the channel's index, with its corrections | the package's own info/index.json |
| url | where the package was fetched | `https://envbuild.invalid/<subdir>/<file>` (RFC 2606: never a place) |
| channel | the channel's URL | `<unknown>`, conda's own word |
| extracted_package_dir, package_tarball_full_path, link | folders of the machine that installed | not there |
| requested_spec, requested_specs | what was asked for | not there, and an empty list |
| indexed_timestamp | when the channel was indexed | not there |
| attestations_sha256, run_exports, legacy_bz2_md5, legacy_bz2_size | what the channel adds | not there |
| sha256_in_prefix of bytecode | not there, or of another time | of the file with an image's time in it (`bytecode`) |
| paths that lose against another package | below __clobbers__ | as the package has them |
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from envbuild.layers.conda.condainfo import PackageInfo, PackagePath, PathType
from envbuild.layers.conda.condapaths import PlacedPath
from envbuild.members import MemberKind

__all__ = ["InstalledPath", "package_record", "record_path"]

_FROM_INDEX = (
    "arch", "build", "build_number", "constrains", "depends", "extra_depends", "features", "flags", "license",
    "license_family", "md5", "name", "noarch", "platform", "purls", "python_site_packages_path", "sha256", "size",
    "subdir", "timestamp", "track_features", "version",
)  # fmt: skip
"""Fields of rattler's PackageRecord, in its order."""
_NOT_EMPTY = ("constrains", "extra_depends", "flags", "noarch", "track_features")
_NO_HASH = "0" * 64


@dataclass(frozen=True, slots=True)
class InstalledPath:
    """A path as it is linked: size and hash of what is in the prefix, of a link those of its target's name."""

    placed: PlacedPath
    size: int
    sha256: str
    """Nothing for a directory."""


def record_path(info: PackageInfo) -> str:
    """Where the record lies, below the prefix."""
    return f"conda-meta/{info.name.lower()}-{info.version}-{info.build}.json"


def package_record(
    info: PackageInfo, paths: Iterable[InstalledPath], archive: Mapping[str, str | int], file: str
) -> bytes:
    """The record; `archive` has md5, sha256 and size of the package as it was fetched, `file` is its name."""
    own = {"name": info.name, "subdir": info.subdir, "depends": info.index.get("depends") or []}
    index = {**info.index, **own, "track_features": info.track_features, **archive}
    record = {field: index[field] for field in _FROM_INDEX if _is_told(field, index.get(field))}
    rows = [_row(path) for path in sorted(paths, key=lambda path: path.placed.path.split("/"))]
    record |= {
        "fn": file,
        "url": f"https://envbuild.invalid/{info.subdir}/{file}",
        "channel": "<unknown>",
        "requested_specs": [],
        "files": [row["_path"] for row in rows],
    }
    head = json.dumps(record, indent=2, ensure_ascii=False).removesuffix("\n}")
    # One path a line: indenting thousands of rows costs more than hashing their files.
    lines = ",\n".join(json.dumps(row, ensure_ascii=False) for row in rows)
    return f'{head},\n  "paths_data": {{"paths_version": 1, "paths": [\n{lines}\n]}}\n}}\n'.encode()


def _is_told(field: str, value: Any) -> bool:
    """Whether rattler writes the field: it leaves out what is null, and some fields where they are empty."""
    return bool(value) if field in _NOT_EMPTY else value is not None


def _row(path: InstalledPath) -> dict[str, Any]:
    placed = path.placed
    listed = placed.listed
    if listed is None:
        row = {"_path": placed.path, "path_type": "unix_python_entry_point", "sha256": path.sha256}
        return {**row, "size_in_bytes": path.size}
    row = {"_path": placed.path, "path_type": listed.path_type.value}
    size, sha256 = _said(path, listed)
    told: dict[str, Any] = {
        "no_link": listed.no_link or None,
        "sha256": listed.sha256 or None,
        "sha256_in_prefix": sha256 if sha256 != listed.sha256 else None,
        "size_in_bytes": size if listed.path_type is not PathType.DIRECTORY else None,
        "file_mode": listed.placeholder.mode.value if listed.placeholder else None,
        "prefix_placeholder": listed.placeholder.text if listed.placeholder else None,
    }
    return {**row, **{key: value for key, value in told.items() if value not in (None, "")}}


def _said(path: InstalledPath, listed: PackagePath) -> tuple[int, str]:
    """Size and hash as rattler records them: where it does not change a file, what paths.json says is believed."""
    if listed.placeholder:
        return path.size, path.sha256
    size = path.size if listed.size is None else listed.size
    if listed.path_type is PathType.SOFTLINK and path.placed.kind is MemberKind.FILE:
        return size, listed.sha256 or _NO_HASH
    return size, path.sha256
