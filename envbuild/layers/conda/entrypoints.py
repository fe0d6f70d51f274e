"""Entry points of packages for every Python (`noarch: python`): the scripts that rattler writes for info/link.json's lines."""

import re
from dataclasses import dataclass
from typing import Self

from envbuild.layers.conda.condafault import bad_package

__all__ = ["EntryPoint", "entry_point_script"]

_DOTTED = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z_][A-Za-z0-9_]*)*")
_COMMAND = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.+@-]*")
_INTERPRETER = re.compile(r"(?:python|pypy)[0-9.]*")
_LONGEST_PROGRAM = 125
"""Bytes: what Linux reads of a first line, less `#!`."""

_SCRIPT = """\
{shebang}
# -*- coding: utf-8 -*-
import re
import sys

from {module} import {imported}

if __name__ == '__main__':
\tsys.argv[0] = re.sub(r'(-script\\.pyw?|\\.exe)?$', '', sys.argv[0])
\tsys.exit({function}())
"""


@dataclass(frozen=True, slots=True)
class EntryPoint:
    """A program that calls a function of a module."""

    command: str
    module: str
    function: str

    @classmethod
    def parse(cls, line: str) -> Self:
        """The entry point of `command = module:function`. IntegrityError for what would write or run something else."""
        command, equals, rest = line.partition("=")
        module, colon, function = rest.partition(":")
        command, module, function = command.strip(), module.strip(), function.strip()
        if not (equals and colon and _DOTTED.fullmatch(module) and _DOTTED.fullmatch(function)):
            raise bad_package(f"the package's entry point {line!r} is not `command = module:function`")
        if not _COMMAND.fullmatch(command) or _INTERPRETER.fullmatch(command):
            raise bad_package(
                f"the package's entry point {line!r} has a command that is no plain file name, or an interpreter's"
            )
        return cls(command, module, function)


def entry_point_script(point: EntryPoint, prefix: str, python: str) -> bytes:
    """The script, for the interpreter `<prefix>/bin/python<python>`."""
    program = f"{prefix}/bin/python{python}"
    shebang = f"#!{program}"
    if len(program.encode()) > _LONGEST_PROGRAM or " " in program:
        shebang = f"#!/bin/sh\n'''exec' \"{program}\" \"$0\" \"$@\" #'''"
    imported = point.function.partition(".")[0]
    return _SCRIPT.format(shebang=shebang, module=point.module, imported=imported, function=point.function).encode()
