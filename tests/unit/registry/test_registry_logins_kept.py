"""Where logins are kept: Docker's file, whose other content stays, and credential helpers; and what is told where that fails."""

import json
import stat
import threading
from base64 import b64encode

import pytest

from envbuild.errors import EnvironmentFault
from envbuild.registry import configedit
from envbuild.registry.auth import Login
from envbuild.registry.dockerconfig import login_for, logins_in, repositories_in
from envbuild.registry.dockerlogins import Kept, erase_login, store_login

HOST = "registry.example:5000"
LOGIN = Login("me", "pw:with:colons")
HELPER = """#!/bin/sh
# Keeps each login in a file named by a checksum of its server.
folder="$(dirname "$0")/kept"
mkdir -p "$folder"
asked="$(cat)"
name() { printf %s "$1" | cksum | cut -d' ' -f1; }
printf '%s\\n' "$1 $#" >> "$folder/../calls"
case "$1" in
store) printf %s "$asked" > "$folder/$(name "$(printf %s "$asked" | sed 's/.*"ServerURL": *"\\([^"]*\\)".*/\\1/')")" ;;
get) cat "$folder/$(name "$asked")" 2>/dev/null || { echo credentials not found in native keychain; exit 1; } ;;
erase) rm "$folder/$(name "$asked")" ;;
esac
"""


@pytest.fixture
def home(tmp_path, monkeypatch):
    """The environment of an empty home, with a folder for helpers on PATH."""
    (tmp_path / "bin").mkdir()
    path = f"{tmp_path / 'bin'}:/usr/bin:/bin"
    monkeypatch.setenv("PATH", path)
    return {"HOME": str(tmp_path), "PATH": path}


@pytest.fixture
def config(home, tmp_path):
    """Docker's file, in a folder that is there."""
    (tmp_path / ".docker").mkdir()
    return tmp_path / ".docker" / "config.json"


@pytest.fixture
def helper(tmp_path):
    """`helper("own")`: a credential helper that keeps what it is given in files; or one that runs this script."""

    def make(name, script=HELPER):
        path = tmp_path / "bin" / f"docker-credential-{name}"
        path.write_text(script)
        path.chmod(0o755)
        return tmp_path / "bin"

    return make


def test_a_login_that_is_kept_is_found_and_is_gone_when_erased(home, tmp_path):
    file = tmp_path / ".docker" / "config.json"
    assert store_login(HOST, LOGIN, home) == Kept(str(file))
    assert login_for(HOST, home)() == LOGIN
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    assert erase_login(HOST, home) == Kept(str(file))
    assert login_for(HOST, home)() is None
    assert erase_login(HOST, home) is None


def test_the_file_is_written_as_docker_writes_it(home, config):
    """Else Docker finds no login, or writes the whole file anew."""
    store_login("docker.io", Login("me", "pw"), home)
    store_login(HOST, Login("me", identity_token="t0ken"), home)
    auth = b64encode(b"me:pw").decode()
    assert config.read_text() == (
        '{\n\t"auths": {\n\t\t"https://index.docker.io/v1/": {\n\t\t\t"auth": "' + auth + '"\n\t\t},\n'
        f'\t\t"{HOST}": {{\n\t\t\t"auth": "{b64encode(b"me:").decode()}",\n\t\t\t"identitytoken": "t0ken"\n\t\t}}\n\t}}\n}}'
    )
    assert login_for("docker.io", home)() == Login("me", "pw")
    assert login_for(HOST, home)().identity_token == "t0ken"


@pytest.mark.parametrize("indent", ["\t", "    ", "  "])
def test_everything_else_in_the_file_stays_as_it_is(home, config, indent):
    before = {
        "proxies": {"default": {"httpProxy": "http://pröxy:3128"}},
        "auths": {"other.example": {"auth": "bzpw", "email": "x"}},
        "currentContext": "desktop",
        "HttpHeaders": {"X": "<&>"},
        "psFormat": "\u001b table {{.ID}}\\t",
        "unknown": [1, 2.5, None, True, 12345678901234567890],
    }
    text = json.dumps(before, indent=indent, ensure_ascii=False) + "\n"
    config.write_text(text)
    store_login(HOST, LOGIN, home)
    after = json.loads(config.read_text())
    assert list(after) == list(before)
    assert after["auths"].pop(HOST)
    assert after == before
    erase_login(HOST, home)
    assert config.read_text() == text


