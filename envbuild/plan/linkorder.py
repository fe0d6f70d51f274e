"""The order in which conda packages are linked, as rattler has it (rattler_conda_types, `sort_topologically`).

Where two packages have one path, the file of the one that is linked last stands in the environment. So this order decides
bytes, and follows rattler's to the letter: dependencies first, the roots and each package's dependencies from the last name to the
first, and of a cycle the edge from a package for one platform to one for every platform cut first.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

__all__ = ["Linked", "dependency_name", "link_order"]

_NAME = re.compile(r"[^\s><=!~;\[]*")
_Edge = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Linked:
    """What the order of a package depends on: the names that it depends on, and whether it is for every platform."""

    depends: tuple[str, ...]
    is_noarch: bool = False


def dependency_name(spec: str) -> str:
    """The name in an entry of a package's `depends`: `numpy` of `NumPy >=1.26`."""
    found = _NAME.match(spec.strip())
    return found[0].lower() if found else ""


def link_order(packages: Mapping[str, Linked]) -> tuple[str, ...]:
    """The packages' names, the first linked first."""
    cut = _cuts(_cycles(packages), packages)
    needed = {d for name, one in packages.items() for d in one.depends if (name, d) not in cut}
    waiting = [(name, False) for name in sorted(packages.keys() - needed)]
    visited: set[str] = set()
    order: list[str] = []
    while waiting or (waiting := [(name, False) for name in sorted(packages.keys() - visited)]):
        name, is_ready = waiting.pop()
        if is_ready:
            order.append(name)
        elif name not in visited:
            visited.add(name)
            if name in packages:
                waiting.append((name, True))
                waiting += [(d, False) for d in sorted(packages[name].depends) if (name, d) not in cut]
    return tuple(order)


def _cycles(packages: Mapping[str, Linked]) -> list[Sequence[str]]:
    """The cycles that a walk along the dependencies meets, from the first name on."""
    cycles: list[Sequence[str]] = []
    visited: set[str] = set()
    for start in sorted(packages):
        if start in visited:
            continue
        # A stack of our own: a chain of dependencies may be longer than Python's.
        path: dict[str, None] = {}
        walk: list[tuple[str, Iterable[str]]] = [("", iter((start,)))]
        while walk:
            name = next(iter(walk[-1][1]), None)
            if name is None:
                path.pop(walk.pop()[0], None)
            elif name in path:
                names = list(path)
                cycles.append(names[names.index(name) :])
            elif name not in visited:
                visited.add(name)
                path[name] = None
                walk.append((name, iter(packages[name].depends if name in packages else ())))
    return cycles


def _cuts(cycles: Iterable[Sequence[str]], packages: Mapping[str, Linked]) -> set[_Edge]:
    """The edges that are left out, one for each cycle."""
    cut: set[_Edge] = set()
    for cycle in cycles:
        for place, name in enumerate(cycle):
            following = cycle[(place + 1) % len(cycle)]
            is_noarch, next_is_noarch = packages[name].is_noarch, packages[following].is_noarch
            if not is_noarch and next_is_noarch:
                cut.add((name, following))
                break
            if (is_noarch and not next_is_noarch) or place == len(cycle) - 1:
                cut.add((following, name))
                break
    return cut
