"""`LayerWriter`: one artifact's layer blob, written in one pass: directories, the segment of entries, the end of archive.

Small pieces are gathered before they are hashed and passed on, so that other threads run meanwhile.
"""

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence

from envbuild.digest import Digest
from envbuild.layers.gzipmembers import stored, zeros
from envbuild.layers.tarheader import BLOCK, END_OF_ARCHIVE, header
from envbuild.members import DIRECTORY_MODES, Member, MemberKind, MemberTable, Segment

__all__ = ["LayerWriter", "ancestors", "parents", "preamble"]


_BATCH = 1 << 19
"""Bytes that are gathered: enough for hashing to outweigh a change of threads, few enough for the cache."""


class LayerWriter:
    """Counts and hashes what it passes on to `sink`. Entries come sorted by path; `packed` is always whole gzip members."""

    def __init__(self, sink: Callable[[bytes], object], directories: Iterable[Member]) -> None:
        """Writes the preamble: `directories` are all that the layer names, parents before children (`ancestors`)."""
        self._sink = sink
        self._blob, self._diff = hashlib.sha256(), hashlib.sha256()
        self._size = 0
        self._plain: list[bytes] = []
        self._packed: list[bytes] = []
        self._gathered = 0
        self._members: list[Member] = []
        self._explicit: list[Member] = []
        plain = preamble(directories)
        if plain:
            self.write(plain, stored(plain))
        self._start = self._size

    @property
    def offset(self) -> int:
        """Where the next entry starts, relative to the segment."""
        return self._size - self._start

    def write(self, plain: bytes, packed: bytes) -> None:
        """More of the layer: uncompressed bytes, and the gzip members (or a part of one) that hold them."""
        self.extend((plain,), (packed,))

    def extend(self, plain: Sequence[bytes], packed: Sequence[bytes]) -> None:
        """`write`, where both sides are in pieces."""
        self._plain += plain
        self._packed += packed
        size = sum(map(len, packed))
        self._size += size
        self._gathered += size + sum(map(len, plain))
        if self._gathered >= _BATCH:
            self._flush()

    def plain(self, data: bytes) -> None:
        """Uncompressed bytes alone, where both sides come in pieces of their own."""
        self._plain.append(data)
        self._gathered += len(data)
        if self._gathered >= _BATCH:
            self._flush()

    def packed(self, data: bytes) -> None:
        """Compressed bytes alone."""
        self._packed.append(data)
        self._gathered += len(data)
        self._size += len(data)
        if self._gathered >= _BATCH:
            self._flush()

    def _flush(self) -> None:
        self._gathered = 0
        if self._plain:
            self._diff.update(_joined(self._plain))
            self._plain.clear()
        if self._packed:
            packed = _joined(self._packed)
            self._packed.clear()
            self._blob.update(packed)
            self._sink(packed)

    def entry(
        self, path: str, kind: MemberKind, mode: int, *, size: int, sha256: str, target: str, offset: int
    ) -> None:
        """Note that the entry which began at `offset` is complete."""
        self._members.append(
            Member(
                path=path, kind=kind, mode=mode, size=size, sha256=sha256, target=target,
                offset=offset, length=self.offset - offset,
            )
        )  # fmt: skip

    def file(self, path: str, mode: int, content: bytes) -> None:
        """A file whose content is stored as it is."""
        offset = self.offset
        plain = header(path, MemberKind.FILE, mode, len(content)) + content + bytes(-len(content) % BLOCK)
        self.write(plain, stored(plain))
        sha256 = hashlib.sha256(content).hexdigest()
        self.entry(path, MemberKind.FILE, mode, size=len(content), sha256=sha256, target="", offset=offset)

    def link(self, path: str, target: str) -> None:
        """A symbolic link."""
        offset = self.offset
        plain = header(path, MemberKind.LINK, 0o777, 0, target)
        self.write(plain, stored(plain))
        self.entry(path, MemberKind.LINK, 0o777, size=0, sha256="", target=target, offset=offset)

    def directory(self, member: Member) -> None:
        """A directory that the artifact names itself: part of the table, its entry is the preamble's."""
        self._explicit.append(member)

    def finish(self, layer_id: Digest, facts: Mapping[str, str]) -> Segment:
        """The segment, once the end of archive is written."""
        length = self.offset
        self.write(END_OF_ARCHIVE, zeros(len(END_OF_ARCHIVE)))
        self._flush()
        members = tuple(sorted([*self._members, *self._explicit], key=lambda m: m.path))
        return Segment(
            layer_id=layer_id,
            blob=Digest(self._blob.hexdigest()),
            size=self._size,
            diff_id=Digest(self._diff.hexdigest()),
            start=self._start,
            length=length,
            table=MemberTable(members, facts),
        )


def ancestors(members: Iterable[Member]) -> list[Member]:
    """Every directory that these paths need, parents first; the directories among `members` keep their own mode."""
    members = list(members)
    named = {m.path: m for m in members if m.kind is MemberKind.DIRECTORY}
    return [
        named.get(path) or Member(path=path, kind=MemberKind.DIRECTORY, mode=DIRECTORY_MODES.get(path, 0o755))
        for path in sorted(parents(m.path for m in members) | named.keys())
    ]


def parents(paths: Iterable[str]) -> set[str]:
    """Every directory that these paths lie in, at any depth."""
    found: set[str] = set()
    for path in paths:
        while (cut := path.rfind("/")) > 0 and (path := path[:cut]) not in found:
            found.add(path)
    return found


def preamble(directories: Iterable[Member]) -> bytes:
    """The tar entries of these directories, uncompressed."""
    return b"".join(header(d.path, MemberKind.DIRECTORY, d.mode) for d in directories)


def _joined(pieces: list[bytes]) -> bytes:
    return pieces[0] if len(pieces) == 1 else b"".join(pieces)