def test_an_empty_file_and_one_without_logins_are_written(home, config):
    for content in ("", "{}", '{"auths": null}'):
        config.write_text(content)
        store_login(HOST, LOGIN, home)
        assert login_for(HOST, home)() == LOGIN


def test_a_new_login_takes_the_place_of_an_old_one_however_the_host_was_written(home, config):
    """Else the old password is used for ever."""
    old = {"auth": b64encode(b"old:old").decode()}
    names = (f"https://{HOST}/v1/", f"https://{HOST}", HOST)
    config.write_text(json.dumps({"auths": dict.fromkeys(names, old)}))
    store_login(HOST, LOGIN, home)
    assert list(json.loads(config.read_text())["auths"]) == [HOST]
    config.write_text(json.dumps({"auths": dict.fromkeys((*names, "other.example"), old)}))
    erase_login(HOST, home)
    assert list(json.loads(config.read_text())["auths"]) == ["other.example"]


def test_a_link_to_the_file_stays_a_link_and_an_open_file_is_closed_to_others(home, config, tmp_path):
    """Dotfiles are kept in a repository, and linked."""
    real = tmp_path / "dotfiles" / "docker.json"
    real.parent.mkdir()
    real.write_text("{}")
    real.chmod(0o644)
    config.symlink_to("../dotfiles/docker.json")
    store_login(HOST, LOGIN, home)
    assert config.is_symlink()
    assert login_for(HOST, home)() == LOGIN
    assert stat.S_IMODE(real.stat().st_mode) == 0o600
    assert list(real.parent.iterdir()) == [real]
    assert list(config.parent.iterdir()) == [config]


