"""A lock's wheels in a folder: unpacked from their segments, their programs told of the folder's own Python."""

import hashlib
import os
from collections.abc import Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path, PurePosixPath

from envbuild.digest import Digest
from envbuild.layers.wheelrecord import encode_sha256, parse_record, write_record
from envbuild.layers.wheelscripts import with_interpreter
from envbuild.members import Member, MemberKind, Segment
from envbuild.ports import OpensBlobs, Reporter
from envbuild.runners.unpack import place_of, unpack

__all__ = ["IMAGE_PREFIX", "unpack_wheels"]

IMAGE_PREFIX = "opt/env"
"""Where an image has the environment, as its member tables say it."""

_STAGE = "unpack"
_SHEBANG = b"#!/opt/env/bin/python"

Files = list[tuple[Member, str]]
"""Members, and where each goes in the environment's folder."""


def unpack_wheels(
    root: Path,
    segments: Sequence[Segment],
    blobs: OpensBlobs,
    final: Path,
    report: Reporter,
    left_out: Mapping[Digest, Collection[str]],
) -> None:
    """Write the files of these wheels into `root`, which will be at `final`.

    `left_out` has, by layer id, paths that something else has in their stead; of equal files the first is taken.
    IntegrityError where a package would leave the folder.
    """
    shares = _shares(segments, left_out)
    folders = {str(PurePosixPath(place).parent) for files in shares for _, place in files}
    for place in sorted(folders | {"bin"}):
        (root / place).mkdir(mode=0o755, parents=True, exist_ok=True)

    def one(segment: Segment, files: Files) -> None:
        with blobs.open(segment.blob) as blob:
            unpack(segment, files, blob, root)
        _rewrite_scripts(root, files, final)
        report.advance(_STAGE, segment.size)

    report.begin(_STAGE, sum(segment.size for segment in segments))
    largest_first = sorted(zip(segments, shares, strict=True), key=lambda pair: -pair[0].size)
    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        jobs = [pool.submit(one, segment, files) for segment, files in largest_first]
        try:
            for job in jobs:
                job.result()
        finally:
            pool.shutdown(cancel_futures=True)
    report.end(_STAGE)


def _shares(segments: Sequence[Segment], left_out: Mapping[Digest, Collection[str]]) -> list[Files]:
    """What is taken of each segment, every place checked and taken once."""
    taken: set[str] = set()
    shares = []
    for segment in segments:
        omitted = left_out.get(segment.layer_id, ())
        files: Files = []
        for member in segment.table.members:
            place = place_of(member, IMAGE_PREFIX)
            if member.kind is MemberKind.FILE and place not in taken and member.path not in omitted:
                taken.add(place)
                files.append((member, place))
        shares.append(files)
    return shares


def _rewrite_scripts(root: Path, files: Files, final: Path) -> None:
    """Programs that name the image's interpreter get this environment's, and RECORD says so."""
    changed: dict[str, bytes] = {}
    for member, place in files:
        if place.startswith("bin/") and member.size < (1 << 20):
            content = (root / place).read_bytes()
            if content.startswith(_SHEBANG):
                content = with_interpreter(content, str(final / "bin" / "python"))
                (root / place).write_bytes(content)
                changed[place] = content
    records = [place for _, place in files if place.endswith(".dist-info/RECORD")]
    if changed and records:
        _rewrite_record(root, records[0], changed)


def _rewrite_record(root: Path, record: str, changed: Mapping[str, bytes]) -> None:
    site = PurePosixPath(record).parent.parent
    rows = []
    for path, row in parse_record((root / record).read_bytes()).items():
        content = changed.get(os.path.normpath(site / path))
        if content is not None:
            rows.append((path, encode_sha256(hashlib.sha256(content).digest()), str(len(content))))
        else:
            hashed = encode_sha256(row.digest).replace("sha256", row.algorithm, 1) if row.digest else ""
            rows.append((path, hashed, "" if row.size is None else str(row.size)))
    (root / record).write_bytes(write_record(rows))
