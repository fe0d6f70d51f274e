"""What resolving conda packages needs of channels, as Protocols; `sources.channels` has them."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Protocol, TypeVar

__all__ = ["Channels", "Listing"]


class Listing(Protocol):
    """A folder of a channel (`linux-64`, `noarch`), and the packages that it has."""

    @property
    def channel(self) -> str:
        """As the definition names it."""

    @property
    def tier(self) -> int:
        """The channel's place in the order. A name may stand for several channels, each with a place of its own."""

    @property
    def subdir(self) -> str:
        """The folder."""

    @property
    def names(self) -> Collection[str]:
        """Every package in it."""


_Listed = TypeVar("_Listed", bound=Listing)


class Channels(Protocol[_Listed]):
    """Channels by name."""

    def listings(self, channels: Sequence[str], subdirs: Sequence[str]) -> Sequence[_Listed]:
        """Their folders, in order; those of one channel have one tier.

        ResolveFailed where there is no such channel; EnvironmentFault where one cannot be asked.
        """

    def records(self, wanted: Sequence[tuple[_Listed, str]]) -> Sequence[Mapping[str, Mapping[str, Any]]]:
        """For each folder and package, the records by file name."""

    def urls(self, channel: str) -> tuple[str, ...]:
        """Where a channel is, with logins and tokens: places that are tried in turn."""

    def size(self, channel: str, subdir: str, file: str) -> int:
        """A file's size in bytes. ResolveFailed where it is not there."""

    def measure(self, channel: str, subdir: str, file: str) -> "Measured":
        """A file's hashes and size; it is read once and not kept. ResolveFailed where it is not there."""


class Measured(Protocol):
    """What a file turned out to be."""

    @property
    def sha256(self) -> str:
        """Hex digits."""

    @property
    def md5(self) -> str:
        """Hex digits."""

    @property
    def size(self) -> int:
        """Bytes."""
