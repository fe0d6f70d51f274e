"""If these fail, anybody on the way can say what is in Debian."""

import pysequoia
import pytest

from envbuild.debian.signature import debian_keys, verify_inline
from envbuild.errors import IntegrityError

TEXT = b"Origin: Debian\nCodename: bookworm\n"


def verified(data, *keys):
    return verify_inline(data, [key.public for key in keys], at="mirror.example, bookworm")


def test_the_signed_content_is_given_as_it_was_signed(key):
    assert verified(key.sign(TEXT), key) == TEXT


def test_one_known_key_of_several_is_enough(key, other_key):
    assert verified(key.sign(TEXT), other_key, key) == TEXT


@pytest.mark.parametrize("change", [(b"bookworm", b"trixie"), (b"Debian\n", b"Debian\nX: y\n")])
def test_changed_content_is_refused(key, change):
    with pytest.raises(IntegrityError, match="not signed by a Debian archive key") as caught:
        verified(key.sign(TEXT).replace(*change), key)
    assert caught.value.at == "mirror.example, bookworm"
    assert "ENVBUILD_DEBIAN_MIRROR" in caught.value.hint


def test_an_unknown_key_is_refused(key, other_key):
    with pytest.raises(IntegrityError):
        verified(other_key.sign(TEXT), key)


def test_a_message_without_signature_is_refused(key):
    with pytest.raises(IntegrityError, match="it has no signature"):
        verified(TEXT, key)


def test_a_packet_without_signature_is_refused(key):
    literal = bytes([0xCB, 6 + len(TEXT)]) + b"b\0\0\0\0\0" + TEXT
    with pytest.raises(IntegrityError):
        verified(pysequoia.armor(literal, pysequoia.ArmorKind.Message).encode(), key)


def test_what_stands_outside_the_signature_is_not_given(key):
    signed = key.sign(TEXT)
    assert verified(b"Origin: Evil\n\n" + signed, key) == TEXT
    assert verified(signed + b"\nOrigin: Evil\n", key) == TEXT


def test_a_second_message_does_not_ride_on_the_first(key, other_key):
    evil, good = other_key.sign(b"Origin: Evil\n"), key.sign(TEXT)
    assert verified(good + evil, key) == TEXT
    with pytest.raises(IntegrityError):
        verified(evil + good, key)


@pytest.mark.parametrize("length", [40, 120, 200, 300])
def test_a_message_that_was_cut_is_refused(key, length):
    signed = key.sign(TEXT)
    assert length < len(signed)
    with pytest.raises(IntegrityError):
        verified(signed[:length], key)


def test_the_shipped_keys_are_those_of_the_served_suites():
    """Public fingerprints as Debian announces them (ftp-master's list of archive keys)."""
    certificates = [pysequoia.Cert.from_bytes(data) for data in debian_keys()]
    assert {c.fingerprint.upper() for c in certificates} == {
        "B8B80B5B623EAB6AD8775C45B7C5D7D6350947F8",
        "05AB90340C0C5E797F44A8C8254CF3B5AEC0A8F0",
        "4D64FEC119C2029067D6E791F8D2585B8783D481",
        "04B54C3CDCA79751B16BC6B5225629DF75B188BD",
        "5E04A1E3223A19A20706E20F9904613D4CCE68C6",
        "41587F7DB8C774BCCF131416762F67A0B2C39DE4",
    }
