"""Where logins and tokens go, and where they never do; how long tokens are used."""

import threading
from contextlib import closing
from dataclasses import replace

import pytest
from registries.clients import Client, Thing
from registries.faulty import Fault, FaultyRegistry

from envbuild.errors import EnvironmentFault
from envbuild.http.client import Http
from envbuild.registry.client import Login, Pushed
from envbuild.registry.session import Session

LOGIN, SECRET = Login("user", "s3cr3t"), "s3cr3t"
IDENTITY = Login("", "", SECRET)
BLOB, NEW = Thing(b"layer" * 100), Thing(b"new")


@pytest.fixture
def make():
    """`make(**settings)`: a registry that has BLOB in team/app."""
    opened = []

    def one(**settings):
        registry = FaultyRegistry(**settings)
        opened.append(registry)
        registry.content.put_blob("team/app", BLOB.data)
        return registry

    yield one
    for registry in opened:
        with closing(registry):
            pass


@pytest.fixture
def guarded(make):
    return make(auth="token", login=("user", SECRET))


def pull(client):
    parts = []
    client.repository().pull_blob(BLOB.digest, len(BLOB.data), parts.append)
    return b"".join(parts)


def push(client, **options):
    return client.repository().push_blob(NEW.digest, len(NEW.data), NEW.opened, **options)


def redirected(host, status=307):
    return Fault(status=status, headers={"Location": f"http://{host}/v2/team/app/blobs/{BLOB.digest}?signature=abc"})


@pytest.mark.parametrize("auth", ["basic", "token"])
@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_blob_on_another_host_is_fetched_without_login_or_token(make, auth, status):
    registry, storage = make(auth=auth, login=("user", SECRET)), make()
    registry.fail("GET", "/blobs/", redirected(storage.host, status))
    client = Client(registry.host, LOGIN)
    client.repository().blob_size(BLOB.digest)
    assert pull(client) == BLOB.data
    assert all("authorization" not in one.headers for one in storage.seen)
    assert any("authorization" in one.headers for one in registry.seen)


def test_an_upload_on_another_host_is_sent_there_without_login(make):
    registry, storage = make(auth="basic", login=("user", SECRET)), make()
    begun = Client(storage.host).registry._session.ask(
        "POST", "/v2/team/app/blobs/uploads/", action="", scopes=frozenset(), ok=frozenset({202}),
        headers={"Content-Length": "0"},
    )  # fmt: skip
    place = {"Location": f"http://planted:login@{storage.host}{begun.headers['location']}"}
    registry.fail("POST", "/uploads/", Fault(change=lambda a: replace(a, headers={**a.headers, **place})))
    assert push(Client(registry.host, LOGIN)) is Pushed.SENT
    assert storage.content.blobs[str(NEW.digest)] == NEW.data
    assert all("authorization" not in one.headers for one in storage.seen)


def test_another_host_that_asks_for_a_login_gets_none(make):
    registry, storage = make(auth="basic", login=("user", SECRET)), make(auth="basic", login=("user", SECRET))
    registry.fail("GET", "/blobs/", redirected(storage.host), times=None)
    with pytest.raises(EnvironmentFault, match="401"):
        pull(Client(registry.host, LOGIN))
    assert all("authorization" not in one.headers for one in storage.seen)


@pytest.mark.parametrize("login", [LOGIN, IDENTITY], ids=["password", "identity token"])
@pytest.mark.parametrize(
    "realm", ["http://far.example/token", "http://127.0.0.1.example/token", "file:///etc/passwd", "ftp://x/", ""]
)
def test_a_login_goes_to_no_token_service_that_others_can_listen_to(make, login, realm):
    registry = make(auth="token", login=("user", SECRET))
    registry.realm = realm or "nonsense"
    with pytest.raises(EnvironmentFault, match="no login is sent") as told:
        pull(Client(registry.host, login))
    assert SECRET not in str(told.value)
    assert SECRET not in registry.everything_seen()


