"""Requirements that stand in another kind of file: read as pip's lines are, told where they stand there."""

import re
from collections.abc import Callable, Sequence
from dataclasses import replace

from envbuild.definition import Definition
from envbuild.errors import Fault, InvalidDefinition
from envbuild.formats.finishing import Finish, finished
from envbuild.formats.pip.requirements import read_requirements
from envbuild.formats.sourcefile import Loader, Reading, ReadRequest

__all__ = ["in_order", "read_requirement_list"]


def read_requirement_list(
    path: str,
    load: Loader,
    lines: Sequence[tuple[str, int]],
    whole: Finish,
    elsewhere: Callable[[str], str] | None = None,
) -> Reading:
    """What `lines` (a requirement or option, and its line in the file at `path`) say, as `whole` makes it a definition.

    `elsewhere` gives the file:line of a field that is not of the lines. InvalidDefinition has all faults, each with the
    line in that file.
    """
    line_of = elsewhere or (lambda _: path)
    if not lines:
        return Reading(finished(Definition(), whole, (), line_of), (), (), (path,))
    content = "\n".join(text for text, _ in lines).encode()
    row = re.compile(rf"{re.escape(path)}:(\d+)\b")

    def placed(text: str) -> str:
        return row.sub(lambda found: f"{path}:{lines[int(found[1]) - 1][1]}", text)

    try:
        request = ReadRequest(finish=whole)
        reading = read_requirements(path, lambda name: content if name == path else load(name), request)
    except InvalidDefinition as invalid:
        told = [Fault(placed(f.at), placed(f.what), placed(f.hint)) for f in invalid.faults]
        told = [replace(f, at=line_of(f.what.partition(":")[0])) if f.at == path else f for f in told]
        raise InvalidDefinition(told) from None
    return replace(reading, notices=tuple(map(placed, reading.notices)))


def in_order(faults: Sequence[Fault]) -> InvalidDefinition:
    """All faults, by their lines."""

    def line(fault: Fault) -> int:
        number = fault.at.rpartition(":")[2]
        return int(number) if number.isdigit() else 0

    return InvalidDefinition(sorted(faults, key=line))
