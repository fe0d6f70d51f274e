"""`HttpSettings`: how this machine reaches the network, as one frozen value; and URLs as they may be shown.

It is a noun of its own, so that reading a machine's configuration loads no HTTP client.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

__all__ = ["USER_AGENT", "HttpSettings", "encoded_login", "host_of", "proxy_url", "public_url", "split_login"]

USER_AGENT = "envbuild"


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpSettings:
    """Timeouts in seconds. Nothing is read from the process's environment but what stands here."""

    ca_bundle: Path | None = None
    """A PEM file of the authorities to trust; None: the system's trust store."""
    cert_folders: tuple[Path, ...] = ()
    """Each has a folder a host (`HOST` or `HOST:PORT`): *.crt are its authorities, NAME.cert and NAME.key our own."""
    proxies: Mapping[str, str] = field(default_factory=dict, repr=False)
    """By scheme (`http`, `https`, `all`); a URL may carry the proxy's login."""
    no_proxy: tuple[str, ...] = ()
    """Hosts, domains (`.corp`), addresses, networks (`10.0.0.0/8`) reached directly; `*` is all."""
    connect_timeout: float = 10.0
    read_timeout: float = 60.0
    patience: float = 120.0
    """The longest that one request waits in all between its tries."""
    user_agent: str = USER_AGENT
    logins: Mapping[str, str] = field(default_factory=dict, repr=False)
    """`user:password` by host, as `host_of` has it."""
    netrc: Path | None = None
    """Where further logins stand; a missing file is none."""
    login: Callable[[str], str | None] | None = field(default=None, repr=False)
    """Asked once for a host that answered 401: `user:password`, or None."""
    tell: Callable[[str], object] | None = field(default=None, repr=False)
    """Takes a line for the user where a host keeps a request waiting; from any thread."""
    ended: Callable[[], bool] | None = field(default=None, repr=False)
    """Whether nobody waits for answers any more (Ctrl-C): then no request begins, and no wait goes on."""


_STRAY = re.compile(r"\A([A-Za-z][A-Za-z0-9+.-]*://)([^/?#@\[\]]*:(?![0-9]*(?:[/?#]|$))[^@]*)(?=@)")
"""A login that was written as it is, with one of /?# in its password: what comes before that is no host with a port."""
_TOKEN = re.compile(r"/t/[^/]+")
"""A token, as conda's channels have it in their paths."""
_LONGEST = 4096
_DELIMITERS = {ord(c): f"%{ord(c):02X}" for c in "/?#"}


def encoded_login(url: str) -> str:
    """The URL itself; where its password has one of /?# in it, with those percent-encoded (RFC 3986, 3.2.1).

    Else half of the password would pass for a path, and be shown with it.
    """
    if len(url) > _LONGEST:
        # No URL that anybody means, and long ones take the pattern too long.
        return url
    return _STRAY.sub(lambda found: found[1] + found[2].translate(_DELIMITERS), url, count=1)


def proxy_url(text: str) -> str:
    """A proxy as people write it, `HOST:PORT` or a URL, as a URL."""
    return encoded_login(text if "://" in text else f"http://{text}")


def host_of(url: str) -> str:
    """The host of a URL, with its port where it names one; for a file, `file`."""
    parts = urlsplit(encoded_login(url))
    return parts.netloc.rpartition("@")[2].lower() or parts.scheme


def split_login(url: str) -> tuple[str, str]:
    """A URL without its login, and the login (`user:password` as written, percent-encoded; empty: none)."""
    parts = urlsplit(encoded_login(url))
    login, _, host = parts.netloc.rpartition("@")
    return urlunsplit(parts._replace(netloc=host)), login


def public_url(url: str) -> str:
    """A URL as it may be shown: without login, query and fragment, which can carry secrets; a token in the path is `***`."""
    parts = urlsplit(encoded_login(url))
    path = _TOKEN.sub("/t/***", parts.path)
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2], path=path, query="", fragment=""))
