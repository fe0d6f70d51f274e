"""conda's order of versions (conda's CEP 33), which is not PEP 440: `1.1 == 1.1.0`, `1.1a1 < 1.1`, letters without case."""

import re
from functools import lru_cache
from itertools import zip_longest
from math import inf
from typing import TypeAlias

__all__ = ["compared", "literal", "starts_with"]

_LITERAL = re.compile(r"(?:(?P<epoch>[0-9]+)!)?(?P<version>[a-z0-9_.-]+)(?:\+(?P<local>[a-z0-9_.-]+))?")
_RUN = re.compile(r"[0-9]+|[^0-9]+")
_LONGEST = 64
"""conda's CEP 26."""

_Atom: TypeAlias = tuple[int, float, str]
"""0 and a text, or 1 and a number."""
_Part: TypeAlias = tuple[_Atom, ...]
_NOTHING: _Atom = (1, 0, "")
"""What is missing counts as 0; a text comes before every number, `post` after."""


def literal(text: str) -> str:
    """A version in small letters. ValueError where it is none."""
    version = text.strip().lower()
    _parts(version)
    return version


def compared(one: str, other: str) -> int:
    """Below 0 where `one` comes before `other`, 0 where they are equal, above 0 where it comes after."""
    for parts, others in zip(_parts(one), _parts(other), strict=True):
        for part, its in zip_longest(parts, others, fillvalue=()):
            for atom, its_atom in zip_longest(part, its, fillvalue=_NOTHING):
                if atom != its_atom:
                    return -1 if atom < its_atom else 1
    return 0


def starts_with(version: str, start: str) -> bool:
    """Whether a version is `start`, or one of its own: `1.26.4` of `1.26`, and not `1.260`."""
    parts, local = _parts(version)
    wanted, wanted_local = _parts(start)
    if wanted_local:
        if not _same(parts, wanted):
            return False
        parts, wanted = local, wanted_local
    last = len(wanted) - 1
    if not _same(parts[:last], wanted[:last]):
        return False
    part = parts[last] if len(parts) > last else ()
    atoms = len(wanted[last]) - 1
    if not _same((part[:atoms],), (wanted[last][:atoms],)):
        return False
    atom, its = part[atoms] if len(part) > atoms else _NOTHING, wanted[last][atoms]
    return atom == its or (atom[0] == its[0] == 0 and atom[2].startswith(its[2]))


def _same(parts: tuple[_Part, ...], others: tuple[_Part, ...]) -> bool:
    return all(
        atom == its
        for part, other in zip_longest(parts, others, fillvalue=())
        for atom, its in zip_longest(part, other, fillvalue=_NOTHING)
    )


@lru_cache(maxsize=8192)
def _parts(version: str) -> tuple[tuple[_Part, ...], tuple[_Part, ...]]:
    """Epoch and version, and what stands behind the +."""
    found = _LITERAL.fullmatch(version)
    if found is None or len(version) > _LONGEST or ("-" in version and "_" in version):
        raise ValueError(f"{version!r} is no version")
    # An underscore at the end is openssl's `1.0.1_`, which comes before `1.0.1a`.
    end = "_" if found["version"][-1] in "_-" else ""
    body = found["version"].removesuffix(found["version"][-1]) if end else found["version"]
    words = [found["epoch"] or "0", *re.split("[._-]", body)]
    words[-1] += end
    local = re.split("[._-]", found["local"]) if found["local"] else []
    if not all(words) or not all(local):
        raise ValueError(f"{version!r} is no version")
    return tuple(map(_part, words)), tuple(map(_part, local))


def _part(word: str) -> _Part:
    atoms = tuple(map(_atom, _RUN.findall(word)))
    return atoms if word[0].isdigit() else (_NOTHING, *atoms)


def _atom(run: str) -> _Atom:
    if run.isdigit():
        return (1, int(run), "")
    # `dev` comes before all other words: capitals come before small letters.
    return (1, inf, "") if run == "post" else (0, 0, "DEV" if run == "dev" else run)
