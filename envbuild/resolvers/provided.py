"""Where a requirement and what the environment has already do not go together: found before a resolver is asked, and after."""

import re
from collections.abc import Iterable, Iterator

from packaging.requirements import Requirement as Parsed
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from envbuild.resolvers.pins import NoSolution, PinRequest, Provided, Unmet

__all__ = ["check_asked", "comparable", "told_by_uv", "unmet"]

_NEEDS = re.compile(
    r"([A-Za-z0-9][A-Za-z0-9._-]*)(?:\[[^\]]*\])?(?:[<>=!~][^\s,]*(?:,[<>=!~][^\s,]*)*)? depends? on "
    r"([A-Za-z0-9][A-Za-z0-9._-]*)(?:\[[^\]]*\])?([<>=!~][^\s,]*(?:,[<>=!~][^\s,]*)*)"
)
_AVAILABLE = re.compile(r"\bonly ([A-Za-z0-9][A-Za-z0-9._-]*)[<>=!~][^\s]* is available")
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
    """Of (package, what it needs, in which version): what the provided distributions do not meet, each once."""
    there = {one.name: one for one in request.provided}
    found = {}
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

    def available(match: re.Match[str]) -> str:
        one = there.get(canonicalize_name(match[1]))
        return f"conda has {one.name} {one.version}" if one else match[0]

    def by_url(match: re.Match[str]) -> str:
        one = there.get(canonicalize_name(match[1]))
        return f"conda has {one.name} {one.version}, and it is asked for by a URL" if one else match[0]

    text = _BY_URL.sub(by_url, _AVAILABLE.sub(available, text))
    return text, unmet(_NEEDS.findall(text), request)


def _constraining(one: Provided, request: PinRequest) -> Iterator[tuple[str, str]]:
    for parsed in map(Parsed, request.constraints):
        if canonicalize_name(parsed.name) == one.name:
            yield "a constraint", str(parsed.specifier)


def _takes(specifier: str, version: str) -> bool:
    try:
        return SpecifierSet(specifier.rstrip(".")).contains(Version(version), prereleases=True)
    except InvalidSpecifier:
        return True


def _is_version(text: str) -> bool:
    try:
        Version(text)
    except InvalidVersion:
        return False
    return True
