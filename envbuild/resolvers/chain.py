"""From a resolver's long explanation, the way from a package to the one that lacks a wheel: a line for each step."""

import re
from collections.abc import Sequence

from packaging.utils import canonicalize_name

__all__ = ["chain"]

_SPEC = r"([A-Za-z0-9][A-Za-z0-9._-]*)((?:\[[^\]]*\])?(?:\{[^}]*\})?(?:[=<>!~]=?[^\s,]+(?:,[=<>!~][^\s,]+)*)?)"
_NEEDS = re.compile(rf"{_SPEC} depends? on {_SPEC}")


def chain(explanation: str, start: str, end: str) -> tuple[str, ...]:
    """`a>=2 needs b>=1`, `b>=1 needs c`: the shortest way between two packages; empty where the words tell none."""
    steps: dict[str, dict[str, str]] = {}
    for name, which, needed, version in _NEEDS.findall(explanation):
        by_need = steps.setdefault(canonicalize_name(name), {})
        by_need.setdefault(canonicalize_name(needed), f"{name}{which} needs {needed}{version}")
    ways: list[tuple[Sequence[str], tuple[str, ...]]] = [((start,), ())]
    for names, lines in ways:
        if names[-1] == end:
            return lines
        further = {name: line for name, line in steps.get(names[-1], {}).items() if name not in names}
        ways += [((*names, name), (*lines, line)) for name, line in further.items()]
    return ()
