"""A lock's standalone Python as a folder, to run without a container: unpacked from its layer, once for all environments."""

import os
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from envbuild import host
from envbuild.errors import BuildFailed, IntegrityError
from envbuild.layers.pythonplace import is_placed_text, moved_text
from envbuild.layers.pythontree import PYTHON_HOME
from envbuild.lockfile import Interpreter
from envbuild.members import Member, MemberKind, Segment
from envbuild.ports import OpensBlobs, Reporter
from envbuild.runners.interpreter import HostPython
from envbuild.runners.madeonce import make_once
from envbuild.runners.unpack import place_of, unpack

__all__ = ["find_python", "make_python"]

MARKER = ".envbuild-python"
"""A file that says what the folder is, for who checks the store."""
_STAGE = "unpack"


def find_python(folder: Path, interpreter: Interpreter) -> HostPython | None:
    """The interpreter, if it was unpacked at `folder`; it is a program of this machine then."""
    program = folder / "bin" / PurePosixPath(interpreter.path).name
    if not os.access(program, os.X_OK):
        return None
    return HostPython(program, interpreter.version, host.machine(), host.platform(), host.glibc_version())


def make_python(
    segment: Segment, blobs: OpensBlobs, interpreter: Interpreter, folder: Path, report: Reporter
) -> HostPython:
    """The interpreter of this layer at `folder`, found or unpacked.

    IntegrityError where the layer would leave the folder; EnvironmentFault where the disk does not take it.
    """

    def fill(aside: Path) -> None:
        report.begin(_STAGE, segment.size)
        _fill(aside, segment, blobs, folder)
        report.advance(_STAGE, segment.size)
        report.end(_STAGE)

    found = find_python(folder, interpreter)
    if found is None:
        make_once(folder, lambda: find_python(folder, interpreter), fill, report, what="the interpreter")
        found = find_python(folder, interpreter)
    if found is None:
        raise BuildFailed("the layer of the interpreter has no interpreter", at=interpreter.path)
    return found


def _fill(root: Path, segment: Segment, blobs: OpensBlobs, final: Path) -> None:
    """Files first, then links: nothing is written through one."""
    files: list[tuple[Member, str]] = []
    links: list[tuple[str, str]] = []
    for member in segment.table.members:
        if not member.path.startswith(f"{PYTHON_HOME}/"):
            continue
        if member.path.removeprefix(f"{PYTHON_HOME}/").split("/")[0] == MARKER:
            raise IntegrityError("the interpreter has a file that only envbuild itself writes", at=f"/{member.path}")
        if member.kind is MemberKind.LINK:
            links.append((_inside(member), member.target))
        elif member.kind is MemberKind.FILE:
            files.append((member, place_of(member, PYTHON_HOME)))
    for place in sorted(
        {str(PurePosixPath(place).parent) for place in (*(p for _, p in files), *(p for p, _ in links))}
    ):
        (root / place).mkdir(mode=0o755, parents=True, exist_ok=True)
    with blobs.open(segment.blob) as blob:
        unpack(segment, files, blob, root)
    # Before there is any link that it could go through.
    (root / MARKER).touch(exist_ok=False)
    for place, target in links:
        (root / place).symlink_to(target)
    for path in _placed_texts(root, files):
        path.write_bytes(moved_text(path.read_bytes(), f"/{PYTHON_HOME}", str(final)))


def _inside(member: Member) -> str:
    """Where a link goes. IntegrityError for one that leads out of the interpreter's folder."""
    place = member.path.removeprefix(f"{PYTHON_HOME}/")
    led_to = os.path.normpath(PurePosixPath(place).parent / member.target)
    if member.target.startswith("/") or led_to.startswith("..") or ".." in place.split("/") or "\0" in member.target:
        raise IntegrityError("the interpreter has a link that leaves its folder", at=f"/{member.path}")
    return place


def _placed_texts(root: Path, files: list[tuple[Member, str]]) -> Iterator[Path]:
    for member, place in files:
        with (root / place).open("rb") as stream:
            if is_placed_text(place, member.size, stream.read(2)):
                yield root / place
