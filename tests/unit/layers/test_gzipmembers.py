"""gzip members made by hand: if one bit is off, no engine can unpack the layer."""

import gzip
import hashlib
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from envbuild.layers.gzipmembers import HEADER, spliced_trailer, stored, zeros

pieces = st.one_of(st.binary(max_size=60), st.integers(0, 70_000).map(bytes), st.integers(20, 30).map(bytes))


@given(st.lists(pieces, max_size=8).map(b"".join))
def test_stored_bytes_come_back(data):
    """Any mixture of bytes and runs of zeros, read by an independent inflater."""
    assert gzip.decompress(stored(data)) == data


@pytest.mark.parametrize("size", [0, 1, 65_534, 65_535, 65_536, 131_070, 200_000])
def test_long_pieces(size):
    """A stored block holds 65,535 bytes; more of them follow each other."""
    data = hashlib.shake_128(b"x").digest(size)
    assert gzip.decompress(stored(data)) == data


@pytest.mark.parametrize("count", [*range(600), 32_767, 32_768, 32_769, 65_536, 100_000])
def test_zeros(count):
    """Padding of every length, and the longest runs that one copy command can reach."""
    assert gzip.decompress(zeros(count)) == bytes(count)
    assert len(zeros(count)) < 48 + count // 100


def test_members_follow_each_other():
    """A layer is one stream of many members; each of them is also a stream of its own."""
    assert gzip.decompress(stored(b"one") + zeros(500) + stored(b"two")) == b"one" + bytes(500) + b"two"


def test_a_spliced_body():
    """A deflate stream that stands already becomes a member by what is put around it."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    body = packer.compress(b"body" * 99) + packer.flush()
    assert gzip.decompress(HEADER + body + spliced_trailer(zlib.crc32(b"body" * 99), 4 * 99)) == b"body" * 99


def test_sizes_beyond_four_gigabytes():
    """The trailer holds the size modulo 2**32 (RFC 1952); a larger number would not fit into it."""
    assert spliced_trailer(1, (5 << 32) + 7) == spliced_trailer(1, 7)


def test_golden_member():
    """The exact bytes: they are part of every digest."""
    assert stored(b"ab").hex() == "1f8b08000000000000ff010200fdff61626d48839e02000000"
    assert hashlib.sha256(b"".join(map(zeros, range(1, 2048)))).hexdigest() == (
        "c9e3674ab6579bf0aa6dd02eb446324437d4d5b7c3c9e79489ee8b48754185a0"
    )
    assert hashlib.sha256(stored(b"x" * 30 + bytes(99) + b"y" * 70_000 + bytes(70_000) + b"z")).hexdigest() == (
        "c874c1da59f830766610c4545b1c11eaca4ca1519cc223e345084d7a9f19ea03"
    )
