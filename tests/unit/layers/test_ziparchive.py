"""A zip file that two programs could read differently must not get into an image: what was reviewed is not what runs."""

import io
import struct
import zipfile
import zlib

import pytest

from envbuild.errors import BuildFailed, EnvbuildError, IntegrityError
from envbuild.layers.inflate import DamagedStream, Inflater, inflate
from envbuild.layers.ziparchive import PIECE, WHOLE, ZipArchive

U32 = 0xFFFFFFFF


def read_all(data: bytes) -> dict[str, bytes]:
    """Every entry, once whole and once in pieces."""
    archive = ZipArchive(io.BytesIO(data))
    found = {}
    for entry in archive.entries:
        archive.check(entry)
        if not entry.is_directory:
            found[entry.name] = archive.whole(entry)[0]
            assert b"".join(plain for _, plain in archive.pieces(entry)) == found[entry.name]
    return found


def long(*values: int) -> bytes:
    return struct.pack(f"<HH{len(values)}Q", 1, 8 * len(values), *values)


def hostile(m):
    """Archives by what is wrong with them."""
    Z, z, text = m.Zipped, m.zip_of, b"some text, some text, some text"
    a, b = Z(b"a", text), Z(b"b", text)
    crc, packed = zlib.crc32(text), len(m.deflate(text))
    descriptor = struct.pack("<4sLLL", b"PK\7\x08", crc, packed, len(text))
    nested = z([a])
    return {
        "empty": b"",
        "no zip": b"PK" * 40,
        "cut": z([a, b])[:-1],
        "cut in half": z([a, b])[:60],
        "bytes behind": z([a], tail=b"x"),
        "zip behind": nested + nested,
        "bytes before": b"#!/bin/sh\n" + nested,
        "bytes before, offsets right": z([a], before=b"#!/bin/sh\n"),
        "bytes between": z([Z(b"a", text, after=b"hidden"), b]),
        "entry that the directory leaves out": z([Z(b"a", text, after=nested[:60]), b]),
        "bytes before the directory": z([a], gap=b"hidden"),
        "no entry but bytes": z([], gap=b"hidden"),
        "zip in the comment": z([a], comment=nested),
        "header in the comment": z([a], comment=b"see PK\3\4 here"),
        "end record in the comment": z([a], comment=b"PK\5\6" + bytes(18)),
        "comment longer than said": z([a], comment=b"hello", end={"comment": 2}),
        "comment shorter than said": z([a], comment=b"hello", end={"comment": 9}),
        "count too high": z([a], end={"count": 2, "here": 2}),
        "count too low": z([a, b], end={"count": 1, "here": 1}),
        "counts differ": z([a, b], end={"here": 1}),
        "several disks": z([a], end={"disk": 1}),
        "entry on another disk": z([Z(b"a", text, central={"disk": 1})]),
        "directory too long": z([a], end={"size": 5000}),
        "directory elsewhere": z([a], end={"offset": 3}),
        "name twice": z([a, Z(b"a", b"other")]),
        "name twice, same content": z([a, a]),
        "file and folder of a name": z([a, Z(b"a/", method=0, mode=0o040755)]),
        "one body for two": z([a, Z(b"b", text, central={"start": 0})]),
        "entry within another": z([Z(b"a", nested, method=0), Z(b"b", text, central={"start": 31})]),
        "entry in the directory": z([Z(b"a", text, central={"start": 9999})]),
        "other name in the local header": z([Z(b"a", text, local={"name": b"c"})]),
        "longer name in the local header": z([Z(b"a", text, local={"name": b"a.py"})]),
        "other method in the local header": z([Z(b"a", text, local={"method": 0})]),
        "other size in the local header": z([Z(b"a", text, local={"size": 3})]),
        "other packed size in the local header": z([Z(b"a", text, local={"packed": 3})]),
        "other checksum in the local header": z([Z(b"a", text, local={"crc": 3})]),
        "no sizes in the local header": z([Z(b"a", text, local={"crc": 0, "size": 0, "packed": 0})]),
        "no local header": z([Z(b"a", text, local={"signature": b"PK\0\0"})]),
        "damaged directory": z([Z(b"a", text, central={"signature": b"PK\0\0"})]),
        "wrong checksum": z([Z(b"a", text, local={"crc": 1}, central={"crc": 1})]),
        "wrong size, smaller": z([Z(b"a", text, local={"size": 3}, central={"size": 3})]),
        "wrong size, larger": z([Z(b"a", text, local={"size": 99}, central={"size": 99})]),
        "packed size too small": z([Z(b"a", text, local={"packed": packed - 1}, central={"packed": packed - 1})]),
        "packed size too large": z([Z(b"a", text, local={"packed": 900}, central={"packed": 900})]),
        "bytes behind the stream": z([Z(b"a", text, body=m.deflate(text) + b"hidden")]),
        "stream cut": z([Z(b"a", text, body=m.deflate(text)[:-1])]),
        "second stream behind": z([Z(b"a", text, body=m.deflate(text) * 2)]),
        "no deflate stream": z([Z(b"a", text, body=b"\xff" * 30)]),
        "empty body": z([Z(b"a", text, body=b"")]),
        "gzip members smuggled in": z(
            [
                Z(
                    b"a",
                    text,
                    body=m.deflate(b"") + struct.pack("<LL", 0, 0) + b"\x1f\x8b\x08" + bytes(7) + m.deflate(text),
                )
            ]
        ),
        "stored with two sizes": z([Z(b"a", text, method=0, local={"size": 3}, central={"size": 3})]),
        "descriptor missing": z([Z(b"a", text, flags=8)]),
        "descriptor wrong": z([Z(b"a", text, flags=8, descriptor=descriptor[:-1] + b"\1")]),
        "descriptor not announced": z([Z(b"a", text, descriptor=descriptor)]),
        "descriptor announced once": z([Z(b"a", text, descriptor=descriptor, central={"flags": 8})]),
        "descriptor and more": z([Z(b"a", text, flags=8, descriptor=descriptor, after=b"x")]),
        "encrypted": z([Z(b"a", text, flags=1)]),
        "strongly encrypted": z([Z(b"a", text, flags=0x41)]),
        "masked": z([Z(b"a", text, flags=0x2000)]),
        "symbolic link": z([Z(b"a", b"/etc/passwd", mode=0o120777)]),
        "device": z([Z(b"a", b"", mode=0o020666)]),
        "fifo": z([Z(b"a", b"", mode=0o010666)]),
        "folder named as a file": z([Z(b"a", text, mode=0o040755)]),
        "name not UTF-8": z([Z(b"caf\xe9", text)]),
        "name empty": z([Z(b"", text)]),
        "name absolute": z([Z(b"/etc/passwd", text)]),
        "name leads up": z([Z(b"../a", text)]),
        "name leads up inside": z([Z(b"a/../../b", text)]),
        "name ends up": z([Z(b"a/..", text)]),
        "name with dot": z([Z(b"a/./b", text)]),
        "name with empty part": z([Z(b"a//b", text)]),
        "name with backslash": z([Z(b"..\\a", text)]),
        "name with drive": z([Z(b"C:a", text)]),
        "name with NUL": z([Z(b"a.py\0.txt", text)]),
        "name with line feed": z([Z(b"a\nb", text)]),
        "name too long": z([Z(b"a" * 300, text)]),
        "path too long": z([Z(b"a/" * 2000 + b"a", text)]),
        "folder leads up": z([Z(b"../", method=0, mode=0o040755)]),
        "zip64 sizes missing": z([Z(b"a", text, central={"size": U32})]),
        "zip64 sizes cut": z([Z(b"a", text, central={"size": U32, "packed": U32, "extra": long(len(text))})]),
        "zip64 local sizes differ": z(
            [Z(b"a", text, local={"size": U32, "packed": U32, "extra": long(len(text) + 1, packed)})]
        ),
        "zip64 end disagrees": z([a], zip64={"count": 2, "here": 2}),
        "zip64 end elsewhere": z([a], zip64={"at": 5}),
        "zip64 end extended": z([a], zip64={"record": 60}),
        "zip64 on several disks": z([a], zip64={"disks": 2}),
        "unpacks to 500 GB": z([Z(b"a", text, central={"size": U32, "extra": long(500 << 30)})]),
    }


