"""The certificate authorities that programs trust: one file for OpenSSL and its like, one key store for Java."""

import base64
import hashlib
import re
import struct
from collections.abc import Iterable, Mapping

from envbuild.layers.tarheader import MTIME

__all__ = ["bundle", "java_key_store"]

_PEM = re.compile(rb"-----BEGIN CERTIFICATE-----\s+(.*?)\s+-----END CERTIFICATE-----", re.DOTALL)
_MAGIC, _VERSION, _TRUSTED = 0xFEEDFEED, 2, 2
_PASSWORD = "changeit"  # noqa: S105  the default that every Java has; the store holds nothing secret
_SEAL = b"Mighty Aphrodite"


def bundle(certificates: Iterable[bytes]) -> bytes:
    """PEM certificates one after the other, each ended by a newline, as update-ca-certificates(8) joins them."""
    return b"".join(pem if pem.endswith(b"\n") else pem + b"\n" for pem in certificates)


def java_key_store(certificates: Mapping[str, bytes]) -> bytes:
    """PEM certificates by name as a Java key store (JKS, version 2), which every Java reads as `cacerts`."""
    entries = [(alias, der) for alias, pem in sorted(certificates.items()) for der in _der(pem)]
    store = struct.pack(">III", _MAGIC, _VERSION, len(entries))
    for alias, der in entries:
        store += struct.pack(">I", _TRUSTED) + _text(alias.lower()) + struct.pack(">Q", MTIME * 1000)
        store += _text("X.509") + struct.pack(">I", len(der)) + der
    seal = hashlib.sha1(_PASSWORD.encode("utf-16-be") + _SEAL + store, usedforsecurity=False).digest()
    return store + seal


def _der(pem: bytes) -> list[bytes]:
    return [base64.b64decode(found) for found in _PEM.findall(pem)]


def _text(text: str) -> bytes:
    """Java's modified UTF-8, of ASCII: a length and the bytes."""
    encoded = text.encode("ascii", "replace")
    return struct.pack(">H", len(encoded)) + encoded
