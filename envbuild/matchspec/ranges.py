"""conda's version expressions (CEP 29, "Version matching") in one form: alternatives, each of clauses that hold together.

An expression is any of its alternatives; an alternative is all of its clauses; a clause is one of
`==V  V.*  !=V  !=V.*  >=V  <=V  >V  <V`. Parentheses are multiplied out, `~=V` is written out, both sorted, each once.
What conda and rattler read in two ways is refused.
"""

import re
from collections.abc import Collection, Iterable
from itertools import product
from typing import TypeAlias

from envbuild.matchspec.ordering import compared, literal, starts_with

__all__ = ["Clauses", "Ranges", "both", "holds", "pin_of", "range_text", "ranges", "together"]

Clauses: TypeAlias = tuple[str, ...]
Ranges: TypeAlias = tuple[Clauses, ...]
"""No alternative at all: any version."""

_JOINED = re.compile(r"[()|,]")
_TOKEN = re.compile(r"[()|,]|[^()|,]+")
_CLAUSE = re.compile(r"(?P<sign>===?|=|!=|>=|<=|>|<|~=|)(?P<version>(?:[^=<>!~*][^=<>~*]*?)?)(?P<star>\.?\*)?")
_NUMBERS = re.compile(r"(?:([0-9]+)!)?([0-9]+(?:\.[0-9]+)*)")
_MOST = 64
"""Alternatives that an expression may have once it is multiplied out."""
_DEEPEST = 20
_EXAMPLE = "such as `>=1.2,<2`"


def ranges(text: str) -> Ranges:
    """The one form of an expression. ValueError says what is wrong with it."""
    plain = "".join(text.split())
    if not _JOINED.search(plain):
        return _clause(plain)
    if text.count("(") > _DEEPEST:
        raise ValueError(f"more than {_DEEPEST} parentheses")
    tokens = _TOKEN.findall(plain)
    found = _any_of(tokens)
    if tokens:
        raise ValueError("a parenthesis closes that was never opened")
    if not together(found):
        raise ValueError(f"{text!r} excludes itself")
    return found


def range_text(found: Ranges) -> str:
    """As conda writes it: `>=1,<2|==2.5`."""
    return "|".join(map(",".join, found)) or "*"


def both(one: Ranges, other: Ranges) -> Ranges:
    """What both allow."""
    if not one or not other:
        return one or other
    if len(one) * len(other) > _MOST:
        raise ValueError(f"more than {_MOST} alternatives")
    return _least({tuple(sorted({*left, *right})) for left, right in product(one, other)})


def together(found: Ranges) -> bool:
    """Whether some alternative can hold, as far as pins in it show it."""
    return not found or any(map(_can_hold, found))


def pin_of(found: Ranges) -> str:
    """The one clause that pins a version or the start of one: `==1.26.4`, `1.26.*`; nothing where there is no such."""
    return found[0][0] if len(found) == 1 and len(found[0]) == 1 and _is_pin(found[0][0]) else ""


def holds(clause: str, version: str) -> bool:
    """Whether a version fulfils a clause."""
    if clause.startswith("!="):
        return not holds(clause[2:] if clause.endswith(".*") else clause[1:].replace("=", "==", 1), version)
    if clause.endswith(".*"):
        return starts_with(version, clause[:-2])
    sign = clause[:2] if clause[1] == "=" else clause[0]
    order = compared(version, clause[len(sign) :])
    return {"==": order == 0, ">=": order >= 0, "<=": order <= 0, ">": order > 0, "<": order < 0}[sign]


def _any_of(tokens: list[str]) -> Ranges:
    found = [_all_of(tokens)]
    while tokens and tokens[0] == "|":
        tokens.pop(0)
        found.append(_all_of(tokens))
    if () in found:
        return ()
    return _least({clauses for alternatives in found for clauses in alternatives})


def _all_of(tokens: list[str]) -> Ranges:
    found = _one(tokens)
    while tokens and tokens[0] == ",":
        tokens.pop(0)
        found = both(found, _one(tokens))
    return found


