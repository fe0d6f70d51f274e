"""If these fail, a mirror can give another distribution, another suite or an old state for what was asked."""

from datetime import UTC, datetime, timedelta

import pytest

from envbuild.debian.release import Release, check, claimed_origin, parse
from envbuild.errors import IntegrityError

HASH = "ab" * 32
TEXT = f"""\
Origin: Debian
Suite: oldstable-security
Codename: bookworm-security
Valid-Until: Sun, 29 Nov 2026 19:58:56 UTC
Acquire-By-Hash: yes
MD5Sum:
 00112233445566778899aabbccddeeff 12 main/binary-amd64/Packages.xz
SHA256:
 {HASH}   123456 main/binary-amd64/Packages.xz
 {HASH}        0 main/i18n/Translation-en
"""
UNTIL = datetime(2026, 11, 29, 19, 58, 56, tzinfo=UTC)


def read(text=TEXT) -> Release:
    return parse(text.encode(), at="mirror, suite")


def test_a_release_file_is_read():
    release = read()
    entry = release.entries["main/binary-amd64/Packages.xz"]
    assert (release.origin, release.codename, release.valid_until) == ("Debian", "bookworm-security", UNTIL)
    assert (entry.size, entry.digest.hex) == (123456, HASH)
    assert entry.by_hash == f"main/binary-amd64/by-hash/SHA256/{HASH}"


def test_a_release_that_holds_is_accepted_by_codename_and_by_suite():
    check(read(), "bookworm-security", UNTIL - timedelta(seconds=1), at="x")
    check(read(), "oldstable-security", UNTIL - timedelta(seconds=1), at="x")


def test_an_expired_release_is_refused_since_it_hides_fixes():
    with pytest.raises(IntegrityError, match="valid until 2026-11-29 19:58 UTC") as caught:
        check(read(), "bookworm-security", UNTIL, at="mirror.example, bookworm-security")
    assert "mirror.example" in str(caught.value)
    assert "clock" in caught.value.hint


def test_another_distribution_is_refused():
    with pytest.raises(IntegrityError, match="Ubuntu"):
        check(read(TEXT.replace("Origin: Debian", "Origin: Ubuntu")), "bookworm-security", UNTIL.replace(day=1), at="x")


def test_another_suite_under_the_asked_name_is_refused():
    with pytest.raises(IntegrityError, match=r"asked for trixie-security, got bookworm-security"):
        check(read(), "trixie-security", UNTIL.replace(day=1), at="x")


def test_a_suite_without_an_end_holds_for_ever():
    text = "".join(line for line in TEXT.splitlines(keepends=True) if "Valid-Until" not in line)
    check(read(text), "bookworm-security", UNTIL.replace(year=2099), at="x")


@pytest.mark.parametrize(
    "text",
    [
        TEXT.replace(HASH, "../../etc/passwd", 1),
        TEXT.replace("Sun, 29 Nov 2026", "soon"),
        TEXT.replace("Origin:", "Origin"),
        TEXT + "Origin: Debian\n",
    ],
)
def test_a_malformed_release_is_an_integrity_error_with_its_place(text):
    with pytest.raises(IntegrityError, match="not a Release file") as caught:
        read(text)
    assert caught.value.at == "mirror, suite"


def test_bytes_that_are_no_text_are_an_integrity_error():
    with pytest.raises(IntegrityError):
        parse(b"Origin: \xff\xfe\n", at="x")


def test_the_claimed_origin_is_that_of_the_first_line_that_has_one():
    assert claimed_origin(b"-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA256\n\nOrigin: Ubuntu \r\n") == "Ubuntu"
    assert claimed_origin(b"<html>sign in</html>") == ""
