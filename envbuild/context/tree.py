"""A folder as content: its entries, and the one digest that they have, on every machine.

The digest is the sha256 of these bytes, where `field(b)` is b's length in ASCII decimal digits, a colon, and b:

    field("envbuild.context/1")
    then of each entry, sorted by the bytes of its path:
        field(path)     relative to the folder, its parts joined by `/`; no leading or trailing slash, no `.` or `..`
        field(kind)     `file`, `folder` or `link`
        field(mode)     `x` for a file that its owner may execute, else nothing
        field(content)  of a file the sha256 of its bytes, as 64 lower-case hex digits; of a link its target, byte for
                        byte; of a folder nothing

Every folder below the top one is an entry, an empty one too: Docker copies it. Paths and targets are the bytes that the
file system has: no case, no Unicode form and no encoding is changed. Times, owners, other mode bits, the folder's own
name and where it stands are no part of it. A file alone (`copy` takes one) is one entry whose path is empty.
"""

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal, TypeAlias

from envbuild.digest import Digest

__all__ = ["SCHEMA", "ContextEntry", "Kind", "context_digest", "links_out"]

SCHEMA = "envbuild.context/1"

Kind: TypeAlias = Literal["file", "folder", "link"]

_MOST_LINKS = 40
"""As the kernel counts (path_resolution(7)): more is a loop, which leads nowhere."""


@dataclass(frozen=True, slots=True)
class ContextEntry:
    """One file, folder or symbolic link of a context."""

    path: bytes
    kind: Kind
    executable: bool = False
    target: bytes = b""
    """Of a link: what it says."""
    sha256: str = ""
    """Of a file: 64 hex digits."""
    size: int = 0
    """Of a file; the sha256 says it already, so it is no part of the digest."""


def context_digest(entries: Iterable[ContextEntry]) -> Digest:
    """The digest of a folder's entries, in whatever order they come. ValueError where they cannot be one folder's."""
    hasher = hashlib.sha256(_field(SCHEMA.encode()))
    before: bytes | None = None
    for entry in sorted(entries, key=lambda e: e.path):
        if entry.path == before:
            raise ValueError(f"two entries have the path {entry.path!r}")
        before = entry.path
        hasher.update(_encoded(entry))
    return Digest(hasher.hexdigest())


def _encoded(entry: ContextEntry) -> bytes:
    path, kind = entry.path, entry.kind
    parts = path.split(b"/")
    if b"\0" in path or (path and any(part in (b"", b".", b"..") for part in parts)) or (not path and kind != "file"):
        raise ValueError(f"no path in a folder: {path!r}")
    content = {"file": entry.sha256.encode(), "link": entry.target, "folder": b""}[kind]
    if (kind == "file") != (len(entry.sha256) == 64) or (kind == "link") != bool(entry.target):
        raise ValueError(f"not what a {kind} has: {entry!r}")
    mode = b"x" if entry.executable and kind == "file" else b""
    return _field(path) + _field(kind.encode()) + _field(mode) + _field(content)


def _field(data: bytes) -> bytes:
    return b"%d:%b" % (len(data), data)


def links_out(entries: Iterable[ContextEntry]) -> Iterator[ContextEntry]:
    """The links that lead out of the folder: absolute ones, and those that climb above its top, other links followed.

    A link that leads nowhere, or round and round, stays inside.
    """
    known = {entry.path: entry for entry in entries}
    for entry in known.values():
        if entry.kind == "link" and _leaves(entry, known):
            yield entry


def _leaves(link: ContextEntry, known: dict[bytes, ContextEntry]) -> bool:
    at = link.path.split(b"/")[:-1]
    rest = link.target.split(b"/")
    if link.target.startswith(b"/"):
        return True
    followed = 1
    while rest:
        part = rest.pop(0)
        if part == b"..":
            if not at:
                return True
            at.pop()
        elif part not in (b"", b"."):
            at.append(part)
            met = known.get(b"/".join(at))
            if met is not None and met.kind == "link":
                followed += 1
                if followed > _MOST_LINKS:
                    return False
                if met.target.startswith(b"/"):
                    return True
                at.pop()
                rest = [*met.target.split(b"/"), *rest]
    return False