def test_hostile_archives_are_refused(making, subtests):
    """A tampered or ambiguous archive would put other files into the image than a reviewer of the wheel saw."""
    cases = hostile(making)
    assert len(cases) >= 80
    for what, data in cases.items():
        with subtests.test(what), pytest.raises(IntegrityError):
            read_all(data)


def test_every_cut_of_an_archive_is_refused(making):
    """A download that broke off must not become a layer."""
    data = making.zip_of([making.Zipped(b"a", b"one" * 50), making.Zipped(b"b/c", b"two", method=0)])
    for length in range(len(data)):
        with pytest.raises(IntegrityError):
            read_all(data[:length])


def test_a_changed_byte_never_goes_unseen(making):
    """Whatever byte of an archive is changed: either nothing of what is read changes, or it is refused."""
    data = making.zip_of([making.Zipped(b"a", b"one" * 50), making.Zipped(b"b/c", b"two", method=0)])
    whole = read_all(data)
    for at in range(len(data)):
        for change in (0x01, 0x80, 0xFF):
            changed = data[:at] + bytes([data[at] ^ change]) + data[at + 1 :]
            try:
                found = read_all(changed)
            except EnvbuildError:
                continue
            assert found == whole, f"byte {at} ^ {change}"


@pytest.mark.parametrize(("method", "name"), [(12, "bzip2"), (14, "LZMA"), (93, "zstd"), (9, "deflate64"), (77, "77")])
def test_other_compressions_are_named(making, method, name):
    """The user should learn which compression stands in the way."""
    with pytest.raises(BuildFailed, match=name):
        read_all(making.zip_of([making.Zipped(b"a", b"text", method=method, body=b"x")]))


