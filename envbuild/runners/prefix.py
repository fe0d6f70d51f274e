"""Environments as folders, to run without a container: a lock's wheels, unpacked beside a link to the host's own Python.

Made once for a lock. The bytecode that runs write stays in it.
"""

import os
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

from envbuild.digest import Digest
from envbuild.members import Segment
from envbuild.ports import OpensBlobs, Reporter
from envbuild.runners.interpreter import HostPython
from envbuild.runners.madeonce import make_once
from envbuild.runners.prefixwheels import unpack_wheels

__all__ = ["find_prefix", "make_prefix"]


def find_prefix(folder: Path) -> Path | None:
    """The environment, if it was made and its interpreter is still there."""
    return folder if (folder / "bin" / "python").exists() else None


def make_prefix(
    segments: Sequence[Segment],
    blobs: OpensBlobs,
    python: HostPython,
    folder: Path,
    report: Reporter,
    left_out: Mapping[Digest, Collection[str]] | None = None,
) -> Path:
    """The environment of these wheels at `folder`, found or made.

    `left_out` has, by layer id, paths that another of the segments has in its stead; of equal files the first is taken.
    IntegrityError where a package would leave the folder; EnvironmentFault where the disk does not take it.
    """

    def is_there() -> bool:
        if find_prefix(folder):
            return True
        if (folder / "pyvenv.cfg").exists():
            _link_interpreter(folder, python)
            return True
        return False

    def fill(aside: Path) -> None:
        unpack_wheels(aside, segments, blobs, folder, report, left_out or {})
        _link_interpreter(aside, python)

    if not find_prefix(folder):
        make_once(folder, is_there, fill, report, what="the environment")
    return folder


def _link_interpreter(root: Path, python: HostPython) -> None:
    """A virtual environment over the host's Python (PEP 405), without its packages."""
    settings = f"home = {python.path.parent}\ninclude-system-site-packages = false\nversion = {python.version}\n"
    (root / "pyvenv.cfg").write_text(settings, encoding="utf-8")
    for name, target in (
        ("python", str(python.path)),
        ("python3", "python"),
        (f"python{python.minor}", "python"),
    ):
        link = root / "bin" / name
        link.unlink(missing_ok=True)
        link.symlink_to(target)
    # Where a distribution keeps compiled modules in lib64, Python looks there too (as the venv module does).
    if not os.path.lexists(root / "lib64"):
        (root / "lib").mkdir(exist_ok=True)
        (root / "lib64").symlink_to("lib")
