"""Debian package versions and their order (Debian Policy 5.6.12, as dpkg implements it)."""

import re
from functools import lru_cache

__all__ = ["SortKey", "compare", "satisfies", "sort_key"]

_PART = re.compile(r"([^0-9]*)([0-9]*)")
_VERSION = re.compile(r"[0-9A-Za-z.+:~-]+")
_EPOCH = re.compile(r"[0-9]+")

_Parts = tuple[tuple[tuple[int, ...], int], ...]
SortKey = tuple[int, _Parts, _Parts]
"""Epoch, upstream version, revision: each made comparable."""


@lru_cache(maxsize=1 << 14)
def sort_key(version: str) -> SortKey:
    """A key that sorts versions as dpkg does: `1.0~rc1 < 1.0 < 1.0-1 < 1.0-1+b1 < 1:0.5`. ValueError: not a version."""
    if not _VERSION.fullmatch(version):
        raise ValueError(f"not a Debian version: {version!r}")
    epoch, colon, rest = version.partition(":")
    if not colon:
        epoch, rest = "0", version
    elif not _EPOCH.fullmatch(epoch) or not rest:
        raise ValueError(f"not a Debian version: {version!r}")
    upstream, _, revision = rest.rpartition("-") if "-" in rest else (rest, "", "")
    return int(epoch), _parts(upstream), _parts(revision)


def compare(left: str, right: str) -> int:
    """Below 0, 0 or above 0, as `left` is earlier than, equal to or later than `right`."""
    a, b = sort_key(left), sort_key(right)
    return (a > b) - (a < b)


def satisfies(version: str, operator: str, wanted: str) -> bool:
    """Whether `version operator wanted` holds; operators as in Debian Policy 7.1: `<< <= = >= >>`."""
    order = compare(version, wanted)
    match operator:
        case "<<":
            return order < 0
        case "<=" | "<":
            return order <= 0
        case "=":
            return order == 0
        case ">=" | ">":
            return order >= 0
        case ">>":
            return order > 0
        case _:
            raise ValueError(f"not a relation between versions: {operator!r}")


def _parts(text: str) -> _Parts:
    # The last pair that findall gives is empty: it ends every key, so that `~` sorts before the end.
    return tuple((_weights(other), int(digits or 0)) for other, digits in _PART.findall(text or "0"))


def _weights(text: str) -> tuple[int, ...]:
    return (*(-1 if c == "~" else ord(c) if c.isalpha() else ord(c) + 256 for c in text), 0)
