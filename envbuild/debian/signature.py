"""Inline OpenPGP signatures, checked with Debian's archive keys, which are shipped beside this module.

The one door to pysequoia. Neither gpg nor a key ring of the machine is used.
"""

from collections.abc import Sequence
from functools import cache
from importlib import resources

import pysequoia

from envbuild.errors import IntegrityError

__all__ = ["debian_keys", "verify_inline"]


@cache
def debian_keys() -> tuple[bytes, ...]:
    """Debian's archive keys for the suites that are served, one OpenPGP certificate each."""
    folder = resources.files("envbuild.debian").joinpath("keys")
    files = sorted((f for f in folder.iterdir() if f.name.endswith(".pgp")), key=lambda f: f.name)
    return tuple(f.read_bytes() for f in files)


def verify_inline(data: bytes, keys: Sequence[bytes], *, at: str) -> bytes:
    """The content of a signed message, and nothing that stands outside the signature.

    One good signature by one of `keys` is enough: Debian signs with the keys of two releases. IntegrityError where there
    is none; `at` (host and suite) says where the message came from.
    """
    if b"-----BEGIN PGP" not in data:
        raise _unsigned(at, "it has no signature")
    certificates = [cert for key in keys for cert in pysequoia.Cert.split_bytes(key)]
    try:
        # verify raises one Exception class for every fault of the message.
        checked = pysequoia.verify(data, store=lambda _ids: certificates)
    except Exception as fault:
        raise _unsigned(at, _reason(fault)) from fault
    if not checked.valid_sigs or checked.bytes is None:
        raise _unsigned(at, "it has no signature")
    return checked.bytes


def _unsigned(at: str, reason: str) -> IntegrityError:
    return IntegrityError(
        f"not signed by a Debian archive key that envbuild knows: {reason}",
        at=at,
        hint="Something between Debian and here changed the file, or this is no Debian mirror: name another in "
        "ENVBUILD_DEBIAN_MIRROR. For a suite signed with newer keys, use a newer envbuild.",
    )


def _reason(fault: Exception) -> str:
    lines = str(fault).strip().splitlines()
    return lines[0] if lines else type(fault).__name__
