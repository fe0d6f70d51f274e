"""An index's address in its one spelling, so that one index has one id however it is written."""

import re
import unicodedata
from urllib.parse import quote, urlsplit, urlunsplit

__all__ = [
    "PUBLIC_INDEX",
    "PYPI_FILES",
    "PYPI_URLS",
    "HostNotAscii",
    "holds_token",
    "index_url",
    "is_pypi",
    "plain_host",
]

PUBLIC_INDEX = "https://pypi.org/simple"
"""PyPI's own: what serves `pypi` where no setting names a mirror."""
PYPI_URLS = frozenset({PUBLIC_INDEX, "https://pypi.python.org/simple"})
"""PyPI's addresses, today's and the one before."""
PYPI_FILES = "https://files.pythonhosted.org/packages"
"""Where PyPI's files stand: what a lock of files names."""

_DEFAULT_PORTS = {"http": "80", "https": "443"}
_ESCAPE = re.compile(r"%([0-9A-Fa-f]{2})")
_UNRESERVED = re.compile(r"[A-Za-z0-9._~-]")
_TOKEN = re.compile(r"/t/[^/]")
_KEPT = "!$&'()*+,;=:@/?%[]"
"""What RFC 3986 reserves, and the escapes that are made already: quote() leaves them as they are."""


class HostNotAscii(ValueError):
    """A host's name has other letters than ASCII's: IDNA 2003 and IDNA 2008 read some of them as two hosts."""

    what = "the host's name is not in ASCII: which host is meant, depends on who reads it"
    hint = "write its ASCII form, which begins with xn--"

    def __init__(self) -> None:
        super().__init__(f"{self.what}; {self.hint}")


def index_url(url: str) -> str:
    """The address as RFC 3986 (6.2.2 and 6.2.3) makes it equal, without a slash at its end, an empty query and a fragment.

    Scheme and host in small letters, no default port, escapes in one form, no `.` and `..`. What may be another place
    stays: http and https, the letters of a path, a query. ValueError where it is no URL; HostNotAscii is one.
    """
    parts = urlsplit(unicodedata.normalize("NFC", url.strip()))
    scheme = parts.scheme.lower()
    host = plain_host(scheme, parts.netloc)
    if not host and scheme in _DEFAULT_PORTS:
        # What follows would be taken for one when it is read again.
        raise ValueError("no host")
    path = _without_dots(_escaped(parts.path)).rstrip("/")
    return urlunsplit((scheme, host, path, _escaped(parts.query), ""))


def is_pypi(url: str) -> bool:
    """Whether an address in its one spelling is that of PyPI itself."""
    return url in PYPI_URLS


def holds_token(url: str) -> bool:
    """Whether a path has a token in it, as Anaconda's servers write it: `/t/TOKEN/`."""
    return _TOKEN.search(urlsplit(url).path) is not None


def plain_host(scheme: str, netloc: str) -> str:
    """A URL's host in small letters, with its port where that is not the scheme's own; a login stays before it.

    ValueError: no port; HostNotAscii: a name with other letters.
    """
    login, at, place = netloc.rpartition("@")
    host, colon, port = place.lower().rpartition(":")
    if not colon or port.endswith("]"):
        host, port = place.lower(), ""
    if port and not (port.isascii() and port.isdigit() and 0 < int(port[-8:]) < 1 << 16):
        raise ValueError("not a port")
    port = port.lstrip("0")
    if scheme == "file" and host == "localhost":
        host = ""
    if not host.isascii():
        raise HostNotAscii
    own = port and port != _DEFAULT_PORTS.get(scheme)
    return f"{login}{at}{host}:{port}" if own else f"{login}{at}{host}"


def _escaped(text: str) -> str:
    """Escapes in capitals and only where they are needed; what may not stand in a URL is escaped."""

    def one(found: re.Match[str]) -> str:
        character = chr(int(found[1], 16))
        return character if _UNRESERVED.fullmatch(character) else found[0].upper()

    return quote(_ESCAPE.sub(one, re.sub(r"%(?![0-9A-Fa-f]{2})", "%25", text)), safe=_KEPT)


def _without_dots(path: str) -> str:
    """RFC 3986, 5.2.4."""
    kept: list[str] = []
    for segment in path.split("/"):
        if segment == "..":
            if len(kept) > 1:
                kept.pop()
        elif segment != ".":
            kept.append(segment)
    return "/".join(kept)
