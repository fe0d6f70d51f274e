"""`IndexClient`: what a package index offers: PEP 691 JSON where it speaks that, PEP 503 HTML else, folders of files too."""

import hashlib
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from urllib.parse import quote, urlsplit
from urllib.request import url2pathname

from packaging.utils import canonicalize_name

from envbuild.errors import EnvironmentFault, ResolveFailed
from envbuild.http.client import Http, Response
from envbuild.http.faults import Forbidden
from envbuild.httpsettings import host_of, public_url
from envbuild.normalize.accelerators import torch_index_url
from envbuild.sources.indexpages import folder_files, html_files, json_files
from envbuild.wheelfiles import IndexFile

__all__ = ["IndexClient", "Project"]

_ACCEPT = "application/vnd.pypi.simple.v1+json, application/vnd.pypi.simple.v1+html;q=0.2, text/html;q=0.1"
_ABSENT = (404, 410)
_OK = 200
_FORBIDS_WHAT_IT_LACKS = ".pytorch.org"
"""PyTorch's indexes answer 403 for packages that they do not have."""
_LARGEST = 256 << 20
_ROOT = 1 << 16
"""Bytes of an index's own page that are read: whether it is there is all that counts."""


@dataclass(frozen=True, slots=True)
class Project:
    """A package's files in one index, in the index's order."""

    name: str
    """Normalized (PEP 503)."""
    files: tuple[IndexFile, ...]
    host: str = ""
    """What answered, where the index sent us on to another host."""


class IndexClient:
    """Indexes by name; each project page is read once for each instance. Safe for threads."""

    def __init__(self, http: Http, urls: Mapping[str, str]) -> None:
        """`urls`: where each index is served; an accelerator's index (`pytorch-cu128`) has a public place of its own."""
        self._http, self._urls = http, dict(urls)
        self._known: dict[tuple[str, str], Project | None] = {}
        self._pages: dict[tuple[str, str], Lock] = {}
        self._mutex = Lock()

    def project(self, index: str, package: str) -> Project | None:
        """What an index has of a package; None where it has none.

        EnvironmentFault: nothing is known of where the index is served, it cannot be reached, or it answers something
        else. That is never told as "none".
        """
        key = (index, canonicalize_name(package))
        with self._mutex:
            page = self._pages.setdefault(key, Lock())
        with page:
            if key not in self._known:
                self._known[key] = self._read(self._url(index), key[1])
            return self._known[key]

    def check(self, index: str) -> None:
        """EnvironmentFault where an index had none of what it was asked for, and has no page of its own either.

        That is a wrong address, and no reason to take its packages from another index. Asks once, and only then.
        """
        pages = [project for (name, _), project in list(self._known.items()) if name == index]
        if not pages or any(project is not None for project in pages):
            return
        base = self._url(index)
        if urlsplit(base).scheme not in ("file", "") and self._is_absent(f"{base}/"):
            raise EnvironmentFault(
                f"nothing is at the address of the index {index!r}: its own page is not there, nor what it was asked for",
                at=public_url(base),
                hint="check the address; no other index is asked in its place",
            )

    def metadata(self, file: IndexFile) -> str | None:
        """A wheel's METADATA, where the index has it beside the file (PEP 658); None where it has not.

        EnvironmentFault where it cannot be reached.
        """
        if not file.metadata or urlsplit(file.url).scheme not in ("http", "https"):
            return None
        answer = self._http.get(f"{file.url}.metadata")
        return answer.body.decode("utf-8", "replace") if answer.status == _OK else None

    def measure(self, url: str) -> tuple[str, int]:
        """A file's sha256 (hex) and size in bytes; it is read once and not kept. ResolveFailed where it is not there."""
        hasher, sizes = hashlib.sha256(), [0]

        def take(data: bytes) -> None:
            hasher.update(data)
            sizes[0] += len(data)

        try:
            self._http.download(url, take)
        except KeyError:
            raise ResolveFailed("there is no such file", at=public_url(url), hint="check the URL") from None
        return hasher.hexdigest(), sizes[0]

    def _url(self, index: str) -> str:
        url = self._urls.get(index) or torch_index_url(index)
        if not url:
            setting = f"ENVBUILD_INDEX_{index.upper().replace('-', '_')}"
            raise EnvironmentFault(f"where the index {index!r} is served is not known here", hint=f"set {setting}=URL")
        return url.rstrip("/")

    def _read(self, base: str, name: str) -> Project | None:
        if urlsplit(base).scheme in ("file", ""):
            return _folder(Path(url2pathname(urlsplit(base).path)), name)
        url = f"{base}/{quote(name)}/"
        answer = self._get(url)
        if answer is None:
            return None
        kind = answer.headers.get("content-type", "").partition(";")[0].strip().lower()
        try:
            if kind.endswith("json"):
                return Project(name, json_files(answer.body, answer.url), _other_host(url, answer.url))
            if kind.endswith("html") or not kind:
                files = html_files(answer.body.decode("utf-8", "replace"), answer.url)
                return Project(name, files, _other_host(url, answer.url))
            raise ValueError(f"it is {kind}")
        except ValueError as error:
            raise _no_index(name, public_url(url), error) from error

    def _get(self, url: str, limit: int = _LARGEST) -> Response | None:
        """A page, or None where there is none."""
        try:
            answer = self._http.get(url, headers={"Accept": _ACCEPT}, limit=limit)
        except Forbidden:
            if not host_of(url).endswith(_FORBIDS_WHAT_IT_LACKS):
                raise
            return None
        return None if answer.status in _ABSENT else answer

    def _is_absent(self, url: str) -> bool:
        """Whether an index's own page is missing; whatever else it answers, somebody is there."""
        with suppress(EnvironmentFault):
            return self._get(url, _ROOT) is None
        return False


def _other_host(asked: str, answered: str) -> str:
    return host_of(answered) if host_of(answered) != host_of(asked) else ""


def _folder(base: Path, name: str) -> Project | None:
    try:
        files = folder_files(base, name)
    except OSError as error:
        what = f"the folder of the index cannot be read: {error.strerror or error}"
        raise EnvironmentFault(what, at=str(base), hint="is it mounted, and the path right?") from error
    except ValueError as error:
        raise _no_index(name, str(base / name), error) from error
    return None if files is None else Project(name, files)


def _no_index(name: str, at: str, error: ValueError) -> EnvironmentFault:
    return EnvironmentFault(
        f"the answer for {name} is no package index's: {error}",
        at=at,
        hint="is this the address of an index (PEP 503), or does a login page stand before it?",
    )
