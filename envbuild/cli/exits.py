"""Errors to exit codes, in one place.

0    done
1    a bug of envbuild's own
2    the command line, or a definition
3    no packages that fit, or a lock that is missing or does not fit
4    an artifact could not become part of an image
5    this machine: its network, disk, engine or logins
6    bytes are not what their digest says, or an archive is hostile
7    somebody else holds what is needed
10   a miss (probe)
124  the time that was allowed ran out
130  interrupted (Ctrl-C)
143  ended from outside (SIGTERM)
"""

from envbuild import errors

__all__ = ["BUG", "FAULT", "INTERRUPTED", "MISS", "TERMINATED", "code_of"]

BUG = 1
FAULT = 5
MISS = 10
INTERRUPTED = 130
TERMINATED = 143

_CODES: tuple[tuple[type[errors.EnvbuildError], int], ...] = (
    (errors.UsageError, 2),
    (errors.InvalidDefinition, 2),
    (errors.ResolveFailed, 3),
    (errors.BuildFailed, 4),
    (errors.EnvironmentFault, FAULT),
    (errors.IntegrityError, 6),
    (errors.Busy, 7),
    (errors.TimeLimit, 124),
)


def code_of(error: errors.EnvbuildError) -> int:
    """The exit code that this error ends a command with."""
    return next((code for kind, code in _CODES if isinstance(error, kind)), BUG)
