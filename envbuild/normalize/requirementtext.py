"""`RequirementParts`: one PEP 508 line, each of its parts in one spelling.

Most lines are a name, extras and plain versions; those are read here, by the rules that `packaging` has for them, and all
others by `packaging` itself. Lines and markers repeat from definition to definition, so that both are remembered.
"""

import re
from dataclasses import dataclass
from functools import lru_cache

from packaging.markers import InvalidMarker, Marker
from packaging.requirements import InvalidRequirement
from packaging.requirements import Requirement as Pep508
from packaging.specifiers import Specifier
from packaging.utils import canonicalize_name, canonicalize_version
from packaging.version import InvalidVersion, Version

__all__ = ["RequirementParts", "requirement_parts"]

_IDENTIFIER = r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?"
_PLAIN = re.compile(
    rf"[ \t]*+(?P<name>{_IDENTIFIER})[ \t]*+"
    rf"(?:\[[ \t]*+(?P<extras>{_IDENTIFIER}(?:[ \t]*+,[ \t]*+{_IDENTIFIER})*+)[ \t]*+\][ \t]*+)?+"
    r"(?P<versions>(?:[=!]=[ \t]*+\d+(?:\.\d+)*(?:\.\*)?|[<>]=?[ \t]*+\d+(?:\.\d+)*|~=[ \t]*+\d+(?:\.\d+)+)"
    r"(?:[ \t]*+,[ \t]*+(?:[=!]=[ \t]*+\d+(?:\.\d+)*(?:\.\*)?|[<>]=?[ \t]*+\d+(?:\.\d+)*|~=[ \t]*+\d+(?:\.\d+)+))*+)?+[ \t]*+",
    re.ASCII,
)
"""Nothing in it can be read in two ways (`*+` gives nothing back): the time grows with the line's length alone."""


@dataclass(frozen=True, slots=True)
class RequirementParts:
    """Names (PEP 503), extras (PEP 685), specifiers (PEP 440) and the marker (PEP 508), each in its one spelling."""

    name: str
    extras: frozenset[str]
    specifiers: frozenset[str]
    url: str
    marker: str


@lru_cache(maxsize=8192)
def requirement_parts(text: str) -> RequirementParts:
    """The parts of a line. ValueError, with PEP 508's words for it, where it is no requirement."""
    head, semicolon, marker = text.partition(";")
    plain = _PLAIN.fullmatch(head)
    if plain is not None:
        try:
            return RequirementParts(
                name=canonicalize_name(plain["name"]),
                extras=frozenset(
                    canonicalize_name(extra.strip()) for extra in (plain["extras"] or "").split(",") if extra
                ),
                specifiers=frozenset(
                    _plain_specifier(one.strip()) for one in (plain["versions"] or "").split(",") if one
                ),
                url="",
                marker=_marker(marker) if semicolon else "",
            )
        except InvalidMarker:
            pass  # `packaging` says it with the whole line in view.
    try:
        parsed = Pep508(text)
    except InvalidRequirement as error:
        raise ValueError(str(error)) from None
    return RequirementParts(
        name=canonicalize_name(parsed.name),
        extras=frozenset(canonicalize_name(extra) for extra in parsed.extras),
        specifiers=frozenset(_specifier(s) for s in parsed.specifier),
        url=parsed.url or "",
        marker=str(parsed.marker or ""),
    )


@lru_cache(maxsize=1024)
def _marker(text: str) -> str:
    return str(Marker(text))


def _plain_specifier(text: str) -> str:
    """`_specifier` for an operator and numbers."""
    operator = text[:2] if text[1] == "=" else text[:1]
    numbers = [str(int(part)) if part != "*" else part for part in text[len(operator) :].strip().split(".")]
    if operator != "~=" and numbers[-1] != "*":
        while len(numbers) > 1 and numbers[-1] == "0":
            numbers.pop()
    return operator + ".".join(numbers)


def _specifier(specifier: Specifier) -> str:
    """PEP 440's canonical form. Zeros at the end say something in `~=` and `.*`, and nothing elsewhere."""
    operator, version = specifier.operator, specifier.version
    try:
        if operator == "===":
            return f"==={version}"
        if version.endswith(".*"):
            return f"{operator}{Version(version.removesuffix('.*'))}.*"
        return f"{operator}{canonicalize_version(Version(version), strip_trailing_zero=operator != '~=')}"
    except InvalidVersion:
        return str(specifier)
