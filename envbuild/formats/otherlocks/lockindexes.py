"""The indexes that a lock's packages are from: by URL in the lock, by name in a definition.

The default one is what the project says, else PyPI; a lock of which nothing is from PyPI has another, the one that most
packages are from. Every other index gives only the packages that are locked from it.
"""

import posixpath
import re
from collections.abc import Mapping, Sequence

from envbuild.definition import Index
from envbuild.errors import Fault
from envbuild.formats.pip.reqindexes import Logins, index_names
from envbuild.formats.urls import NO_QUERY, address
from envbuild.indexurl import HostNotAscii, index_url, is_pypi

__all__ = ["LockIndexes"]

_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,127}")


class LockIndexes:
    """Names for the URLs of a lock."""

    def __init__(self, logins: Logins, known: Sequence[Index] = (), names: Mapping[str, str] = {}) -> None:
        """`known`: those that the project names, `pypi` among them where it has a default of its own.

        `names`: those that the lock itself names, by URL.
        """
        self._logins = logins
        self._cleaned: dict[str, str] = {}
        self.faults: list[Fault] = []
        self._names = {
            self.cleaned(url, ""): name.lower() for url, name in names.items() if _NAME.fullmatch(name.lower())
        }
        # What the project calls an index, its settings on a machine are called after.
        self._known = {index_url(one.url): one.name for one in known if one.url}
        self._names |= self._known
        self._default = next((index_url(one.url) for one in known if one.name == "pypi" and one.url), "")

    def cleaned(self, url: str, at: str) -> str:
        """An index's URL in its one spelling, without a login; nothing for PyPI."""
        if url not in self._cleaned:
            self._cleaned[url] = self._clean(url, at) if url else ""
        return self._cleaned[url]

    def indexes(self, packages: Mapping[str, Sequence[str]]) -> tuple[Index, ...]:
        """The definition's indexes for packages by (cleaned) URL."""
        others = {url: names for url, names in packages.items() if url}
        default = "" if "" in packages else self._default
        unknown = [url for url in others if url not in self._known]
        if not default and unknown and "" not in packages:
            # A tie is broken by the URL, so that the order of packages has no say.
            default = max(unknown, key=lambda url: (len(others[url]), url))
        named = index_names(url for url in others if self._names.get(url, "") in ("", "pypi"))
        named = {**named, **{url: n for url in others if (n := self._names.get(url, "")) not in ("", "pypi")}}
        found = [
            Index(named[url], url, explicit=True, packages=tuple(sorted(set(names))))
            for url, names in others.items()
            if url != default
        ]
        found.sort(key=lambda index: index.name)
        return (*found, Index("pypi", default)) if default in others else tuple(found)

    def _clean(self, url: str, at: str) -> str:
        try:
            place = address(url)
            clean = index_url(place.url)
        except HostNotAscii as bad:
            self.faults.append(Fault(at, bad.what, bad.hint))
            return ""
        except ValueError:
            what = f"the index {posixpath.basename(url) or url} is a folder of one machine: others could not find it"
            self.faults.append(Fault(at, what, "serve it over http, or name its wheels by https URL"))
            return ""
        if place.scheme not in ("http", "https", "file"):
            self.faults.append(Fault(at, f"an index cannot be served over {place.scheme!r}", "use https"))
        elif "?" in place.url:
            self.faults.append(Fault(at, *NO_QUERY))
        elif not self._logins.add(place.host, place.login):
            hint = "keep one; netrc or a keyring serve better"
            self.faults.append(Fault(at, f"two different logins for {place.host}", hint))
        return "" if is_pypi(clean) else clean
