"""Extended headers of pax archives (POSIX.1-2001): the records that change an entry's name, link target or size.

Python's tarfile writes one for each time that is no whole second, so most conda packages are full of them.
"""

from typing import NamedTuple

__all__ = ["EMPTY", "Extended", "extended"]


class Extended(NamedTuple):
    """What an extended header says of the entry behind it; nothing where it says nothing."""

    path: str = ""
    target: str = ""
    size: int | None = None


EMPTY = Extended()

_SPARSE = ("GNU.sparse.", "SCHILY.realsize")
_UNDERSTOOD = frozenset((b"path", b"linkpath", b"size"))


def extended(data: bytes) -> Extended:
    """The records of one header. ValueError where two readers could understand them differently.

    Owners, times, attributes and comments are skipped: an image has none of them.
    """
    found: dict[bytes, bytes] = {}
    at = 0
    while at < len(data):
        keyword, value, at = _record(data, at)
        if keyword.decode("latin-1").startswith(_SPARSE):
            raise ValueError("a sparse file")
        if keyword in _UNDERSTOOD:
            if keyword in found or not value or b"\0" in value:
                raise ValueError(f"an extended header whose {keyword.decode()} is empty, or there twice")
            found[keyword] = value
    size = found.get(b"size")
    if size is not None and not (size.isdigit() and len(size) < 20):
        raise ValueError(f"a size that is no number: {size!r}")
    path, target = (found.get(key, b"").decode("utf-8", "surrogateescape") for key in (b"path", b"linkpath"))
    return Extended(path, target, None if size is None else int(size))


def _record(data: bytes, at: int) -> tuple[bytes, bytes, int]:
    """Keyword and value of `<length> <keyword>=<value>`, line feed, at an offset, and where the next record begins."""
    blank = data.find(b" ", at, at + 20)
    digits = data[at:blank] if blank > at else b""
    end = at + int(digits) if digits.isdigit() else -1
    if not blank < end <= len(data) or data[end - 1 : end] != b"\n":
        raise ValueError("an extended header that is no list of records")
    keyword, equals, value = data[blank + 1 : end - 1].partition(b"=")
    if not equals or not keyword:
        raise ValueError("an extended header that is no list of records")
    return keyword, value, end
