"""Registries that refuse, fail, lie or are not there: which host, what it said, what to do; no tag on half an image."""

import base64
import json
import shutil
from contextlib import closing

import pytest
from registries.certificates import Authority
from registries.content import digest_of
from registries.faulty import Fault, FaultyRegistry

CANARY = "s3cr3t-canary"
BASIC = base64.b64encode(f"user:{CANARY}".encode()).decode()
AT_ONCE = {"Retry-After": "0"}
PAGE = b"<html><title>Sign in</title><form action=/login></form></html>"
HTML = {"Content-Type": "text/html"}


@pytest.fixture(scope="session")
def spec(warm, tmp_path_factory):
    """A small definition, built already: what is tested is where it goes."""
    path = tmp_path_factory.mktemp("bad-registry") / "envbuild.toml"
    path.write_text('format = 1\nname = "small"\nvariables = { GREETING = "hello" }\n', encoding="utf-8")
    warm("build", path, "--to", "store").ok()
    return path


@pytest.fixture
def push(warm, spec, run_cli, warm_home, tree_of):
    """`push(place, env=...)`: how `build --to place` ends. What is on the disk of the project stays as it is."""

    def run(place, *more, env=None):
        before = tree_of(spec.parent)
        result = run_cli("build", spec, "--to", place, *more, home=warm_home, env=env, timeout=120)
        assert tree_of(spec.parent) == before, "the project was changed"
        assert result.code == 0 or result.stdout == "", "something went to stdout, where a reference is expected"
        return result

    return run


@pytest.fixture
def refused(push, told, faulty_registry):
    """`refused(code, said)`: the push ends so, and no tag is there."""

    def check(code, said, *, registry=faulty_registry, env=None, unsaid=()):
        result = push(f"{registry.host}/team/app:v1", env=env)
        told(result, code, [registry.host, *said], unsaid)
        assert not registry.content.repositories.get("team/app") or not registry.content.repositories["team/app"].tags
        return result

    return check


def _errors(code: str, message: str) -> bytes:
    return json.dumps({"errors": [{"code": code, "message": message}]}).encode()


# Not there, or not to be trusted.


def test_a_closed_port(push, told, closed_port):
    result = push(f"127.0.0.1:{closed_port}/team/app:v1")
    told(result, 5, [f"127.0.0.1:{closed_port}", "refuses connections", "is it up"])


def test_a_name_that_dns_does_not_know(push, told):
    told(push("registry.invalid/team/app:v1"), 5, ["registry.invalid", "DNS", "is the name right"])


def test_an_authority_that_is_not_known(push, told, registry_with_tls):
    result = push(f"{registry_with_tls.host}/team/app:v1")
    told(result, 5, [registry_with_tls.host, "not trusted", "ENVBUILD_CA_BUNDLE"])


def test_another_authority_than_the_named_one(push, told, registry_with_tls, tmp_path):
    other = Authority(tmp_path / "other", "another")
    result = push(f"{registry_with_tls.host}/team/app:v1", env={"ENVBUILD_CA_BUNDLE": str(other.bundle)})
    told(result, 5, [registry_with_tls.host, "not trusted"])


def test_an_expired_certificate(push, told, expired_registry):
    env = {"ENVBUILD_CA_BUNDLE": str(expired_registry.authority.bundle)}
    told(push(f"{expired_registry.host}/team/app:v1", env=env), 5, [expired_registry.host, "expired", "clock"])


def test_a_client_certificate_that_is_not_there(push, told, registry_with_client_tls):
    env = {"ENVBUILD_CA_BUNDLE": str(registry_with_client_tls.authority.bundle)}
    result = push(f"{registry_with_client_tls.host}/team/app:v1", env=env)
    told(result, 5, [registry_with_client_tls.host, "certificate"])


def test_a_registry_with_tls_is_pushed_to_with_its_authority(push, registry_with_tls):
    """So that the rows above fail for what they say."""
    env = {"ENVBUILD_CA_BUNDLE": str(registry_with_tls.authority.bundle)}
    assert push(f"{registry_with_tls.host}/team/app:v1", env=env).code == 0


def test_a_proxy_that_asks_for_a_login(push, told, faulty_registry):
    faulty_registry.fail("*", "", Fault(status=407), times=None)
    proxy = f"http://user:{CANARY}@{faulty_registry.host}"
    env = {"HTTP_PROXY": proxy, "http_proxy": proxy, "NO_PROXY": "", "no_proxy": ""}
    env |= {"ENVBUILD_INSECURE_REGISTRIES": "registry.invalid"}
    told(push("registry.invalid/team/app:v1", env=env), 5, ["registry.invalid", "proxy", "407"], unsaid=[CANARY])


