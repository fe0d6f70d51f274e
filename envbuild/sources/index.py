"""`IndexClient`: what a package index offers: PEP 691 JSON where it speaks that, PEP 503 HTML else, folders of files too."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from html.parser import HTMLParser
from pathlib import Path
from threading import Lock
from typing import Any
from urllib.parse import quote, unquote, urldefrag, urljoin, urlsplit

from packaging.utils import canonicalize_name

from envbuild.errors import EnvironmentFault, ResolveFailed
from envbuild.http import Http
from envbuild.httpsettings import public_url
from envbuild.wheelfiles import IndexFile

__all__ = ["IndexClient", "Project"]

_ACCEPT = "application/vnd.pypi.simple.v1+json, application/vnd.pypi.simple.v1+html;q=0.2, text/html;q=0.1"
_ABSENT = (404, 410)
_FILES = (".whl", ".tar.gz", ".zip", ".tar.bz2")


@dataclass(frozen=True, slots=True)
class Project:
    """A package's files in one index, in the index's order."""

    name: str
    files: tuple[IndexFile, ...]


class IndexClient:
    """Indexes by name; each project page is read once for each instance. Safe for threads."""

    def __init__(self, http: Http, urls: Mapping[str, str]) -> None:
        self._http, self._urls = http, dict(urls)
        self._known: dict[tuple[str, str], Project | None] = {}
        self._mutex = Lock()

    def project(self, index: str, package: str) -> Project | None:
        """What an index has of a package; None where it has none.

        EnvironmentFault: nothing is known of where the index is served, it cannot be reached, or it answers something else.
        """
        name = canonicalize_name(package)
        with self._mutex:
            if (index, name) in self._known:
                return self._known[index, name]
        found = self._read(self._url(index), name)
        with self._mutex:
            self._known[index, name] = found
        return found

    def metadata(self, file: IndexFile) -> bytes | None:
        """A wheel's core metadata, where the index has it beside the file (PEP 658)."""
        if not file.metadata:
            return None
        answer = self._http.get(f"{file.url}.metadata")
        return answer.body if answer.status not in _ABSENT else None

    def measure(self, url: str) -> tuple[str, int]:
        """A file's sha256 (hex) and size in bytes; it is read once and not kept."""
        hasher, sizes = hashlib.sha256(), []

        def take(data: bytes) -> None:
            hasher.update(data)
            sizes.append(len(data))

        try:
            self._http.download(url, take)
        except KeyError:
            raise ResolveFailed("there is no such file", at=public_url(url)) from None
        return hasher.hexdigest(), sum(sizes)

    def _url(self, index: str) -> str:
        if index not in self._urls:
            setting = f"ENVBUILD_INDEX_{index.upper().replace('-', '_')}"
            raise EnvironmentFault(f"where the index {index!r} is served is not known here", hint=f"set {setting}=URL")
        return self._urls[index].rstrip("/")

    def _read(self, base: str, name: str) -> Project | None:
        if base.startswith("file:"):
            return _folder(Path(unquote(urlsplit(base).path)), name)
        url = f"{base}/{quote(name)}/"
        answer = self._http.get(url, headers={"Accept": _ACCEPT})
        if answer.status in _ABSENT:
            return None
        try:
            if "json" in answer.headers.get("content-type", ""):
                return Project(name, _from_json(json.loads(answer.body), answer.url))
            return Project(name, _from_html(answer.body.decode("utf-8", "replace"), answer.url))
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise EnvironmentFault(
                f"the answer for {name} is no package index's",
                at=public_url(url),
                hint="is this the address of an index (PEP 503), or does a login page stand before it?",
            ) from error


def _from_json(page: Any, base: str) -> tuple[IndexFile, ...]:
    return tuple(
        IndexFile(
            file=entry["filename"],
            url=urldefrag(urljoin(base, entry["url"])).url,
            size=entry.get("size"),
            sha256=str(entry.get("hashes", {}).get("sha256", "")).lower(),
            requires_python=entry.get("requires-python") or "",
            yanked=entry.get("yanked", False) is not False,
            uploaded=entry.get("upload-time") or "",
            metadata=bool(entry.get("core-metadata", entry.get("dist-info-metadata", False))),
        )
        for entry in page["files"]
    )


class _Page(HTMLParser):
    """Collects the anchors of a PEP 503 page: attributes and text."""

    def __init__(self) -> None:
        super().__init__()
        self.anchors: list[tuple[dict[str, str | None], str]] = []
        self.other = False
        self._open: dict[str, str | None] | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Remember an anchor; a form is what login pages have."""
        if tag == "a":
            self._open = dict(attrs)
        self.other = self.other or tag == "form"

    def handle_data(self, data: str) -> None:
        """The anchor's text is the file's name."""
        if self._open is not None and data.strip():
            self.anchors.append((self._open, data.strip()))
            self._open = None


def _from_html(text: str, base: str) -> tuple[IndexFile, ...]:
    page = _Page()
    page.feed(text)
    if page.other and not any(name.endswith(_FILES) for _, name in page.anchors):
        raise ValueError("no page of links")
    return tuple(_anchor(attributes, base) for attributes, _ in page.anchors if attributes.get("href"))


def _anchor(attributes: Mapping[str, str | None], base: str) -> IndexFile:
    url, fragment = urldefrag(urljoin(base, attributes["href"] or ""))
    algorithm, _, value = fragment.partition("=")
    return IndexFile(
        file=unquote(urlsplit(url).path.rpartition("/")[2]),
        url=url,
        sha256=value.lower() if algorithm == "sha256" else "",
        requires_python=attributes.get("data-requires-python") or "",
        yanked="data-yanked" in attributes,
        metadata="data-core-metadata" in attributes or "data-dist-info-metadata" in attributes,
    )


def _folder(base: Path, name: str) -> Project | None:
    """An index in a folder: a page for each package, or folders (or one folder) of files."""
    page = base / name / "index.html"
    if page.is_file():
        return Project(name, _from_html(page.read_text("utf-8"), page.as_uri()))
    for folder in (base / name, base):
        if folder.is_dir():
            files = sorted(p for p in folder.iterdir() if p.name.endswith(_FILES) and p.is_file())
            own = [p for p in files if canonicalize_name(p.name.partition("-")[0]) == name or folder != base]
            if own:
                found = [IndexFile(file=p.name, url=p.as_uri(), size=p.stat().st_size) for p in own]
                return Project(name, tuple(found))
    return None
