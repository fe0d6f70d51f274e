"""What a conda prefix has beside its packages: its history, a mark for backup programs, a word for pip, and a program."""

from collections.abc import Callable

from envbuild.digest import Digest
from envbuild.layers.conda.activateprogram import ACTIVATE_PROGRAM, activate_program
from envbuild.layers.writer import LayerWriter, ancestors
from envbuild.lockfile import Interpreter
from envbuild.members import Member, MemberKind, Segment

__all__ = ["layer_of_conda_prefix", "prefix_files"]

_PREFIX = "/opt/env"
_CACHEDIR_TAG = """\
Signature: 8a477f597d28d172789f06886806bc55
# This file is a cache directory tag created by rattler.
# For information about cache directory tags, see:
#\thttps://bford.info/cachedir/
"""
"""As rattler writes it into every prefix."""
_HOW_TO_ADD = """\
[externally-managed]
Error=This environment is an image made by envbuild from a locked list of packages.
 A package installed here would be lost with the container.
 .
 To add a package, add it to the definition (environment.yml or envbuild.toml)
 and build again: envbuild build FILE
"""


def layer_of_conda_prefix(python: Interpreter | None, sink: Callable[[bytes], object], *, layer_id: Digest) -> Segment:
    """Write the layer to `sink`. Facts of its table: `python`, the minor version that pip is kept from, if any."""
    folder = _PREFIX.lstrip("/")
    files = {f"{folder}/{path}": file for path, file in sorted(prefix_files(python, _PREFIX).items())}
    members = (Member(path=path, kind=MemberKind.FILE, mode=mode) for path, (_, mode) in files.items())
    writer = LayerWriter(sink, ancestors(members))
    for path, (content, mode) in files.items():
        writer.file(path, mode, content)
    return writer.finish(layer_id, {"python": f"{python.minor}{python.abi}"} if python else {})


def prefix_files(python: Interpreter | None, prefix: str) -> dict[str, tuple[bytes, int]]:
    """Content and mode of each file, by path relative to the prefix.

    The history is empty, as rattler leaves it: what was asked for is no part of an image. A Python is marked as externally
    managed (PEP 668), so that pip says how a package is added.
    """
    files = {
        ACTIVATE_PROGRAM: (activate_program(prefix), 0o755),
        "CACHEDIR.TAG": (_CACHEDIR_TAG.encode(), 0o644),
        "conda-meta/history": (b"", 0o644),
    }
    if python is not None:
        library = python.site_packages.removesuffix("/site-packages")
        files[f"{library}/EXTERNALLY-MANAGED"] = (_HOW_TO_ADD.encode(), 0o644)
    return files