# Logins.


def _docker_login(folder, host, login=f"user:{CANARY}") -> dict[str, str]:
    folder.mkdir(exist_ok=True)
    auth = base64.b64encode(login.encode()).decode()
    (folder / "config.json").write_text(json.dumps({"auths": {host: {"auth": auth}}}), encoding="utf-8")
    return {"DOCKER_CONFIG": str(folder)}


@pytest.mark.parametrize("kind", ["registry_with_login", "registry_with_token"])
def test_no_login(kind, push, told, request):
    registry = request.getfixturevalue(kind)
    told(push(f"{registry.host}/team/app:v1"), 5, [registry.host, "401", f"docker login {registry.host}"])


@pytest.mark.parametrize("kind", ["registry_with_login", "registry_with_token"])
def test_a_wrong_login(kind, push, told, request, tmp_path):
    registry = request.getfixturevalue(kind)
    env = _docker_login(tmp_path / "docker", registry.host)
    result = push(f"{registry.host}/team/app:v1", env=env)
    told(result, 5, [registry.host, "401", "docker login"], unsaid=[CANARY, BASIC])


def test_a_login_without_the_right(push, told, registry_with_token, tmp_path):
    registry_with_token.tokens.denied = ("team/app",)
    env = _docker_login(tmp_path / "docker", registry_with_token.host, ":".join(registry_with_token.login))
    result = push(f"{registry_with_token.host}/team/app:v1", env=env)
    told(result, 5, [registry_with_token.host, "team/app"], unsaid=["sesame-canary"])


CONFIGS = {
    "no JSON": ('{"auths": ', ["config.json", "no JSON"]),
    "a list": ("[]", ["config.json", "no JSON object"]),
    "a helper that is not there": ('{"credsStore": "of-nobody"}', ["docker-credential-of-nobody", "not installed"]),
    "a login that cannot be read": ('{"auths": {"HOST": {"auth": "%%%"}}}', ["config.json"]),
}


@pytest.mark.parametrize(("text", "said"), CONFIGS.values(), ids=CONFIGS.keys())
def test_a_file_of_logins_that_is_broken(text, said, push, told, registry_with_login, tmp_path):
    (tmp_path / "config.json").write_text(text.replace("HOST", registry_with_login.host), encoding="utf-8")
    env = {"DOCKER_CONFIG": str(tmp_path)}
    told(push(f"{registry_with_login.host}/team/app:v1", env=env), 5, said)


def test_a_helper_that_fails(push, told, registry_with_login, tmp_path):
    program = tmp_path / "docker-credential-broken"
    program.write_text(f"#!/bin/sh\necho 'the keyring is locked' >&2\necho {CANARY}\nexit 3\n", encoding="utf-8")
    program.chmod(0o755)
    (tmp_path / "config.json").write_text('{"credsStore": "broken"}', encoding="utf-8")
    env = {"DOCKER_CONFIG": str(tmp_path), "PATH": f"{tmp_path}:/usr/bin:/bin"}
    told(push(f"{registry_with_login.host}/team/app:v1", env=env), 5, ["docker-credential-broken", "locked"])


def test_a_token_that_ends_in_mid_push_is_renewed(push):
    with closing(FaultyRegistry(auth="token")) as registry:

        def end_all(answer):
            registry.tokens.clear()
            return answer

        for after in (2, 10):
            registry.fail("PUT", "/uploads/", Fault(change=end_all), after=after)
        assert push(f"{registry.host}/team/app:v1").code == 0
        assert registry.content.repositories["team/app"].tags.keys() == {"v1"}
        assert registry.count("GET", "^/token") >= 3


@pytest.mark.parametrize("status", [302, 307])
def test_a_redirect_to_another_host_takes_no_login_along(status, push, told, faulty_registry, tmp_path):
    with closing(FaultyRegistry(auth="basic", login=("user", CANARY))) as registry:
        target = {"Location": f"http://{faulty_registry.host}/v2/team/app/blobs/uploads/"}
        registry.fail("POST", "/uploads/", Fault(change=lambda a: a if a.status == 401 else type(a)(status, target)))
        result = push(f"{registry.host}/team/app:v1", env=_docker_login(tmp_path / "docker", registry.host))
        assert registry.everything_seen().count(BASIC)
    told(result, result.code, unsaid=[CANARY, BASIC])
    assert CANARY not in faulty_registry.everything_seen()
    assert BASIC not in faulty_registry.everything_seen()


