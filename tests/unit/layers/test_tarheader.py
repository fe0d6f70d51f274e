"""Tar headers: read back by an independent reader, and the same as ever."""

import io
import tarfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from envbuild.layers.fileheader import file_header
from envbuild.layers.gzipmembers import stored
from envbuild.layers.tarheader import MTIME, header
from envbuild.members import MemberKind

parts = st.text(st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="/"), min_size=1, max_size=90)
ascii_parts = st.text(st.sampled_from("abcdefgh_.-0123"), min_size=1, max_size=110)
paths = st.lists(parts | ascii_parts, min_size=1, max_size=5).map("/".join)
sizes = st.integers(0, 2000) | st.sampled_from([8**11 - 1, 8**11, 5 << 40])


def parsed(block: bytes) -> tarfile.TarInfo:
    with tarfile.open(fileobj=io.BytesIO(block + bytes(1024)), mode="r:") as archive:
        return archive.next()


@given(paths, st.sampled_from([0o644, 0o755, 0o1777]), sizes)
def test_files_read_back(path, mode, size):
    """Names of any length and script, sizes beyond 8 GiB: what was written is what a reader finds."""
    info = parsed(header(path, MemberKind.FILE, mode, size))
    assert (info.name, info.mode, info.size, info.type) == (path, mode, size, tarfile.REGTYPE)
    assert (info.mtime, info.uid, info.gid, info.uname, info.gname) == (MTIME, 0, 0, "", "")


@given(paths, st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=250))
def test_links_read_back(path, target):
    """Link targets of any length."""
    info = parsed(header(path, MemberKind.LINK, 0o777, 0, target))
    assert (info.name, info.linkname, info.type) == (path, target, tarfile.SYMTYPE)


@given(paths)
def test_folders_read_back(path):
    """Folders end with a slash, whatever their name's length."""
    info = parsed(header(path, MemberKind.DIRECTORY, 0o755))
    assert (info.name, info.type) == (path, tarfile.DIRTYPE)


@given(paths, st.sampled_from([0o644, 0o755]), sizes)
def test_the_short_way_gives_the_same_bytes(path, mode, size):
    """Most headers of a wheel are made by a faster function: layers would differ by which one made them."""
    plain = header(path, MemberKind.FILE, mode, size)
    assert file_header(path, mode, size) == (plain, stored(plain))


@pytest.mark.parametrize("length", range(1, 300))
def test_the_short_way_at_every_length(length):
    """Where a name no longer fits, where its padding is stored rather than a run, where the prefix fills its field."""
    for path in ("a" * length, ("folder/" * 60)[: length - 1] + "x"):
        plain = header(path, MemberKind.FILE, 0o644, length)
        assert file_header(path, 0o644, length) == (plain, stored(plain))


def test_pax_records_only_where_needed():
    """An extended header doubles the cost of a small file, and old readers do not know it."""
    for path in ("a" * 100, "p" * 155 + "/" + "n" * 100):
        assert len(header(path, MemberKind.FILE, 0o644)) == 512
    for path in ("a" * 101, "ä", "p" * 156 + "/" + "n" * 100):
        assert len(header(path, MemberKind.FILE, 0o644)) == 1536


def test_golden_header():
    """The exact bytes: they are part of every digest."""
    block = header("opt/env/bin/python", MemberKind.LINK, 0o777, 0, "/usr/bin/python3.11")
    expected = bytearray(512)
    for at, text in {
        0: b"opt/env/bin/python", 100: b"0000777\0", 108: b"0000000\0", 116: b"0000000\0", 124: b"00000000000\0",
        136: b"02263773600\0", 148: b"014623\0 ", 156: b"2", 157: b"/usr/bin/python3.11", 257: b"ustar\x0000",
    }.items():  # fmt: skip
        expected[at : at + len(text)] = text
    assert block == bytes(expected)
