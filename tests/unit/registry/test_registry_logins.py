"""Where logins to registries are found: files of Docker and Podman, credential helpers; and what is told where that fails."""

import json
import stat
from base64 import b64encode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from envbuild.errors import EnvironmentFault
from envbuild.registry.client import Login
from envbuild.registry.dockerconfig import login_for

HOST = "registry.example:5000"


def entry(user="me", password="pw:with:colons", **more):
    return {"auth": b64encode(f"{user}:{password}".encode()).decode(), **more}


@pytest.fixture
def home(tmp_path, monkeypatch):
    """(environ, write): an empty home; `write(path, document)` puts a JSON file into it."""
    environ = {"HOME": str(tmp_path), "PATH": str(tmp_path / "bin")}
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:/usr/bin:/bin")

    def write(path, document):
        file = tmp_path / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(document if isinstance(document, str) else json.dumps(document))
        return str(file)

    return environ, write


@pytest.fixture
def helper(home, tmp_path):
    """`helper(name, script)`: a credential helper, a shell script with what it was given on stdin in $asked."""

    def make(name, script):
        path = tmp_path / "bin" / f"docker-credential-{name}"
        path.parent.mkdir(exist_ok=True)
        path.write_text(f'#!/bin/sh\nread -r asked || :\nprintf \'%s %s\' "$1" "$asked" > {tmp_path}/asked\n{script}\n')
        path.chmod(path.stat().st_mode | stat.S_IXUSR)
        return tmp_path / "asked"

    return make


def test_without_files_there_is_no_login(home):
    assert login_for(HOST, home[0])() is None
    assert login_for(HOST, {})() is None


@pytest.mark.parametrize(
    "key", [HOST, f"https://{HOST}", f"http://{HOST}", f"https://{HOST}/v1/", f"https://{HOST}/v2/"]
)
def test_docker_config_is_read_however_the_host_is_written(home, key):
    environ, write = home
    write(".docker/config.json", {"auths": {"other.example": entry("no"), key: entry()}})
    assert login_for(HOST, environ)() == Login("me", "pw:with:colons")


def test_a_login_is_of_its_own_host_and_port_alone(home):
    environ, write = home
    write(".docker/config.json", {"auths": {"registry.example": entry(), f"x{HOST}": entry(), "example:5000": entry()}})
    assert login_for(HOST, environ)() is None


@pytest.mark.parametrize("key", ["https://index.docker.io/v1/", "docker.io", "index.docker.io"])
def test_the_hub_is_found_under_its_old_names(home, key):
    environ, write = home
    write(".docker/config.json", {"auths": {key: entry()}})
    assert login_for("docker.io", environ)() == Login("me", "pw:with:colons")


def test_user_and_password_in_clear_and_identity_tokens_are_taken(home):
    environ, write = home
    write(".docker/config.json", {"auths": {HOST: {"username": "u", "password": "p"}}})
    assert login_for(HOST, environ)() == Login("u", "p")
    write(".docker/config.json", {"auths": {HOST: {"identitytoken": "t"}}})
    assert login_for(HOST, environ)() == Login("", "", "t")


def test_the_places_have_an_order(home, tmp_path):
    """What a job's environment says goes before what lies around in a home."""
    environ, write = home
    environ["XDG_RUNTIME_DIR"] = str(tmp_path / "run")
    found = []
    for path, more in [
        (".config/containers/auth.json", {}),
        ("run/containers/auth.json", {}),
        (".docker/config.json", {}),
        ("elsewhere/config.json", {"DOCKER_CONFIG": str(tmp_path / "elsewhere")}),
        ("auth.json", {"REGISTRY_AUTH_FILE": str(tmp_path / "auth.json")}),
    ]:
        write(path, {"auths": {HOST: entry(path)}})
        environ |= more
        found.append(login_for(HOST, environ)().user == path)
    environ["DOCKER_AUTH_CONFIG"] = json.dumps({"auths": {HOST: entry("variable")}})
    found.append(login_for(HOST, environ)().user == "variable")
    assert found == [True] * 6


def test_an_empty_entry_does_not_hide_a_login_of_another_place(home):
    """Docker leaves empty entries behind where a helper keeps the login."""
    environ, write = home
    write(".docker/config.json", {"auths": {HOST: {}}})
    write(".config/containers/auth.json", {"auths": {HOST: entry()}})
    assert login_for(HOST, environ)() == Login("me", "pw:with:colons")


