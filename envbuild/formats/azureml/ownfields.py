"""Faults of a definition whose packages stand in a second file: what is of the first file gets its lines there."""

from collections.abc import Callable
from dataclasses import replace

from envbuild.errors import Fault, InvalidDefinition

__all__ = ["placed_in_own_lines"]


def placed_in_own_lines(invalid: InvalidDefinition, line_of: Callable[[str], str]) -> InvalidDefinition:
    """The same faults; those of fields that `line_of` (field path to file:line) knows stand there, and come first.

    A fault that has a line already is one of the second file.
    """
    own: list[Fault] = []
    others: list[Fault] = []
    for fault in invalid.faults:
        at = "" if fault.at.rpartition(":")[2].isdigit() else line_of(fault.what.partition(": ")[0])
        (own if at else others).append(replace(fault, at=at) if at else fault)
    return InvalidDefinition([*own, *others])
