"""`index` and `other_index`: package indexes on this machine (JSON or HTML), filled by a test with wheels that it makes."""

import base64
import hashlib
import html
import io
import json
import re
import sys
import threading
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from envbuild.definition import Definition, Index, Requirement
from envbuild.http.client import Http
from envbuild.httpsettings import HttpSettings
from envbuild.normalize import normalize
from envbuild.platforms import LINUX_AMD64
from envbuild.resolvers.pypi import PypiResolver
from envbuild.resolvers.uv import Uv
from envbuild.resolvers.wheelsonly import WheelsOnly
from envbuild.sources.index import IndexClient
from envbuild.wheelfiles import Target

BOOKWORM = Target(LINUX_AMD64, "3.11.2", "2.36")


def wheel_bytes(name, version, requires=(), tag="py3-none-any", content=""):
    """A whole wheel: metadata, a module, a RECORD without hashes (nothing here installs it)."""
    stem = name.replace("-", "_")
    metadata = [f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}"]
    metadata += [f"Requires-Dist: {r}" for r in requires]
    metadata += [f"Provides-Extra: {e}" for r in requires for e in re.findall(r'extra == "(\w+)"', r)]
    info = f"{stem}-{version}.dist-info"
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr(f"{stem}.py", f"version = {version!r}  # {content}\n")
        archive.writestr(f"{info}/METADATA", "\n".join(metadata) + "\n\n")
        archive.writestr(f"{info}/WHEEL", f"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: {tag}\n")
        archive.writestr(f"{info}/RECORD", "")
    return stream.getvalue()


class PackageServer:
    """Speaks PEP 691 (or PEP 503 where `speaks` is html). `status`: what every page answers instead; `login`: what all want."""

    def __init__(self):
        self.files: dict[str, list[dict]] = {}
        self.bodies: dict[str, bytes] = {}
        self.requests: list[tuple[str, str]] = []
        self.speaks, self.status = "json", 200
        self.login = ""
        self.sizes = self.hashes = True
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                outer.requests.append((self.path, self.headers.get("Authorization", "")))
                status, kind, body = outer.answer(self.path)
                basic = f"Basic {base64.b64encode(outer.login.encode()).decode()}"
                if outer.login and self.headers.get("Authorization") != basic:
                    status, body = 401, b""
                self.send_response(status)
                if status == 401:
                    self.send_header("WWW-Authenticate", 'Basic realm="wheels"')
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                if self.command == "GET":
                    self.wfile.write(body)

            do_HEAD = do_GET

            def log_message(self, *arguments):
                pass

        class Server(ThreadingHTTPServer):
            daemon_threads = True
            block_on_close = False

            def handle_error(self, request, client_address):
                """A client that went away is part of the tests."""

        self._server = Server(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02})
        self._thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}/simple"

    def wheel(self, name, version, requires=(), *, tag="py3-none-any", content="", **more):
        """Serve a wheel; its sha256. `more`: keys of PEP 691 with _ for -."""
        body = wheel_bytes(name, version, requires, tag, content)
        return self.file(name, f"{name.replace('-', '_')}-{version}-{tag}.whl", body, **more)

    def sdist(self, name, version, **more):
        return self.file(name, f"{name.replace('-', '_')}-{version}.tar.gz", b"no archive", **more)

    def file(self, name, file, body, **more):
        digest = hashlib.sha256(body).hexdigest()
        self.bodies[file] = body
        entry = {"filename": file, "url": f"../../files/{file}", "hashes": {"sha256": digest}, "size": len(body)}
        self.files.setdefault(name, []).append(entry | {key.replace("_", "-"): value for key, value in more.items()})
        return digest

    def asked_for(self, name) -> bool:
        return any(path == f"/simple/{name}/" for path, _ in self.requests)

    def answer(self, path):
        if path.startswith("/files/"):
            body = self.bodies.get(path.removeprefix("/files/"))
            return (200, "application/octet-stream", body) if body is not None else (404, "text/plain", b"")
        if self.status != 200:
            return self.status, "text/plain", b"no"
        name = path.removeprefix("/simple/").rstrip("/")
        if name not in self.files:
            return 404, "text/plain", b""
        entries = [self._entry(entry) for entry in self.files[name]]
        if self.speaks == "json":
            page = {"meta": {"api-version": "1.1"}, "name": name, "files": entries}
            return 200, "application/vnd.pypi.simple.v1+json", json.dumps(page).encode()
        return 200, "text/html", "".join(map(_anchor, entries)).encode()

    def _entry(self, entry):
        kept = dict(entry)
        if not self.sizes:
            del kept["size"]
        if not self.hashes:
            kept["hashes"] = {}
        return kept

    def close(self):
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def _anchor(entry):
    fragment = f"#sha256={entry['hashes']['sha256']}" if entry["hashes"] else ""
    needs = html.escape(entry.get("requires-python", ""))
    more = f' data-requires-python="{needs}"' if needs else ""
    more += ' data-yanked=""' if entry.get("yanked") else ""
    return f'<a href="{entry["url"]}{fragment}"{more}>{entry["filename"]}</a><br>\n'


