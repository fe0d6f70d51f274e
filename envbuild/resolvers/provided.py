"""Where a requirement and what the environment has already do not go together: found before a resolver is asked, and after."""

import re
from collections.abc import Iterable, Iterator

from packaging.requirements import Requirement as Parsed
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from envbuild.resolvers.pins import NoSolution, PinRequest, Provided, Unmet

__all__ = ["check_asked", "comparable", "told_by_uv", "unmet"]

_NAME = r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?"
_LIMIT = r"[<>=!~][^\s,]*(?:,[<>=!~][^\s,]*)*"
_PACKAGE = rf"({_NAME})(?:\[[^\]]*\])?"
_WANTED = re.compile(rf"{_PACKAGE}({_LIMIT})")
_NEEDS = re.compile(rf"{_PACKAGE}(?:{_LIMIT})? depends? on {_PACKAGE}({_LIMIT})")
_NEEDS_ONE = re.compile(rf"{_PACKAGE}(?:{_LIMIT})? depends? on one of:((?:\s+{_NAME}(?:\[[^\]]*\])?{_LIMIT})+)")
_AVAILABLE = re.compile(
    rf"\bonly {_PACKAGE}{_LIMIT} is available|\bthere is no version of {_PACKAGE}{_LIMIT}|"
    rf"\bonly the following versions of {_PACKAGE} are available:(?:\s+{_NAME}(?:\[[^\]]*\])?{_LIMIT})+"
)
_OR = " or "
_BY_URL = re.compile(r"Requirements contain conflicting URLs for package `([^`]+)`")


def comparable(provided: Iterable[Provided]) -> tuple[tuple[Provided, ...], tuple[Provided, ...]]:
    """Those whose version can be held against a requirement (PEP 440), and the others."""
    found: tuple[list[Provided], list[Provided]] = [], []
    for one in provided:
        found[not _is_version(one.version)].append(one)
    return tuple(found[0]), tuple(found[1])


def check_asked(request: PinRequest) -> None:
    """NoSolution where the definition itself asks for another version of what is there, or for a file of its own."""
    there = {one.name: one for one in request.provided}
    for parsed in (Parsed(r.text) for r in request.requirements):
        one = there.get(canonicalize_name(parsed.name))
        if one is None:
            continue
        if parsed.url is not None:
            what = f"conda has {one.name} {one.version}, and the definition asks for {one.name} by a URL"
            hint = f"leave {one.name} out of the pip packages, or see to it that no conda package brings it"
            raise NoSolution(what, hint=hint)
        if not parsed.specifier.contains(Version(one.version), prereleases=True):
            found = Unmet(one.name, one.version, "the definition", f"{one.name}{parsed.specifier}")
            raise NoSolution(str(found), hint=found.hint, unmet=(found,))


def unmet(needs: Iterable[tuple[str, str, str]], request: PinRequest) -> tuple[Unmet, ...]:
    """Of (package, what it needs, in which version, ` or ` between two): what the provided do not meet; of several, each one's last."""
    there = {one.name: one for one in request.provided}
    found: dict[tuple[str, str], Unmet] = {}
    for package, needed, specifier in needs:
        one = there.get(canonicalize_name(needed))
        if one is not None:
            for who, limit in [*_constraining(one, request), (canonicalize_name(package), specifier)]:
                if not _takes(limit, one.version):
                    found[one.name, who] = Unmet(one.name, one.version, who, f"{one.name}{limit}")
                    break
    return tuple(found.values())


def told_by_uv(text: str, request: PinRequest) -> tuple[str, tuple[Unmet, ...]]:
    """The words of uv, with conda named where uv speaks of the wheels we made, and what is unmet by them."""
    there = {one.name: one for one in request.provided}

    def named(match: re.Match[str], more: str = "") -> str:
        one = there.get(canonicalize_name(next(filter(None, match.groups()))))
        return f"conda has {one.name} {one.version}{more}" if one else match[0]

    text = _BY_URL.sub(lambda match: named(match, ", and it is asked for by a URL"), _AVAILABLE.sub(named, text))
    needs = [(match.start(), match[1], match[2], match[3]) for match in _NEEDS.finditer(text)]
    for match in _NEEDS_ONE.finditer(text):
        one_of = [found for line in match[2].split() if (found := _WANTED.fullmatch(line))]
        needs.append((match.start(), match[1], one_of[0][1], _OR.join(found[2] for found in one_of)))
    return text, unmet((need[1:] for need in sorted(needs)), request)


def _constraining(one: Provided, request: PinRequest) -> Iterator[tuple[str, str]]:
    for parsed in map(Parsed, request.constraints):
        if canonicalize_name(parsed.name) == one.name:
            yield "a constraint", str(parsed.specifier)


def _takes(limit: str, version: str) -> bool:
    try:
        sets = [SpecifierSet(part.rstrip(".")) for part in limit.split(_OR)]
    except InvalidSpecifier:
        return True
    return any(one.contains(Version(version), prereleases=True) for one in sets)


def _is_version(text: str) -> bool:
    try:
        Version(text)
    except InvalidVersion:
        return False
    return True