def test_many_who_log_in_at_once_all_keep_their_login(home, config):
    config.write_text('{"currentContext": "x"}')
    hosts = [f"registry-{n}.example" for n in range(12)]
    threads = [threading.Thread(target=store_login, args=(host, LOGIN, home)) for host in hosts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    document = json.loads(config.read_text())
    assert sorted(document["auths"]) == sorted(hosts)
    assert document["currentContext"] == "x"


def test_what_docker_writes_in_the_same_moment_is_not_lost(home, config, monkeypatch):
    """Docker takes no lock: its new file may come between our reading and our writing."""
    real, others = configedit._text, iter(["first", "second"])

    def slow(document, before):
        if (name := next(others, None)) is not None:
            now = json.loads(config.read_text() or "{}") if config.exists() else {}
            config.write_text(json.dumps({**now, name: 1}))
        return real(document, before)

    monkeypatch.setattr(configedit, "_text", slow)
    store_login(HOST, LOGIN, home)
    assert set(json.loads(config.read_text())) == {"first", "second", "auths"}


@pytest.mark.parametrize("setting", ["credHelpers", "credsStore"])
def test_a_helper_keeps_the_login_and_the_file_does_not(home, config, helper, setting):
    folder = helper("own")
    old = {"auths": {HOST: {"auth": b64encode(b"old:old").decode()}}}
    config.write_text(json.dumps({**old, setting: {HOST: "own"} if setting == "credHelpers" else "own"}))
    assert store_login(HOST, LOGIN, home) == Kept(str(config), "own")
    assert json.loads(config.read_text())["auths"] == {HOST: {}}
    assert login_for(HOST, home)() == LOGIN
    store_login(HOST, Login("me", identity_token="t0ken"), home)
    assert login_for(HOST, home)() == Login("", "", "t0ken")
    assert erase_login(HOST, home) == Kept(str(config), "own")
    assert login_for(HOST, home)() is None
    assert not json.loads(config.read_text())["auths"]
    assert erase_login(HOST, home) is None
    # Its only argument is the verb: nobody sees a password among the processes.
    assert {line.split()[1] for line in (folder / "calls").read_text().splitlines()} == {"1"}


def test_a_hosts_own_helper_goes_before_the_store_and_an_empty_one_means_the_file(home, config, helper):
    helper("own")
    config.write_text(json.dumps({"credsStore": "missing", "credHelpers": {HOST: "own", "plain.example": ""}}))
    assert store_login(HOST, LOGIN, home).helper == "own"
    assert store_login("plain.example", LOGIN, home).helper == ""
    assert login_for("plain.example", home)() == LOGIN


def test_logout_also_finds_what_was_kept_before_a_helper_was_set_up(home, config, helper):
    store_login(HOST, LOGIN, home)
    helper("own")
    config.write_text(json.dumps({**json.loads(config.read_text()), "credsStore": "own"}))
    assert erase_login(HOST, home) == Kept(str(config))
    assert login_for(HOST, home)() is None


@pytest.mark.parametrize(
    ("script", "match"),
    [("cat >&2; exit 1", "failed"), ("echo the keychain is locked; exit 2", "keychain is locked"),
     ("exit 7", "exit code 7")],
)  # fmt: skip
def test_a_helper_that_does_not_keep_it_is_told_and_shows_no_password(home, config, helper, script, match):
    """A helper that fails may repeat what it was given."""
    helper("bad", f"#!/bin/sh\n{script}\n")
    config.write_text('{"credsStore": "bad"}')
    with pytest.raises(EnvironmentFault, match=match) as told:
        store_login(HOST, Login("me", "s3cret-pw"), home)
    assert "docker-credential-bad" in str(told.value)
    assert "s3cret" not in str(told.value)
    assert json.loads(config.read_text()) == {"credsStore": "bad"}


def test_a_helper_that_is_not_installed_is_told_and_the_password_does_not_go_into_the_file(home, config):
    config.write_text('{"credsStore": "gone"}')
    with pytest.raises(EnvironmentFault, match="docker-credential-gone, which is not installed"):
        store_login(HOST, LOGIN, home)
    assert config.read_text() == '{"credsStore": "gone"}'


@pytest.mark.parametrize("content", ["{", "[]", '{"auths": []}'])
def test_a_file_that_cannot_be_understood_is_told_and_left_alone(home, config, content):
    config.write_text(content)
    with pytest.raises(EnvironmentFault) as told:
        store_login(HOST, LOGIN, home)
    assert str(config) in told.value.at
    assert config.read_text() == content


def test_a_place_that_cannot_be_written_and_no_place_are_told(home, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(EnvironmentFault, match="cannot be written"):
        store_login(HOST, LOGIN, {**home, "DOCKER_CONFIG": str(tmp_path / "file" / "docker")})
    with pytest.raises(EnvironmentFault, match="no home"):
        store_login(HOST, LOGIN, {})


def test_what_remains_elsewhere_is_found(home, tmp_path):
    auths = {"auths": {HOST: {"auth": b64encode(b"a:b").decode()}, f"{HOST}/team": {"auth": "YTpi"}}}
    podman = tmp_path / ".config" / "containers" / "auth.json"
    podman.parent.mkdir(parents=True)
    podman.write_text(json.dumps(auths))
    environ = {**home, "DOCKER_AUTH_CONFIG": json.dumps(auths)}
    store_login(HOST, LOGIN, environ)
    places = ["DOCKER_AUTH_CONFIG", str(tmp_path / ".docker/config.json"), str(podman)]
    assert [place for place, _ in logins_in(HOST, environ)] == places
    erase_login(HOST, environ)
    assert [place for place, _ in logins_in(HOST, environ)] == [places[0], places[2]]
    assert list(repositories_in(HOST, environ)) == [(places[0], f"{HOST}/team"), (places[2], f"{HOST}/team")]
