"""The encoder's bytes are a function of the content: two machines that build one layer must end with one digest."""

import gzip
import hashlib
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from envbuild.errors import EnvironmentFault
from envbuild.layers import encoder
from envbuild.layers.encoder import ENCODER, Packer, packed


def test_pinned_encoder_gives_pinned_bytes():
    """A change here changes the digest of every Debian layer: it needs another ENCODER."""
    noise = random.Random(7).randbytes(200_000)
    text = b"".join(b"%d bottles of beer on the wall\n" % n for n in range(40_000))
    found = [hashlib.sha256(packed(plain)).hexdigest()[:16] for plain in (b"", b"a", noise, text, bytes(700_000))]
    assert ENCODER == ("zlib-ng", "1.1.0", 5)
    assert found == GOLDEN


GOLDEN = ["ac73670af3abed54", "94992c9e182d4a53", "93934af126046e52", "ec8defe6b90da814", "20862b901859f3e4"]


@given(st.lists(st.binary(max_size=2000).map(lambda b: b * 300), max_size=5))
def test_how_the_content_is_cut_does_not_matter(pieces):
    packer = Packer()
    out = b"".join(map(packer.feed, pieces)) + packer.end()
    assert out == packed(b"".join(pieces))
    assert gzip.decompress(out) == b"".join(pieces)


def test_another_encoder_is_an_error_with_the_line_that_installs_ours(monkeypatch):
    monkeypatch.setattr(encoder.zlib_ng, "__version__", "0.5.1")
    with pytest.raises(EnvironmentFault, match=r"0\.5\.1.*\n.*pip install .*zlib-ng==1\.1\.0"):
        packed(b"x")