@dataclass
class Report:
    notices: list[str] = field(default_factory=list)

    def begin(self, stage, total):
        pass

    def advance(self, stage, amount):
        pass

    def end(self, stage):
        pass

    def notice(self, text):
        self.notices.append(text)


class Lab:
    """Resolves with indexes by name: `lab.urls["pypi"] = server.url`."""

    def __init__(self, folder: Path):
        self.urls: dict[str, str] = {}
        self.logins: dict[str, str] = {}
        self.environ: dict[str, str] = {"UV_HTTP_RETRIES": "0"}
        self.report = Report()
        self.target = BOOKWORM
        self.folder = folder
        self.elsewhere: tuple[str, ...] = ()

    def uv(self) -> Uv:
        return Uv(self.urls, self.environ, self.folder / "uv-cache", sys.executable, logins=self.logins)

    def client(self) -> IndexClient:
        return IndexClient(Http(HttpSettings(logins=self.logins), sleep=lambda _: None), self.urls)

    def resolve(self, *requirements, prefer=None, pinner=None, hashes=None, **more):
        """name -> Artifact. `hashes`: by requirement text."""
        asked = tuple(Requirement(text, tuple((hashes or {}).get(text, ()))) for text in requirements)
        definition = normalize(Definition(pypi=asked, **more))
        resolver = PypiResolver(pinner or self.uv(), self.client(), WheelsOnly(self.uv()), elsewhere=self.elsewhere)
        return {a.name: a for a in resolver.resolve(definition, self.target, prefer or {}, self.report)}

    def versions(self, *requirements, **more):
        return {name: artifact.version for name, artifact in self.resolve(*requirements, **more).items()}


@pytest.fixture
def index() -> Iterator[PackageServer]:
    server = PackageServer()
    yield server
    server.close()


@pytest.fixture
def other_index() -> Iterator[PackageServer]:
    server = PackageServer()
    yield server
    server.close()


@pytest.fixture
def lab(tmp_path, index) -> Lab:
    made = Lab(tmp_path)
    made.urls["pypi"] = index.url
    return made


@pytest.fixture
def private(other_index) -> Index:
    """The other index as a definition names it, before `pypi`."""
    return Index("private", other_index.url)


@pytest.fixture
def behind_a_login(lab, other_index) -> tuple[str, str]:
    """A direct reference to alpha, which needs beta, on a host that wants a login that the lab has; and its sha256."""
    sha256 = other_index.wheel("alpha", "1.0", ["beta"])
    other_index.login = "joe:s3cret"
    url = other_index.url.replace("/simple", "/files/alpha-1.0-py3-none-any.whl")
    lab.logins[urlsplit(url).netloc] = other_index.login
    return url, sha256
