"""The last step of reading: a definition as written becomes the one that is meant, and faults in it get their lines."""

from collections.abc import Callable, Sequence
from typing import TypeAlias

from envbuild.definition import Definition
from envbuild.errors import Fault, InvalidDefinition

__all__ = ["Finish", "finished", "unfinished"]

Finish: TypeAlias = Callable[[Definition], Definition]
"""Raises InvalidDefinition; each fault's place is a field path: `name`, `system[1]`, `index[0].url`."""


def unfinished(definition: Definition) -> Definition:
    """The definition as it is written."""
    return definition


def finished(
    definition: Definition, finish: Finish, faults: Sequence[Fault], line_of: Callable[[str], str]
) -> Definition:
    """What `finish` makes of a definition. InvalidDefinition has `faults` and those of `finish`, in the file's order.

    `line_of` gives a field path's file:line. A field that has a fault already gets no second one: what stands there
    is not what the user wrote.
    """
    found = list(faults)
    meant = definition
    try:
        meant = finish(definition)
    except InvalidDefinition as invalid:
        known = {fault.what.partition(":")[0].partition("[")[0] for fault in faults}
        new = [fault for fault in invalid.faults if fault.at.partition("[")[0] not in known]
        found += [Fault(line_of(fault.at), f"{fault.at}: {fault.what}", fault.hint) for fault in new]
    if found:
        raise InvalidDefinition(sorted(found, key=_line))
    return meant


def _line(fault: Fault) -> int:
    number = fault.at.rpartition(":")[2]
    return int(number) if number.isdigit() else 0