# What it says.

REFUSALS = {
    "403": ("POST", "/uploads/", 403, _errors("DENIED", "not yours"), ["403", "not yours", "right"]),
    "a repository that must be made first": (
        "POST", "/uploads/", 404, _errors("NAME_UNKNOWN", "no such project"), ["no such project", "made"],
    ),
    "a quota": ("POST", "/uploads/", 403, _errors("DENIED", "quota exceeded: 10 GiB"), ["quota exceeded: 10 GiB"]),
    "a quota found late": ("PUT", "/uploads/", 403, _errors("DENIED", "quota exceeded"), ["quota exceeded"]),
    "a layer that is too large": ("PUT|PATCH", "/uploads/", 413, b"", ["413", "size"]),
    "a manifest that is too large": ("PUT", "/manifests/", 413, b"", ["413", "size"]),
    "an immutable tag": (
        "PUT", "/manifests/", 400, _errors("TAG_INVALID", "tag v1 is immutable"), ["immutable", "choose another"],
    ),
    "an immutable tag, by conflict": ("PUT", "/manifests/", 409, b"", ["409", "choose another"]),
    "a manifest that it does not like": (
        "PUT", "/manifests/", 400, _errors("MANIFEST_INVALID", "no OCI here"), ["no OCI here"],
    ),
    "read-only": ("POST", "/uploads/", 405, _errors("UNSUPPORTED", "read-only mode"), ["405", "read-only mode"]),
    "a login page": ("*", "/v2/", 200, PAGE, ["not a registry", "login page"]),
    "a page that forbids": ("*", "/v2/", 403, PAGE, ["403"]),
    "no such page": ("*", "/v2/", 404, PAGE, ["registry"]),
    "another kind of server": ("*", "/v2/", 404, b"nothing", ["404"]),
}  # fmt: skip


@pytest.mark.parametrize(("method", "path", "status", "body", "said"), REFUSALS.values(), ids=REFUSALS.keys())
def test_a_registry_that_refuses(method, path, status, body, said, refused, faulty_registry):
    kind = HTML if body == PAGE else {"Content-Type": "application/json"}
    for one in method.split("|"):
        faulty_registry.fail(one, path, Fault(status=status, headers=kind, body=body), times=None)
    refused(5, said)


def test_control_characters_of_a_registry_do_not_reach_the_terminal(refused, faulty_registry):
    fault = Fault(status=403, body=_errors("DENIED", "\x1b]0;owned\x07\x1b[2Jno\r\nsecond line"))
    faulty_registry.fail("POST", "/uploads/", fault, times=None)
    refused(5, ["403"], unsaid=["\x1b", "\x07", "\r"])


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_a_registry_that_goes_on_failing_is_given_up_after_five_tries(status, refused, faulty_registry):
    faulty_registry.fail("PUT", "/manifests/", Fault(status=status, headers=AT_ONCE), times=None)
    refused(5, [str(status), "try again"])
    assert faulty_registry.count("PUT", "/manifests/") == 5


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_a_failure_that_passes_is_not_even_told(status, push, faulty_registry):
    for method in ("HEAD", "POST", "PUT"):
        faulty_registry.fail(method, "/v2/team", Fault(status=status, headers=AT_ONCE), times=2)
    result = push(f"{faulty_registry.host}/team/app:v1")
    assert (result.code, str(status) in result.stderr) == (0, False), result.stderr
    assert faulty_registry.content.repositories["team/app"].tags.keys() == {"v1"}


def test_a_wait_that_it_asks_for_is_kept_or_told(push, refused, faulty_registry):
    faulty_registry.fail("PUT", "/manifests/", Fault(status=429, headers={"Retry-After": "3600"}), times=1)
    refused(5, ["429", "3600 s"])
    assert faulty_registry.count("PUT", "/manifests/") == 1
    faulty_registry.fail("PUT", "/manifests/", Fault(status=429, headers={"Retry-After": "1"}), times=1)
    assert push(f"{faulty_registry.host}/team/app:v1").code == 0


def test_connections_that_break_every_time(refused, faulty_registry):
    faulty_registry.fail("PUT", "/manifests/", Fault(reset="after"), times=None)
    refused(5, ["broke", "try again"])
    assert faulty_registry.count("PUT", "/manifests/") <= 5


