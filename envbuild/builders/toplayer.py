"""The top layer: files that are made from all packages together, and what packages disagreed on."""

from collections.abc import Callable, Mapping, Sequence

from envbuild.digest import Digest
from envbuild.layers.join import Piece, ReadRange, append, entry_content
from envbuild.layers.systemfiles import SystemFile
from envbuild.layers.writer import LayerWriter, ancestors
from envbuild.members import Member, MemberKind, Segment
from envbuild.plan import Conflict, Plan

__all__ = ["contents", "write_top"]


def write_top(
    files: Sequence[SystemFile],
    plan: Plan,
    segments: Mapping[str, Segment],
    read: ReadRange,
    sink: Callable[[bytes], object],
    layer_id: Digest,
) -> Segment:
    """Write the layer: these files, the winners of the plan's conflicts, directories whose mode others reset."""
    generated = {f.path: f for f in files}
    winners = {c.path: _winning_piece(c, segments) for c in plan.conflicts if c.path not in generated}
    placed = [_place(f) for f in files] + [m for p in winners.values() for m in p.members] + list(plan.directories)
    writer = LayerWriter(sink, ancestors(placed))
    for path in sorted([*generated, *winners]):
        if path in winners:
            append(writer, winners[path], read)
        elif generated[path].target:
            writer.link(path, generated[path].target)
        else:
            writer.file(path, generated[path].mode, generated[path].content)
    for directory in plan.directories:
        writer.directory(directory)
    return writer.finish(layer_id, {})


def _place(file: SystemFile) -> Member:
    return Member(path=file.path, kind=MemberKind.LINK if file.target else MemberKind.FILE, mode=file.mode)


def _winning_piece(conflict: Conflict, segments: Mapping[str, Segment]) -> Piece:
    segment = segments[conflict.winner.sha256]
    return Piece(segment, tuple(m for m in segment.table.members if m.path == conflict.path))


def contents(segments: Sequence[Segment], read: ReadRange) -> Callable[[str], bytes]:
    """The content of a file by its path; the last segment that has it counts."""
    places = {m.path: (s, m) for s in segments for m in s.table.members if m.kind is MemberKind.FILE}

    def content(path: str) -> bytes:
        segment, member = places[path]
        return entry_content(read(segment, member.offset, member.length), member.size)

    return content
