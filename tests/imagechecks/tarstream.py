"""A layer's bytes, read by the rules alone: gzip members (RFC 1952) by zlib, tar headers (POSIX pax) by hand."""

import hashlib
import subprocess
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import BinaryIO

from .finding import Finding

TIME = 315619200
"""1980-01-02, the time of every file."""

_PIECE = 1 << 16
_PLAIN_HEADER = b"\x1f\x8b\x08\0\0\0\0\0\0\xff"
_PAX = {"path", "linkpath", "size"}
_FILE, _HARDLINK, _SYMLINK, _FOLDER = "file", "hard link", "link", "folder"
_KINDS = {b"0": _FILE, b"1": _HARDLINK, b"2": _SYMLINK, b"5": _FOLDER}


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of a layer; a folder's path is without its slash."""

    path: str
    kind: str
    mode: int
    size: int
    target: str


@dataclass(slots=True)
class Content:
    """What is in a layer, and what is wrong with it by itself."""

    digest: str = ""
    size: int = 0
    diff_id: str = ""
    entries: list[Entry] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)


class _Inflated:
    """The layer without its compression, hashed on both sides; ends at the first fault."""

    def __init__(self, stream: BinaryIO, where: str, content: Content) -> None:
        self._stream, self._where, self._content = stream, where, content
        self._packed, self._plain = hashlib.sha256(), hashlib.sha256()
        self._pieces = self._inflate()
        self._rest = b""

    def take(self, size: int) -> bytes:
        """The next bytes; fewer at the end."""
        parts = [self._rest]
        have = len(self._rest)
        while have < size and (piece := next(self._pieces, b"")):
            parts.append(piece)
            have += len(piece)
        whole = b"".join(parts)
        self._rest = whole[size:]
        return whole[:size]

    def finish(self) -> int:
        """Read to the end, and give how many bytes were left."""
        left = len(self._rest) + sum(map(len, self._pieces))
        while piece := self._read():
            self._packed.update(piece)
        self._content.digest = f"sha256:{self._packed.hexdigest()}"
        self._content.diff_id = f"sha256:{self._plain.hexdigest()}"
        return left

    def _read(self) -> bytes:
        piece = self._stream.read(_PIECE)
        self._packed.update(piece)
        self._content.size += len(piece)
        return piece

    def _fault(self, check: str, what: str) -> None:
        if check not in {finding.check for finding in self._content.findings}:
            self._content.findings.append(Finding(check, self._where, what))

    def _inflate(self) -> Iterator[bytes]:
        packed = self._read()
        if not packed:
            self._fault("gzip-stream", "is empty")
        while packed:
            if len(packed) < len(_PLAIN_HEADER):
                packed += self._read()
            if not packed.startswith(_PLAIN_HEADER[:3]):
                self._fault("gzip-stream", f"no gzip member begins with {packed[:8].hex()}")
                return
            if not packed.startswith(_PLAIN_HEADER):
                self._fault("gzip-header", f"says more than it must: {packed[:10].hex()}")
            member = zlib.decompressobj(16 + zlib.MAX_WBITS)
            while not member.eof:
                try:
                    plain = member.decompress(packed)
                except zlib.error as error:
                    self._fault("gzip-stream", str(error))
                    return
                self._plain.update(plain)
                if plain:
                    yield plain
                packed = member.unused_data if member.eof else self._read()
                if not packed and not member.eof:
                    self._fault("gzip-stream", "is cut off")
                    return
            packed = packed or self._read()


def content_of(stream: BinaryIO, where: str) -> Content:
    """Read a layer to its end."""
    content = Content()
    plain = _Inflated(stream, where, content)
    try:
        _entries(plain, where, content)
    except _Unreadable as error:
        content.findings.append(Finding(error.check, where, str(error)))
    else:
        if left := plain.finish():
            content.findings.append(Finding("tar-whole", where, f"{left} bytes follow the end of the archive"))
        return content
    plain.finish()
    return content


def gzip_reads(stream: BinaryIO, where: str) -> Iterator[Finding]:
    """What the program gzip says about a layer."""
    done = subprocess.run(["gzip", "-t"], stdin=stream, capture_output=True, check=False)
    if done.returncode:
        yield Finding("gzip-program", where, done.stderr.decode(errors="replace").strip())


