"""Canonical JSON: one value, one spelling. Every id is a digest of these bytes, so this never changes.

It follows RFC 8785 (JCS): UTF-8, no spaces, nothing escaped that need not be; keys are sorted by code point.
Refused, because two writers could spell them differently: floats, keys that are no strings, lone surrogates, integers
beyond 2**53.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import TypeAlias

__all__ = ["JSON", "encode"]

JSON: TypeAlias = bool | int | str | Sequence["JSON"] | Mapping[str, "JSON"] | None
"""A value that has a canonical form."""

_LARGEST = 2**53
_encoder = json.JSONEncoder(ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False)


def encode(value: JSON) -> bytes:
    """The canonical UTF-8 bytes of `value`. TypeError or ValueError says what has no canonical form."""
    _check(value)
    return _encoder.encode(value).encode("utf-8")


def _check(value: JSON) -> None:
    if value is None or isinstance(value, (bool, str)):
        return
    if isinstance(value, int):
        if abs(value) > _LARGEST:
            raise ValueError(f"integer beyond 2**53: {value}")
    elif isinstance(value, Mapping):
        for key in value:
            if not isinstance(key, str):
                raise TypeError(f"key is not a string: {key!r}")
        _check_all(value.values())
    elif isinstance(value, (list, tuple)):
        _check_all(value)
    else:
        raise TypeError(f"no canonical form: {type(value).__name__}")


def _check_all(values: Iterable[JSON]) -> None:
    for value in values:
        if type(value) is not str:  # most are, and a call for each is most of the time
            _check(value)
