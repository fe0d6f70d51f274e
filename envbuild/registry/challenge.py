"""What a 401 asks for: the WWW-Authenticate header (RFC 9110, 11.6.1)."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

__all__ = ["Challenge", "parse_challenges"]

_WORD = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
_PARAMETER = re.compile(rf'\s*({_WORD})\s*=\s*(?:"((?:[^"\\]|\\.)*)"|({_WORD}|[^\s",]+))\s*(?:,|$)')
_SCHEME = re.compile(rf"\s*(?:,\s*)?({_WORD})(?:\s+|$|(?=,))(?!=)")


@dataclass(frozen=True, slots=True)
class Challenge:
    """A scheme in lower case (`bearer`, `basic`) and its parameters, names in lower case."""

    scheme: str
    parameters: Mapping[str, str]


def parse_challenges(header: str) -> tuple[Challenge, ...]:
    """All challenges of a header, in order; what cannot be understood ends the list."""
    found: list[Challenge] = []
    at = 0
    while at < len(header):
        scheme = _SCHEME.match(header, at)
        if scheme is None:
            break
        at = scheme.end()
        parameters: dict[str, str] = {}
        while parameter := _PARAMETER.match(header, at):
            name, quoted, plain = parameter.groups()
            parameters[name.lower()] = re.sub(r"\\(.)", r"\1", quoted) if quoted is not None else plain
            at = parameter.end()
        found.append(Challenge(scheme[1].lower(), parameters))
    return tuple(found)