def test_a_token_service_beside_the_registry_gets_the_login_and_the_registry_only_the_token(make):
    registry, service = make(auth="token", login=("user", SECRET)), make(auth="token", login=("user", SECRET))
    registry.realm, registry.tokens = f"http://{service.host}/token", service.tokens
    assert pull(Client(registry.host, LOGIN)) == BLOB.data
    assert all(not one.headers.get("authorization", "").startswith("Basic") for one in registry.seen)


def test_an_identity_token_is_posted_and_where_that_is_not_known_used_as_a_password(make):
    registry = make(auth="token", login=("", SECRET))
    assert pull(Client(registry.host, IDENTITY)) == BLOB.data
    assert registry.count("POST", "^/token") == 1
    registry = make(auth="token", login=("who", SECRET))
    registry.fail("POST", "^/token", Fault(status=404))
    assert pull(Client(registry.host, Login("who", "", SECRET))) == BLOB.data


def test_a_wrong_login_is_told_with_what_to_do_and_without_the_login(guarded):
    with pytest.raises(EnvironmentFault, match="login is wrong") as told:
        pull(Client(guarded.host, Login("user", "wr0ng")))
    assert f"docker login {guarded.host}" in told.value.hint
    assert "wr0ng" not in str(told.value)
    with pytest.raises(EnvironmentFault, match="a login is needed"):
        pull(Client(guarded.host))


def test_tokens_that_live_for_one_request_carry_a_whole_push(guarded):
    guarded.token_uses = 1
    client = Client(guarded.host, LOGIN)
    assert push(client) is Pushed.SENT
    assert pull(client) == BLOB.data
    assert client.slept == []


def test_a_mount_asks_for_both_repositories_in_one_token(guarded):
    guarded.content.put_blob("team/base", NEW.data)
    assert push(Client(guarded.host, LOGIN), mount_from=["team/base"]) is Pushed.MOUNTED
    asked = [one.path for one in guarded.seen if one.path.startswith("/token")]
    assert any(path.count("scope=") == 2 for path in asked)


def test_a_token_is_used_again(guarded):
    client = Client(guarded.host, LOGIN)
    for _ in range(5):
        pull(client)
    assert guarded.count("GET", "^/token") <= 2


def test_threads_share_tokens(guarded):
    client, found = Client(guarded.host, LOGIN), []
    client.repository().blob_size(BLOB.digest)
    threads = [threading.Thread(target=lambda: found.append(pull(client))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [BLOB.data] * 8
    assert guarded.count("GET", "^/token") <= 4


def session(host="registry.example"):
    return Session(host, Http(), lambda: None)


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        ("/v2/x?state=a%2Fb", "https://registry.example/v2/x?state=a%2Fb"),
        ("https://other.example:8443/x", "https://other.example:8443/x"),
        ("https://user:pw@other.example/x", "https://other.example/x"),
        ("http://registry.example/v2/x", "https://registry.example/v2/x"),
    ],
)
def test_where_an_answer_sends_us_on(target, expected):
    """Also by http to itself: registries behind a proxy that ends TLS say that."""
    assert session().following("https://registry.example/v2/", target) == expected


@pytest.mark.parametrize(
    "target",
    ["http://other.example/x", "file:///etc/passwd", "ftp://a/b", "https://[bad/", "https://a:99999/"],
)
def test_nothing_leads_from_a_secure_place_to_another_kind(target):
    with pytest.raises(EnvironmentFault, match="no secure address"):
        session().following("https://registry.example/v2/", target)


@pytest.mark.parametrize(
    ("url", "own"),
    [("https://registry.example/x", True), ("https://REGISTRY.example:443/x", True), ("https://registry.example:444/", False),
     ("http://registry.example/", False), ("https://registry.example.evil/", False), ("https://evil/@registry.example", False)],
)  # fmt: skip
def test_only_the_registrys_own_address_is_its_own(url, own):
    assert session().own(url) is own


def test_the_hub_is_asked_where_it_is_served():
    assert session("docker.io").base == "https://registry-1.docker.io"
