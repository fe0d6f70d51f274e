"""`KeptPages`: pages of channels that are asked for again and again: kept here, and read anew only where they changed.

What is kept is asked for with the server's own words for its state (RFC 9110, 13.1: ETag, Last-Modified), each time: no
clock says that an index is new enough. Content that is named by its sha256 is never asked for twice.
"""

import hashlib
import json
import tempfile
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from envbuild.errors import IntegrityError, StoreFault
from envbuild.http.client import Http
from envbuild.http.faults import Forbidden
from envbuild.httpsettings import public_url, split_login
from envbuild.wholefile import replace_file

__all__ = ["KeptPages", "Page"]

_ABSENT = (404, 410)
_NOT_MODIFIED = 304
_LARGEST = 2 << 30
_MODE = 0o600
_MOVE = "free some space, or ENVBUILD_HOME=FOLDER moves the store"


@dataclass(frozen=True, slots=True)
class Page:
    """A page as it was kept: `key` names its content, and files that are made from it may begin with it."""

    key: str
    path: Path


class KeptPages:
    """Safe for threads, and for processes that share the folder; what is lost or damaged is read again."""

    def __init__(self, http: Http, folder: Path) -> None:
        """`folder` is this user's alone; it is made when something is kept."""
        self._http, self._folder = http, folder

    def page(self, url: str, unpack: Callable[[bytes], bytes], *, optional: bool = False) -> Page | None:
        """The page as it is now, unpacked; None where there is none.

        `optional`: a server that forbids what it does not have (403) has none. ValueError where it cannot be unpacked;
        EnvironmentFault where it cannot be had.
        """
        name = hashlib.sha256(public_url(split_login(url)[0]).encode()).hexdigest()[:32]
        kept, validators = self._kept(name)
        try:
            answer = self._http.get(url, headers=validators, limit=_LARGEST)
        except Forbidden:
            if not optional:
                raise
            return None
        if answer.status in _ABSENT:
            return None
        if answer.status == _NOT_MODIFIED and kept is not None:
            return kept
        key = hashlib.sha256(answer.body).hexdigest()
        if kept is None or kept.key != key:
            former = kept.key if kept else ""
            kept = Page(key, self._folder / f"{name}.{key[:32]}.page")
            _write(kept.path, unpack(answer.body))
            self._drop(name, but=(key, former))
        said = {"key": key, "etag": answer.headers.get("etag", ""), "changed": answer.headers.get("last-modified", "")}
        _write(self._folder / f"{name}.state", json.dumps(said).encode())
        return kept

    def beside(self, page: Page, make: Callable[[bytes], bytes]) -> bytes:
        """What is made of a page's content, kept with it."""
        path = page.path.with_suffix(".table")
        with suppress(OSError):
            return path.read_bytes()
        made = make(page.path.read_bytes())
        _write(path, made)
        return made

    def content(self, url: str, sha256: str) -> bytes:
        """The bytes of this sha256, from here or from the URL. KeyError where there are none, IntegrityError for others."""
        path = self._folder / "shards" / sha256[:2] / sha256
        with suppress(OSError):
            kept = path.read_bytes()
            if hashlib.sha256(kept).hexdigest() == sha256:
                return kept
        answer = self._http.get(url, limit=_LARGEST)
        if answer.status in _ABSENT:
            raise KeyError(public_url(url))
        found = hashlib.sha256(answer.body).hexdigest()
        if found != sha256:
            raise IntegrityError(
                f"not the bytes that the channel's index names: sha256:{found}, and not sha256:{sha256}",
                at=public_url(url),
                hint="somebody changed them, or the channel is in the middle of an update: try again",
            )
        _write(path, answer.body, durable=False)
        return answer.body

    def _kept(self, name: str) -> tuple[Page | None, dict[str, str]]:
        """What is here of a page, and the headers that ask whether it is still the same."""
        with suppress(OSError, ValueError, KeyError, TypeError):
            said = json.loads((self._folder / f"{name}.state").read_bytes())
            page = Page(said["key"], self._folder / f"{name}.{said['key'][:32]}.page")
            headers = {"If-None-Match": said["etag"], "If-Modified-Since": said["changed"]}
            if page.path.is_file():
                return page, {header: text for header, text in headers.items() if text}
        return None, {}

    def _drop(self, name: str, *, but: Sequence[str]) -> None:
        """Take away older states of a page; the one before the newest may be in use by another process."""
        for path in self._folder.glob(f"{name}.*.*"):
            if path.name.split(".")[1] not in {key[:32] for key in but}:
                path.unlink(missing_ok=True)


def _write(path: Path, data: bytes, *, durable: bool = True) -> None:
    """A file, whole or not at all; what proves itself when it is read need not be durable."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        if durable:
            replace_file(path, data, _MODE)
            return
        with tempfile.NamedTemporaryFile(dir=path.parent, delete=False) as stream:
            stream.write(data)
        Path(stream.name).replace(path)
    except OSError as error:
        raise StoreFault(f"cannot be written: {error.strerror or error}", at=str(path), hint=_MOVE) from error
