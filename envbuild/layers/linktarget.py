"""Where a symbolic link leads, by its words alone."""

import posixpath

__all__ = ["stays_below"]


def stays_below(path: str, target: str) -> bool:
    """Whether a link at `path` (relative to a folder) leads to the folder or below it, whatever else lies there.

    `..` may only stand at its beginning: behind another part it goes up from wherever that part leads, be it a link.
    """
    parts = target.split("/")
    up = 0
    while up < len(parts) and parts[up] == "..":
        up += 1
    if not target or target.startswith("/") or ".." in parts[up:]:
        return False
    led_to = posixpath.normpath(posixpath.join(posixpath.dirname(path), target))
    return led_to != ".." and not led_to.startswith("../")
