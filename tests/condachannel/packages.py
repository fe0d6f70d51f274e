"""Conda packages as conda-build and rattler-build write them, made in memory, with the same bytes each time.

Format: CEP 16 (index.json), CEP 17 and 34 (contents, paths.json), conda-package-handling's notes (the .conda container).
"""

import bz2
import hashlib
import io
import json
import tarfile
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import zstandard

PLACEHOLDER = "/opt/conda-build/work" + "_placehold" * 23 + "_pla"
"""The prefix that packages are built in: 255 characters, as conda-build pads it."""

assert len(PLACEHOLDER) == 255

Noarch = Literal["generic", "python"]
TIMESTAMP = 1_700_000_000_000
"""When every package was built, in milliseconds."""


@dataclass(frozen=True, slots=True)
class File:
    """One entry of a package. A `link` is a symbolic link to that target; a `hardlink` names another path of the package."""

    content: bytes = b""
    mode: int = 0o644
    placeholder: Literal["text", "binary"] | None = None
    link: str | None = None
    hardlink: str | None = None
    directory: bool = False
    prefix: str = PLACEHOLDER

    @property
    def path_type(self) -> str:
        """What paths.json says of it."""
        return "directory" if self.directory else "softlink" if self.link is not None else "hardlink"


@dataclass(frozen=True, slots=True)
class CondaPackage:
    """A package's file name and bytes, and the folder of a channel where it belongs."""

    file: str
    content: bytes
    subdir: str = "linux-64"

    @property
    def sha256(self) -> str:
        """The hash that the channel's index gives."""
        return hashlib.sha256(self.content).hexdigest()

    @property
    def md5(self) -> str:
        """The hash that old locks give."""
        return hashlib.md5(self.content).hexdigest()

    @property
    def size(self) -> int:
        """In bytes."""
        return len(self.content)


Members = list[tuple[tarfile.TarInfo, bytes]]


def package(
    name: str,
    version: str = "1.0",
    build: str = "0",
    *,
    subdir: str | None = None,
    files: Mapping[str, File] | None = None,
    depends: Sequence[str] = (),
    constrains: Sequence[str] = (),
    noarch: Noarch | None = None,
    entry_points: Sequence[str] = (),
    format: Literal[".conda", ".tar.bz2"] = ".conda",  # noqa: A002
    paths_json: bool = True,
    info: Mapping[str, bytes | None] | None = None,
    members: Sequence[tuple[tarfile.TarInfo, bytes]] = (),
    level: int = 3,
    **index_fields: Any,
) -> CondaPackage:
    """A package. More keyword arguments are fields of index.json (`license=`, `build_number=`, `track_features=`).

    `paths_json=False`: an old package, with has_prefix in its place. `info` replaces files below info/ (None: leaves them
    out). `members` are put into the archive as they are, unlisted: for packages that are wrong.
    """
    subdir = subdir or ("noarch" if noarch else "linux-64")
    index = _index(name, version, build, subdir, noarch, depends, constrains, index_fields)
    listed = dict(sorted((files or {}).items()))
    documents = _documents(index, listed, noarch, entry_points, paths_json=paths_json)
    documents = {key: value for key, value in {**documents, **(info or {})}.items() if value is not None}
    of_info = [(_tarinfo(f"info/{key}", len(value)), value) for key, value in sorted(documents.items())]
    payload = [_member(path, file) for path, file in _links_last(listed)] + list(members)
    stem = f"{name}-{version}-{build}"
    made = _conda(stem, of_info, payload, level) if format == ".conda" else bz2.compress(_tar(of_info + payload))
    return CondaPackage(stem + format, made, subdir)


def _index(name, version, build, subdir, noarch, depends, constrains, more) -> dict[str, Any]:
    index = {
        "arch": None if subdir == "noarch" else "x86_64" if subdir.endswith("-64") else subdir.partition("-")[2],
        "build": build,
        "build_number": int(build.rpartition("_")[2]) if build.rpartition("_")[2].isdecimal() else 0,
        "constrains": list(constrains),
        "depends": list(depends),
        "license": "MIT",
        "name": name,
        "platform": None if subdir == "noarch" else subdir.partition("-")[0],
        "subdir": subdir,
        "timestamp": TIMESTAMP,
        "version": version,
    }
    if noarch:
        index["noarch"] = noarch
    return {**index, **more}


