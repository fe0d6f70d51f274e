"""`FindLinks`: pip's folders and pages of links, as places where a file of a known hash may be."""

import threading
from collections.abc import Iterator, Sequence
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urldefrag, urljoin, urlsplit
from urllib.request import url2pathname

from envbuild.errors import EnvironmentFault
from envbuild.http.client import Http

__all__ = ["FindLinks"]


class FindLinks:
    """Each place is a folder, a file:// URL of one, or the URL or path of an HTML page. Safe for threads."""

    def __init__(self, http: Http, places: Sequence[str]) -> None:
        self._http, self._places = http, tuple(places)
        self._lock = threading.Lock()
        self._pages: dict[str, dict[str, str]] = {}

    def urls(self, file: str) -> Iterator[str]:
        """Where a file of this name is. A place that cannot be read has none."""
        for place in self._places:
            folder = _local(place)
            if folder is not None and folder.is_dir():
                if (folder / file).is_file():
                    yield (folder / file).absolute().as_uri()
            else:
                url = folder.absolute().as_uri() if folder else place
                if found := self._page(url).get(file):
                    yield found

    def _page(self, url: str) -> dict[str, str]:
        """File name -> URL, of all links of a page. Read once."""
        with self._lock:
            if url not in self._pages:
                self._pages[url] = self._read(url)
            return self._pages[url]

    def _read(self, url: str) -> dict[str, str]:
        try:
            answer = self._http.get(url)
        except EnvironmentFault:
            return {}
        links = _Links()
        links.feed(answer.body.decode("utf-8", "replace"))
        targets = [urldefrag(urljoin(answer.url, href)).url for href in links.found]
        return {unquote(urlsplit(t).path.rpartition("/")[2]): t for t in targets}


def _local(place: str) -> Path | None:
    """The path that a place is, or None where it is a web address."""
    if place.startswith("file:"):
        return Path(url2pathname(urlsplit(place).path))
    return None if "://" in place else Path(place).expanduser()


class _Links(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "a":
            self.found += [value for name, value in attrs if name == "href" and value]