class _Unreadable(Exception):
    """Nothing after this can be read."""

    def __init__(self, check: str, what: str) -> None:
        super().__init__(what)
        self.check = check


def _entries(plain: _Inflated, where: str, content: Content) -> None:
    extended: dict[str, str] = {}
    while True:
        block = plain.take(512)
        if len(block) < 512:
            raise _Unreadable("tar-whole", "is cut off, or ends without two empty blocks")
        if not block.strip(b"\0"):
            if plain.take(512) != bytes(512):
                raise _Unreadable("tar-whole", "ends without two empty blocks")
            return
        _check_sum(block)
        kind, size = block[156:157], _number(block[124:136])
        if kind == b"x":
            extended = _records(_body(plain, size))
            unknown = sorted(extended.keys() - _PAX)
            if unknown:
                content.findings.append(Finding("tar-form", where, f"pax records that nothing needs: {unknown}"))
            continue
        entry = _entry(block, kind, size, extended, where, content.findings)
        extended = {}
        _skip(plain, entry.size + -entry.size % 512)
        content.entries.append(entry)


def _check_sum(block: bytes) -> None:
    if _number(block[148:156]) != sum(block[:148]) + 8 * 32 + sum(block[156:]):
        raise _Unreadable("tar-sum", f"a header's sum does not hold: {_text(block[:100])!r}")
    if block[257:265] != b"ustar\x0000":
        raise _Unreadable("tar-form", f"not a ustar header: {block[257:265]!r}")


def _entry(block: bytes, kind: bytes, size: int, extended: dict[str, str], where: str, found: list[Finding]) -> Entry:
    prefix = _text(block[345:500])
    name = extended.get("path") or (f"{prefix}/" if prefix else "") + _text(block[:100])
    at = f"{where} {name}"
    if kind not in _KINDS:
        found.append(Finding("tar-type", at, f"type {kind!r}"))
    if name.endswith("/") != (kind == b"5"):
        found.append(Finding("tar-slash", at, _KINDS.get(kind, "?")))
    if (time := _number(block[136:148])) != TIME:
        found.append(Finding("tar-time", at, f"{time}"))
    owner = (_number(block[108:116]), _number(block[116:124]), _text(block[265:297]), _text(block[297:329]))
    if owner != (0, 0, "", ""):
        found.append(Finding("tar-owner", at, f"{owner}"))
    if block[329:345].strip(b"\0") or block[500:].strip(b"\0"):
        found.append(Finding("tar-form", at, "has bytes where a header has none"))
    size = int(extended.get("size", size))
    target = extended.get("linkpath") or _text(block[157:257])
    described = _KINDS.get(kind, "other")
    return Entry(name.removesuffix("/"), described, _number(block[100:108]), size if kind == b"0" else 0, target)


def _records(body: bytes) -> dict[str, str]:
    found: dict[str, str] = {}
    while body:
        length, _, _ = body.partition(b" ")
        record, body = body[: int(length)], body[int(length) :]
        if not record.endswith(b"\n") or len(record) != int(length):
            raise _Unreadable("tar-form", "a pax record's length is wrong")
        key, _, value = record[len(length) + 1 : -1].partition(b"=")
        found[_text(key)] = value.decode("utf-8", "surrogateescape")
    return found


def _body(plain: _Inflated, size: int) -> bytes:
    body = plain.take(size + -size % 512)
    if len(body) != size + -size % 512:
        raise _Unreadable("tar-whole", "a pax record is cut off")
    return body[:size]


def _skip(plain: _Inflated, size: int) -> None:
    while size:
        piece = plain.take(min(size, _PIECE))
        if not piece:
            raise _Unreadable("tar-whole", "a file is cut off")
        size -= len(piece)


def _number(value: bytes) -> int:
    try:
        return int(value.strip(b"\0 ") or b"0", 8)
    except ValueError:
        raise _Unreadable("tar-form", f"no octal number: {value!r}") from None


def _text(value: bytes) -> str:
    return value.split(b"\0", 1)[0].decode("utf-8", "surrogateescape")
