"""What objects with AzureML's names refuse, as errors that Python's own handlers know, too."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from difflib import get_close_matches

from envbuild.errors import Fault, InvalidDefinition, UsageError

__all__ = ["Gone", "Refused", "UnknownAttribute", "WrongType", "in_file", "nearest"]


class WrongType(UsageError, TypeError):
    """A value of another type than the attribute or argument takes."""


class Refused(UsageError, ValueError):
    """A value that the attribute or argument cannot have."""


class UnknownAttribute(UsageError, AttributeError):
    """The object has no such attribute; the hint names the nearest."""


class Gone(UsageError, NotImplementedError):
    """AzureML had it and envbuild has not; the hint says what to use instead."""


@contextmanager
def in_file(path: str) -> Iterator[None]:
    """What is refused while a file is loaded is a fault of the file: InvalidDefinition with the file and the field."""
    try:
        yield
    except (WrongType, Refused, Gone) as wrong:
        raise InvalidDefinition([Fault(f"{path}: {wrong.at}", wrong.what, wrong.hint)]) from None


def nearest(name: str, known: Iterable[str]) -> str:
    """`did you mean ...?`, or nothing where no known name is near."""
    near = get_close_matches(name, list(known), 1, 0.6)
    return f"did you mean {near[0]}?" if near else ""