def test_an_answer_that_never_comes(refused, faulty_registry):
    faulty_registry.fail("PUT", "/manifests/", Fault(status=201, pause=1.5), times=None)
    refused(5, ["silent"], env={"ENVBUILD_TIMEOUT": "0.4"})


# What it keeps, and what it gives.


@pytest.mark.parametrize("path", ["/manifests/", "/uploads/"])
def test_a_registry_that_keeps_something_else(path, push, told, faulty_registry):
    lie = {"Docker-Content-Digest": digest_of(b"x")}
    fault = Fault(change=lambda a: type(a)(a.status, {**a.headers, **lie}, a.body))
    faulty_registry.fail("PUT", path, fault, times=None)
    told(push(f"{faulty_registry.host}/team/app:v1"), 6, [faulty_registry.host])


NAMES = {
    "upper case": "127.0.0.1:9/Team/App:v1",
    "a tag with a space": "127.0.0.1:9/team/app:v 1",
    "no repository": "127.0.0.1:9/",
    "a digest": f"127.0.0.1:9/team/app@sha256:{'0' * 64}",
    "a digest in upper case": f"127.0.0.1:9/team/app@SHA256:{'A' * 64}",
    "a URL": "https://127.0.0.1:9/team/app",
    "a login": "user:pw@127.0.0.1:9/team/app",
    "a tag that is too long": f"127.0.0.1:9/team/app:{'a' * 129}",
    "a name that is too long": f"127.0.0.1:9/{'a/' * 130}a",
    "a port that is none": "127.0.0.1:999999/team/app",
    "an option": "127.0.0.1:9/-oProxyCommand",
    "two slashes": "127.0.0.1:9//app",
    "dots": "127.0.0.1:9/../app",
}


@pytest.mark.parametrize("name", NAMES.values(), ids=NAMES.keys())
def test_a_name_that_is_none(name, push, told):
    told(push(name), 2, ["--to"])


# The cache repository.


@pytest.fixture
def stocked(faulty_registry, warm, spec, tmp_path):
    """A cache repository that has the image, and the lock to build it from."""
    lock = tmp_path / "small.lock"
    warm("build", spec, "--to", "store", "--cache", f"{faulty_registry.host}/cache/all").ok()
    warm("lock", spec, "--lock", lock).ok()
    faulty_registry.forget()
    return lock


@pytest.fixture
def build_cold(run_cli, no_network, stocked, faulty_registry):
    """An empty store, and nothing to be had but what the cache has."""

    def run():
        place = f"{faulty_registry.host}/cache/all"
        return run_cli("build", stocked, "--to", "store", "--cache", place, env=no_network, timeout=120)

    return run


CHANGES = {
    "a byte": lambda body: bytes([body[0] ^ 1]) + body[1:],
    "its end": lambda body: body[:-1] + bytes([body[-1] ^ 1]),
    "shorter": lambda body: body[:-1],
    "longer": lambda body: body + b"\0",
    "nothing": lambda _: b"",
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES.keys())
def test_a_cache_that_gives_other_bytes(change, build_cold, told, faulty_registry, home):
    """Nothing of it may be kept: what is wrong once would be wrong for ever."""
    fault = Fault(change=lambda a: type(a)(a.status, a.headers, change(a.body)))
    faulty_registry.fail("GET", "/blobs/sha256", fault, times=None)
    told(build_cold(), 6, [faulty_registry.host, "sha256:"])
    assert not list(home.store.glob("cache/claims.v1/image/**/*.json"))
    shutil.rmtree(home.store)
    faulty_registry.forget()
    assert build_cold().code == 0


def test_a_manifest_of_the_cache_that_is_changed(build_cold, told, faulty_registry):
    fault = Fault(change=lambda a: type(a)(a.status, a.headers, a.body.replace(b"sha256", b"sha25x", 1)))
    faulty_registry.fail("GET", "/manifests/", fault, times=None)
    told(build_cold(), 6, [faulty_registry.host])


FAILURES = {
    "401": Fault(status=401),
    "403": Fault(status=403),
    "503": Fault(status=503, headers=AT_ONCE),
    "a login page": Fault(status=200, headers=HTML, body=PAGE),
}


@pytest.mark.parametrize("fault", FAILURES.values(), ids=FAILURES.keys())
def test_a_cache_that_fails_costs_a_note(fault, faulty_registry, push, told):
    """An image can be had without the cache, so it is not what stops anybody."""
    faulty_registry.fail("*", "", fault, times=None)
    result = push("store", "--cache", f"{faulty_registry.host}/cache/all")
    told(result, 0, [faulty_registry.host])
