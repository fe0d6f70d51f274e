"""What conda-lock said when it failed, in words of the user's: the reason that conda gave, without our folder and logins."""

import re

from envbuild.errors import EnvironmentFault, ResolveFailed
from envbuild.matchspec.channel import without_logins

__all__ = ["failure"]

_REASON = re.compile(r"Could not lock the environment for platform \S+\n(?P<reason>.*?)\n    Command: ", re.DOTALL)
_KIND = re.compile(r'"exception_name":\s*"(\w+)"')
_UNREACHED = re.compile(
    r"CondaHTTPError|CondaSSLError|CondaDependencyError|ProxyError|UnavailableInvalidChannel|ChannelError|HTTPError|"
    r"Connection(?:Failed|Refused|Reset)|[Cc]ould not (?:connect|resolve)|Download error|Max retries exceeded"
)
_NOISE = re.compile(r"\s*$|Traceback |  |WARNING:|INFO:|DEBUG:|Locking dependencies")
_MOST = 16


def failure(stderr: str, temporary: str) -> EnvironmentFault | ResolveFailed:
    """The error that its words mean; `temporary` is the folder it ran in."""
    text = without_logins(stderr.replace(f"{temporary}/", "").replace(temporary, ""))[0]
    reason = _REASON.search(text)
    lines = [line.rstrip() for line in (reason["reason"] if reason else text).splitlines()]
    lines = [line for line in lines if line.strip()] if reason else [line for line in lines if not _NOISE.match(line)]
    if reason is None:
        lines = lines[-_MOST:]
    said = "\n  ".join(lines[:_MOST]) or "conda-lock failed and said nothing"
    kind = _KIND.search(text)
    if _UNREACHED.search(kind[1] if kind else said):
        hint = "is the channel up, and its name right? Where a proxy is needed: ENVBUILD_PROXY (or HTTPS_PROXY)"
        return EnvironmentFault(f"a conda channel cannot be asked: {said}", at="--resolver conda-lock", hint=hint)
    if reason is None:
        return ResolveFailed(
            f"conda-lock failed:\n  {said}", at="conda", hint="leave --resolver out: rattler solves it"
        )
    hint = "loosen a version that is asked for; rattler explains more: leave --resolver out"
    return ResolveFailed(f"conda-lock finds no solution:\n  {said}", at="conda", hint=hint)