def _documents(index, files, noarch, entry_points, *, paths_json) -> dict[str, bytes]:
    documents = {
        "index.json": _json(index),
        "about.json": _json({"license": index["license"], "summary": f"{index['name']} of the tests"}),
        "files": "".join(f"{path}\n" for path, file in files.items() if not file.directory).encode(),
        "hash_input.json": b"{}\n",
    }
    with_prefix = "".join(_has_prefix(path, file) for path, file in files.items() if file.placeholder)
    if paths_json:
        rows = [_path_row(path, file, files) for path, file in files.items()]
        documents["paths.json"] = _json({"paths": rows, "paths_version": 1})
    if with_prefix:
        documents["has_prefix"] = with_prefix.encode()
    if noarch:
        of_noarch: dict[str, Any] = {"type": noarch}
        if noarch == "python":
            of_noarch["entry_points"] = list(entry_points)
        documents["link.json"] = _json({"noarch": of_noarch, "package_metadata_version": 1})
    return documents


def _json(value: Any) -> bytes:
    return (json.dumps(value, indent=2, sort_keys=True) + "\n").encode()


def _has_prefix(path: str, file: File) -> str:
    shown = f'"{path}"' if " " in path else path
    return f"{file.prefix} {file.placeholder} {shown}\n"


def _path_row(path: str, file: File, files: Mapping[str, File]) -> dict[str, Any]:
    content = _content(path, file, files)
    row = {
        "_path": path,
        "path_type": file.path_type,
        "sha256": hashlib.sha256(content).hexdigest(),
        "size_in_bytes": len(content),
    }
    if file.placeholder:
        row |= {"file_mode": file.placeholder, "prefix_placeholder": file.prefix}
    return row


def _content(path: str, file: File, files: Mapping[str, File]) -> bytes:
    """What a reader of the path sees: a link's target within the package, as conda-build hashes it."""
    seen: set[str] = set()
    while path not in seen:
        seen.add(path)
        if file.hardlink is not None:
            path = file.hardlink
        elif file.link is not None:
            path = _beside(path, file.link)
        else:
            return file.content
        file = files.get(path, File())
    return b""


def _beside(path: str, target: str) -> str:
    parts = path.split("/")[:-1]
    for part in target.split("/"):
        if part == "..":
            parts = parts[:-1]
        elif part not in ("", "."):
            parts.append(part)
    return "/".join(parts)


def _links_last(files: Mapping[str, File]) -> list[tuple[str, File]]:
    """A hard link's target stands before it, as tar asks."""
    return sorted(files.items(), key=lambda item: (item[1].hardlink is not None, item[0]))


def _member(path: str, file: File) -> tuple[tarfile.TarInfo, bytes]:
    info = _tarinfo(path, 0 if file.path_type != "hardlink" or file.hardlink else len(file.content), file.mode)
    if file.directory:
        info.type, info.mode = tarfile.DIRTYPE, 0o755
    elif file.link is not None:
        info.type, info.linkname, info.mode = tarfile.SYMTYPE, file.link, 0o777
    elif file.hardlink is not None:
        info.type, info.linkname = tarfile.LNKTYPE, file.hardlink
    return info, file.content


def _tarinfo(path: str, size: int, mode: int = 0o644) -> tarfile.TarInfo:
    info = tarfile.TarInfo(path)
    info.size, info.mode, info.mtime = size, mode, TIMESTAMP // 1000
    return info


def _tar(members: Members) -> bytes:
    into = io.BytesIO()
    with tarfile.open(fileobj=into, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for info, content in members:
            archive.addfile(info, io.BytesIO(content) if info.isreg() else None)
    return into.getvalue()


def _conda(stem: str, of_info: Members, payload: Members, level: int) -> bytes:
    """The .conda container: a zip with stored members, the payload before the metadata, as conda-package-handling does."""
    into = io.BytesIO()
    compressor = zstandard.ZstdCompressor(level=level)
    parts = {
        "metadata.json": b'{"conda_pkg_format_version": 2}',
        f"pkg-{stem}.tar.zst": compressor.compress(_tar(payload)),
        f"info-{stem}.tar.zst": compressor.compress(_tar(of_info)),
    }
    with zipfile.ZipFile(into, "w", zipfile.ZIP_STORED) as archive:
        for name, content in parts.items():
            archive.writestr(zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0)), content)
    return into.getvalue()
