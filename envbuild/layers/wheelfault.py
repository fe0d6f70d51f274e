"""The error for a wheel that contradicts itself or its specification."""

from envbuild.errors import IntegrityError

__all__ = ["bad_wheel"]


def bad_wheel(what: str) -> IntegrityError:
    """`what` is wrong with it; what to do next is always the same."""
    return IntegrityError(what, hint="the wheel was put together wrongly or made to mislead: use another release")
