"""URLs of indexes and direct references: split from their credentials, and one spelling."""

import re
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit, urlunsplit

__all__ = ["Address", "address", "folder_url", "redacted"]

_LOGIN = re.compile(r"(?<=://)[^\s'\"<>]*@")
"""To the last @: a password may hold what may stand in no URL."""
_TOKEN = re.compile(r"(://[^/\s'\"<>?#][^\s'\"<>?#]*?/t/)[^/\s'\"<>?#]+")
_QUERY = re.compile(r"(://[^\s'\"<>?#]*\?)([^\s'\"<>#]*)")
_VALUE = re.compile(r"(?<![^&])(?:([^=&]*=)[^&]+|[^=&]+)")
_DEFAULT_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class Address:
    """A URL without credentials and fragment, and what was taken out of it."""

    url: str
    scheme: str
    host: str
    """With its port, where that is not the scheme's own."""
    path: str
    fragment: str = ""
    login: str = ""
    """`user:password`, percent-decoded; never to be shown."""


def address(text: str) -> Address:
    """The parts of a URL. ValueError, which never repeats the credentials, where it is none."""
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        raise ValueError("not a URL") from None
    scheme, hostname = parts.scheme.lower(), (parts.hostname or "").lower()
    if not scheme or (scheme != "file" and not hostname):
        raise ValueError("not a URL")
    host = f"[{hostname}]" if ":" in hostname else hostname
    if port is not None and port != _DEFAULT_PORTS.get(scheme):
        host = f"{host}:{port}"
    login = ""
    if "@" in parts.netloc:
        login = f"{unquote(parts.username or '')}:{unquote(parts.password or '')}"
    url = urlunsplit((scheme, host, parts.path, parts.query, ""))
    return Address(url, scheme, host, parts.path, parts.fragment, login)


def folder_url(url: str) -> str:
    """The one spelling of an index's URL: without the slash at its end."""
    return url.rstrip("/")


def redacted(text: str) -> str:
    """`text` with the credentials of every URL in it replaced by stars: logins, conda's tokens, the values of queries."""
    text = _TOKEN.sub(r"\1***", _LOGIN.sub("***@", text))
    return _QUERY.sub(lambda found: found[1] + _VALUE.sub(r"\1***", found[2]), text)
