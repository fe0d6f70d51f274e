"""pax headers are read as the standard has them, and refused where two readers would understand them differently."""

import io
import tarfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from envbuild.errors import IntegrityError
from envbuild.layers.paxheader import Extended, extended
from envbuild.layers.tarwalk import tar_entries

TEXT = st.text(st.characters(blacklist_categories=("Cs",), blacklist_characters="\0"), min_size=1, max_size=150)


def record(keyword, value):
    rest = len(keyword) + len(value) + 3
    length = rest + len(str(rest))
    length = rest + len(str(length))
    return b"%d %s=%s\n" % (length, keyword, value)


def archive(members, **options):
    into = io.BytesIO()
    with tarfile.open(fileobj=into, mode="w", format=tarfile.PAX_FORMAT, **options) as made:
        for info, content in members:
            info.size = len(content)
            made.addfile(info, io.BytesIO(content))
    return into.getvalue()


def entries(data, *, pax=True):
    return list(tar_entries(io.BytesIO(data), len(data), pax=pax))


def named(name, **pax):
    info = tarfile.TarInfo(name)
    info.pax_headers = pax
    return info


@given(TEXT, st.floats(0, 2e9))
def test_what_tarfile_writes_is_read_back(name, mtime):
    info = named(name.strip("/") or "x")
    info.mtime = mtime
    (entry,) = entries(archive([(info, b"content")]))
    assert entry.name == info.name
    assert entry.size == 7


def test_a_size_in_a_pax_header_is_the_size():
    """Files of eight gibibytes and more have it there alone."""
    plain = archive([(named("x", size="3"), b"abc"), (named("y"), b"z")])
    assert [(e.name, e.size) for e in entries(plain)] == [("x", 3), ("y", 1)]


def test_times_owners_and_comments_are_skipped():
    data = record(b"mtime", b"1.5") + record(b"comment", b"a=b\nc") + record(b"SCHILY.xattr.user.x", b"\0\1")
    assert extended(data) == Extended()


@pytest.mark.parametrize(
    "data",
    [
        b"x",
        b"5 a=b",
        b"99 path=x\n",
        b"-8 path=x\n",
        b"0 path=x\n",
        b"10 path=x\nmore",
        b"7 path\n",
        record(b"", b"x"),
        record(b"path", b""),
        record(b"path", b"a\0b"),
        record(b"path", b"a") + record(b"path", b"b"),
        record(b"size", b"-1"),
        record(b"size", b"1e3"),
        record(b"size", b"9" * 30),
        record(b"GNU.sparse.name", b"x"),
        record(b"SCHILY.realsize", b"9"),
    ],
)
def test_headers_that_readers_differ_on_are_refused(data):
    with pytest.raises(ValueError, match=r"."):
        extended(data)


@pytest.mark.parametrize(
    "members",
    [
        [(named("x", path="../y"), b"")],
        [(named("x", **{"GNU.sparse.major": "1"}), b"")],
    ],
)
def test_debian_packages_have_no_pax_headers(members):
    with pytest.raises(IntegrityError, match="unknown type"):
        entries(archive(members), pax=False)


def test_a_header_that_belongs_to_no_entry_is_refused():
    whole = archive([(named("n" * 120), b"")])
    with pytest.raises(IntegrityError, match="belongs to no entry"):
        entries(whole[:1024] + bytes(1024))
    with pytest.raises(IntegrityError, match="two extended headers"):
        entries(whole[:1024] + whole)


def test_a_header_for_all_entries_may_not_name_them():
    with pytest.raises(IntegrityError, match="names or sizes all"):
        entries(archive([(named("x"), b"")], pax_headers={"path": "evil"}))
    (entry,) = entries(archive([(named("x"), b"")], pax_headers={"comment": "made by git"}))
    assert entry.name == "x"
