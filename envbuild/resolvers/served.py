"""Which index served what, in a line or two that can be read at 200 packages too; the lock has it for each package."""

from collections.abc import Iterator, Mapping, Sequence

__all__ = ["served_notices"]

_SHOWN = 8


def served_notices(
    served: Mapping[str, str], order: Sequence[str], passed_on: Mapping[str, tuple[str, str]] = {}
) -> Iterator[str]:
    """What to tell of packages by name and the index that gave each; nothing where `order`, the indexes, is one alone.

    `passed_on`: packages that an index had from another host, with the index and that host.
    """
    if served and len(order) > 1:
        yield f"packages by index: {'; '.join(_groups(served, order))}"
    hosts: dict[tuple[str, str], list[str]] = {}
    for name, place in sorted(passed_on.items()):
        hosts.setdefault(place, []).append(name)
    for (index, host), names in sorted(hosts.items()):
        yield f"{index} sends what it is asked for on to {host}: {_few(names)}"


def _groups(served: Mapping[str, str], order: Sequence[str]) -> Iterator[str]:
    groups = {index: sorted(name for name, by in served.items() if by == index) for index in order}
    most = max(reversed(order), key=lambda index: len(groups[index]))
    for index, names in groups.items():
        counted = index == most and len(served) > _SHOWN
        rest = "others" if len(names) < len(served) else "packages"
        yield f"{index}: {f'{len(names)} {rest}' if counted else _few(names)}"


def _few(names: Sequence[str]) -> str:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return (", ".join(names[:_SHOWN]) or "none") + more
