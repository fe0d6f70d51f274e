"""The error of every conda package that is not what the format says."""

from envbuild.errors import IntegrityError

__all__ = ["bad_package"]


def bad_package(what: str) -> IntegrityError:
    """The package cannot be trusted, because of `what`."""
    return IntegrityError(
        what,
        hint="the package is damaged or was made to mislead: fetch it again, use another build, or tell its channel",
    )
