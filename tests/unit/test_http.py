"""The door to the network: what happens when hosts are slow, wrong, rude or not there."""

import email.utils
import gzip
import socket
import ssl
import subprocess
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from registries.tls import answering

from envbuild.errors import EnvironmentFault, IntegrityError, ProxyFault
from envbuild.http.client import Http, HttpSettings
from envbuild.http.logins import basic, decoded
from envbuild.httpsettings import encoded_login, host_of, public_url, split_login


@pytest.fixture
def naps():
    return []


@pytest.fixture
def make_http(naps):
    return lambda **more: Http(HttpSettings(**more), sleep=naps.append)


@pytest.fixture
def http(make_http):
    return make_http()


def downloaded(http, url, **options):
    parts = []
    http.download(url, parts.append, **options)
    return b"".join(parts)


# get


def test_an_answer_has_status_body_lower_case_headers_and_its_own_address(http, faulty, answers):
    faulty.at("/old", answers.reply(301, Location="/new"))
    faulty.at("/new", answers.reply(200, b"hello", X_Kind="Word"))
    answer = http.get(faulty.url("/old"))
    assert (answer.status, answer.body, answer.headers["x-kind"]) == (200, b"hello", "Word")
    assert answer.url == faulty.url("/new")


@pytest.mark.parametrize("status", [304, 404, 410])
def test_not_there_and_not_changed_are_answers_not_errors(http, faulty, answers, naps, status):
    assert http.get(faulty.at("/x", answers.reply(status))).status == status
    assert naps == []


def test_compressed_pages_are_unpacked(http, faulty, answers):
    url = faulty.at("/x", answers.reply(200, gzip.compress(b"page" * 1000), Content_Encoding="gzip"))
    assert http.get(url).body == b"page" * 1000


def chunked(*parts, finished=True):
    """An answer in chunks (RFC 9112, 7.1), with or without the last one."""

    def answer(handler):
        handler.send_response(200)
        handler.send_header("Transfer-Encoding", "chunked")
        handler.send_header("Content-Encoding", "gzip")
        handler.end_headers()
        for part in parts:
            handler.wfile.write(b"%x\r\n%s\r\n" % (len(part), part))
            handler.wfile.flush()
        handler.wfile.write(b"0\r\n\r\n" if finished else b"")
        handler.close_connection = not finished

    return answer


