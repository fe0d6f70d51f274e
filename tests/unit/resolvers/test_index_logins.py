"""Logins of package indexes: kept in the keyring, and had from there or from netrc by whatever resolves."""

import json
import os
import sys
from base64 import b64encode

import pytest

from envbuild import host
from envbuild.definition import Definition, Requirement
from envbuild.errors import EnvironmentFault, UsageError
from envbuild.httpsettings import host_of
from envbuild.machine import Machine
from envbuild.normalize import normalize
from envbuild.pipeline.quiet import Quiet
from envbuild.platforms import Platform
from envbuild.sources.keyring import keyring_login
from envbuild.wheelfiles import Target
from envbuild.workspace import Workspace
from envbuild.workspace.packages import open_packages, tool_environment

LOGIN = "joe:s3cret-canary"
KEYRING = """#!/bin/sh
# Keeps one login a service; writes down what it is asked.
folder="$(dirname "$0")/kept"; mkdir -p "$folder"
printf '%s\\n' "$*" >> "$folder/calls"
tr '\\0' ' ' < /proc/$PPID/cmdline >> "$folder/calls"
case "$1" in
set) printf '%s\\n' "$3" > "$folder/$2"; cat >> "$folder/$2" ;;
--mode) [ -n "$LOCKED" ] || cat "$folder/$4" ;;
get) tail -n 1 "$folder/$2" ;;
del) rm "$folder/$2" ;;
esac
"""


@pytest.fixture
def environ(home, index):
    """An environment that knows the index as `pypi`, which wants a login, and nothing of any login."""
    index.login = LOGIN
    index.wheel("alpha", "1.0", ["beta"])
    index.wheel("beta", "2.0")
    kept = {name: value for name, value in home.env.items() if not name.startswith(("PIP_", "UV_"))}
    return {**kept, "ENVBUILD_PYPI_INDEX": index.url}


@pytest.fixture
def keyring(environ, tmp_path, monkeypatch):
    """A `keyring` program on PATH; the folder where it keeps what it is given, and a list of its `calls`."""
    tool = tmp_path / "bin" / "keyring"
    tool.parent.mkdir()
    tool.write_text(KEYRING)
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", str(tool.parent), prepend=":")
    environ["PATH"] = os.environ["PATH"]
    return tool.parent / "kept"


@pytest.fixture
def resolved(tmp_path):
    """`resolved(environ, resolver, "alpha")`: name -> version of what it needs, by what a workspace opens for it."""

    def resolve(environ, resolver, requirement="alpha", hashes=()):
        spec = tmp_path / "requirements.txt"
        spec.write_text(" ".join([requirement, *(f"--hash={h}" for h in hashes)]) + "\n")
        adapters = Workspace.open(environ, resolver=resolver).adapters.for_spec(str(spec))
        packages = open_packages(
            resolver,
            adapters.machine,
            adapters.index,
            adapters.index_urls,
            environ,
            tmp_path / "tools",
            logins=adapters.logins | adapters.asked_logins,
        )
        target = Target(
            Platform.parse(f"linux/{host.machine()}"), ".".join(map(str, sys.version_info[:3])), host.glibc_version()
        )
        found = packages.resolve(
            normalize(Definition(pypi=(Requirement(requirement, tuple(hashes)),))), target, {}, Quiet()
        )
        return {artifact.name: artifact.version for artifact in found}

    return resolve


BOTH = pytest.mark.parametrize("resolver", ["uv", "pip-tools"])
FOUND = {"alpha": "1.0", "beta": "2.0"}


@BOTH
def test_netrc_serves_whatever_resolves(environ, resolved, resolver, home, index):
    place = host_of(index.url).partition(":")[0]
    (home.path / ".netrc").write_text(f"machine {place} login joe password s3cret-canary\n")
    assert resolved(environ, resolver) == FOUND


@BOTH
def test_a_login_that_the_keyring_alone_has_serves_whatever_resolves(environ, resolved, resolver, keyring, index):
    """The resolvers ask no keyring, which may be slow: it is asked once, and for this index alone."""
    keyring.mkdir()
    (keyring / host_of(index.url)).write_text("joe\ns3cret-canary\n")
    assert resolved(environ, resolver) == FOUND
    calls = (keyring / "calls").read_text().splitlines()
    assert len([line for line in calls if f"--mode creds get {host_of(index.url)}" in line]) == 1


@BOTH
def test_the_user_in_an_indexes_url_is_who_the_keyring_is_asked_for(
    environ, resolved, resolver, keyring, index, monkeypatch
):
    """macOS's keychain finds no login without its user."""
    monkeypatch.setenv("LOCKED", "x")
    keyring.mkdir()
    (keyring / host_of(index.url)).write_text("joe\ns3cret-canary\n")
    environ["ENVBUILD_PYPI_INDEX"] = index.url.replace("://", "://joe@")
    assert resolved(environ, resolver) == FOUND


@BOTH
def test_the_user_in_an_indexes_url_has_his_password_in_netrc(environ, resolved, resolver, home, index):
    """As for pip."""
    (home.path / ".netrc").write_text("machine 127.0.0.1 login joe password s3cret-canary\n")
    environ["ENVBUILD_PYPI_INDEX"] = index.url.replace("://", "://joe@")
    assert resolved(environ, resolver) == FOUND


