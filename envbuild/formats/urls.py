"""URLs of indexes and direct references: split from their credentials, and one spelling."""

import re
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit, urlunsplit

from envbuild.indexurl import HostNotAscii

__all__ = ["NO_QUERY", "Address", "address", "redacted"]

NO_QUERY = (
    "a URL with a query may carry a token, and would stand in the lock",
    "give the plain URL; a login: envbuild login URL, or .netrc",
)
"""Why an index's address has none, and what to do. The query is not shown."""

_EXAMPLE = "USER:PASSWORD"
"""The login that our own hints show, as an example."""
_URL = re.compile(r"://[^\s'\"<>]*")
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
    """The parts of a URL. ValueError, which never repeats the credentials, where it is none; HostNotAscii is one."""
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        raise ValueError("not a URL") from None
    scheme, hostname = parts.scheme.lower(), (parts.hostname or "").lower()
    if not scheme or (scheme != "file" and not hostname):
        raise ValueError("not a URL")
    if not hostname.isascii():
        raise HostNotAscii
    host = f"[{hostname}]" if ":" in hostname else hostname
    if port is not None and port != _DEFAULT_PORTS.get(scheme):
        host = f"{host}:{port}"
    login = ""
    if "@" in parts.netloc:
        login = f"{unquote(parts.username or '')}:{unquote(parts.password or '')}"
    url = urlunsplit((scheme, host, parts.path, parts.query, ""))
    return Address(url, scheme, host, parts.path, parts.fragment, login)


def redacted(text: str) -> str:
    """`text` with the credentials of every URL in it replaced by stars: logins, conda's tokens, the values of queries.

    A login goes to the last @: a password may hold what may stand in no URL.
    """
    return _URL.sub(lambda found: _redacted(found[0]), text)


def _redacted(url: str) -> str:
    login, _, rest = url.rpartition("@")
    if login == f"://{_EXAMPLE}":
        return url
    place, mark, query = (f"://***@{rest}" if login else url).partition("?")
    values, hash_sign, fragment = query.partition("#")
    host, slash, path = place.removeprefix("://").partition("/")
    parts = path.split("/")
    if "t" in parts[:-1] and host:
        parts[parts.index("t") + 1] = "***"
    return f"://{host}{slash}{'/'.join(parts)}{mark}{_VALUE.sub(_starred, values)}{hash_sign}{fragment}"


def _starred(value: re.Match[str]) -> str:
    return f"{value[1] or ''}***"