def test_an_answer_in_chunks_is_whole_or_tried_again(http, faulty):
    packed = gzip.compress(bytes(range(256)) * 3000, 1)
    halves = packed[:5], packed[5 : len(packed) // 2], packed[len(packed) // 2 :]
    url = faulty.at("/x", chunked(*halves[:2], finished=False), chunked(*halves))
    assert http.get(url).body == bytes(range(256)) * 3000


def test_a_page_that_unpacks_to_more_than_the_limit_is_refused_so_that_memory_is_safe(http, faulty, answers):
    url = faulty.at("/x", answers.reply(200, gzip.compress(bytes(1 << 20)), Content_Encoding="gzip"))
    with pytest.raises(EnvironmentFault, match="larger than 1000 bytes"):
        http.get(url, limit=1000)


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_what_passes_is_tried_again(http, faulty, answers, naps, status):
    url = faulty.at("/x", answers.reply(status), answers.reply(status), answers.reply(200, b"ok"))
    assert http.get(url).body == b"ok"
    assert len(naps) == 2
    assert naps[0] < naps[1] * 2.01


def test_a_server_that_stays_broken_is_named_after_five_tries(http, faulty, answers):
    url = faulty.at("/x", answers.reply(500))
    with pytest.raises(EnvironmentFault, match="500") as caught:
        http.get(url)
    assert caught.value.at == faulty.host
    assert len(faulty.requests) == 5


@pytest.mark.parametrize("status", [400, 403, 405, 413])
def test_what_does_not_pass_is_asked_once(http, faulty, answers, status):
    with pytest.raises(EnvironmentFault, match=str(status)):
        http.get(faulty.at("/x", answers.reply(status)))
    assert len(faulty.requests) == 1


def test_retry_after_in_seconds_is_heeded(http, faulty, answers, naps):
    http.get(faulty.at("/x", answers.reply(429, Retry_After="7"), answers.reply(200)))
    assert 7 <= naps[0] <= 8


def test_retry_after_as_a_date_goes_by_the_servers_clock(http, faulty, answers, naps):
    """A machine whose clock is off would else wait for years, or not at all."""

    def by_date(handler):
        handler.send_response_only(503)
        handler.send_header("Date", email.utils.formatdate(1_000_000, usegmt=True))
        handler.send_header("Retry-After", email.utils.formatdate(1_000_009, usegmt=True))
        handler.send_header("Content-Length", "0")
        handler.end_headers()

    http.get(faulty.at("/x", by_date, answers.reply(200)))
    assert 9 <= naps[0] <= 10


def test_a_wait_beyond_patience_is_an_error_that_says_how_long(http, faulty, answers, naps):
    with pytest.raises(EnvironmentFault, match="wait 3600 s"):
        http.get(faulty.at("/x", answers.reply(429, Retry_After="3600")))
    assert naps == []


def test_a_cut_page_is_never_taken_for_a_whole_one(http, faulty, answers):
    url = faulty.at("/x", answers.cut(b"0123456789", 4), answers.reply(200, b"0123456789"))
    assert http.get(url).body == b"0123456789"


def test_a_silent_server_does_not_hang_a_build(make_http, faulty, answers):
    http = make_http(read_timeout=0.1)
    with pytest.raises(EnvironmentFault, match="silent"):
        http.get(faulty.at("/x", answers.silent(3)))


def test_a_circle_of_redirects_ends(http, faulty, answers):
    with pytest.raises(EnvironmentFault, match="redirects"):
        http.get(faulty.at("/x", answers.reply(302, Location="/x")))


@pytest.mark.parametrize("target", ["file:///etc/passwd", "ftp://other/x"])
def test_a_redirect_cannot_lead_off_the_web(http, faulty, answers, target):
    with pytest.raises(EnvironmentFault, match="no web address"):
        http.get(faulty.at("/x", answers.reply(302, Location=target)))


# hosts that are not there


def test_a_closed_port_is_told(http):
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        host = f"127.0.0.1:{unused.getsockname()[1]}"
        with pytest.raises(EnvironmentFault, match="refuses connections") as caught:
            http.get(f"http://{host}/x")
    assert caught.value.at == host


def test_an_unknown_name_is_told_as_a_matter_of_dns(http):
    with pytest.raises(EnvironmentFault, match="DNS"):
        http.get("http://no-such-host.invalid/x")


@pytest.mark.parametrize("url", ["", "nonsense", "htp://host/", "http:///path", "http://[bad/"])
def test_nonsense_is_refused_as_no_web_address(http, url):
    with pytest.raises(EnvironmentFault, match="no web address"):
        http.get(url)


def certificate(folder, *, days, name="127.0.0.1"):
    key, cert = folder / "key.pem", folder / "cert.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out", cert, "-subj", "/CN=test",
         "-days", str(days), "-addext", f"subjectAltName=IP:{name}"],
        check=True, capture_output=True,
    )  # fmt: skip
    return key, cert


@pytest.fixture
def secure_host(tmp_path, answers):
    """(port, certificate) of a server with a certificate of its own making."""
    key, cert = certificate(tmp_path, days=2)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    with answering(context, b"ok") as port:
        yield port, cert


def test_a_self_signed_certificate_is_refused_with_the_setting_that_trusts_it(http, make_http, secure_host):
    port, cert = secure_host
    with pytest.raises(EnvironmentFault, match="self-signed") as caught:
        http.get(f"https://127.0.0.1:{port}/")
    assert "ENVBUILD_CA_BUNDLE" in caught.value.hint
    assert make_http(ca_bundle=cert).get(f"https://127.0.0.1:{port}/").body == b"ok"


def test_a_missing_ca_bundle_is_named(make_http, tmp_path):
    with pytest.raises(EnvironmentFault) as caught:
        make_http(ca_bundle=tmp_path / "none.pem").get("https://127.0.0.1:1/")
    assert caught.value.at.endswith("none.pem")


# logins


def test_a_login_goes_to_its_own_host_and_never_over_a_redirect_to_another(make_http, faulty, another_host, answers):
    target = another_host.at("/file", answers.reply(200, b"ok"))
    start = faulty.at("/x", answers.reply(302, Location=target))
    http = make_http(logins={faulty.host: "user:secret"})
    assert http.get(start, headers={"Authorization": "Bearer caller"}).body == b"ok"
    assert "authorization" in faulty.requests[0][1]
    assert "authorization" not in another_host.requests[0][1]


