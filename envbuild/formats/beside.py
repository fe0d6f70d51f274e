"""repo2docker's apt.txt and runtime.txt: what they add to the requirements.txt or environment.yml that they stand beside.

repo2docker documentation, "Configuration files". apt.txt: Debian packages, one a line. runtime.txt: `python-3.11`.
"""

import re
from dataclasses import replace
from pathlib import PurePath

from envbuild.definition import DebianBase, Definition
from envbuild.errors import Fault, InvalidDefinition
from envbuild.formats.pythons import STANDALONE, is_served
from envbuild.formats.sourcefile import Loader, Reading, ReadRequest, is_absent, text_of

__all__ = ["Beside", "apt_not_read", "completed_request"]

_APT_FOR = frozenset({"requirements.txt", "environment.yml", "environment.yaml"})
_RUNTIME_FOR = frozenset({"requirements.txt"})
_PACKAGE = re.compile(r"[a-z0-9][a-z0-9+.-]+(=[A-Za-z0-9.+:~-]+)?")
_RUNTIME = re.compile(r"python-(?P<python>3\.\d+(?:\.\d+)?)")


class Beside:
    """What stands beside a definition's file, once it was looked for."""

    def __init__(self) -> None:
        self.files: list[str] = []
        self.absent: list[str] = []
        self.notices: list[str] = []
        self.system: tuple[str, ...] = ()
        self.python = ""

    def added(self, reading: Reading) -> Reading:
        """The reading, with the files that were looked for."""
        return replace(
            reading,
            notices=(*reading.notices, *self.notices),
            files=(*reading.files, *self.files),
            absent=(*reading.absent, *self.absent),
        )


def completed_request(path: str, load: Loader, asked: ReadRequest) -> tuple[ReadRequest, Beside]:
    """The request whose finish adds what stands beside the file. InvalidDefinition where that cannot be understood."""
    beside = Beside()
    place = PurePath(path)
    if place.name in _APT_FOR and (text := _text(place.with_name("apt.txt"), load, beside)) is not None:
        beside.system = _packages(text, beside)
    if place.name in _RUNTIME_FOR and (text := _text(place.with_name("runtime.txt"), load, beside)) is not None:
        beside.python = _python(text, beside)

    def finish(definition: Definition) -> Definition:
        meant = replace(definition, system=(*definition.system, *beside.system))
        if beside.python:
            meant = replace(meant, base=DebianBase.with_python(beside.python), python=beside.python)
        return asked.finish(meant)

    return (replace(asked, finish=finish) if beside.files else asked), beside


def apt_not_read(path: str, load: Loader) -> tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]:
    """Of an apt.txt that stands beside a file which another one names: a notice; and what was read, and what is not there."""
    beside, place = Beside(), PurePath(path)
    if place.name in _APT_FOR and _text(place.with_name("apt.txt"), load, beside) is not None:
        notice = (
            f"{beside.files[0]} beside it is not read: its packages are for {place.name} where that is named itself"
        )
        return (notice,), tuple(beside.files), ()
    return (), (), tuple(beside.absent)


def _text(place: PurePath, load: Loader, beside: Beside) -> str | None:
    try:
        data = load(str(place))
    except OSError as error:
        if is_absent(error):
            beside.absent.append(str(place))
            return None
        what = f"it stands beside the definition, and cannot be read: {error.strerror or error}"
        raise InvalidDefinition([Fault(str(place), what, "make it readable, or take it away")]) from error
    beside.files.append(str(place))
    return text_of(data, str(place))


def _lines(text: str) -> list[tuple[int, str]]:
    rows = ((number, line.partition("#")[0].strip()) for number, line in enumerate(text.split("\n"), 1))
    return [(number, line) for number, line in rows if line]


def _packages(text: str, beside: Beside) -> tuple[str, ...]:
    path, rows = beside.files[-1], _lines(text)
    hint = "a name a line, such as libgomp1 (a-z 0-9 + - .), or name=version"
    faults = [
        Fault(f"{path}:{number}", f"{word}: no Debian package has such a name", hint)
        for number, line in rows
        for word in line.split()
        if not _PACKAGE.fullmatch(word)
    ]
    if faults:
        raise InvalidDefinition(faults)
    packages = tuple(word for _, line in rows for word in line.split())
    if packages:
        beside.notices.append(f"{path} beside it: {len(packages)} Debian packages")
    return packages


def _python(text: str, beside: Beside) -> str:
    path, rows = beside.files[-1], _lines(text)
    if not rows:
        return ""
    number, line = rows[0]
    found = _RUNTIME.fullmatch(line)
    if found is None or len(rows) > 1:
        number = rows[1][0] if found else number
        what = f"{rows[1][1] if found else line}: not the name of one Python"
        raise InvalidDefinition(
            [Fault(f"{path}:{number}", what, "one line: python-3.11; other languages are not built")]
        )
    python = found["python"]
    if not is_served(python):
        has = f"those are {STANDALONE[0]} to {STANDALONE[-1]}"
        raise InvalidDefinition([Fault(f"{path}:{number}", f"Python {python} is none of those that there are", has)])
    beside.notices.append(f"{path} beside it: Python {python}")
    return python
