"""RECORD: what a wheel says its files are, and what an installed package says (PyPA, recording installed projects)."""

import binascii
import csv
import io
from collections.abc import Iterable
from typing import NamedTuple

from envbuild.layers.wheelfault import bad_wheel

__all__ = ["RecordRow", "encode_sha256", "parse_record", "write_record"]

_LENGTHS = {"sha256": 32, "sha384": 48, "sha512": 64}
_URLSAFE = bytes.maketrans(b"-_", b"+/")
_STANDARD = bytes.maketrans(b"+/", b"-_")


class RecordRow(NamedTuple):
    """A file as RECORD lists it: `algorithm` and `digest` of its content (nothing for RECORD itself), size if named."""

    algorithm: str
    digest: bytes
    size: int | None


def parse_record(text: bytes) -> dict[str, RecordRow]:
    """Rows by path. IntegrityError for what is no RECORD, for weak hashes, and for two rows that disagree."""
    rows: dict[str, RecordRow] = {}
    try:
        for fields in csv.reader(io.StringIO(text.decode(), newline="")):
            if not fields:
                continue
            path, hashed, size = fields
            path = path.replace("\\", "/")
            row = RecordRow(*_hash(hashed, path), int(size) if size else None)
            if rows.setdefault(path, row) != row:
                raise bad_wheel(f"RECORD lists {path!r} twice, differently")
    except (ValueError, csv.Error) as error:
        raise bad_wheel(f"RECORD cannot be read: {error}") from None
    return rows


def _hash(text: str, path: str) -> tuple[str, bytes]:
    if not text:
        return "", b""
    algorithm, _, value = text.partition("=")
    if algorithm not in _LENGTHS:
        raise bad_wheel(f"RECORD has a {algorithm!r} hash for {path!r}: sha256 or better is asked for")
    encoded = value.rstrip("=").encode()
    digest = binascii.a2b_base64(encoded.translate(_URLSAFE) + b"=" * (-len(encoded) % 4))
    if len(digest) != _LENGTHS[algorithm]:
        raise bad_wheel(f"RECORD has no whole {algorithm} for {path!r}")
    return algorithm, digest


def encode_sha256(digest: bytes) -> str:
    """As RECORD writes it: URL-safe base64 without padding."""
    return "sha256=" + binascii.b2a_base64(digest, newline=False).translate(_STANDARD).rstrip(b"=").decode()


def write_record(rows: Iterable[tuple[str, str, str]]) -> bytes:
    """A RECORD of rows (path, hash, size), sorted by path (by code point, which is the order of its UTF-8 bytes)."""
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\n").writerows(sorted(rows))
    return text.getvalue().encode()
