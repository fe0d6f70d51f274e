"""Debian's alternatives (update-alternatives(1)): of several packages that could be `awk`, the best becomes it.

    /usr/bin/awk -> /etc/alternatives/awk -> /usr/bin/mawk

`links` is what update-alternatives would make of all packages' calls on a fresh system.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Self

__all__ = ["Alternative", "links"]

_DIRECTORY = "/etc/alternatives"


@dataclass(frozen=True, slots=True)
class Alternative:
    """One candidate: `link` is to lead to `path` by way of /etc/alternatives/`name`; so do the slaves, where it wins.

    As text: `link name path priority`, then `link name path` of each slave, all divided by spaces.
    """

    link: str
    name: str
    path: str
    priority: int
    slaves: tuple[tuple[str, str, str], ...] = ()

    @classmethod
    def of_arguments(cls, words: Sequence[str]) -> Self | None:
        """What follows `--install` in a call: link, name, path, priority, then `--slave` and three words each."""
        words = [word for word in words if not word.startswith("$")]
        return cls._of([word for word in words if word != "--slave"])

    @classmethod
    def parse(cls, line: str) -> Self:
        """The candidate that a line of text holds. ValueError where it holds none."""
        found = cls._of(line.split(" "))
        if found is None:
            raise ValueError(f"not an alternative: {line!r}")
        return found

    @classmethod
    def _of(cls, words: Sequence[str]) -> Self | None:
        if len(words) < 4 or len(words) % 3 != 1 or not words[3].lstrip("-").isdigit():
            return None
        triples = [(words[0], words[1], words[2]), *zip(words[4::3], words[5::3], words[6::3], strict=True)]
        if any(not _sound(*triple) for triple in triples):
            return None
        return cls(*triples[0], int(words[3]), tuple(triples[1:]))

    def __str__(self) -> str:
        slaves = "".join(f" {' '.join(slave)}" for slave in self.slaves)
        return f"{self.link} {self.name} {self.path} {self.priority}{slaves}"


def links(candidates: Iterable[Alternative], exists: Callable[[str], bool]) -> dict[str, str]:
    """Path (without a leading slash) and target of each link; `exists` says which absolute paths the image has.

    The highest priority wins, then the first path by name; candidates and slaves whose path is not there are passed over.
    """
    best: dict[str, Alternative] = {}
    for candidate in sorted(candidates, key=lambda c: (-c.priority, c.path)):
        if exists(candidate.path):
            best.setdefault(candidate.name, candidate)
    found: dict[str, str] = {}
    for winner in best.values():
        for link, name, path in ((winner.link, winner.name, winner.path), *winner.slaves):
            if exists(path):
                found[link[1:]] = f"{_DIRECTORY}/{name}"
                found[f"{_DIRECTORY[1:]}/{name}"] = path
    return dict(sorted(found.items()))


def _sound(link: str, name: str, path: str) -> bool:
    """Absolute paths without `..`, a name without a slash, and nothing that a shell would still have to expand."""
    return (
        all(p.startswith("/") and ".." not in p.split("/") for p in (link, path))
        and "/" not in name
        and not any(set(word) & set("$`*?(){}\\") for word in (link, name, path))
    )