def test_a_login_in_the_url_stays_with_its_host_and_out_of_every_text(http, faulty, another_host, answers):
    target = another_host.at("/file", answers.reply(403))
    faulty.at("/x?token=hidden", answers.reply(302, Location=target))
    with pytest.raises(EnvironmentFault) as caught:
        http.get(f"http://user:s%40cret@{faulty.host}/x?token=hidden")
    assert "authorization" not in another_host.requests[0][1]
    assert "cret" not in str(caught.value)
    assert faulty.requests[0][1]["authorization"] == "Basic dXNlcjpzQGNyZXQ="
    faulty.at("/y?token=hidden", answers.reply(500))
    with pytest.raises(EnvironmentFault) as caught:
        http.get(f"http://user:s%40cret@{faulty.host}/y?token=hidden")
    assert "cret" not in str(caught.value)
    assert "hidden" not in str(caught.value)


def test_a_redirect_cannot_make_us_log_in_somewhere(http, faulty, answers):
    faulty.at("/x", answers.reply(302, Location=f"http://planted:login@{faulty.host}/y"))
    faulty.at("/y", answers.reply(200))
    http.get(faulty.url("/x"))
    assert "authorization" not in faulty.headers_of("/y")[0]


def test_netrc_is_read_for_its_host(make_http, faulty, answers, tmp_path):
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login user password secret\n")
    url = faulty.at("/x", answers.reply(200))
    make_http(netrc=netrc).get(url)
    assert faulty.requests[0][1]["authorization"] == "Basic dXNlcjpzZWNyZXQ="


def test_a_broken_netrc_names_its_line(make_http, tmp_path):
    netrc = tmp_path / "netrc"
    netrc.write_text("machine a login b password c\nnonsense\n")
    with pytest.raises(EnvironmentFault) as caught:
        make_http(netrc=netrc).get("http://127.0.0.1:1/")
    assert caught.value.at.startswith(str(netrc))


def test_after_401_a_login_is_asked_for_once_and_then_kept(make_http, faulty, answers):
    asked = []

    def login(host):
        asked.append(host)
        return "user:secret"

    faulty.at("/x", answers.reply(401), answers.reply(200, b"in"))
    faulty.at("/y", answers.reply(200, b"in"))
    http = make_http(login=login)
    assert http.get(faulty.url("/x")).body == b"in"
    http.get(faulty.url("/y"))
    assert asked == [faulty.host]
    assert "authorization" in faulty.headers_of("/y")[0]


def test_requests_at_once_share_the_login_that_one_of_them_asked_for(make_http, faulty, answers):
    all_refused, asked = threading.Barrier(4), []

    def login(host):
        asked.append(host)
        return "user:secret"

    def guarded(handler):
        known = "Authorization" in handler.headers
        if not known:
            all_refused.wait(20)
        answers.reply(200 if known else 401, b"in")(handler)

    url = faulty.at("/x", guarded)
    http = make_http(login=login)
    with ThreadPoolExecutor(4) as pool:
        assert [answer.body for answer in pool.map(lambda _: http.get(url), range(4))] == [b"in"] * 4
    assert asked == [faulty.host]


def test_401_without_a_login_says_where_one_goes(http, faulty, answers):
    with pytest.raises(EnvironmentFault, match="login is needed") as caught:
        http.get(faulty.at("/x", answers.reply(401)))
    assert "netrc" in caught.value.hint


# proxies


def test_a_proxy_is_used_but_for_hosts_that_no_proxy_names(make_http, faulty, another_host, answers):
    another_host.at(faulty.url("/x"), answers.reply(200, b"by proxy"))
    faulty.at("/x", answers.reply(200, b"direct"))
    proxy = {"http": f"http://me:pw@{another_host.host}"}
    assert make_http(proxies=proxy).get(faulty.url("/x")).body == b"by proxy"
    assert another_host.requests[0][1]["proxy-authorization"] == "Basic bWU6cHc="
    for name in ("127.0.0.1", "127.0.0.0/8", "*", faulty.host):
        assert make_http(proxies=proxy, no_proxy=(name,)).get(faulty.url("/x")).body == b"direct"


def test_a_proxy_that_wants_a_login_is_told_as_that(make_http, another_host, answers):
    another_host.at("http://far.invalid/x", answers.reply(407))
    with pytest.raises(EnvironmentFault, match="proxy asks for a login"):
        make_http(proxies={"all": f"http://{another_host.host}"}).get("http://far.invalid/x")


# download


