"""`LayerWriter`: hashes, offsets and the order of bytes, however the pieces come."""

import gzip
import hashlib
import tarfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from envbuild.digest import Digest
from envbuild.layers.gzipmembers import stored
from envbuild.layers.writer import LayerWriter, ancestors, parents, preamble
from envbuild.members import Member, MemberKind

ID = Digest("1" * 64)


def member(path: str, kind: MemberKind = MemberKind.FILE, mode: int = 0o644) -> Member:
    return Member(path=path, kind=kind, mode=mode)


def test_files_links_and_folders(making):
    """What is written is what a reader of the layer finds, in this order, and the table says the same."""
    folder = member("opt/empty", MemberKind.DIRECTORY, 0o700)
    out: list[bytes] = []
    writer = LayerWriter(out.append, ancestors([member("opt/a"), member("opt/b/c"), folder]))
    writer.file("opt/a", 0o755, b"content")
    writer.link("opt/b/c", "../a")
    writer.directory(folder)
    segment = writer.finish(ID, {"fact": "1"})
    plain = gzip.decompress(b"".join(out))
    assert making.entries_of(plain) == {
        "opt": (tarfile.DIRTYPE, 0o755, b""),
        "opt/b": (tarfile.DIRTYPE, 0o755, b""),
        "opt/empty": (tarfile.DIRTYPE, 0o700, b""),
        "opt/a": (tarfile.REGTYPE, 0o755, b"content"),
        "opt/b/c": (tarfile.SYMTYPE, 0o777, b"../a"),
    }
    assert [m.path for m in segment.table.members] == ["opt/a", "opt/b/c", "opt/empty"]
    assert segment.table.facts == {"fact": "1"}
    assert segment.layer_id == ID
    assert segment.size == len(b"".join(out))


@given(st.lists(st.tuples(st.integers(0, 300_000), st.sampled_from(["both", "plain", "packed"])), max_size=12))
def test_pieces_in_any_order(pieces):
    """Small pieces wait for each other before they go on: none may be lost, doubled or overtaken."""
    out: list[bytes] = []
    writer = LayerWriter(out.append, [])
    plain, packed = bytearray(), bytearray()
    for number, (size, side) in enumerate(pieces):
        data = bytes([number]) * size
        if side != "packed":
            plain += data
        if side != "plain":
            packed += data
        {"both": lambda d: writer.write(d, d), "plain": writer.plain, "packed": writer.packed}[side](data)
        assert writer.offset == len(packed)
    segment = writer.finish(ID, {})
    assert b"".join(out)[: len(packed)] == packed
    assert segment.blob == Digest.of(b"".join(out))
    assert segment.diff_id.hex == hashlib.sha256(bytes(plain) + bytes(1024)).hexdigest()
    assert segment.length == len(packed)


def test_large_pieces_go_on_at_once():
    """A writer that gathers without end would hold a whole layer in memory."""
    out: list[bytes] = []
    writer = LayerWriter(out.append, [])
    for _ in range(64):
        writer.write(bytes(1 << 16), stored(bytes(1 << 16)))
    assert len(out) >= 4


@pytest.mark.parametrize(("path", "mode"), [("tmp", 0o1777), ("var/tmp", 0o1777), ("root", 0o700), ("usr", 0o755)])
def test_modes_of_folders_that_others_made(path, mode):
    """A layer that names /tmp with 0755 takes it away from every user of the image."""
    assert [m.mode for m in ancestors([member(f"{path}/x")]) if m.path == path] == [mode]


def test_ancestors_are_sorted_and_whole():
    """Parents first, each once; a folder that is named keeps its mode."""
    found = ancestors([member("a/b/c/d"), member("a/x"), member("a/b", MemberKind.DIRECTORY, 0o711)])
    assert [(m.path, m.mode) for m in found] == [("a", 0o755), ("a/b", 0o711), ("a/b/c", 0o755)]
    assert parents(["a/b/c/d", "a/x", "top"]) == {"a", "a/b", "a/b/c"}
    assert preamble([]) == b""
