"""The index options of a requirements file: URLs become named indexes, their credentials are taken out."""

from collections.abc import Collection

from envbuild.definition import Index
from envbuild.errors import Fault
from envbuild.formats.urls import address, folder_url

__all__ = ["IndexOptions", "Logins", "index_name"]


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
    """Collects -i and --extra-index-url over all files. `pypi_urls` are other spellings of the default index."""

    def __init__(self, logins: Logins, pypi_urls: Collection[str] = ()) -> None:
        self._logins = logins
        self._pypi = {folder_url(url) for url in pypi_urls}
        self._default: tuple[str, str] | None = None
        self._extras: dict[str, str] = {}

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
        if not faults and clean not in self._pypi and clean not in self._extras:
            self._extras[clean] = index_name(clean, self._extras.values())
        return faults

    def indexes(self) -> tuple[Index, ...]:
        """The extra indexes in order, then the one that replaces `pypi`, if any."""
        named = [Index(name, url) for url, name in self._extras.items()]
        if self._default is not None and self._default[1] not in self._pypi:
            named.append(Index("pypi", self._default[1]))
        return tuple(named)

    def notices(self) -> list[str]:
        """What became of each option."""
        said = [
            f"--extra-index-url {url} is the index {name!r}, asked before pypi; the first that has a package gives it"
            for url, name in self._extras.items()
        ]
        if self._default is not None and self._default[1] not in self._pypi:
            said.append(f"--index-url {self._default[1]} stands in for the index 'pypi'")
        return said

    def _clean(self, url: str, at: str) -> tuple[str, list[Fault]]:
        try:
            place = address(url)
        except ValueError:
            return "", [Fault(at, "the index is not a URL", "write https://host/path/simple")]
        if place.scheme not in ("http", "https", "file"):
            return "", [Fault(at, f"an index cannot be served over {place.scheme!r}", "use https")]
        if not self._logins.add(place.host, place.login):
            return "", [
                Fault(at, f"two different logins for {place.host}", "keep one; netrc or a keyring serve better")
            ]
        return folder_url(place.url), []


def index_name(url: str, taken: Collection[str]) -> str:
    """A name for an index that has none: its host and path, `download.example.org-whl-cpu`."""
    place = address(url)
    parts = [place.host, *(p for p in place.path.split("/") if p and p != "simple")]
    plain = "".join(c if c.isascii() and (c.isalnum() or c in "._-") else "-" for c in "-".join(parts).lower())
    name = plain.strip("._-") or "local"
    number = 2
    unique = name if name != "pypi" else "pypi-index"
    while unique in taken:
        unique, number = f"{name}-{number}", number + 1
    return unique
