"""What a standalone Python says of the place and the compilers it was built with, made to fit where it lies.

The builds name their place `/install` and their own clang: in sysconfig's data, the Makefile beside it, pkg-config's
files and a few scripts. The interpreter finds itself and needs none of it; what compiles extensions does (uv changes the
same on installing).
"""

import re

from envbuild.layers.pythontree import PYTHON_HOME

__all__ = ["fitted_text", "is_placed_text", "moved_text"]

_PLACED = re.compile(
    r"""
      bin/[^/]+
    | lib/pkgconfig/[^/]+\.pc
    | lib/python3[^/]*/(?:_sysconfigdata_[^/]*\.py|_sysconfig_vars_[^/]*\.json|build-details\.json)
    | lib/python3[^/]*/config-[^/]*/(?:Makefile|python-config\.py)
    """,
    re.VERBOSE,
)
_COMPILING = re.compile(r"lib/python3[^/]*/(?:_sysconfig[^/]*|config-[^/]*/Makefile)")
_TOOLS = re.compile(
    rb"(?<![\w./+-])(?:(?:/tools/[\w./+-]+/)?(clang\+\+|clang|llvm-ar)|(?:/usr/bin/)?\w+-linux-gnu-(gcc|g\+\+|ar))(?![\w./+-])"
)
_PLAIN_TOOLS = {b"clang": b"cc", b"gcc": b"cc", b"clang++": b"c++", b"g++": b"c++", b"llvm-ar": b"ar", b"ar": b"ar"}
_BUILT_FOR = "/install"
_LARGEST = 4 << 20


def is_placed_text(name: str, size: int, start: bytes) -> bool:
    """Whether a file (by its name below the interpreter's folder, and its first bytes) may name its place."""
    return bool(_PLACED.fullmatch(name)) and size <= _LARGEST and (not name.startswith("bin/") or start[:2] == b"#!")


def fitted_text(name: str, content: bytes) -> bytes:
    """A file's text as it is in an image: with the interpreter's place there, and the usual names of compilers."""
    placed = moved_text(content, _BUILT_FOR, f"/{PYTHON_HOME}")
    return _TOOLS.sub(_plain_tool, placed) if _COMPILING.fullmatch(name) else placed


def moved_text(content: bytes, old: str, new: str) -> bytes:
    """A text that names paths below `old`, with `new` in its stead; a path that only ends like `old` stays."""
    pattern = rb"(?:(?<![\w./-])|(?<=-[ILR]))" + re.escape(old.encode()) + rb"(?![\w.-])"
    return re.sub(pattern, lambda _: new.encode(), content)


def _plain_tool(found: re.Match[bytes]) -> bytes:
    return _PLAIN_TOOLS[found[1] or found[2]]
