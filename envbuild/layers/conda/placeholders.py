"""A package's files carry the prefix that it was built in; here the environment's own takes its place, as rattler does it.

Text: every occurrence is replaced. A first line `#!...` that gets too long for Linux (127 bytes), or whose prefix has a
blank, is led through /usr/bin/env, and through /bin/sh where it names a Python. Binaries: in each NUL-terminated string
that holds the placeholder all occurrences are replaced, and NULs fill the string up, so that nothing moves.

Everything is streamed: content comes and goes in pieces, and only the ends of pieces are held back.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum

from envbuild.errors import BuildFailed
from envbuild.layers.conda.condafault import bad_package

__all__ = ["FileMode", "Placeholder", "PrefixTooLong", "replaced"]

_LONGEST_SHEBANG = 127
"""Bytes that Linux reads of a first line (BINPRM_BUF_SIZE less its end), as rattler and conda count them."""
_LONGEST_FIRST_LINE = 1 << 20
_SHEBANG = re.compile(r"(#! *(/(?:\\ |[^ \n\r\t])*)(.*))")
_PYTHON = re.compile(r"python(?:\d+(?:\.\d+)?)?")


class FileMode(StrEnum):
    """How the placeholder is replaced in a file (paths.json, `file_mode`)."""

    TEXT = "text"
    BINARY = "binary"


@dataclass(frozen=True, slots=True)
class Placeholder:
    """The prefix that a file was built with, and how it is replaced."""

    text: str
    mode: FileMode


class PrefixTooLong(BuildFailed):
    """The environment's prefix does not fit into the strings of a package's binaries."""


def replaced(pieces: Iterable[bytes], placeholder: Placeholder, prefix: str) -> Iterator[bytes]:
    """The content with `prefix` for the placeholder. PrefixTooLong where a binary has no room for it."""
    old, new = placeholder.text.encode(), prefix.encode()
    if placeholder.mode is FileMode.TEXT:
        return _text(pieces, (placeholder.text, prefix))
    if len(new) > len(old):
        raise PrefixTooLong(
            f"the prefix {prefix} has {len(new)} bytes, and the package's binaries have room for {len(old)}",
            hint="use a shorter prefix, or a newer build of the package: those have room for 255",
        )
    return _binary(pieces, old, new)


def _text(pieces: Iterable[bytes], old_new: tuple[str, str]) -> Iterator[bytes]:
    remaining = iter(pieces)
    start = b""
    for piece in remaining:
        start += piece
        if start[:2] != b"#!"[: len(start)] or b"\n" in start:
            break
        if len(start) > _LONGEST_FIRST_LINE:
            raise bad_package("a script's first line has no end")
    if start.startswith(b"#!"):
        first, feed, rest = start.partition(b"\n")
        yield _first_line(first.decode("utf-8", "replace"), *old_new).encode()
        start = feed + rest
    yield from _everywhere(start, remaining, old_new[0].encode(), old_new[1].encode())


def _everywhere(start: bytes, pieces: Iterator[bytes], old: bytes, new: bytes) -> Iterator[bytes]:
    held = b""
    piece: bytes | None = start
    while piece is not None:
        buffer = held + piece
        out: list[bytes] = []
        at = 0
        while (found := buffer.find(old, at)) >= 0:
            out += (buffer[at:found], new)
            at = found + len(old)
        kept = max(at, len(buffer) - len(old) + 1)
        out.append(buffer[at:kept])
        held = buffer[kept:]
        yield b"".join(out)
        piece = next(pieces, None)
    yield held


def _first_line(line: str, old: str, new: str) -> str:
    if " " in new:
        return _through_env(line).replace(old, new) if old in line else line
    line = line.replace(old, new)
    return line if len(line.encode()) <= _LONGEST_SHEBANG else _through_env(line)


def _through_env(line: str) -> str:
    found = _SHEBANG.fullmatch(line)
    if not found:
        return line
    program, arguments = found[2], found[3]
    name = program.rpartition("/")[2]
    if _PYTHON.fullmatch(name):
        return f"#!/bin/sh\n'''exec' \"{program}\"{arguments} \"$0\" \"$@\" #'''"
    return f"#!/usr/bin/env {name}{arguments}"


def _binary(pieces: Iterable[bytes], old: bytes, new: bytes) -> Iterator[bytes]:
    held, owed = b"", 0
    for piece in pieces:
        buffer = held + piece
        out: list[bytes] = []
        at, owed = _strings(buffer, (old, new), out, owed)
        kept = max(at, len(buffer) - len(old) + 1)
        out.append(buffer[at:kept])
        held = buffer[kept:]
        yield b"".join(out)
    yield held + bytes(owed)


def _strings(buffer: bytes, old_new: tuple[bytes, bytes], out: list[bytes], owed: int) -> tuple[int, int]:
    """Replaces what is whole in the buffer: where the rest begins, and how many NULs the string that is open there is owed."""
    old, new = old_new
    at = 0
    while True:
        found = buffer.find(old, at)
        end = buffer.find(b"\0", at, found if found >= 0 else None) if owed else -1
        if end >= 0:
            out += (buffer[at:end], bytes(owed))
            at, owed = end, 0
        elif found >= 0:
            out += (buffer[at:found], new)
            at = found + len(old)
            owed += len(old) - len(new)
        else:
            return at, owed
