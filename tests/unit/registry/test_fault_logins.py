"""A login goes to its own registry and that one's token service alone, and is never shown.

The password is a canary: no request to another host and no message may hold it, plain, encoded or as a token.
"""

import base64
import io
import logging
import traceback
from contextlib import closing

import pytest
from registries.clients import Client, Thing, image_manifest
from registries.faulty import Fault, FaultyRegistry

from envbuild.errors import EnvbuildError
from envbuild.httpsettings import HttpSettings
from envbuild.oci import MANIFEST_TYPE
from envbuild.registry.client import Login

CANARY = "s3cr3t-canary"
LOGIN = Login("user", CANARY)
PAIR = (LOGIN.user, CANARY)
BASIC = base64.b64encode(f"{LOGIN.user}:{CANARY}".encode()).decode()
BLOB, NEW = Thing(b"blob" * 100), Thing(b"new" * 100)
MANIFEST = image_manifest(BLOB.data, BLOB.data)


@pytest.fixture
def elsewhere():
    """Another host, which takes everything and remembers it. It has the blobs, as a storage behind a registry has."""
    with closing(FaultyRegistry()) as other:
        yield other


@pytest.fixture
def guarded(start_faulty_registry, elsewhere):
    """`guarded(auth)`: a registry with a login; the other host serves what it has."""

    def start(auth: str):
        registry = start_faulty_registry(auth=auth, login=PAIR)
        registry.content.put_blob("team/app", BLOB.data)
        registry.content.put_manifest("team/app", "v1", MANIFEST, MANIFEST_TYPE)
        elsewhere.content = registry.content
        return registry

    return start


def _secrets(registry) -> list[str]:
    return [CANARY, BASIC, *registry.tokens]


def _ends(client, act, caplog) -> tuple[object, str]:
    """What came of it, and all the words that it left."""
    with caplog.at_level(logging.DEBUG):
        try:
            result, words = act(client.repository()), ""
        except (EnvbuildError, KeyError) as fault:
            result, words = None, "".join(traceback.format_exception(fault)) + repr(vars(fault))
    return result, words + caplog.text + repr(client.login) + repr(client.settings)


def _pull(repository) -> bytes:
    target = io.BytesIO()
    repository.pull_blob(BLOB.digest, len(BLOB.data), target.write)
    return target.getvalue()


def _push(repository):
    return repository.push_blob(NEW.digest, len(NEW.data), NEW.opened)


ACTS = {
    "pull": ("GET", "/blobs/", _pull),
    "manifest": ("GET", "/manifests/", lambda r: r.manifest("v1")),
    "head": ("HEAD", "/manifests/", lambda r: r.head_manifest("v1")),
    "tags": ("GET", "/tags/", lambda r: list(r.tags())),
    "begin": ("POST", "/uploads/", _push),
    "send": ("PUT", "/uploads/", _push),
    "put": ("PUT", "/manifests/", lambda r: r.put_manifest("v2", MANIFEST, MANIFEST_TYPE)),
}


@pytest.mark.parametrize("auth", ["basic", "token"])
@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("name", ACTS)
def test_a_redirect_to_another_host_takes_no_login_along(name, status, auth, guarded, elsewhere, caplog):
    registry = guarded(auth)
    method, path, act = ACTS[name]
    client = Client(registry.host, LOGIN)
    client.repository().blob_size(BLOB.digest)

    def away(answer):
        if answer.status == 401:
            return answer
        sent = next(s.path for s in reversed(registry.seen) if s.method == method)
        return type(answer)(status, {"Location": f"http://{elsewhere.host}{sent}"}, b"")

    registry.fail(method, path, Fault(change=away), times=None)
    _, words = _ends(client, act, caplog)
    assert registry.everything_seen().count("authorization"), "the login was not even used"
    for secret in _secrets(registry):
        assert secret not in elsewhere.everything_seen()
        assert secret not in words


