"""Errors to exit codes, in one place.

0 done · 2 usage or definition · 3 resolve or lock · 4 a build step failed · 5 this machine · 6 integrity or security
7 busy · 10 miss and 11 unknown (probe) · 124 time limit · 130 and 143 interrupted · 1 a bug of envbuild's own
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
