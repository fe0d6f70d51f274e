"""The index options of a requirements file: URLs become named indexes, their credentials are taken out."""

import re
from collections import Counter
from collections.abc import Iterable
from hashlib import sha256

from envbuild.definition import Index
from envbuild.errors import Fault
from envbuild.formats.urls import NO_QUERY, address
from envbuild.indexurl import HostNotAscii, index_url, is_pypi

__all__ = ["IndexOptions", "Logins", "index_name", "index_names"]

_TOKEN = re.compile(r"(?<=/)t/[^/]+")
"""Refused where it stands in a definition; till then it is in no name."""
_LONGEST = 128
"""Letters of an index's name."""


class Logins:
    """Credentials by host, as they are found."""

    def __init__(self) -> None:
        self._found: dict[str, str] = {}

    def add(self, host: str, login: str) -> bool:
        """Keep a login, if there is one. False where the host has another one already."""
        return not login or self._found.setdefault(host, login) == login

    def pairs(self) -> tuple[tuple[str, str], ...]:
        """Host and login, sorted."""
        return tuple(sorted(self._found.items()))


class IndexOptions:
    """Collects -i and --extra-index-url over all files."""

    def __init__(self, logins: Logins) -> None:
        self._logins = logins
        self._default: tuple[str, str] | None = None
        self._extras: dict[str, None] = {}

    def default(self, url: str, at: str) -> list[Fault]:
        """-i URL: the index that stands in for `pypi`."""
        clean, faults = self._clean(url, at)
        if faults:
            return faults
        if self._default is not None and self._default[1] != clean:
            what = f"a second --index-url; the first is at {self._default[0]}"
            return [Fault(at, what, "keep one; name the other with --extra-index-url")]
        self._default = self._default or (at, clean)
        return []

    def extra(self, url: str, at: str) -> list[Fault]:
        """--extra-index-url URL: an index that is asked before `pypi`."""
        clean, faults = self._clean(url, at)
        if not faults:
            self._extras.setdefault(clean)
        return faults

    def indexes(self) -> tuple[Index, ...]:
        """The extra indexes in order, then the one that replaces `pypi`, if any.

        Where PyPI is an extra index itself, -i names one more that is asked before it: whoever publishes on PyPI cannot
        stand in for a package of one's own.
        """
        urls = [url for url in self._extras if not is_pypi(url)]
        own = self._own_default
        if own and len(urls) < len(self._extras):
            urls += [own] if own not in urls else []
            own = ""
        names = index_names(urls)
        named = [Index(names[url], url) for url in urls if url != own]
        return (*named, Index("pypi", own)) if own else tuple(named)

    def notices(self) -> list[str]:
        """What became of each option."""
        return [
            f"--index-url {index.url} stands in for the index 'pypi'"
            if index.name == "pypi"
            else f"{self._option(index.url)} {index.url} is the index {index.name!r}, asked before pypi; the first that "
            "has a package gives it"
            for index in self.indexes()
        ]

    @property
    def _own_default(self) -> str:
        """What -i names, where that is another than PyPI."""
        url = self._default[1] if self._default else ""
        return "" if is_pypi(url) else url

    def _option(self, url: str) -> str:
        return "--extra-index-url" if url in self._extras else "--index-url"

    def _clean(self, url: str, at: str) -> tuple[str, list[Fault]]:
        try:
            place = address(url)
            clean = index_url(place.url)
        except HostNotAscii as bad:
            return "", [Fault(at, bad.what, bad.hint)]
        except ValueError:
            return "", [Fault(at, "the index is not a URL", "write https://host/path/simple")]
        if place.scheme not in ("http", "https", "file"):
            return "", [Fault(at, f"an index cannot be served over {place.scheme!r}", "use https")]
        if "?" in place.url:
            return "", [Fault(at, *NO_QUERY)]
        if not self._logins.add(place.host, place.login):
            return "", [
                Fault(at, f"two different logins for {place.host}", "keep one; netrc or a keyring serve better")
            ]
        return clean, []


def index_names(urls: Iterable[str]) -> dict[str, str]:
    """By URL, a name for each index that has none: its host and path, `download.example.org-whl-cpu`.

    Those that would share a name, or the setting of one (ENVBUILD_INDEX_...), all end in a part of their URL's sha256:
    the order in which they are written has no say in it.
    """
    plain = {url: _plain_name(url) for url in urls}
    shared = Counter(map(_setting, plain.values()))
    return {
        url: name if shared[_setting(name)] == 1 and len(name) <= _LONGEST else _unlike_others(name, url)
        for url, name in plain.items()
    }


def index_name(url: str) -> str:
    """The name that an index gets where no other is like it. ValueError where the URL is none."""
    return next(iter(index_names([index_url(address(url).url)]).values()))


def _plain_name(url: str) -> str:
    place = address(url)
    path = _TOKEN.sub("", place.path)
    parts = [place.host, *(p for p in path.split("/") if p and p != "simple")]
    plain = "".join(c if c.isascii() and (c.isalnum() or c in "._-") else "-" for c in "-".join(parts).lower())
    name = plain.strip("._-") or "local"
    return name if name != "pypi" else "pypi-index"


def _unlike_others(name: str, url: str) -> str:
    return f"{name[: _LONGEST - 9].rstrip('._-')}-{sha256(url.encode()).hexdigest()[:8]}"


def _setting(name: str) -> str:
    """What an index's name is in the name of a setting."""
    return re.sub(r"[^a-z0-9]", "_", name)
