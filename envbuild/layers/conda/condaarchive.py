"""A conda package opened: what it says of itself, and its files as an uncompressed archive in a temporary file.

Two formats (conda-package-handling, "conda package format"): `.conda`, a zip with the stored members metadata.json,
info-<stem>.tar.zst and pkg-<stem>.tar.zst; and `.tar.bz2`, one archive that has both.
"""

import bz2
import hashlib
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import BinaryIO, cast

from envbuild.digest import CHUNK
from envbuild.errors import BuildFailed
from envbuild.layers.conda.condafault import bad_package
from envbuild.layers.conda.condajson import object_of
from envbuild.layers.conda.zstd import unpacked
from envbuild.layers.tarwalk import TarKind, tar_entries
from envbuild.layers.ziparchive import ZipArchive, ZipEntry

__all__ = ["CondaArchive", "open_conda_archive"]

_DOCUMENTS = ("index.json", "paths.json", "link.json", "files", "has_prefix", "no_link", "no_softlink")
"""What is read of the folder info/: everything that says where a file goes, or what it is."""
_LARGEST_DOCUMENT = 48 << 20
_LARGEST_INFO = 2 << 30
_LARGEST_DATA = 16 << 30
_LARGEST_RATIO, _ALWAYS_ALLOWED = 200, 4 << 30
_IN_MEMORY = 16 << 20
_FORMAT = 2


@dataclass(frozen=True, slots=True)
class CondaArchive:
    """An open package: `documents` are files of info/ by name."""

    documents: Mapping[str, bytes]
    data: BinaryIO
    """The archive of its files, uncompressed; seekable."""
    length: int
    """Bytes of `data`."""
    size: int
    """Bytes of the package as it is fetched; the hashes are of the same."""
    md5: str
    sha256: str


@contextmanager
def open_conda_archive(stream: BinaryIO, file: str) -> Iterator[CondaArchive]:
    """Open the package that `stream` holds; `file` is its name. IntegrityError where it is damaged or hostile.

    BuildFailed where it is of another format, MissingExtra where the library that reads it is not there.
    """
    size, md5, sha256 = _hashes(stream)
    largest = min(_LARGEST_DATA, max(_ALWAYS_ALLOWED, _LARGEST_RATIO * size))
    with tempfile.SpooledTemporaryFile(_IN_MEMORY) as data, tempfile.SpooledTemporaryFile(_IN_MEMORY) as info:
        if file.endswith(".conda"):
            members = _members(ZipArchive(stream))
            length = _spool(unpacked(members["pkg"]), data, largest, "pkg")
            head, head_length = info, _spool(unpacked(members["info"]), info, _LARGEST_INFO, "info")
        elif file.endswith(".tar.bz2"):
            stream.seek(0)
            length = _spool(_bzip2(stream.read), data, largest, file)
            head, head_length = data, length
        else:
            raise BuildFailed(f"{file} is no conda package: those are .conda or .tar.bz2")
        documents = _documents(cast("BinaryIO", head), head_length)
        yield CondaArchive(documents, cast("BinaryIO", data), length, size, md5, sha256)


def _hashes(stream: BinaryIO) -> tuple[int, str, str]:
    # md5 is what conda's own records and old locks name; nothing is trusted for it.
    md5, sha256 = hashlib.md5(usedforsecurity=False), hashlib.sha256()
    size = stream.seek(0)
    while chunk := stream.read(CHUNK):
        size += len(chunk)
        md5.update(chunk)
        sha256.update(chunk)
    return size, md5.hexdigest(), sha256.hexdigest()


def _members(archive: ZipArchive) -> Mapping[str, Callable[[int], bytes]]:
    """What reads the two archives inside, `pkg` and `info`, once the container is what the format says."""
    found: dict[str, ZipEntry] = {}
    for entry in archive.entries:
        kind = "metadata" if entry.name == "metadata.json" else entry.name.partition("-")[0]
        is_known = kind == "metadata" or (kind in ("info", "pkg") and entry.name.endswith(".tar.zst"))
        if not is_known or "/" in entry.name or kind in found:
            raise bad_package(
                f"a .conda file has metadata.json, one info- and one pkg-archive; this one has {entry.name}"
            )
        found[kind] = entry
    for kind in ("metadata", "info", "pkg"):
        if kind not in found:
            raise bad_package(f"a .conda file without its {kind} member")
    metadata = object_of(b"".join(plain for _, plain in archive.pieces(_small(found["metadata"]))), "metadata.json")
    if metadata.get("conda_pkg_format_version") != _FORMAT:
        raise BuildFailed(
            f"the package is of format {metadata.get('conda_pkg_format_version')!r}; {_FORMAT} is served",
            hint="use another build of the package, or a newer envbuild",
        )
    return {kind: _reader(archive, found[kind]) for kind in ("info", "pkg")}


def _small(entry: ZipEntry) -> ZipEntry:
    if entry.size > CHUNK:
        raise bad_package(f"the package's metadata.json has {entry.size} bytes")
    return entry


def _reader(archive: ZipArchive, entry: ZipEntry) -> Callable[[int], bytes]:
    pieces = (plain for _, plain in archive.pieces(entry) if plain)
    return lambda _: next(pieces, b"")


def _spool(pieces: Iterator[bytes], into: "tempfile.SpooledTemporaryFile[bytes]", largest: int, name: str) -> int:
    length = 0
    try:
        for piece in pieces:
            length += len(piece)
            if length > largest:
                raise bad_package(f"the package's {name} archive unpacks to more than {largest} bytes")
            into.write(piece)
    except (ValueError, OSError, EOFError) as fault:
        raise bad_package(f"the package's {name} archive is damaged: {fault}") from fault
    return length


def _bzip2(read: Callable[[int], bytes]) -> Iterator[bytes]:
    """The content of one or more streams, in bounded pieces: some tools compress in parallel."""
    decoder = bz2.BZ2Decompressor()
    while True:
        packed = b""
        if decoder.eof:
            packed, decoder = decoder.unused_data or read(CHUNK), bz2.BZ2Decompressor()
            if not packed:
                return
        elif decoder.needs_input and not (packed := read(CHUNK)):
            raise EOFError("it ends too early")
        if piece := decoder.decompress(packed, CHUNK):
            yield piece


def _documents(head: BinaryIO, length: int) -> dict[str, bytes]:
    found: dict[str, bytes] = {}
    for entry in tar_entries(head, length, pax=True):
        name = entry.name.removeprefix("./").removeprefix("info/")
        if name not in _DOCUMENTS or entry.name.removeprefix("./") == name:
            continue
        if entry.kind is not TarKind.FILE or entry.size > _LARGEST_DOCUMENT or name in found:
            raise bad_package(f"the package's info/{name} is there twice, too large, or no file")
        head.seek(entry.offset)
        found[name] = head.read(entry.size)
    return found