def good(m):
    Z, z, text = m.Zipped, m.zip_of, b"some text, some text, some text"
    crc, packed = zlib.crc32(text), len(m.deflate(text))
    sizes = {"crc": 0, "packed": 0, "size": 0}
    short, wide = struct.pack("<LLL", crc, packed, len(text)), struct.pack("<LQQ", crc, packed, len(text))
    return {
        "plain": z([Z(b"a", text)]),
        "stored": z([Z(b"a", text, method=0)]),
        "comment": z([Z(b"a", text)], comment=b"made by a tool"),
        "no unix mode": z([Z(b"a", text, mode=0)]),
        "non-ASCII name": z([Z("ä".encode(), text, flags=0x800)]),
        "descriptor": z([Z(b"a", text, flags=8, local=sizes, descriptor=b"PK\7\x08" + short)]),
        "descriptor without signature": z([Z(b"a", text, flags=8, local=sizes, descriptor=short)]),
        "long descriptor": z([Z(b"a", text, flags=8, local=sizes, descriptor=b"PK\7\x08" + wide)]),
        "long descriptor without signature": z([Z(b"a", text, flags=8, local=sizes, descriptor=wide)]),
        "zip64 end": z([Z(b"a", text)], zip64={}, end={"count": 0xFFFF, "here": 0xFFFF, "size": U32, "offset": U32}),
        "zip64 sizes": z([Z(b"a", text, local={"size": U32, "packed": U32, "extra": long(len(text), packed)},
                            central={"size": U32, "packed": U32, "start": U32, "extra": long(len(text), packed, 0)})]),
    }  # fmt: skip


def test_what_zip_tools_write_is_read(making, subtests):
    """Wheels come from many tools; strictness must not refuse what they write."""
    for what, data in good(making).items():
        with subtests.test(what):
            assert list(read_all(data).values()) == [b"some text, some text, some text"]
            with zipfile.ZipFile(io.BytesIO(data)) as reference:
                assert [reference.read(n) for n in reference.namelist()] == list(read_all(data).values())


def test_folders_and_order(making):
    """Folders are told apart from files, and the directory's order is kept."""
    data = making.zip_of([making.Zipped(b"b/", method=0, mode=0o040755), making.Zipped(b"b/a"), making.Zipped(b"a")])
    entries = ZipArchive(io.BytesIO(data)).entries
    assert [(e.name, e.is_directory) for e in entries] == [("b/", True), ("b/a", False), ("a", False)]


@pytest.mark.parametrize("size", [0, 1, PIECE - 1, PIECE, PIECE + 1, WHOLE, 3 * PIECE, 3 * PIECE + 7])
@pytest.mark.parametrize("method", [0, 8])
def test_pieces_join_to_the_whole(making, size, method):
    """A large file must come out of pieces as it would come out whole, wherever the cuts fall."""
    data = bytes(range(251)) * (size // 251 + 1)
    data = data[:size]
    archive = ZipArchive(io.BytesIO(making.zip_of([making.Zipped(b"a", data, method=method)])))
    pieces = list(archive.pieces(archive.entries[0]))
    plain, packed = archive.whole(archive.entries[0])
    assert b"".join(p for _, p in pieces) == plain == data
    assert b"".join(p for p, _ in pieces) == packed
    assert all(len(p) <= PIECE and len(q) <= PIECE for p, q in pieces)


def test_a_file_and_a_stream_read_alike(making, tmp_path):
    """Files are read without moving their position, streams by seeking: the result must be one."""
    data = making.zip_of([making.Zipped(b"a", b"one" * 9999), making.Zipped(b"b", b"two")])
    path = tmp_path / "a.zip"
    path.write_bytes(data)
    with path.open("rb") as stream:
        archive = ZipArchive(stream)
        assert [archive.whole(e)[0] for e in archive.entries] == [b"one" * 9999, b"two"]


@pytest.mark.parametrize("extra", range(1, 10))
def test_bytes_behind_a_stream_are_seen(making, extra):
    """The inflater reads ahead; bytes that it has swallowed must not be taken for a part of the stream."""
    packed = making.deflate(b"hello" * 100) + b"\0" * extra
    with pytest.raises(DamagedStream):
        inflate(packed, 500)
    with pytest.raises(DamagedStream):
        _feed(packed, 500, 100)


@pytest.mark.parametrize("size", [0, 499, 501, 1000])
def test_other_sizes_than_announced_are_seen(making, size):
    """A size that does not hold would shift everything behind it in the layer."""
    packed = making.deflate(b"hello" * 100)
    with pytest.raises(DamagedStream):
        inflate(packed, size)
    with pytest.raises(DamagedStream):
        _feed(packed, size, 100)


def test_a_stream_in_any_pieces(making):
    """However the bytes arrive and however small the pieces asked for, the content is the same."""
    content = b"hello" * 100 + bytes(range(256)) * 5
    packed = making.deflate(content)
    for step in (1, 7, len(packed)):
        for piece in (1, 10, 250, len(content), len(content) + 1):
            assert _feed(packed, len(content), piece, step) == content


def _feed(packed: bytes, size: int, piece: int, step: int = 1000) -> bytes:
    inflater = Inflater(size, piece)
    content = b"".join(p for at in range(0, len(packed), step) for p in inflater.feed(packed[at : at + step]))
    inflater.close()
    return content
