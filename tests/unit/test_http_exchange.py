"""One request as it is, the quick question, and whom TLS trusts: what registries are asked with."""

import io
import socket
import ssl
import subprocess
import sys
import threading
from contextlib import contextmanager

import pytest
from registries.tls import answering

from envbuild.errors import EnvironmentFault
from envbuild.http.client import Http, HttpSettings
from envbuild.http.faults import Passing
from envbuild.http.head import head
from envbuild.http.proxies import is_loopback, proxy_for

HTTP = {"http": "http://proxy.invalid:3128"}


def exchanged(http, method, url, headers=None, body=None):
    answer = http.exchange(method, url, headers or {}, body)
    try:
        return answer.status, answer.headers, answer.read(1 << 20)
    finally:
        answer.close()


@pytest.mark.parametrize("status", [200, 201, 307, 401, 403, 404, 429, 500, 503])
def test_every_status_is_an_answer_and_is_asked_once(faulty, answers, status):
    url = faulty.at("/x", answers.reply(status, b"text", Location="/elsewhere", WWW_Authenticate="Basic"))
    got, headers, body = exchanged(Http(), "GET", url)
    assert (got, headers["location"], body) == (status, "/elsewhere", b"text")
    assert [path for path, _ in faulty.requests] == ["/x"]


def test_no_login_is_looked_up_so_that_a_registry_never_gets_one_of_netrc(faulty, answers, tmp_path):
    netrc = tmp_path / "netrc"
    netrc.write_text("default login user password secret\n")
    asked = []
    http = Http(HttpSettings(netrc=netrc, logins={faulty.host: "a:b"}, login=lambda host: asked.append(host) or "c:d"))
    exchanged(http, "GET", faulty.at("/x", answers.reply(401)))
    assert "authorization" not in faulty.requests[0][1]
    assert asked == []


def test_a_broken_connection_is_passing_and_not_an_answer(faulty, answers):
    with pytest.raises(Passing) as broken:
        exchanged(Http(), "GET", faulty.at("/x", answers.cut(b"0123456789", 4)))
    assert broken.value.fault.at == faulty.host


@contextmanager
def listening(reply):
    """A server for one connection: `reply(connection)`."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(5)

        def serve():
            connection, _ = listener.accept()
            with connection:
                connection.settimeout(5)
                reply(connection)

        thread = threading.Thread(target=serve)
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/x"
        thread.join()


def test_a_stream_is_sent_with_its_length_and_never_in_chunks_that_registries_refuse():
    received = bytearray()

    def reply(connection):
        while not received.endswith(b"end"):
            received.extend(connection.recv(65536))
        connection.sendall(b"HTTP/1.1 201 Created\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")

    body = bytes(700_000) + b"end"
    with listening(reply) as url:
        status, _, _ = exchanged(Http(), "PUT", url, {"Content-Length": str(len(body))}, io.BytesIO(body))
    head_, _, sent = bytes(received).partition(b"\r\n\r\n")
    assert status == 201
    assert sent == body
    assert b"transfer-encoding" not in head_.lower()


def test_what_reading_a_body_raises_comes_out_as_it_is_so_that_a_damaged_blob_is_told_as_one():
    class Damaged(io.RawIOBase):
        def read(self, size=-1):
            raise KeyError("damaged")

    with listening(lambda connection: connection.recv(65536)) as url, pytest.raises(KeyError, match="damaged"):
        exchanged(Http(), "PUT", url, {"Content-Length": "5"}, Damaged())


def test_this_machine_is_reached_without_a_proxy_as_every_engine_does(faulty, answers):
    url = faulty.at("/x", answers.reply(200, b"direct"))
    assert exchanged(Http(HttpSettings(proxies=HTTP)), "GET", url)[2] == b"direct"


@pytest.mark.parametrize("url", ["file:///etc/passwd", "ftp://host/x", "http://", "nonsense"])
def test_only_the_web_is_asked(url):
    with pytest.raises(EnvironmentFault, match="no web address"):
        Http().exchange("GET", url, {})


@pytest.mark.parametrize(
    ("host", "expected"),
    [("localhost", True), ("localhost:5000", True), ("127.0.0.1:5000", True), ("127.9.9.9", True), ("[::1]:5000", True),
     ("LOCALHOST", True), ("localhost.example", False), ("127.0.0.1.example", False), ("10.0.0.1", False),
     ("registry.example", False), ("[::1", False), ("", False)],
)  # fmt: skip
def test_only_this_machine_is_this_machine_so_that_plain_http_goes_nowhere_else(host, expected):
    assert is_loopback(host) is expected


def test_proxies_go_by_scheme_and_no_proxy():
    settings = HttpSettings(proxies={"https": "http://one", "all": "http://two"}, no_proxy=(".corp", "10.0.0.0/8"))
    assert proxy_for("https://host/x", settings) == "http://one"
    assert proxy_for("http://host/x", settings) == "http://two"
    assert proxy_for("https://a.corp:5000/x", settings) == ""
    assert proxy_for("https://10.1.2.3/x", settings) == ""


# head


def test_head_gives_status_and_headers_whatever_they_are(faulty, answers):
    with listening(lambda c: (c.recv(9999), c.sendall(b"HTTP/1.1 404 No\r\nX-Kind: Word\r\n\r\n"))) as url:
        assert head(url, {}, HttpSettings(), 5.0) == (404, {"x-kind": "Word"})


def test_head_sends_the_query_and_the_callers_headers():
    seen = bytearray()
    with listening(lambda c: (seen.extend(c.recv(9999)), c.sendall(b"HTTP/1.1 200 OK\r\n\r\n"))) as url:
        head(f"{url}?a=b", {"Accept": "kind"}, HttpSettings(), 5.0)
    assert seen.startswith(b"HEAD /x?a=b HTTP/1.1\r\n")
    assert b"Accept: kind\r\n" in seen


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:1/x", "http://no-such-host.invalid/", "ftp://host/", "nonsense", "http://[bad/"]
)
def test_head_that_gets_no_answer_is_unknown_and_no_error(url):
    assert head(url, {}, HttpSettings(), 1.0) is None


def test_head_does_not_wait_for_a_silent_server():
    gone = threading.Event()
    with listening(lambda _: gone.wait(5)) as url:
        assert head(url, {}, HttpSettings(), 0.1) is None
        gone.set()


def test_head_leaves_proxies_and_broken_trust_to_the_real_client(tmp_path):
    assert head("http://far.invalid/", {}, HttpSettings(proxies=HTTP), 1.0) is None
    assert head("https://127.0.0.1:1/", {}, HttpSettings(ca_bundle=tmp_path / "none.pem"), 1.0) is None


def test_head_loads_no_http_library_so_that_a_hit_stays_fast():
    program = "import sys, envbuild.http.head; sys.exit('urllib3' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


# certificates of one host


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    from registries.certificates import Authority

    return Authority(tmp_path_factory.mktemp("authority"))


@contextmanager
def secure(authority, *, client=False):
    """A TLS server for some connections; with `client` it wants the client's certificate. Yields host:port."""
    pair = authority.issue("server")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pair.certificate, pair.key)
    if client:
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(authority.bundle)
    with answering(context) as port:
        yield f"127.0.0.1:{port}"


