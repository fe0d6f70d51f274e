"""The last step of reading another tool's lock: its packages become a definition, or all that is wrong is told."""

from collections.abc import Iterable, Sequence

from envbuild.definition import Definition
from envbuild.errors import Fault, InvalidDefinition
from envbuild.formats.finishing import finished
from envbuild.formats.otherlocks.lockpins import LockPins
from envbuild.formats.otherlocks.lockproject import LockProject
from envbuild.formats.pip.reqindexes import Logins
from envbuild.formats.sourcefile import Reading, ReadRequest

__all__ = ["lock_reading"]


def lock_reading(
    path: str,
    asked: ReadRequest,
    definition: Definition,
    pins: LockPins,
    logins: Logins,
    *,
    project: LockProject,
    faults: Sequence[Fault],
    notices: Iterable[str],
) -> Reading:
    """What the lock at `path` says; `definition` is all of it but the packages. InvalidDefinition has all faults."""
    whole = pins.definition(definition)
    if found := [*faults, *pins.faults]:
        raise InvalidDefinition(found)
    meant = finished(whole, asked.finish, (), lambda at: pins.line_of(at, path))
    empty = [] if whole.pypi else ["the lock has no package that is installed here"]
    return Reading(meant, logins.pairs(), (*notices, *pins.notices, *empty), (path, *project.files), project.absent)
