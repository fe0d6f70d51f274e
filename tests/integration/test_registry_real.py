"""The client over a real registry: the whole protocol, logins, tokens, TLS, and storage that was changed by hand."""

import base64
import json
import random
import shutil
import time
from pathlib import Path

import pytest
from registries.certificates import Authority
from registries.clients import Client, Thing, artifact, image_manifest

from envbuild.digest import Digest
from envbuild.errors import EnvironmentFault, IntegrityError
from envbuild.httpsettings import HttpSettings
from envbuild.oci import INDEX_TYPE, MANIFEST_TYPE, Descriptor
from envbuild.registry import uploads
from envbuild.registry.client import BlobUnknown, Login, Pushed
from envbuild.registry.dockerconfig import login_for

CONFIG, LAYER = Thing(b'{"a": 1}'), Thing(b"layer" * 5000)
MANIFEST = image_manifest(CONFIG.data, LAYER.data)
DIGEST = Digest.of(MANIFEST)
SUBJECT = Descriptor(MANIFEST_TYPE, DIGEST, len(MANIFEST))
INDEX = json.dumps({"schemaVersion": 2, "mediaType": INDEX_TYPE, "manifests": [SUBJECT.to_json()]}).encode()
QUICK = HttpSettings(read_timeout=20.0)


def _push(repository, *things, **options):
    return [repository.push_blob(t.digest, len(t.data), t.opened, **options) for t in things]


def _pull(repository, thing) -> bytes:
    parts: list[bytes] = []
    repository.pull_blob(thing.digest, len(thing.data), parts.append)
    return b"".join(parts)


def _everything(repository, other) -> None:
    """Every request of the specification that the client makes, and what must come of it."""
    assert repository.manifest("v1") is None
    assert _push(repository, CONFIG, LAYER) == [Pushed.SENT] * 2
    assert _push(repository, CONFIG, LAYER) == [Pushed.EXISTED] * 2
    assert repository.blob_size(LAYER.digest) == len(LAYER.data)
    assert _push(other, LAYER, mount_from=(repository.path,)) == [Pushed.MOUNTED]
    assert _pull(other, LAYER) == LAYER.data
    assert repository.put_manifest("v1", MANIFEST, MANIFEST_TYPE) == DIGEST
    assert repository.put_manifest(str(DIGEST), MANIFEST, MANIFEST_TYPE) == DIGEST
    assert repository.head_manifest("v1") == SUBJECT
    assert repository.manifest(str(DIGEST)).raw == repository.manifest("v1").raw == MANIFEST
    repository.put_manifest("index", INDEX, INDEX_TYPE)
    assert repository.manifest("index").media_type == INDEX_TYPE
    attached = artifact(CONFIG.data, LAYER.data, MANIFEST)
    pinned = repository.attach(attached, MANIFEST_TYPE, SUBJECT)
    assert [found["digest"] for found in repository.referrers(DIGEST)] == [str(pinned)]
    assert repository.referrers(DIGEST, "application/other") == ()
    assert {"index", "v1"} <= set(repository.tags())
    with pytest.raises(BlobUnknown):
        repository.put_manifest("v2", image_manifest(CONFIG.data, b"nobody has this"), MANIFEST_TYPE)
    assert repository.manifest("v2") is None
    assert repository.delete_manifest(pinned)
    assert not repository.delete_manifest(Digest("0" * 64))


KINDS = ["registry", "registry_with_login", "registry_with_token", "registry_with_tls", "registry_with_client_tls"]


def _client(registry, tmp_path, **changes) -> Client:
    login = Login(*registry.login) if registry.login else None
    settings = HttpSettings(read_timeout=20.0, ca_bundle=registry.authority.bundle) if registry.authority else QUICK
    if registry.client:
        folder = tmp_path / "certs.d" / registry.host
        folder.mkdir(parents=True)
        shutil.copy(registry.authority.bundle, folder / "authority.crt")
        shutil.copy(registry.client.certificate, folder / "client.cert")
        shutil.copy(registry.client.key, folder / "client.key")
        settings = HttpSettings(read_timeout=20.0, cert_folders=(tmp_path / "certs.d",))
    return Client(registry.host, **{"login": login, "settings": settings, **changes})


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("chunk", [uploads.CHUNK, 10_000], ids=["whole", "chunks"])
def test_the_whole_protocol(kind, chunk, request, tmp_path, monkeypatch):
    monkeypatch.setattr(uploads, "CHUNK", chunk)
    registry = request.getfixturevalue(kind)
    client = _client(registry, tmp_path)
    _everything(client.repository("team/app"), client.repository("team/other"))
    chunks = [line for line in registry.requests() if line.startswith("PATCH")]
    assert bool(chunks) == (chunk < len(LAYER.data))


