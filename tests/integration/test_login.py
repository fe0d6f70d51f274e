"""`envbuild login` and `logout` on real registries, beside the real docker client; and where a password must not be seen."""

import json
import os
import subprocess
import sys
from base64 import b64encode
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest

ASKING = ["registry_with_login", "registry_with_token"]


@pytest.fixture
def small(warm, project):
    """A small definition: Debian's base alone."""
    return project('variables = { GREETING = "hello" }')


@pytest.fixture
def user(warm, tmp_path):
    """envbuild over the warm store, for a user with an empty home."""
    folder = tmp_path / "user"
    folder.mkdir()
    return replace(warm, env={**warm.env, "HOME": str(folder)})


@pytest.fixture
def config(user) -> Path:
    """Where Docker keeps this user's logins."""
    return Path(user.env["HOME"], ".docker", "config.json")


@pytest.fixture
def docker(docker_engine, user):
    """The real client of this user, and a real engine."""
    return replace(docker_engine, env={**docker_engine.env, "HOME": user.env["HOME"]})


def login(user, registry, password="", **options):
    """Log in as the registry's user, by the right password unless another is given."""
    name, right = registry.login
    given = f"{password or right}\n".encode()
    return user("login", registry.host, "-u", name, "--password-stdin", input=given, **options)


@pytest.mark.parametrize("kind", ASKING)
def test_who_logs_in_pushes_and_who_logs_out_does_not(kind, user, small, docker, config, request):
    """And Docker itself pulls by the same login."""
    registry = request.getfixturevalue(kind)
    place = f"{registry.host}/team/private:v1"
    assert f"envbuild login {registry.host}" in user.failed(5, "build", small, "--to", place)
    login(user, registry).ok()
    reference = user("build", small, "--to", place).ok().line
    docker("rmi", reference, check=False)
    docker("pull", reference)
    docker("rmi", reference, check=False)
    assert registry.host in user("logout", registry.host).ok().stderr.decode()
    assert registry.host not in config.read_text()
    assert docker("pull", reference, check=False).returncode != 0
    words = user.failed(5, "build", small, "--to", place)
    assert f"envbuild login {registry.host}" in words


@pytest.mark.parametrize("kind", ASKING)
def test_a_wrong_password_is_told_and_not_kept(kind, user, config, request):
    """Else every later push fails, and nobody knows since when."""
    registry = request.getfixturevalue(kind)
    done = login(user, registry, "wr0ng-canary")
    words = done.stderr.decode()
    assert done.code == 5
    assert registry.host in words
    assert "401" in words
    assert "check user and password" in words
    assert "wr0ng" not in words
    assert not config.exists()
    login(user, registry).ok()
    before = config.read_bytes()
    assert login(user, registry, "wr0ng-canary").code == 5
    assert config.read_bytes() == before


def test_what_docker_keeps_is_read_and_forgotten_by_us(user, small, registry_with_login, docker, config):
    name, password = registry_with_login.login
    host = registry_with_login.host
    docker("login", "-u", name, "--password-stdin", host, input=password)
    user("build", small, "--to", f"{host}/team/docker:v1").ok()
    answer = user("logout", host, "--json").ok().json
    assert answer == {"schema": 1, "host": host, "place": str(config), "remains": []}
    assert json.loads(config.read_text())["auths"] == {}


def test_what_we_keep_is_dockers_login(user, registry_with_login, docker):
    """Docker asks for no password any more."""
    login(user, registry_with_login).ok()
    said = docker("login", registry_with_login.host)
    assert "Login Succeeded" in said.stdout + said.stderr
    docker("logout", registry_with_login.host)
    answer = user("logout", registry_with_login.host, "--json").ok().json
    assert answer["place"] == ""


def test_a_token_service_gives_an_identity_token_and_the_password_is_not_kept(user, small, registry_with_token, config):
    login(user, registry_with_token).ok()
    entry = json.loads(config.read_text())["auths"][registry_with_token.host]
    assert registry_with_token.tokens.refresh[entry["identitytoken"]] == registry_with_token.login[0]
    assert entry["auth"] == b64encode(f"{registry_with_token.login[0]}:".encode()).decode()
    user("build", small, "--to", f"{registry_with_token.host}/team/token:v1").ok()
    assert registry_with_token.tokens.asked[-1].grant == "refresh_token"


def test_a_login_in_the_file_and_one_that_goes_before_it_are_told(user, registry_with_login, tmp_path):
    """Else whoever logs in anew wonders why it changes nothing."""
    host = registry_with_login.host
    other = json.dumps({"auths": {host: {"auth": b64encode(b"old:old").decode()}}})
    podman = tmp_path / "auth.json"
    podman.write_text(other)
    env = {"DOCKER_AUTH_CONFIG": other, "REGISTRY_AUTH_FILE": str(podman)}
    done = login(user, registry_with_login, env=env)
    words = done.ok().stderr.decode()
    assert "credential helper" in words
    assert f"DOCKER_AUTH_CONFIG has a login for {host} too, which goes before" in words
    gone = user("logout", host, "--json", env=env).ok()
    assert gone.json["remains"] == ["DOCKER_AUTH_CONFIG", str(podman)]
    told = user("logout", host, env=env).ok().stderr.decode()
    assert "DOCKER_AUTH_CONFIG" in told
    assert str(podman) in told


def test_a_registry_without_logins_proves_nothing_and_that_is_told(user, registry):
    done = user("login", registry.host, "-u", "me", "--password-stdin", input=b"any").ok()
    assert "whether this one is right was not seen" in done.stderr.decode()