@BOTH
def test_a_token_in_the_users_place_is_never_handed_to_the_keyring(environ, resolved, resolver, keyring, index):
    """As an argument it could be read by everybody on this machine."""
    index.login = "t0ken-canary:"
    environ["ENVBUILD_PYPI_INDEX"] = index.url.replace("://", "://t0ken-canary@")
    assert resolved(environ, resolver) == FOUND
    assert not keyring.exists()


@BOTH
def test_a_file_that_is_named_by_its_url_is_had_by_the_keyrings_login_too(
    environ, resolved, resolver, keyring, index, other_index
):
    index.login = ""
    other_index.login = LOGIN
    sha256 = other_index.wheel("alpha", "3.0")
    keyring.mkdir()
    (keyring / host_of(other_index.url)).write_text("joe\ns3cret-canary\n")
    url = other_index.url.replace("/simple", "/files/alpha-3.0-py3-none-any.whl")
    assert resolved(environ, resolver, f"alpha @ {url}", [f"sha256:{sha256}"]) == {"alpha": "3.0"}
    assert not any(login for _, login in index.requests)


def test_an_index_that_serves_everybody_never_wakes_the_keyring(environ, resolved, keyring, index):
    index.login = ""
    assert resolved(environ, "uv") == FOUND
    assert not keyring.exists()


def test_a_login_is_tried_and_kept_and_forgotten(environ, index, keyring, run_cli):
    """And nobody sees the password: not among the arguments, nor in any output."""
    url, name = f"{index.url}/", host_of(index.url)
    index.files["alpha"] = []
    wrong = run_cli("login", url, "-u", "joe", "--password-stdin", env=environ, input="wr0ng-canary\n")
    assert wrong.code == 5
    assert "the login is not taken, and was not kept (401)" in wrong.stderr
    assert not (keyring / name).exists()
    done = run_cli("login", url, "-u", "joe", "--password-stdin", "--json", env=environ, input="s3cret-canary\n")
    assert done.code == 0, done.stderr
    assert json.loads(done.stdout)["place"] == "keyring"
    assert (keyring / name).read_text() == "joe\ns3cret-canary"
    assert b64encode(LOGIN.encode()).decode() in index.requests[-1][1]
    gone = run_cli("logout", url, "--json", env=environ)
    assert json.loads(gone.stdout) == {"schema": 1, "host": name, "place": "keyring", "remains": []}
    assert not (keyring / name).exists()
    assert json.loads(run_cli("logout", url, "--json", env=environ).stdout)["place"] == ""
    seen = (keyring / "calls").read_text() + wrong.stderr + done.stdout + done.stderr + gone.stdout + gone.stderr
    assert "canary" not in seen


def test_a_keyring_that_needs_the_user_says_so_at_login(environ, index, keyring, run_cli):
    done = run_cli(
        "login", f"{index.url}/", "-u", "joe", "--password-stdin",
        env={**environ, "LOCKED": "x"}, input="s3cret-canary",
    )  # fmt: skip
    assert done.code == 0
    assert f"joe@{index.url.partition('://')[2]}" in done.stderr


def test_without_a_keyring_the_line_for_netrc_is_told(environ, index, run_cli, tmp_path):
    empty = tmp_path / "no-programs"
    empty.mkdir()
    done = run_cli(
        "login", f"{index.url}/", "-u", "joe", "--password-stdin",
        env={**environ, "PATH": str(empty)}, input="s3cret-canary",
    )  # fmt: skip
    assert done.code == 5
    assert "machine 127.0.0.1 login joe password PASSWORD" in done.stderr
    assert "canary" not in done.stderr


def test_logout_names_the_netrc_that_still_has_a_login(environ, home, index, keyring, run_cli):
    (home.path / ".netrc").write_text("machine 127.0.0.1 login joe password s3cret-canary\n")
    done = run_cli("logout", f"{index.url}/", env=environ)
    assert str(home.path / ".netrc") in done.stderr
    assert "canary" not in done.stderr


@BOTH
@pytest.mark.parametrize("known", ["", "joe wr0ng-canary"])
def test_a_login_that_is_missing_or_wrong_is_never_told_as_a_package_that_is_not_there(
    environ, resolved, resolver, home, known
):
    """Else people look for the fault in their requirements."""
    if known:
        user, password = known.split()
        (home.path / ".netrc").write_text(f"machine 127.0.0.1 login {user} password {password}\n")
    with pytest.raises(EnvironmentFault, match="401") as told:
        resolved(environ, resolver)
    assert "netrc" in told.value.hint
    assert "canary" not in str(told.value)


def test_two_indexes_that_would_share_a_password_are_refused():
    """uv names an index in a variable: `team-a` and `team.a` would be one, and a definition could take the other's login."""
    urls = {"team-a": "https://a.example/simple", "team.a": "https://evil.example/simple"}
    with pytest.raises(UsageError, match="cannot be told apart"):
        tool_environment(Machine(), urls, {}, {"a.example": "me:secret"})


@pytest.mark.parametrize("host", ["--disable@x", "--disable", "-p.evil.example"])
def test_a_host_is_never_an_option_of_the_keyring(host, tmp_path, monkeypatch):
    """A hostile index's URL would switch the keyring off, or load code from the current folder."""
    program = tmp_path / "keyring"
    program.write_text(f"#!/bin/sh\ntouch {tmp_path}/called\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    assert keyring_login(host) is None
    assert keyring_login("index.example", "--disable") is None
    assert not (tmp_path / "called").exists()