def test_a_list_of_tags_longer_than_a_page_is_whole(registry):
    repository = Client(registry.host).repository()
    _push(repository, CONFIG, LAYER)
    names = [f"v{number:04d}" for number in range(230)]
    for name in names:
        repository.put_manifest(name, MANIFEST, MANIFEST_TYPE)
    assert sorted(repository.tags()) == names


@pytest.mark.parametrize("kind", ["registry_with_login", "registry_with_token"])
@pytest.mark.parametrize("login", [None, Login("tester", "wrong-canary"), Login("nobody", "wrong-canary")])
def test_a_login_that_is_missing_or_wrong_is_told(kind, login, request, tmp_path):
    registry = request.getfixturevalue(kind)
    client = _client(registry, tmp_path, login=login)
    for act in (lambda r: r.blob_size(LAYER.digest), lambda r: r.manifest("v1"), lambda r: _push(r, LAYER)):
        with pytest.raises(EnvironmentFault) as told:
            act(client.repository())
        assert "docker login" in told.value.hint
        assert registry.host in str(told.value)
        assert "canary" not in str(told.value)
    assert client.slept == []


def test_a_public_repository_is_pulled_without_a_login_and_not_pushed_to(registry_with_token, tmp_path):
    registry = registry_with_token
    _push(_client(registry, tmp_path).repository("open/app"), LAYER)
    registry.tokens.public = ("open/app",)
    stranger = _client(registry, tmp_path, login=None).repository("open/app")
    assert _pull(stranger, LAYER) == LAYER.data
    with pytest.raises(EnvironmentFault):
        _push(stranger, Thing(b"mine"))


def test_a_repository_without_the_right_is_told_and_not_taken_for_empty(registry_with_token, tmp_path):
    registry_with_token.tokens.denied = ("team/app",)
    repository = _client(registry_with_token, tmp_path).repository("team/app")
    for act in (lambda: repository.manifest("v1"), lambda: _push(repository, LAYER), lambda: list(repository.tags())):
        with pytest.raises(EnvironmentFault):
            act()


def test_a_mount_from_a_repository_that_may_not_be_read_sends_the_blob(registry_with_token, tmp_path):
    registry = registry_with_token
    client = _client(registry, tmp_path)
    _push(client.repository("secret/app"), LAYER)
    registry.tokens.denied = ("secret/app",)
    other = _client(registry, tmp_path).repository("team/app")
    assert _push(other, LAYER, mount_from=("secret/app",)) == [Pushed.SENT]


def test_a_mount_asks_for_both_repositories_in_one_token(registry_with_token, tmp_path):
    client = _client(registry_with_token, tmp_path)
    _push(client.repository("team/base"), LAYER)
    assert _push(client.repository("team/app"), LAYER, mount_from=("team/base",)) == [Pushed.MOUNTED]
    wanted = {"repository:team/base:pull", "repository:team/app:pull,push"}
    assert any(wanted <= set(asked.scopes) for asked in registry_with_token.tokens.asked)


def test_an_identity_token_serves_in_the_place_of_a_password(registry_with_token, tmp_path):
    tokens = registry_with_token.tokens
    login = Login("", "", tokens.identity_token("tester"))
    assert _push(_client(registry_with_token, tmp_path, login=login).repository(), LAYER) == [Pushed.SENT]
    assert {asked.grant for asked in tokens.asked if asked.status == 200} == {"refresh_token"}
    wrong = _client(registry_with_token, tmp_path, login=Login("", "", "identity-wrong-canary"))
    with pytest.raises(EnvironmentFault) as told:
        wrong.repository().blob_size(LAYER.digest)
    assert "canary" not in str(told.value)


def test_tokens_that_live_for_a_moment_last_for_a_long_push(registry_with_token, tmp_path):
    """Real registries give 5 minutes, and a push may take an hour."""
    registry_with_token.tokens.life = 1
    repository = _client(registry_with_token, tmp_path).repository()
    end = time.monotonic() + 2.5
    while time.monotonic() < end:
        thing = Thing(random.randbytes(40_000))
        assert _push(repository, thing) == [Pushed.SENT]
    assert len(registry_with_token.tokens.asked) >= 2
    _push(repository, CONFIG, LAYER)
    assert repository.put_manifest("v1", MANIFEST, MANIFEST_TYPE) == DIGEST


