"""Extras and groups that were chosen of a project, against those that its lock has."""

from collections.abc import Collection, Iterable

from packaging.utils import canonicalize_name

from envbuild.errors import Fault
from envbuild.formats.selection import Selection

__all__ = ["Choice", "left_out", "unneeded"]

_SHOWN = 5


class Choice:
    """The chosen names, normalized (PEP 685, PEP 735)."""

    def __init__(self, selection: Selection) -> None:
        self.extras = frozenset(map(canonicalize_name, selection.extras))
        self.groups = frozenset(map(canonicalize_name, selection.groups))

    def unknown(self, at: str, extras: Collection[str], groups: Collection[str]) -> list[Fault]:
        """A fault for each name that there is not, with those that there are."""
        return [
            *_unknown(at, "extra", self.extras, extras),
            *_unknown(at, "group", self.groups, groups),
        ]


def _unknown(at: str, kind: str, chosen: Iterable[str], known: Collection[str]) -> list[Fault]:
    there = f"there are: {', '.join(sorted(known))}" if known else f"the lock has no {kind}s"
    return [Fault(at, f"there is no {kind} {name!r}", there) for name in sorted(chosen) if name not in known]


def left_out(tool: str, groups: Iterable[str]) -> list[str]:
    """What is said of the groups that a tool installs unasked, and that nobody asked for here."""
    names = sorted(groups)
    if not names:
        return []
    options = " ".join(f"--group {name}" for name in names)
    if len(names) == 1:
        return [f"the group {names[0]}, installed by {tool} unasked, is left out ({options} adds it)"]
    return [f"the groups {', '.join(names)}, installed by {tool} unasked, are left out ({options} adds them)"]


def unneeded(names: Iterable[str]) -> list[str]:
    """What is said of packages that a lock has, and that nothing in it needs, whatever is chosen: a tool writes none."""
    found = sorted(set(names))
    if not found:
        return []
    more = f" and {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
    return [f"nothing in the lock needs {', '.join(found[:_SHOWN])}{more}, so not installed: was it edited by hand?"]