def test_podmans_login_of_a_repository_goes_before_that_of_its_host(home):
    environ, write = home
    keys = [HOST, f"{HOST}/team", f"{HOST}/team/app"]
    write(".config/containers/auth.json", {"auths": {key: entry(key.replace(":5000", "")) for key in keys}})
    assert login_for(f"{HOST}/team/app", environ)().user == "registry.example/team/app"
    assert login_for(f"{HOST}/team/other", environ)().user == "registry.example/team"
    assert login_for(f"{HOST}/teams", environ)().user == "registry.example"
    assert login_for(HOST, environ)().user == "registry.example"


def test_a_helper_is_asked_for_its_host(home, helper):
    environ, write = home
    asked = helper("own", """echo '{"ServerURL": "x", "Username": "u", "Secret": "s"}'""")
    write(".docker/config.json", {"credHelpers": {HOST: "own"}, "credsStore": "missing"})
    assert login_for(HOST, environ)() == Login("u", "s")
    assert asked.read_text() == f"get {HOST}"


def test_the_store_is_asked_for_all_other_hosts_and_for_the_hub_by_its_old_name(home, helper):
    environ, write = home
    asked = helper("store", """echo '{"Username": "<token>", "Secret": "s"}'""")
    write(".docker/config.json", {"credsStore": "store", "auths": {"docker.io": {}}})
    assert login_for("docker.io", environ)() == Login("", "", "s")
    assert asked.read_text() == "get https://index.docker.io/v1/"


def test_a_helper_that_has_nothing_is_no_error(home, helper):
    environ, write = home
    helper("store", "echo credentials not found in native keychain; exit 1")
    write(".docker/config.json", {"credsStore": "store"})
    assert login_for(HOST, environ)() is None


@pytest.mark.parametrize(
    ("script", "match"),
    [("echo the keychain is locked >&2; exit 1", "keychain is locked"), ("exit 3", "exit code 3"),
     ("echo pass: command not found; exit 1", "command not found"), ("echo nonsense", "no login that can be read"),
     ("echo '{}'", "no login that can be read"), ("echo '[1]'", "no login that can be read")],
)  # fmt: skip
def test_a_helper_that_fails_is_named_with_its_words_and_never_taken_for_no_login(home, helper, script, match):
    environ, write = home
    helper("bad", script)
    write(".docker/config.json", {"credsStore": "bad"})
    with pytest.raises(EnvironmentFault, match=match) as told:
        login_for(HOST, environ)()
    assert "docker-credential-bad" in str(told.value)


@pytest.mark.parametrize("name", ["none", "../none", "/bin/true"])
def test_a_helper_that_is_not_there_or_a_path_is_told(home, name):
    environ, write = home
    place = write(".docker/config.json", {"credsStore": name})
    with pytest.raises(EnvironmentFault, match="not installed") as told:
        login_for(HOST, environ)()
    assert told.value.at == place


def test_a_broken_file_is_told_with_its_line(home):
    environ, write = home
    place = write(".docker/config.json", '{\n "auths": {\n')
    with pytest.raises(EnvironmentFault, match="no JSON") as told:
        login_for(HOST, environ)()
    assert told.value.at.startswith(f"{place}:")


@pytest.mark.parametrize("auth", ["!", "bm9jb2xvbg==", b64encode(b"\xff\xfe:x").decode()])
def test_a_login_that_cannot_be_read_is_told_without_showing_it(home, auth):
    environ, write = home
    write(".docker/config.json", {"auths": {HOST: {"auth": auth}}})
    with pytest.raises(EnvironmentFault) as told:
        login_for(HOST, environ)()
    assert HOST in told.value.at
    assert auth not in str(told.value)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from([HOST, "auth", "username"]), inner),
    max_leaves=8,
)


@given(document=st.dictionaries(st.sampled_from(["auths", "credHelpers", "HttpHeaders"]), JSON))
def test_no_document_breaks_the_search(document):
    try:
        login_for(HOST, {"DOCKER_AUTH_CONFIG": json.dumps(document)})()
    except EnvironmentFault as told:
        assert told.hint


def test_a_login_does_not_show_its_secrets():
    shown = repr(Login("me", "s3cret-password", "s3cret-token"))
    assert "s3cret" not in shown
