"""What an environment has already, told to a resolver: a wheel of metadata alone for each, and a constraint that names it.

uv and pip take a package from the address that a constraint names, wherever it turns up, ask no index for it, and hold every
requirement on it against its version. So both answer alike, and neither knows anything of conda.
"""

import re
import zipfile
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path

from packaging.requirements import InvalidRequirement
from packaging.requirements import Requirement as Parsed
from packaging.version import Version

from envbuild.resolvers.pins import Pin, PinRequest, Provided

__all__ = ["constraint_lines", "readable", "to_install"]

_EXTRA = re.compile(r"""\bextra\s*==\s*["']([^"']+)["']|["']([^"']+)["']\s*==\s*extra\b""")
_WHEEL = "Wheel-Version: 1.0\nGenerator: envbuild\nRoot-Is-Purelib: true\nTag: py3-none-any\n"


def constraint_lines(request: PinRequest, folder: Path) -> str:
    """The lines of a constraints file: the request's own, and one for each provided distribution; its wheel goes to `folder`."""
    folder.mkdir()
    provided = [f"{one.name} @ {_write(one, folder).as_uri()}" for one in request.provided]
    return "\n".join([*request.constraints, *provided])


def to_install(pins: Iterable[Pin], provided: Sequence[Provided]) -> tuple[Pin, ...]:
    """The pins without those of what is there already."""
    names = {one.name for one in provided}
    return tuple(pin for pin in pins if pin.name not in names)


def _write(one: Provided, folder: Path) -> Path:
    """Its wheel (binary distribution format): what it needs by itself is there too, so only its extras need anything."""
    stem = f"{one.name.replace('-', '_')}-{Version(one.version)}"
    needs = list(map(str, readable(one.extras)))
    extras = sorted({first or second for line in needs for first, second in _EXTRA.findall(line)})
    fields = ["Metadata-Version: 2.1", f"Name: {one.name}", f"Version: {Version(one.version)}"]
    fields += [f"Provides-Extra: {extra}" for extra in extras] + [f"Requires-Dist: {line}" for line in needs]
    path = folder / f"{stem}-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(f"{stem}.dist-info/METADATA", "\n".join(fields) + "\n\n")
        archive.writestr(f"{stem}.dist-info/WHEEL", _WHEEL)
        archive.writestr(f"{stem}.dist-info/RECORD", "")
    return path


def readable(lines: Sequence[str]) -> list[Parsed]:
    """The requirements that can be read (PEP 508): old metadata has lines that no resolver takes."""
    found = []
    for line in lines:
        with suppress(InvalidRequirement):
            found.append(Parsed(line))
    return found
