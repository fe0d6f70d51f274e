"""Warnings that name the line of whoever uses envbuild, however deep inside it they are given."""

import sys
import warnings

__all__ = ["warned"]


def warned(text: str, category: type[Warning] = UserWarning) -> None:
    """Warn at the nearest caller outside of envbuild."""
    level, frame = 2, sys._getframe(1)  # noqa: SLF001  the standard library's own way
    while frame.f_back is not None and str(frame.f_globals.get("__name__", "")).partition(".")[0] == "envbuild":
        level, frame = level + 1, frame.f_back
    warnings.warn(text, category, stacklevel=level)
