"""Pip's lines without `-r` and `-c`: what one document holds, so that it means the same where no file is beside it."""

import posixpath
from collections.abc import Iterable, Mapping

from envbuild.errors import InvalidDefinition
from envbuild.formats.pip.logicallines import LogicalLine, logical_lines, options_of
from envbuild.formats.pip.reqoptions import FLAGS, LONG_NAMES, SHORTS
from envbuild.formats.sourcefile import text_of

__all__ = ["inlined"]

_MOST = 1000


def inlined(lines: Iterable[str], files: Mapping[str, bytes]) -> tuple[list[str], list[str]]:
    """The lines, those of included requirements among them; and the lines of included constraints.

    `files`: what is included, by its path. A line whose file is not there stays as it is, and so do lines of which none
    includes anything.
    """
    given = list(lines)
    found = _Inlining(files)
    found.add("\n".join(given), (), constraint=False)
    return (found.lines, list(dict.fromkeys(found.constraints))) if found.read else (given, [])


class _Inlining:
    def __init__(self, files: Mapping[str, bytes]) -> None:
        self._files = files
        self.lines: list[str] = []
        self.constraints: list[str] = []
        self.read = 0

    def add(self, text: str, chain: tuple[str, ...], *, constraint: bool) -> None:
        """The lines of a text; `chain` are the files that led to it."""
        for line in logical_lines(text):
            self._line(line, chain, constraint=constraint)

    def _line(self, line: LogicalLine, chain: tuple[str, ...], *, constraint: bool) -> None:
        whole = " ".join(filter(None, (line.requirement, line.options)))
        try:
            options = [] if line.requirement else options_of(line.options, SHORTS, FLAGS)
        except ValueError:
            options = []
        if not any(LONG_NAMES.get(name, name) in ("--requirement", "--constraint") for name, _ in options):
            # What an option says holds for all lines, wherever it stands.
            (self.constraints if constraint and line.requirement else self.lines).append(whole)
            return
        for name, value in options:
            self._option(name, value or "", chain)

    def _option(self, name: str, value: str, chain: tuple[str, ...]) -> None:
        long = LONG_NAMES.get(name, name)
        path = posixpath.normpath(posixpath.join(posixpath.dirname(chain[-1] if chain else ""), value))
        is_include = long in ("--requirement", "--constraint")
        # Of which kind the lines are says the nearest of the options that led to them, as pip has it.
        constraint = long == "--constraint"
        if is_include and path in self._files and path not in chain and self.read < _MOST:
            try:
                text = text_of(self._files[path], path)
            except InvalidDefinition:
                text = None
            if text is not None:
                self.read += 1
                self.add(text, (*chain, path), constraint=constraint)
                return
        if is_include and "://" not in value:
            value = path
        self.lines.append(f"{long} {value}".strip())