@pytest.mark.parametrize("auth", ["basic", "token"])
def test_the_other_host_may_ask_for_a_login_and_gets_none(auth, guarded, elsewhere, caplog):
    """CVE-2020-15157: a storage that answers 401 must not be given the registry's login."""
    registry = guarded(auth)
    for scheme in ('Basic realm="x"', f'Bearer realm="http://{elsewhere.host}/token",service="x"'):
        challenge = {"WWW-Authenticate": scheme}
        elsewhere.fail("GET", "/blobs/", Fault(status=401, headers=challenge), times=None)
        target = {"Location": f"http://{elsewhere.host}/v2/team/app/blobs/{BLOB.digest}"}
        client = Client(registry.host, LOGIN)
        client.repository().blob_size(BLOB.digest)
        registry.fail("GET", "/blobs/", Fault(status=307, headers=target), times=None)
        result, words = _ends(client, _pull, caplog)
        assert result is None
        assert not any(secret in elsewhere.everything_seen() + words for secret in _secrets(registry))


def test_a_storage_behind_a_registry_serves_without_a_login(guarded, elsewhere):
    """What the rules above must not break."""
    registry = guarded("token")
    target = {"Location": f"http://{elsewhere.host}/v2/team/app/blobs/{BLOB.digest}"}
    client = Client(registry.host, LOGIN)
    client.repository().blob_size(BLOB.digest)
    registry.fail("GET", "/blobs/", Fault(status=307, headers=target))
    assert _pull(client.repository()) == BLOB.data
    assert elsewhere.count("GET", "/blobs/") == 1


@pytest.mark.parametrize("auth", ["basic", "token"])
@pytest.mark.parametrize("shape", ["http://{}{}", "//{}{}", "http://user@{}{}", "HTTP://{}{}"])
def test_an_upload_sent_to_another_host_takes_no_login_along(shape, auth, guarded, elsewhere, caplog):
    registry = guarded(auth)

    def moved(answer):
        if "Location" not in answer.headers:
            return answer
        place = shape.format(elsewhere.host, answer.headers["Location"])
        return type(answer)(answer.status, {**answer.headers, "Location": place}, answer.body)

    registry.fail("POST", "/uploads/", Fault(change=moved), times=None)
    client = Client(registry.host, LOGIN)
    _, words = _ends(client, _push, caplog)
    for secret in _secrets(registry):
        assert secret not in elsewhere.everything_seen()
        assert secret not in words


@pytest.mark.parametrize("name", ["tags", "referrers"])
def test_the_next_page_at_another_host_is_not_followed_with_a_login(name, guarded, elsewhere, caplog):
    registry = guarded("basic")
    body = b'{"tags": ["a"]}' if name == "tags" else b'{"manifests": []}'
    link = {"Link": f'<http://{elsewhere.host}/v2/team/app/{name}/list?last=a>; rel="next"'}
    client = Client(registry.host, LOGIN)
    client.repository().blob_size(BLOB.digest)
    registry.fail("GET", f"/{name}/", Fault(status=200, headers=link, body=body), times=None)
    act = (lambda r: list(r.tags())) if name == "tags" else (lambda r: r.referrers(BLOB.digest))
    _, words = _ends(client, act, caplog)
    assert not any(secret in elsewhere.everything_seen() + words for secret in _secrets(registry))


REALMS = [
    "http://realm.invalid/token",
    "http://192.0.2.1/token",
    "ftp://{}/token",
    "{}/token",
    "",
    "file:///etc/passwd",
]


