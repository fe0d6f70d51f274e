"""A Debian package opened (deb(5)): its control files, and its files as an uncompressed archive in a temporary file."""

import bz2
import gzip
import io
import lzma
import re
import tempfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import BinaryIO, cast

from envbuild.digest import CHUNK
from envbuild.errors import BuildFailed, IntegrityError
from envbuild.layers.ararchive import ArMember, ar_members
from envbuild.layers.tarwalk import TarKind, tar_entries

__all__ = ["DebArchive", "open_deb"]

_LARGEST_CONTROL = 32 << 20
_LARGEST_DATA = 16 << 30
_IN_MEMORY = 16 << 20
_XZ_MEMORY = 160 << 20
_NAME = re.compile(r"[a-z0-9][a-z0-9+.-]+")
_FIELD = re.compile(r"([!-9;-~]+):[ \t]*(.*)")


@dataclass(frozen=True, slots=True)
class DebArchive:
    """An open package: `control` are the files of control.tar by name, `fields` the control stanza's one-line fields."""

    control: Mapping[str, bytes]
    fields: Mapping[str, str]
    data: BinaryIO
    """data.tar, uncompressed; seekable."""
    length: int
    """Bytes of `data`."""

    @property
    def package(self) -> str:
        """The package's name."""
        return self.fields["Package"]

    def script(self, name: str) -> str:
        """A maintainer script's text, or nothing."""
        return self.control.get(name, b"").decode("utf-8", "replace")


@contextmanager
def open_deb(stream: BinaryIO) -> Iterator[DebArchive]:
    """Open the package that `stream` holds. IntegrityError where it is none; BuildFailed for a compression not known."""
    members = ar_members(stream)
    first = next(members, None)
    if first is None or first.name != "debian-binary" or not first.read().startswith(b"2."):
        raise IntegrityError("not a Debian package: no debian-binary of format 2", hint="fetch the package again")
    with tempfile.SpooledTemporaryFile(_IN_MEMORY) as data, tempfile.SpooledTemporaryFile(_LARGEST_CONTROL) as head:
        control = _control(_next(members, "control.tar"), cast(BinaryIO, head))
        fields = _fields(control)
        length = _spool(_next(members, "data.tar"), cast(BinaryIO, data), _LARGEST_DATA)
        yield DebArchive(control, fields, cast(BinaryIO, data), length)


def _next(members: Iterator[ArMember], stem: str) -> ArMember:
    """The next member, which must be `stem` in some compression; what starts with an underscore is to be skipped."""
    for member in members:
        if member.name.startswith(stem):
            return member
        if not member.name.startswith("_"):
            break
    raise IntegrityError(f"not a Debian package: no {stem} where it belongs", hint="fetch the package again")


def _spool(member: ArMember, into: BinaryIO, largest: int) -> int:
    length = 0
    for chunk in _unpacked(member):
        length += len(chunk)
        if length > largest:
            raise IntegrityError(f"{member.name} unpacks to more than {largest} bytes")
        into.write(chunk)
    return length


def _unpacked(member: ArMember) -> Iterator[bytes]:
    suffix = member.name.rpartition(".tar")[2]
    reader = _DECODERS.get(suffix)
    if reader is None:
        raise BuildFailed(
            f"{member.name} is compressed in a way that is not read here",
            hint="Debian's own packages use xz; get the package from Debian, or have it repacked: dpkg-deb -Zxz -b",
        )
    try:
        yield from reader(member)
    except (lzma.LZMAError, OSError, EOFError, zlib.error) as fault:
        raise IntegrityError(f"{member.name} is damaged: {fault}", hint="fetch the package again") from fault


def _chunks(opened: io.BufferedIOBase | io.RawIOBase) -> Iterator[bytes]:
    while chunk := opened.read(CHUNK):
        yield chunk


def _xz(member: ArMember) -> Iterator[bytes]:
    decoder = lzma.LZMADecompressor(memlimit=_XZ_MEMORY)
    while not decoder.eof:
        packed = b""
        if decoder.needs_input and not (packed := member.read(CHUNK)):
            raise EOFError("it ends too early")
        if chunk := decoder.decompress(packed, CHUNK):
            yield chunk


_DECODERS: Mapping[str, Callable[[ArMember], Iterator[bytes]]] = {
    "": _chunks,
    ".gz": lambda member: _chunks(gzip.GzipFile(fileobj=member, mode="rb")),
    ".xz": _xz,
    ".bz2": lambda member: _chunks(bz2.BZ2File(io.BufferedReader(member))),
}


def _control(member: ArMember, spool: BinaryIO) -> dict[str, bytes]:
    """The files of control.tar by name."""
    length = _spool(member, spool, _LARGEST_CONTROL)
    found: dict[str, bytes] = {}
    for entry in tar_entries(spool, length):
        if entry.kind is TarKind.FILE:
            spool.seek(entry.offset)
            found[entry.name.removeprefix("./")] = spool.read(entry.size)
    return found


def _fields(control: Mapping[str, bytes]) -> dict[str, str]:
    """The control stanza's fields without their continuation lines; package, version, architecture are there."""
    text = control.get("control", b"").decode("utf-8", "replace")
    fields = {found[1]: found[2].strip() for line in text.splitlines() if (found := _FIELD.fullmatch(line))}
    missing = [name for name in ("Package", "Version", "Architecture") if not fields.get(name)]
    if missing or not _NAME.fullmatch(fields["Package"]):
        raise IntegrityError(f"the package's control file has no valid {', '.join(missing) or 'Package'}")
    return fields