def test_a_download_gives_the_bytes_and_their_count(http, faulty, answers):
    body = bytes(range(256)) * 5000
    seen = []
    assert downloaded(http, faulty.at("/f", answers.reply(200, body)), size=len(body), progress=seen.append) == body
    assert sum(seen) == len(body)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(size=st.integers(1, 600_000), stop=st.integers(66_000, 300_000), etag=st.sampled_from([None, '"v1"', 'W/"v1"']))
def test_a_download_goes_on_after_any_cut(http, faulty, answers, size, stop, etag):
    body = (b"0123456789abcdef" * (size // 16 + 1))[:size]
    headers = {"ETag": etag} if etag else {}
    faulty.requests.clear()
    assert downloaded(http, faulty.at("/f", answers.ranged(body, stop=stop, **headers)), size=size) == body
    asked = [headers.get("range") for headers in faulty.headers_of("/f")]
    assert asked[0] is None
    assert all(asked[1:])
    assert all(h.get("if-range") == etag for h in faulty.headers_of("/f")[1:] if etag == '"v1"')


def test_a_server_that_ignores_ranges_starts_again_and_nothing_comes_twice(http, faulty, answers):
    body = bytes(range(256)) * 1000
    url = faulty.at("/f", answers.cut(body, 100_000), answers.reply(200, body))
    assert downloaded(http, url, size=len(body)) == body


def test_a_file_that_changes_in_between_is_not_mixed(http, faulty, answers):
    old, new = b"a" * 200_000, b"b" * 200_000
    url = faulty.at("/f", answers.cut(old, 90_000, ETag='"1"'), answers.reply(200, new, ETag='"2"'))
    with pytest.raises(EnvironmentFault, match="changed"):
        downloaded(http, url, size=len(old))


@pytest.mark.parametrize("length", [99, 101])
def test_a_body_of_another_length_is_refused(http, faulty, answers, length):
    with pytest.raises(IntegrityError, match="not the 100"):
        downloaded(http, faulty.at("/f", answers.reply(200, bytes(length))), size=100)


def test_a_login_page_is_not_taken_for_the_file(http, faulty, answers):
    url = faulty.at("/f", answers.reply(200, b"<html>log in</html>", Content_Type="text/html"))
    with pytest.raises(EnvironmentFault, match="web page"):
        downloaded(http, url, size=1_000)


@pytest.mark.parametrize("status", [404, 410])
def test_a_file_that_is_not_there_is_a_key_error(http, faulty, answers, status):
    with pytest.raises(KeyError):
        downloaded(http, faulty.at("/f", answers.reply(status)))


def test_a_download_that_never_gets_on_ends(http, faulty, answers):
    with pytest.raises(EnvironmentFault):
        downloaded(http, faulty.at("/f", answers.cut(bytes(100), 10)), size=100)
    assert len(faulty.requests) == 5


def test_what_the_writer_raises_is_not_taken_for_the_network(http, faulty, answers):
    def full(_):
        raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space"):
        http.download(faulty.at("/f", answers.reply(200, bytes(10))), full)
    assert len(faulty.requests) == 1


def test_threads_share_one_http(http, faulty, answers):
    body = bytes(300_000)
    url = faulty.at("/f", answers.reply(200, body))
    found = []
    threads = [threading.Thread(target=lambda: found.append(downloaded(http, url) == body)) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [True] * 12


# file:


def test_files_are_served_as_a_web_server_would(http, tmp_path):
    (tmp_path / "a b").mkdir()
    (tmp_path / "a b" / "index.html").write_bytes(b"<a>")
    (tmp_path / "wheel.whl").write_bytes(b"zip")
    page = http.get((tmp_path / "a b").as_uri() + "/")
    assert (page.status, page.body, page.headers["content-type"]) == (200, b"<a>", "text/html")
    assert downloaded(http, (tmp_path / "wheel.whl").as_uri()) == b"zip"
    assert http.get((tmp_path / "none").as_uri()).status == 404
    with pytest.raises(KeyError):
        downloaded(http, (tmp_path / "none").as_uri())
    with pytest.raises(EnvironmentFault, match="another host"):
        http.get("file://elsewhere/etc/passwd")


# URLs


@given(user=st.text("abc%@:", max_size=6), path=st.text("abc/", max_size=8))
def test_a_shown_url_has_no_login(user, path):
    url = f"https://{user}s3cr3t@host.example:8443/{path}?token=s3cr3t#s3cr3t"
    assert "s3cr3t" not in public_url(url)
    assert split_login(url)[1] == f"{user}s3cr3t"
    assert host_of(url) == "host.example:8443"


def test_waiting_is_short_where_nothing_is_wrong(faulty, answers):
    start = time.monotonic()
    Http().get(faulty.at("/x", answers.reply(200)))
    assert time.monotonic() - start < 2


STRAY = ["a/b", "a?b", "a#b", "a:1/b", "a/b?c#d", "a/b@c", "secret/1"]


@pytest.mark.parametrize("password", STRAY)
def test_a_password_that_was_not_encoded_is_no_part_of_what_is_shown(password):
    url = f"http://user:{password}@host:81/path"
    assert public_url(url) == "http://host:81/path"
    assert host_of(url) == "host:81"
    assert decoded(split_login(url)[1]) == f"user:{password}"


@pytest.mark.parametrize("url", ["https://h:80/@scope/x", "https://h/a:b@c", "https://[::1]:80/a@b", "https://h:/@x"])
def test_an_at_sign_in_a_path_is_no_login(url):
    assert split_login(url) == (url, "")
    assert public_url(url) == url


def test_a_password_that_was_not_encoded_serves_for_server_and_proxy(make_http, faulty, another_host, answers):
    faulty.at("/x", answers.reply(200, b"in"))
    make_http().get(f"http://user:a/b#c@{faulty.host}/x")
    assert faulty.headers_of("/x")[0]["authorization"] == basic("user:a/b#c")
    another_host.at("http://far.invalid/x", answers.reply(200))
    make_http(proxies={"all": f"http://user:a/b?c@{another_host.host}"}).get("http://far.invalid/x")
    assert another_host.requests[0][1]["proxy-authorization"] == basic("user:a/b?c")


# The way to the host.


def test_a_proxy_that_is_not_there_is_named_without_its_login(make_http):
    with pytest.raises(ProxyFault) as caught:
        make_http(proxies={"all": "http://user:canary@127.0.0.1:9"}).get("https://far.invalid/x")
    assert "http://127.0.0.1:9: refuses connections" in caught.value.what
    assert caught.value.at == "far.invalid"
    assert "ENVBUILD_PROXY" in caught.value.hint
    assert "canary" not in str(caught.value)


def test_a_proxy_that_refuses_to_connect_is_told_in_its_words(make_http, another_host, answers):
    another_host.at("far.invalid:443", answers.reply(403))
    with pytest.raises(ProxyFault) as caught:
        make_http(proxies={"all": f"http://{another_host.host}"}).get("https://far.invalid/x")
    assert "gives no connection" in caught.value.what
    assert another_host.host in caught.value.what


def test_no_way_to_a_network_and_no_name_say_where_a_proxy_is_set(http):
    for url in ("http://[2001:db8::1]/x", "http://far.invalid/x"):
        with pytest.raises(EnvironmentFault) as caught:
            http.get(url)
        assert "ENVBUILD_PROXY" in caught.value.hint, str(caught.value)


def test_an_address_that_is_far_too_long_takes_no_time():
    """A hostile project's setting would hang every command."""
    assert encoded_login("http://" + ":" * 200_000).startswith("http://")


# size


def test_the_size_is_what_the_server_says_and_no_byte_of_it_is_read(http, faulty, answers):
    """A lock needs the sizes of files that nobody wants yet, and of the file, never of what sent us on to it."""
    faulty.at("/old", answers.reply(302, Location="/file"))
    faulty.at("/file", answers.cut(bytes(5_000_000), 1000))
    assert http.size(faulty.url("/old")) == 5_000_000


@pytest.mark.parametrize("status", [404, 410])
def test_what_is_not_there_has_no_size(http, faulty, answers, status):
    assert http.size(faulty.at("/x", answers.reply(status, b"some words"))) is None


def test_a_server_that_does_not_say_the_size_is_no_fault(http, faulty):
    def chunked(handler):
        handler.send_response(200)
        handler.send_header("Transfer-Encoding", "chunked")
        handler.end_headers()
        handler.wfile.write(b"3\r\nabc\r\n0\r\n\r\n")

    assert http.size(faulty.at("/x", chunked)) is None


def test_a_file_has_its_size(http, tmp_path):
    (tmp_path / "file").write_bytes(bytes(1234))
    assert http.size((tmp_path / "file").as_uri()) == 1234
    assert http.size((tmp_path / "none").as_uri()) is None


def test_a_size_is_asked_for_again_where_the_server_was_busy(http, faulty, answers, naps):
    assert http.size(faulty.at("/x", answers.reply(503), answers.reply(200, b"abc"))) == 3
    assert len(naps) == 1
