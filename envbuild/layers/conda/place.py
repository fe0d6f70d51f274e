"""`CondaPlace`: where a conda package is linked, and for which Python."""

from dataclasses import dataclass
from typing import Self

from envbuild.lockfile import Interpreter

__all__ = ["CondaPlace"]


@dataclass(frozen=True, slots=True, kw_only=True)
class CondaPlace:
    """The environment that a package is linked into. The Python is nothing where the environment has none."""

    prefix: str
    """Absolute; what takes the place of the placeholders in its files."""
    python: str = ""
    """`3.11`: what packages for every platform (noarch: python) are linked for."""
    site_packages: str = ""
    """Relative to the prefix: `lib/python3.11/site-packages`."""

    @classmethod
    def of(cls, prefix: str, python: Interpreter | None) -> Self:
        """The place in a prefix with this Python."""
        if python is None:
            return cls(prefix=prefix)
        return cls(prefix=prefix, python=python.minor, site_packages=python.site_packages)
