"""What uv said when it failed, in words of the user's: no escape sequences, no credentials, no paths, nothing of how we asked."""

import re
from collections.abc import Sequence

from packaging.utils import canonicalize_name

from envbuild.errors import EnvironmentFault, ResolveFailed
from envbuild.resolvers.pins import NoSolution

__all__ = ["ROOT", "failure", "last_lines", "unreached"]

ROOT = "envbuild-request-root"
"""The name of the project in whose name we ask."""

_NAME = r"(?<![A-Za-z0-9._-])[A-Za-z0-9][A-Za-z0-9._-]*"
_ABSENT = re.compile(rf"(?:there are no versions of (?=({_NAME}))|({_NAME}) was not found in the package registry)")
_WHEELLESS = re.compile(rf"({_NAME})(?:\[[^\]]*\])?(?:[=<>!~][^\s]*)? (?:has|have) no (?:usable wheels|wheels)")
_VERSIONLESS = re.compile(rf"(?:there is no version of|only) ({_NAME})[=<>!~]\S*(?: is available| and you require)")
_HINTED = re.compile(rf"Wheels are required for `({_NAME})`")
_SOURCE = re.compile(
    r"Failed to (?:download and )?build `([^`]+)`|[Bb]uilding source distributions (?:for `([^`]+)` )?is disabled"
)
_UNREACHABLE = ("Failed to fetch", "error sending request", "dns error", "tcp connect error", "operation timed out")
_NO_INDEX = re.compile(r"Received some unexpected \w+ from|Unsupported `Content-Type`")
_REFUSED = re.compile(r"\b(40[137]) (?:Unauthorized|Forbidden|Proxy)|status client error \((40[137])")
_URL = re.compile(r"https?://[^\s`)]+|file:///[^\s`)]+")
_DRAWN = "\u00d7\u2570\u2500\u25b6\u251c\u2502 "
"""What older versions of uv draw before a line."""
_MOST = 12


def failure(stderr: str, temporary: str) -> EnvironmentFault | ResolveFailed:
    """The error that uv's words mean; `temporary` is the folder we asked from."""
    text = _plain(stderr, temporary)
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    start = next((number for number, line in enumerate(lines) if _bare(line) != line), 0)
    said = [_bare(line) for line in lines[start:] if not line.startswith(("hint:", "warning:"))]
    if _NO_INDEX.search(text):
        hint = "is this the address of an index (PEP 503), or does a login page stand before it?"
        return EnvironmentFault("the answer is no package index's", at=_place(text), hint=hint)
    if _REFUSED.search(text):
        return _unreachable(text, said)
    if not any("No solution found" in line for line in said):
        if any(sign in text for sign in _UNREACHABLE) and "error (404" not in text:
            return _unreachable(text, said)
        if source := _SOURCE.search(text):
            return NoSolution(f"{source[1] or source[2] or 'a package'} is no wheel", hint="\n".join(_condensed(said)))
        return ResolveFailed("\n".join(_condensed(said)) or "uv failed and said nothing")
    reasons = list(dict.fromkeys(line for line in said if "No solution found" not in line))
    return NoSolution(
        "\n".join(_condensed(reasons)),
        absent=_names(_ABSENT, text),
        wheelless=_names(_WHEELLESS, text, _HINTED),
        versionless=_names(_VERSIONLESS, text),
    )


def unreached(stderr: str, temporary: str) -> EnvironmentFault | None:
    """Of a build whose own packages could not be had: the index that is to blame, if one is."""
    found = failure(stderr, temporary)
    if isinstance(found, EnvironmentFault):
        return found
    text = _plain(stderr, temporary)
    if any(sign in text for sign in _UNREACHABLE) and "error (404" not in text:
        return _unreachable(text, [_bare(line.strip()) for line in text.splitlines() if line.strip()])
    return None


def last_lines(stderr: str, temporary: str, most: int) -> list[str]:
    """What a build that uv ran said last, without our folder, logins and escape sequences."""
    return [line.rstrip() for line in _plain(stderr, temporary).splitlines() if line.strip()][-most:]


def _names(pattern: re.Pattern[str], text: str, first: re.Pattern[str] | None = None) -> tuple[str, ...]:
    """Each package once; those that `first` finds before the others."""
    found = [*(first.finditer(text) if first else ()), *pattern.finditer(text)]
    return tuple(dict.fromkeys(canonicalize_name(next(filter(None, match.groups()))) for match in found))


def _plain(text: str, temporary: str) -> str:
    text = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", text)
    text = re.sub(r"(\b\w{1,20}://)[^\s/@]+@", r"\1", text)
    text = text.replace(f"{temporary}/", "").replace(temporary, "")
    text = re.sub(rf"{ROOT}(?:==\S+)? depends on", "you require", text)
    return re.sub(rf"\b{ROOT}(?:==\S+)?", "what you ask for", text)


def _bare(line: str) -> str:
    return line.lstrip(_DRAWN).removeprefix("error: ").removeprefix("cause: ")


def _unreachable(text: str, said: Sequence[str]) -> EnvironmentFault:
    at = _place(text)
    if "certificate" in text:
        hint = "name its authority's PEM file: ENVBUILD_CA_BUNDLE (or SSL_CERT_FILE); is this machine's clock right?"
        return EnvironmentFault(f"the index's certificate is not trusted: {said[-1]}", at=at, hint=hint)
    if refused := _REFUSED.search(text):
        number = refused[1] or refused[2]
        hint = "put the login for this host into ~/.netrc, or into the keyring: envbuild login INDEX-URL"
        return EnvironmentFault(f"access to the index is refused ({number})", at=at, hint=hint)
    reason = said[-1] if said else "no answer"
    hint = "no other index is asked in its place; is it up? Where a proxy is needed: ENVBUILD_PROXY (or HTTPS_PROXY)"
    return EnvironmentFault(f"a package index cannot be reached: {reason}", at=at, hint=hint)


def _place(text: str) -> str:
    """The address that the words are about."""
    url = _URL.search(text)
    return url[0] if url else "a package index"


def _condensed(lines: Sequence[str]) -> list[str]:
    """The first and the last of a long explanation: where it starts, and what it comes to."""
    if len(lines) <= _MOST:
        return list(lines)
    half = _MOST // 2
    return [*lines[:half], f"... ({len(lines) - 2 * half} more steps)", *lines[-half:]]