@pytest.mark.parametrize("realm", REALMS)
def test_a_realm_that_is_no_safe_address_gets_no_login(realm, guarded, elsewhere, caplog):
    registry = guarded("token")
    registry.realm = realm.format(elsewhere.host) or "nowhere"
    # As a proxy, the other host gets whatever is sent to any address but this machine's own.
    settings = HttpSettings(read_timeout=5.0, proxies={"http": f"http://{elsewhere.host}"})
    client = Client(registry.host, LOGIN, settings)
    result, words = _ends(client, lambda r: r.blob_size(BLOB.digest), caplog)
    assert result is None
    assert not any(secret in elsewhere.everything_seen() + words for secret in [CANARY, BASIC])
    assert not any(secret in registry.everything_seen() for secret in [CANARY, BASIC])


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_token_service_that_sends_on_takes_no_login_along(status, guarded, elsewhere, caplog):
    registry = guarded("token")
    target = {"Location": f"http://{elsewhere.host}/token?service=x"}
    registry.fail("*", "^/token", Fault(status=status, headers=target), times=None)
    for login in (LOGIN, Login("", "", CANARY)):
        client = Client(registry.host, login)
        _, words = _ends(client, lambda r: r.blob_size(BLOB.digest), caplog)
        assert not any(secret in elsewhere.everything_seen() + words for secret in [CANARY, BASIC])


@pytest.mark.parametrize("status", [400, 401, 403, 404, 429, 500, 503])
@pytest.mark.parametrize("auth", ["basic", "token"])
def test_no_error_shows_a_login_even_where_the_registry_repeats_it(status, auth, guarded, caplog):
    registry = guarded(auth)
    client = Client(registry.host, LOGIN)
    client.repository().blob_size(BLOB.digest)
    registry.fail("*", "/v2/team", Fault(status=status, headers={"Retry-After": "1"}), times=None)
    for _, _, act in ACTS.values():
        _, words = _ends(client, act, caplog)
        assert not any(secret in words for secret in _secrets(registry))


def test_two_registries_get_their_own_logins(start_faulty_registry):
    first = start_faulty_registry(auth="basic", login=("one", "canary-1"))
    second = start_faulty_registry(auth="basic", login=("two", "canary-2"))
    for registry, login in ((first, Login("one", "canary-1")), (second, Login("two", "canary-2"))):
        registry.content.put_blob("team/app", BLOB.data)
        assert Client(registry.host, login).repository().blob_size(BLOB.digest) == len(BLOB.data)
    for registry, other in ((first, "two:canary-2"), (second, "one:canary-1")):
        assert base64.b64encode(other.encode()).decode() not in registry.everything_seen()


# Tokens.


def test_a_token_that_ends_in_mid_push_is_renewed(guarded):
    registry = guarded("token")
    registry.token_uses = 2
    client = Client(registry.host, LOGIN)
    repository = client.repository()
    for number in range(6):
        thing = Thing(f"blob {number}".encode())
        repository.push_blob(thing.digest, len(thing.data), thing.opened)
    assert repository.put_manifest("v2", MANIFEST, MANIFEST_TYPE)
    assert registry.count("GET", "^/token") > 4
    assert client.slept == [], "renewing a token is no failure to wait after"


def test_a_token_that_never_serves_ends_with_words(guarded):
    registry = guarded("token")
    registry.token_uses = 0
    client = Client(registry.host, LOGIN)
    with pytest.raises(EnvbuildError) as told:
        client.repository().blob_size(BLOB.digest)
    assert "401" in str(told.value)
    assert registry.count("GET", "^/token") <= 3


def test_one_token_serves_many_requests(guarded):
    """Else each request costs two."""
    registry = guarded("token")
    repository = Client(registry.host, LOGIN).repository()
    for _ in range(20):
        repository.blob_size(BLOB.digest)
    assert registry.count("GET", "^/token") <= 2


def test_a_mount_asks_for_the_scopes_of_both_repositories(guarded):
    """Docker Hub answers 202 where the other repository's scope is missing: then all is sent again."""
    registry = guarded("token")
    registry.content.put_blob("team/base", NEW.data)
    repository = Client(registry.host, LOGIN).repository()
    assert repository.push_blob(NEW.digest, len(NEW.data), NEW.opened, mount_from=("team/base",)) == "mounted"
    asked = [one.path for one in registry.seen if one.path.startswith("/token")]
    assert any("team%2Fbase%3Apull" in path and "team%2Fapp%3Apull%2Cpush" in path for path in asked)
    assert any(path.count("scope=") == 2 for path in asked), "scopes are parameters of their own"