def certificates(folder, host, authority, *, client=False):
    """Docker's form of a folder: FOLDER/HOST/ca.crt, client.cert, client.key."""
    (folder / host).mkdir(parents=True)
    (folder / host / "ca.crt").write_bytes(authority.bundle.read_bytes())
    if client:
        pair = authority.issue("client")
        (folder / host / "client.cert").write_bytes(pair.certificate.read_bytes())
        (folder / host / "client.key").write_bytes(pair.key.read_bytes())
    return HttpSettings(cert_folders=(folder / "none", folder))


def test_a_hosts_own_authority_is_trusted_for_it_alone(authority, tmp_path):
    with secure(authority) as host, secure(authority) as other:
        settings = certificates(tmp_path, host, authority)
        assert exchanged(Http(settings), "GET", f"https://{host}/")[0] == 200
        assert head(f"https://{host}/", {}, settings, 5.0) is not None
        with pytest.raises(EnvironmentFault, match=r"trusted|self-signed"):
            exchanged(Http(settings), "GET", f"https://{other}/")
        assert head(f"https://{other}/", {}, settings, 5.0) is None


def test_our_own_certificate_is_shown_where_a_host_wants_one(authority, tmp_path):
    with secure(authority, client=True) as host:
        settings = certificates(tmp_path / "with", host, authority, client=True)
        assert exchanged(Http(settings), "GET", f"https://{host}/")[0] == 200
        assert head(f"https://{host}/", {}, settings, 5.0) is not None
        without = certificates(tmp_path / "without", host, authority)
        # A server that ends with what we sent unread resets the connection, and its alert may be lost in that.
        with pytest.raises((EnvironmentFault, Passing), match=r"wants a certificate of ours|broke|EOF"):
            exchanged(Http(without), "GET", f"https://{host}/")


@pytest.mark.parametrize(("name", "match"), [("ca.crt", "no certificates"), ("client.cert", "our certificate")])
def test_a_broken_certificate_is_named(authority, tmp_path, name, match):
    settings = certificates(tmp_path, "127.0.0.1:1", authority, client=True)
    (tmp_path / "127.0.0.1:1" / name).write_text("nonsense")
    with pytest.raises(EnvironmentFault, match=match) as told:
        Http(settings).exchange("GET", "https://127.0.0.1:1/", {})
    assert told.value.at.endswith(name)