def _one(tokens: list[str]) -> Ranges:
    if not tokens or tokens[0] in "|,)":
        raise ValueError(f"something is missing beside a comma or a bar: {_EXAMPLE}")
    word = tokens.pop(0)
    if word != "(":
        return _clause(word)
    found = _any_of(tokens)
    if not tokens or tokens.pop(0) != ")":
        raise ValueError("a parenthesis is not closed")
    return found


def _least(alternatives: Iterable[Clauses]) -> Ranges:
    """Without what cannot hold, and without those that are part of another: `>=1|>=1,<2` is `>=1`."""
    given = {frozenset(clauses) for clauses in alternatives}
    if len(given) > _MOST:
        raise ValueError(f"more than {_MOST} alternatives")
    sets = {_pinned(one) for one in given if _can_hold(one)} or given
    return tuple(sorted(tuple(sorted(one)) for one in sets if not any(other < one for other in sets)))


def _pinned(clauses: frozenset[str]) -> frozenset[str]:
    """A version that is pinned needs no range that it is in."""
    exact = next((clause for clause in clauses if clause.startswith("==")), "")
    return frozenset((exact,)) if exact else clauses


def _clause(text: str) -> Ranges:
    found = _CLAUSE.fullmatch(text)
    if found is None or found["sign"] == "===":
        raise ValueError(f"{text!r} is no range of versions: {_why(text)}")
    sign, version, star = found["sign"], found["version"], found["star"] or ""
    if not version:
        if star == "*" and not sign:
            return ()
        raise ValueError("no version stands behind the sign")
    version = literal(version)
    if not any(map(str.isdigit, version)):
        # conda takes any word; what people write in the place of a version (`latest`) is none.
        raise ValueError(f"{version!r} is no version")
    if star and (star == "*" or sign in ("==", ">")) and sign:
        raise ValueError(f"{text!r} is read in two ways: write {version}.* or {sign}{version}")
    if sign == "=" or (star and not sign):
        return ((f"{_numbers(version, trim=False)}.*",),)
    if sign == "~=":
        return _compatible(text, version, star)
    if star and sign == "!=":
        return ((f"!={_numbers(version, trim=False)}.*",),)
    return ((f"{sign or '=='}{_numbers(version, trim=True)}",),)


def _compatible(text: str, version: str, star: str) -> Ranges:
    """`~=1.4.2` is `>=1.4.2,1.4.*`, which conda recommends in its stead."""
    start = version.rpartition(".")[0]
    if star or not start or not _NUMBERS.fullmatch(version):
        raise ValueError(f"{text!r} is read in two ways: write `>={version}` and what it is to end before")
    return (tuple(sorted((f">={_numbers(version, trim=True)}", f"{_numbers(start, trim=False)}.*"))),)


def _numbers(version: str, *, trim: bool) -> str:
    """A version of numbers alone without zeros that change nothing: `01.2` is `1.2`; in a comparison, `1.20.0` is `1.20`."""
    found = _NUMBERS.fullmatch(version)
    if found is None:
        return version
    numbers = [str(int(number)) for number in found[2].split(".")]
    while trim and len(numbers) > 1 and numbers[-1] == "0":
        numbers.pop()
    epoch = f"{int(found[1])}!" if found[1] and int(found[1]) else ""
    return epoch + ".".join(numbers)


def _why(text: str) -> str:
    if text.startswith("^") or text.endswith("$"):
        return "regular expressions are not served"
    if "*" in text:
        return "a star stands at the end, behind a dot"
    return _EXAMPLE


def _is_pin(clause: str) -> bool:
    return clause.startswith("==") or (clause.endswith(".*") and not clause.startswith("!"))


def _can_hold(clauses: Collection[str]) -> bool:
    if len(clauses) == 1:
        return True
    exact = next((clause[2:] for clause in clauses if clause.startswith("==")), "")
    if exact:
        return all(holds(clause, exact) for clause in clauses)
    starts = [clause[:-2] for clause in clauses if _is_pin(clause)]
    return all(starts_with(a, b) or starts_with(b, a) for a in starts for b in starts)
