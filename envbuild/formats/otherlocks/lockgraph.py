"""The walk over a lock's packages: where each one is needed, as a set of environments (`markersets`).

Along a path the markers all hold; of several paths one is enough. Sets only grow and are bounded by the environments there
are, so the walk ends whatever the graph has, circles among it.
"""

from collections import deque
from collections.abc import Callable, Iterable, Mapping
from typing import TypeVar

__all__ = ["reached"]

_Node = TypeVar("_Node")


def reached(roots: Mapping[_Node, int], needs: Callable[[_Node], Iterable[tuple[_Node, int]]]) -> dict[_Node, int]:
    """Each node that is needed, and the environments where. `needs`: what a node needs, and where it does.

    It is asked once a node; the order of the answer is that of the walk.
    """
    found: dict[_Node, int] = {}
    edges: dict[_Node, list[tuple[_Node, int]]] = {}
    waiting = deque(roots.items())
    while waiting:
        node, where = waiting.popleft()
        new = where & ~found.get(node, 0)
        if not new:
            continue
        found[node] = found.get(node, 0) | new
        if node not in edges:
            edges[node] = list(needs(node))
        waiting.extend((target, new & condition) for target, condition in edges[node] if new & condition)
    return found
