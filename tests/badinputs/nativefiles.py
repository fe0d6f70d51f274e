"""envbuild.toml."""

from badinputs.rows import in_file

__all__ = ["ROWS"]

_LONG = "n" * 129
row = in_file("envbuild.toml")

ROWS = [