def test_two_registries_at_once_get_their_own_logins_from_one_file(registry_with_login, start_registry, tmp_path):
    other = start_registry(login=True)
    right = base64.b64encode(":".join(registry_with_login.login).encode()).decode()
    wrong = base64.b64encode(b"tester:another").decode()
    config = {"auths": {registry_with_login.host: {"auth": right}, other.host: {"auth": wrong}}}
    (tmp_path / "config.json").write_text(json.dumps(config), encoding="utf-8")
    environ = {"DOCKER_CONFIG": str(tmp_path)}
    clients = [Client(r.host, login_for(r.host, environ)(), QUICK) for r in (registry_with_login, other)]
    assert _push(clients[0].repository(), LAYER) == [Pushed.SENT]
    with pytest.raises(EnvironmentFault):
        _push(clients[1].repository(), LAYER)
    config["auths"][other.host]["auth"] = right
    (tmp_path / "config.json").write_text(json.dumps(config), encoding="utf-8")
    again = Client(other.host, login_for(other.host, environ)(), QUICK)
    assert _push(again.repository(), LAYER) == [Pushed.SENT]


# Trust.


TRUST = {
    "an authority that is not known": ("registry_with_tls", "none", "not trusted"),
    "another authority": ("registry_with_tls", "other", "not trusted"),
    "an expired certificate": ("expired_registry", "own", "expired"),
    "no certificate of ours": ("registry_with_client_tls", "own", "wants a certificate of ours|broke"),
}


@pytest.mark.parametrize(("kind", "trusted", "words"), TRUST.values(), ids=TRUST.keys())
def test_a_connection_that_is_not_safe_is_refused_with_words(kind, trusted, words, request, tmp_path):
    registry = request.getfixturevalue(kind)
    bundle = {"none": None, "own": registry.authority.bundle, "other": None}[trusted]
    if trusted == "other":
        bundle = Authority(tmp_path / "other", "another").bundle
    client = Client(registry.host, settings=HttpSettings(read_timeout=5.0, ca_bundle=bundle))
    with pytest.raises(EnvironmentFault, match=words) as told:
        client.repository().blob_size(LAYER.digest)
    assert registry.host in str(told.value)
    assert told.value.hint


# Storage that was changed by hand: docker-registry 2.8 serves it with 200.

DAMAGE = {
    "a byte": lambda data: bytes([data[0] ^ 1]) + data[1:],
    "its end": lambda data: data[:-1] + bytes([data[-1] ^ 1]),
    "shorter": lambda data: data[:-1],
    "longer": lambda data: data + b"\0",
    "empty": lambda _: b"",
    "zeros": lambda data: bytes(len(data)),
    "another": lambda data: data[::-1],
}


def _change(path: Path, change) -> None:
    path.write_bytes(change(path.read_bytes()))


@pytest.mark.parametrize("change", DAMAGE.values(), ids=DAMAGE.keys())
def test_a_blob_changed_in_the_registrys_storage_is_refused(change, registry):
    repository = Client(registry.host, settings=QUICK).repository()
    thing = Thing(b"0123456789" * 2000)
    _push(repository, thing)
    _change(registry.blob_file(str(thing.digest)), change)
    with pytest.raises(IntegrityError, match=thing.digest.hex):
        _pull(repository, thing)


@pytest.mark.parametrize("change", DAMAGE.values(), ids=DAMAGE.keys())
def test_a_manifest_changed_in_the_registrys_storage_is_refused(change, registry):
    repository = Client(registry.host, settings=QUICK).repository()
    _push(repository, CONFIG, LAYER)
    repository.put_manifest("v1", MANIFEST, MANIFEST_TYPE)
    _change(registry.blob_file(str(DIGEST)), change)
    for reference in ("v1", str(DIGEST)):
        with pytest.raises((IntegrityError, EnvironmentFault)):
            repository.manifest(reference)


def test_a_blob_that_the_registry_collected_is_named_when_its_manifest_is_pushed(registry):
    """So that the pusher can send it again."""
    repository = Client(registry.host, settings=QUICK).repository()
    _push(repository, CONFIG, LAYER)
    link = registry.storage / "docker/registry/v2/repositories/team/app/_layers/sha256" / LAYER.digest.hex
    shutil.rmtree(link)
    with pytest.raises(BlobUnknown):
        repository.put_manifest("v1", MANIFEST, MANIFEST_TYPE)
    _push(repository, LAYER)
    assert repository.put_manifest("v1", MANIFEST, MANIFEST_TYPE) == DIGEST
