"""What is compressed with zstd is read whole, or refused: a cut stream is not a shorter file."""

import hashlib
import io
import sys

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from envbuild.errors import MissingExtra
from envbuild.layers.conda.zstd import inflated, unpacked

CONTENT = bytes(range(256)) * 5000
DENSE = b"".join(hashlib.sha256(bytes([number])).digest() for number in range(40))
"""What does not pack: its frame is longer than any of the cuts."""


def packed(content=CONTENT, level=3, **options):
    return zstandard.ZstdCompressor(level=level, **options).compress(content)


@given(st.binary(max_size=300), st.sampled_from([1, 3, 19]), st.booleans())
def test_content_comes_back(content, level, has_checksum):
    assert inflated(packed(content, level, write_checksum=has_checksum), limit=300) == content


def test_a_frame_of_unknown_size_and_several_frames_are_read():
    streaming = zstandard.ZstdCompressor().compressobj()
    whole = streaming.compress(CONTENT) + streaming.flush()
    skipped = b"\x50\x2a\x4d\x18\4\0\0\0skip"
    assert inflated(whole + skipped + packed(b"more"), limit=1 << 22) == CONTENT + b"more"


@pytest.mark.parametrize("cut", [1, 2, 5, 100, 400])
@pytest.mark.parametrize("has_checksum", [False, True])
def test_a_frame_that_is_cut_off_is_refused(cut, has_checksum):
    with pytest.raises(ValueError, match=r"."):
        inflated(packed(DENSE, write_checksum=has_checksum)[:-cut], limit=1 << 22)


@pytest.mark.parametrize("data", [b"", b"\0", b"no frame", packed() + b"\0", packed() + b"tail tail tail"])
def test_what_is_no_frame_is_refused_or_empty(data):
    if not data:
        assert inflated(data, limit=0) == b""
        return
    with pytest.raises(ValueError, match=r"."):
        inflated(data, limit=1 << 22)


def test_more_than_the_limit_is_refused_before_it_is_held():
    with pytest.raises(ValueError, match="more than 1000 bytes"):
        inflated(packed(bytes(64 << 20)), limit=1000)


def test_a_window_larger_than_decoders_allow_is_refused():
    parameters = zstandard.ZstdCompressionParameters(window_log=28, enable_ldm=True)
    streaming = zstandard.ZstdCompressor(compression_params=parameters).compressobj()
    with pytest.raises(ValueError, match=r"."):
        inflated(streaming.compress(CONTENT) + streaming.flush(), limit=1 << 22)


def test_pieces_are_bounded_however_well_it_packs():
    pieces = list(unpacked(io.BytesIO(packed(bytes(32 << 20))).read))
    assert max(map(len, pieces)) <= 1 << 18
    assert sum(map(len, pieces)) == 32 << 20


def test_the_missing_library_is_named_with_what_installs_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "zstandard", None)
    with pytest.raises(MissingExtra, match="conda"):
        inflated(packed(b"x"), limit=1)
