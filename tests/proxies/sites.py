"""A site of plain files, open or behind a login (Basic), on any address of this machine; and package indexes made of files."""

import functools
import shutil
import threading
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.error import HTTPError
from urllib.parse import quote
from urllib.request import urlopen

__all__ = ["Site", "index_of", "serving"]


@dataclass(frozen=True, slots=True)
class Site:
    """One that runs. `asked`: of each request the client's address and whether the login was right."""

    host: str
    login: str
    asked: list[tuple[str, bool]] = field(default_factory=list)

    @property
    def url(self) -> str:
        """Without the login."""
        return f"http://{self.host}"

    def url_with(self, login: str) -> str:
        """With this `user:password` in it, percent-encoded."""
        user, _, password = login.partition(":")
        return f"http://{quote(user, safe='')}:{quote(password, safe='')}@{self.host}"

    @property
    def own_url(self) -> str:
        """With the right login in it."""
        return self.url_with(self.login)


@contextmanager
def serving(folder: Path | str, address: str = "127.0.0.1", login: str = "") -> Iterator[Site]:
    """Serve a folder, or hand on what another site has where `folder` is a URL; end it afterwards."""
    far = folder if isinstance(folder, str) else ""
    handler = functools.partial(_Handler, far=far, directory=None if far else str(folder))
    server = ThreadingHTTPServer((address, 0), handler)
    server.daemon_threads = True
    server.site = site = Site(f"{address}:{server.server_address[1]}", login)  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield site
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class _Handler(SimpleHTTPRequestHandler):
    def __init__(self, *words: object, far: str, **more: object) -> None:
        self._far = far
        super().__init__(*words, **more)  # type: ignore[arg-type]

    def do_HEAD(self) -> None:
        if self._may():
            super().do_HEAD()

    def do_GET(self) -> None:
        if not self._may():
            return
        if not self._far:
            super().do_GET()
            return
        try:
            with urlopen(f"{self._far}{self.path}", timeout=60) as answer:
                self.send_response(200)
                self.send_header("Content-Length", answer.headers["Content-Length"])
                self.end_headers()
                shutil.copyfileobj(answer, self.wfile)
        except HTTPError as error:
            self.send_error(error.code)

    def _may(self) -> bool:
        site: Site = self.server.site  # type: ignore[attr-defined]
        known = (
            not site.login or self.headers.get("Authorization") == f"Basic {b64encode(site.login.encode()).decode()}"
        )
        site.asked.append((self.client_address[0], known))
        if not known:
            self.send_response(401)
            self.send_header("WWW-Authenticate", 'Basic realm="tests"')
            self.send_header("Content-Length", "0")
            self.end_headers()
        return known

    def log_message(self, *_: object) -> None:
        """Nobody reads it."""


def index_of(folder: Path, *wheels: Path) -> Path:
    """A package index (PEP 503) of these wheels, as files in this folder."""
    pages: dict[str, str] = {}
    for wheel in wheels:
        name = wheel.name.partition("-")[0].lower().replace("_", "-")
        (folder / name).mkdir(parents=True, exist_ok=True)
        data = wheel.read_bytes()
        (folder / name / wheel.name).write_bytes(data)
        link = f'<a href="{wheel.name}#sha256={sha256(data).hexdigest()}">{wheel.name}</a>\n'
        pages[name] = pages.get(name, "") + link
    for name, page in pages.items():
        (folder / name / "index.html").write_text(page, encoding="utf-8")
    return folder
