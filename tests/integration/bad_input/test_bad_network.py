"""Indexes and files that fail on the way: which host, what it did, what to do; nothing false is kept."""

import base64
import ssl
import subprocess
import threading
import zipfile
from contextlib import closing
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

BUILD = ("build", "requirements.txt", "--to", "store")
CANARY = "s3cr3t-canary"


class _Site(ThreadingHTTPServer):
    """A server: `answers` has a function of the request for each path, `usual` for any other."""

    daemon_threads = True

    def __init__(self):
        self.answers = {}
        self.usual = lambda request: request.send_error(404)
        super().__init__(("127.0.0.1", 0), _Handler)

    def handle_error(self, request, client_address):
        """A client that hangs up, or distrusts our certificate, is what is tested."""


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        self.server.answers.get(self.path, self.server.usual)(self)

    def do_HEAD(self):
        self.do_GET()

    def log_message(self, *_):
        pass

    def give(self, body, *, kind="text/html", status=200, length=None):
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body) if length is None else length))
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body)


@pytest.fixture
def site():
    """A server of this test's own."""
    with closing(_Site()) as server:
        server.close = server.server_close
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def _url(site, scheme="http"):
    return f"{scheme}://127.0.0.1:{site.server_address[1]}"


def _offer(site, wheel, *, said=None, body=None, length=None):
    """Serve a wheel and its index page; `said` is the hash that the page gives, `body` what is really sent."""
    data = wheel.read_bytes()
    digest = said or sha256(data).hexdigest()
    name = wheel.name.partition("-")[0]
    page = f'<a href="/files/{wheel.name}#sha256={digest}">{wheel.name}</a>'.encode()
    site.answers[f"/simple/{name}/"] = lambda request: request.give(page)
    sent = data if body is None else body
    site.answers[f"/files/{wheel.name}"] = lambda request: request.give(sent, kind="application/zip", length=length)


# An index that does not answer as one.


def _status(number):
    return lambda request: request.give(b"no", status=number)


def _login_page(request):
    request.give(b"<html><title>Sign in</title><form action=/login><input name=user></form></html>")


def _garbage_json(request):
    request.give(b'{"files": [1', kind="application/vnd.pypi.simple.v1+json")


ANSWERS = [
    pytest.param(_status(401), 5, ["401", "netrc"], id="401"),
    pytest.param(_status(403), 5, ["403"], id="403"),
    pytest.param(_status(500), 5, ["500"], id="500"),
    pytest.param(_status(503), 5, ["503"], id="503"),
    pytest.param(_login_page, 5, ["is no package index's", "login page"], id="login-page"),
    pytest.param(_garbage_json, 5, ["is no package index's"], id="garbage"),
    pytest.param(_status(404), 3, ["is not on pypi"], id="404"),
]


@pytest.mark.parametrize(("answer", "code", "said"), ANSWERS)
def test_an_index_that_answers_something_else(answer, code, said, site, run_cli, told, project):
    site.usual = answer
    folder = project({"requirements.txt": "demo\n"})
    env = {"ENVBUILD_PYPI_INDEX": f"http://user:{CANARY}@127.0.0.1:{site.server_address[1]}/simple"}
    result = run_cli(*BUILD, cwd=folder, env=env)
    told(result, code, said, unsaid=[CANARY])
    if code == 5:
        assert f"127.0.0.1:{site.server_address[1]}" in result.stderr


def test_a_closed_port(run_cli, told, project, closed_port):
    env = {"ENVBUILD_PYPI_INDEX": f"http://127.0.0.1:{closed_port}/simple"}
    result = run_cli(*BUILD, cwd=project({"requirements.txt": "demo\n"}), env=env)
    told(result, 5, [f"127.0.0.1:{closed_port}", "cannot be reached", "Connection refused"])


def test_a_name_that_dns_does_not_know(run_cli, told, project):
    env = {"ENVBUILD_PYPI_INDEX": "https://index.invalid/simple"}
    result = run_cli(*BUILD, cwd=project({"requirements.txt": "demo\n"}), env=env)
    told(result, 5, ["index.invalid", "cannot be reached"])


def test_a_proxy_that_refuses(run_cli, told, project, closed_port):
    proxy = f"http://user:{CANARY}@127.0.0.1:{closed_port}"
    names = ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY")
    env = {
        **dict.fromkeys(names, proxy),
        "NO_PROXY": "",
        "no_proxy": "",
        "ENVBUILD_DEBIAN_MIRROR": "http://d.invalid/d",
    }
    result = run_cli(*BUILD, cwd=project({"requirements.txt": "demo\n"}), env=env)
    told(result, 5, ["the proxy gives no connection"], unsaid=[CANARY])