def test_no_password_goes_over_plain_http_to_another_machine(user, registry_with_login, config):
    """0.0.0.0 is this machine too, but no loopback address."""
    host = registry_with_login.host.replace("127.0.0.1", "0.0.0.0")
    remote = replace(registry_with_login, host=host)
    env = {"NO_PROXY": "0.0.0.0", "no_proxy": "0.0.0.0"}
    before = len(registry_with_login.requests())
    done = login(user, remote, env=env)
    assert done.code == 5, done.stderr
    assert host in done.stderr.decode()
    assert len(registry_with_login.requests()) == before
    assert not config.exists()
    login(user, remote, env={**env, "ENVBUILD_INSECURE_REGISTRIES": host}).ok()
    assert host in config.read_text()


HELPER = """#!/bin/sh
# Writes down how it and its parent were called, and keeps the login.
cat /proc/$$/cmdline /proc/$PPID/cmdline /proc/$$/environ /proc/$PPID/environ >> "$SEEN"
case "$1" in
store) cat > "$KEPT" ;;
get) [ -s "$KEPT" ] && cat "$KEPT" || { echo credentials not found in native keychain; exit 1; } ;;
erase) : > "$KEPT" ;;
esac
"""


def test_the_password_is_seen_by_the_registry_and_the_helper_alone(user, small, registry_with_login, config, tmp_path):
    """Not among processes and their variables, in no output, and in no other file."""
    name, password = registry_with_login.login
    tool, seen, kept = tmp_path / "bin" / "docker-credential-tests", tmp_path / "seen", tmp_path / "kept"
    tool.parent.mkdir()
    tool.write_text(HELPER)
    tool.chmod(0o755)
    config.parent.mkdir()
    config.write_text('{"credsStore": "tests"}')
    env = {"PATH": f"{tool.parent}:{user.env['PATH']}", "SEEN": str(seen), "KEPT": str(kept)}
    done = [login(user, registry_with_login, env=env)]
    assert json.loads(kept.read_text())["Secret"] == password
    done += [user("login", registry_with_login.host, "-u", name, "--password-stdin", "--json", env=env, input=b"x")]
    done += [user("build", small, "--to", f"{registry_with_login.host}/team/canary:v1", env=env)]
    assert [each.code for each in done] == [0, 5, 0]
    assert kept.stat().st_size
    shown = b"".join(each.stdout + each.stderr for each in done) + seen.read_bytes()
    assert b"docker-credential-tests" in seen.read_bytes()
    forms = (password.encode(), b64encode(f"{name}:{password}".encode()))
    assert not [form for form in forms if form in shown]
    begun = tool.stat().st_mtime
    tops = (user.env["HOME"], user.env["ENVBUILD_HOME"])
    files = [f for top in tops for f in Path(top).rglob("*") if f.is_file() and f.stat().st_mtime >= begun]
    assert config in files
    assert not [f for f in files if any(form in f.read_bytes() for form in forms)]
    user("logout", registry_with_login.host, env=env).ok()
    assert not kept.stat().st_size
    assert registry_with_login.host not in config.read_text()


def test_on_a_terminal_user_and_password_are_asked_for_and_the_password_is_not_echoed(
    user, registry_with_login, config
):
    name, password = registry_with_login.login
    ours, theirs = os.openpty()
    command = [sys.executable, "-m", "envbuild", "login", registry_with_login.host]
    process = subprocess.Popen(command, env=user.env, preexec_fn=lambda: os.login_tty(theirs))  # noqa: PLW1509
    os.close(theirs)
    seen, answers = b"", [(b"User:", name), (b"Password:", password)]
    # The end of a terminal is an error on Linux and an empty read elsewhere.
    with suppress(OSError):
        while data := os.read(ours, 4096):
            seen += data
            if answers and answers[0][0] in seen:
                os.write(ours, answers.pop(0)[1].encode() + b"\n")
    os.close(ours)
    assert process.wait(timeout=60) == 0, seen
    assert not answers
    assert name.encode() in seen
    assert password.encode() not in seen
    assert registry_with_login.host in config.read_text()


@pytest.mark.parametrize(
    ("words", "given", "match"),
    [
        (["registry.example"], b"", "no terminal"),
        (["registry.example", "--password-stdin"], b"pw", "-u USER"),
        (["registry.example", "-u", "a:b", "--password-stdin"], b"pw", "without a colon"),
        (["registry.example", "-u", "me", "--password-stdin"], b"\n", "a password is needed"),
        (["registry.example", "-u", "me", "--password-stdin"], b"a\nb\n", "of one line"),
        (["registry.example", "-u", "me", "--password-stdin"], b"\xff\xfe", "UTF-8"),
        (["registry.example/team", "-u", "me", "--password-stdin"], b"pw", "for a whole registry"),
        (["team", "-u", "me", "--password-stdin"], b"pw", "no registry"),
        (["https://registry.example", "-u", "me", "--password-stdin"], b"pw", "a registry or a package index"),
        (["https://me:s3cret@index.example/simple/"], b"pw", "no terminal"),
        (["https://me:s3cret@index.example/simple/", "--password-stdin"], b"pw", "leave the password out"),
        (["ftp://index.example/simple/", "-u", "me", "--password-stdin"], b"pw", "no web address"),
    ],
)
def test_what_can_be_no_login_is_a_matter_of_usage(user, words, given, match, config):
    said = user.failed(2, "login", *words, input=given)
    assert match in said
    assert "s3cret" not in said
    assert not config.exists()
