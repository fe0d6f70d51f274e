"""What a login is for, as people name it: a registry by its host, a package index by its URL."""

import re
from dataclasses import dataclass
from typing import Self
from urllib.parse import unquote, urlsplit, urlunsplit

from envbuild.errors import UsageError
from envbuild.httpsettings import host_of, split_login
from envbuild.reference import HUB

__all__ = ["LoginName"]

_HUB_NAMES = frozenset({HUB, "index.docker.io", "registry-1.docker.io"})
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?"
_HOST = re.compile(rf"(?:localhost|{_LABEL}(?:\.{_LABEL})+|\[[0-9a-fA-F:]+\]|{_LABEL}(?=:))(?::[0-9]{{1,5}})?")
_OF_REGISTRIES = frozenset({"", "/", "/v1", "/v2", "/v1/", "/v2/"})
"""Paths under which registries were and are served."""
_HINT = "HOST or HOST:PORT for a registry (docker.io is Docker Hub), https://HOST/PATH/ for a package index"


@dataclass(frozen=True, slots=True)
class LoginName:
    """`host` or `host:port`; `url` for an index, empty for a registry; `user` where the URL names one."""

    host: str
    url: str = ""
    user: str = ""

    @classmethod
    def parse(cls, text: str) -> Self:
        """What was named. UsageError where it is neither a host nor a web address."""
        text = text.strip()
        if "://" in text:
            return cls._of_url(text)
        host, slash, path = text.partition("/")
        if slash + path not in _OF_REGISTRIES:
            raise UsageError(f"a login is for a whole registry, not for {path!r} in it", at=host, hint=_HINT)
        return cls._of_host(host)

    @classmethod
    def _of_host(cls, host: str) -> Self:
        if host in _HUB_NAMES:
            return cls(HUB)
        if not _HOST.fullmatch(host):
            raise UsageError(f"no registry: {host!r}", hint=_HINT)
        return cls(host)

    @classmethod
    def _of_url(cls, text: str) -> Self:
        url, login = _web_address(text)
        parts = urlsplit(url)
        user, colon, _ = login.partition(":")
        if colon:
            raise UsageError(
                "leave the password out of the URL: everybody on this machine can read it there",
                at=host_of(url),
                hint="it is asked for, or read with --password-stdin",
            )
        if host_of(url) in _HUB_NAMES or (parts.path in _OF_REGISTRIES - {"", "/"}):
            return cls._of_host(host_of(url))
        if not parts.path:
            raise UsageError(
                "is this a registry or a package index?",
                at=host_of(url),
                hint=f"the registry: {host_of(url)}; an index at its root: {url}/",
            )
        return cls(host_of(url), urlunsplit(parts._replace(query="", fragment="")), unquote(user))


def _web_address(text: str) -> tuple[str, str]:
    """A URL of http or https without its login, and the login. UsageError, which shows nothing of it, for any other."""
    try:
        url, login = split_login(text)
        parts = urlsplit(url)
        if parts.scheme in ("http", "https") and parts.hostname and parts.port != 0:
            return url, login
    except ValueError:
        pass
    raise UsageError("no web address", hint=_HINT)