@pytest.mark.parametrize("setting", ["ENVBUILD_PYPI_INDEX", "ENVBUILD_DEBIAN_MIRROR"])
def test_a_certificate_that_nobody_vouches_for(setting, site, run_cli, told, project, tmp_path):
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    words = [
        "req",
        "-x509",
        "-newkey",
        "rsa:2048",
        "-nodes",
        "-days",
        "2",
        "-subj",
        "/CN=localhost",
        "-addext",
        "subjectAltName=IP:127.0.0.1",
    ]
    subprocess.run(["openssl", *words, "-keyout", key, "-out", certificate], check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    with context.wrap_socket(site.socket, server_side=True) as site.socket:
        env = {setting: f"{_url(site, 'https')}/simple"}
        result = run_cli(*BUILD, cwd=project({"requirements.txt": "demo\n"}), env=env)
    told(result, 5, [f"127.0.0.1:{site.server_address[1]}", "certificate", "ENVBUILD_CA_BUNDLE"])


def test_a_debian_mirror_that_is_closed(run_cli, told, project, no_network):
    result = run_cli("build", "envbuild.toml", cwd=project({"envbuild.toml": "format = 1\n"}), env=no_network)
    told(result, 5, ["no Debian mirror with bookworm", "refuses connections", "ENVBUILD_DEBIAN_MIRROR"])


def test_a_debian_mirror_that_is_a_login_page(site, run_cli, told, project):
    site.usual = _login_page
    env = {"ENVBUILD_DEBIAN_MIRROR": _url(site)}
    result = run_cli("build", "envbuild.toml", cwd=project({"envbuild.toml": "format = 1\n"}), env=env)
    told(result, 5, ["no Debian mirror with bookworm", "ENVBUILD_DEBIAN_MIRROR"])


# A file that is not what the index or the lock says.


def _kept(home):
    return {path.name for path in (home.store / "cache/blobs.v1").rglob("*") if path.is_file()}


def test_wrong_bytes_for_a_hash_are_refused_and_not_kept(site, run_cli, told, project, home, make_wheel):
    wheel = make_wheel("demo")
    other = wheel.read_bytes()[:-1] + b"X"
    _offer(site, wheel, body=other)
    folder = project({"requirements.txt": f"demo==1.0 --hash=sha256:{sha256(wheel.read_bytes()).hexdigest()}\n"})
    result = run_cli(*BUILD, cwd=folder, env={"ENVBUILD_PYPI_INDEX": f"{_url(site)}/simple"})
    told(result, 6, ["demo-1.0-py3-none-any.whl", sha256(other).hexdigest()])
    assert sha256(other).hexdigest() not in _kept(home)


def test_a_body_that_is_cut_short(site, run_cli, told, project, home, make_wheel):
    wheel = make_wheel("demo")
    data = wheel.read_bytes()
    _offer(site, wheel, body=data[: len(data) // 2], length=len(data))
    folder = project({"requirements.txt": f"demo==1.0 --hash=sha256:{sha256(data).hexdigest()}\n"})
    result = run_cli(*BUILD, cwd=folder, env={"ENVBUILD_PYPI_INDEX": f"{_url(site)}/simple"})
    assert result.code in (5, 6), result.stderr
    told(result, result.code, [f"127.0.0.1:{site.server_address[1]}"] if result.code == 5 else ["demo"])
    assert sha256(data).hexdigest() not in _kept(home)


def test_a_locked_file_that_vanished_is_named(site, run_cli, told, project, home, make_wheel):
    _offer(site, make_wheel("demo"))
    env = {"ENVBUILD_PYPI_INDEX": f"{_url(site)}/simple"}
    folder = project({"requirements.txt": "demo\n"})
    told(run_cli("lock", "requirements.txt", cwd=folder, env=env), 0)
    site.answers.clear()
    result = run_cli(*BUILD, "--locked", cwd=folder, env=env)
    told(result, 3, ["demo", "1.0"])


# Archives that try to leave their prefix.


def _with_member(wheel, name, *, link=False):
    """Add a member, with its line in RECORD, so that nothing but its place is wrong."""
    body = b"/etc/passwd" if link else b"evil"
    digest = base64.urlsafe_b64encode(sha256(body).digest()).rstrip(b"=").decode()
    with zipfile.ZipFile(wheel) as archive:
        members = {info.filename: archive.read(info) for info in archive.infolist()}
    record = next(member for member in members if member.endswith("/RECORD"))
    members[record] += f"{name},sha256={digest},{len(body)}\n".encode()
    with zipfile.ZipFile(wheel, "w") as archive:
        for member, data in members.items():
            archive.writestr(member, data)
        info = zipfile.ZipInfo(name)
        info.external_attr = (0o120777 if link else 0o100644) << 16
        archive.writestr(info, body)


@pytest.mark.parametrize(
    ("name", "link"),
    [
        ("../../../../../../escaped.py", False),
        ("demo/../../../../escaped.py", False),
        ("/escaped.py", False),
        ("demo-1.0.data/scripts/../../../../escaped", False),
        ("demo-1.0.data/data/../../../escaped", False),
        ("demo\\..\\..\\escaped.py", False),
        ("demo/link", True),
    ],
)
def test_a_wheel_that_leaves_its_prefix_is_refused(name, link, site, run_cli, told, project, home, make_wheel, tree_of):
    wheel = make_wheel("demo")
    _with_member(wheel, name, link=link)
    _offer(site, wheel)
    folder = project({"requirements.txt": "demo\n"})
    outside = tree_of(folder)
    result = run_cli(*BUILD, cwd=folder, env={"ENVBUILD_PYPI_INDEX": f"{_url(site)}/simple"})
    assert result.code in (4, 6), result.stderr
    told(result, result.code, ["demo"])
    assert tree_of(folder) == outside
    assert not list(home.store.parent.rglob("*escaped*"))
    again = run_cli("run", "--no-container", "-e", "requirements.txt", "--", "python", "-V", cwd=folder,
                    env={"ENVBUILD_PYPI_INDEX": f"{_url(site)}/simple"})  # fmt: skip
    assert again.code in (4, 6), again.stderr
    assert not list(home.store.parent.rglob("*escaped*"))


def test_what_is_no_wheel_at_all(site, run_cli, told, project, tmp_path):
    wheel = tmp_path / "demo-1.0-py3-none-any.whl"
    wheel.write_bytes(b"<html>not a zip</html>")
    _offer(site, wheel)
    env = {"ENVBUILD_PYPI_INDEX": f"{_url(site)}/simple"}
    result = run_cli(*BUILD, cwd=project({"requirements.txt": "demo\n"}), env=env)
    assert result.code in (3, 4, 6), result.stderr
    told(result, result.code, ["demo"])
