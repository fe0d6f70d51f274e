"""Bytecode in a package, made valid for an image: each file there has one time, and Python believes bytecode that names it.

A .pyc file begins with a magic number, flags, and, where the flags are 0, time and size of the file that it was compiled
from (PEP 552). It is believed where both are those of the file. Here the time becomes the one of every file in an image, if
the size is right; bytecode whose source has another size, or is changed with the prefix, stays what it is: not believed.
"""

import re
from collections.abc import Iterable, Iterator

from envbuild.layers.tarheader import MTIME

__all__ = ["source_path", "stamped"]

_CACHED = re.compile(r"(.*/)?__pycache__/([^/]+?)\.[a-z]+-?[0-9a-z]+(?:\.opt-[0-9a-z]+)?\.pyc")
_HEADER = 16


def source_path(path: str) -> str | None:
    """The file that a path's bytecode was compiled from (PEP 3147), or None where the path is none of bytecode."""
    if found := _CACHED.fullmatch(path):
        return f"{found[1] or ''}{found[2]}.py"
    return path.removesuffix("c") if path.endswith(".pyc") else None


def stamped(pieces: Iterable[bytes], source_size: int) -> Iterator[bytes]:
    """Bytecode in pieces, with the time of an image's files, if it says that its source has `source_size` bytes."""
    remaining = iter(pieces)
    head = b""
    while len(head) < _HEADER and (piece := next(remaining, None)) is not None:
        head += piece
    is_timed = len(head) >= _HEADER and head[4:8] == bytes(4)
    if is_timed and int.from_bytes(head[12:16], "little") == source_size & 0xFFFFFFFF:
        head = head[:8] + MTIME.to_bytes(4, "little") + head[12:]
    yield head
    yield from remaining
