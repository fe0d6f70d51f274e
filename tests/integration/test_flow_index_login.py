"""A package index that asks for a login: wherever a user keeps it, both locking and building have it."""

from hashlib import sha256

import pytest
from proxies.sites import index_of, serving

LOGIN = "joe:s3cr:t@canary"
ENCODED = "joe:s3cr%3At%40canary"
DEFINITION = """format = 1
name = "guarded"
pypi = ["alpha{key}"]
[[index]]
name = "corp"
url = "{url}"
packages = ["alpha{key}", "beta{key}"]
"""


@pytest.fixture
def key(request) -> str:
    """What makes a test's packages its own, so that no lock and no layer of another serves it from the common store."""
    return sha256(request.node.name.encode()).hexdigest()[:12]


@pytest.fixture
def index(make_wheel, tmp_path, key):
    """An index of two packages that asks for LOGIN for each page and file."""
    wheels = [make_wheel(f"alpha{key}", requires=[f"beta{key}"]), make_wheel(f"beta{key}")]
    with serving(index_of(tmp_path / "index", *wheels), login=LOGIN) as site:
        yield site


@pytest.fixture
def folder(tmp_path, key):
    path = tmp_path / "project"
    path.mkdir()
    (path / "requirements.txt").write_text(f"alpha{key}\n")
    return path


def _setting(index, home, folder):
    return {"ENVBUILD_PYPI_INDEX": index.own_url}


def _netrc(index, home, folder):
    (home.path / ".netrc").write_text(f"machine 127.0.0.1 login joe password {LOGIN.partition(':')[2]}\n")
    (home.path / ".netrc").chmod(0o600)
    return {"ENVBUILD_PYPI_INDEX": index.url}


def _keyring(index, home, folder):
    tool = home.path / "bin" / "keyring"
    tool.parent.mkdir()
    user, _, password = LOGIN.partition(":")
    tool.write_text(
        f"#!/bin/sh\ncase \"$*\" in *{index.host}*) printf '%s\\n' '{user}' '{password}';; *) exit 1;; esac\n"
    )
    tool.chmod(0o755)
    return {"ENVBUILD_PYPI_INDEX": index.url, "PATH": f"{tool.parent}:{home.env['PATH']}"}


def _pip_file(index, home, folder):
    (home.path / "pip.conf").write_text(f"[global]\nindex-url = {index.own_url}/\n")
    # What the machine says of its index would go before the file.
    return {
        "PIP_CONFIG_FILE": str(home.path / "pip.conf"),
        "PIP_INDEX_URL": "",
        "UV_DEFAULT_INDEX": "",
        "UV_INDEX_URL": "",
    }


def _requirements(index, home, folder):
    path = folder / "requirements.txt"
    path.write_text(f"--index-url {index.own_url}\n{path.read_text()}")
    return {"ENVBUILD_PYPI_INDEX": ""}


WAYS = [_setting, _netrc, _keyring, _pip_file, _requirements]


@pytest.mark.parametrize(
    ("way", "resolver"), [*((way, "uv") for way in WAYS), (_setting, "pip-tools"), (_keyring, "pip-tools")]
)
def test_a_login_serves_lock_and_build(way, resolver, warm, index, home, folder, key):
    env = {"HOME": str(home.path), **way(index, home, folder)}
    locked = warm("lock", "requirements.txt", "--resolver", resolver, env=env, cwd=folder).ok()
    lock = (folder / locked.line).read_text()
    assert f"beta{key}" in lock
    reference = warm("build", "requirements.txt", "--locked", "--to", "store", env=env, cwd=folder).ok()
    said = locked.stderr + reference.stderr + reference.stdout
    assert not [secret for secret in (LOGIN.partition(":")[2], ENCODED) if secret in lock or secret.encode() in said]
    assert warm("cat", reference.line, f"opt/env/lib/python3.11/site-packages/beta{key}/__init__.py").ok().stdout == b""


def test_a_definitions_own_index_has_its_login_in_the_url(warm, index, folder, key):
    (folder / "envbuild.toml").write_text(DEFINITION.format(url=index.own_url, key=key))
    warm("lock", "envbuild.toml", cwd=folder).ok()
    warm("build", "envbuild.toml", "--locked", "--to", "store", cwd=folder).ok()


def test_a_login_in_the_users_settings_file_serves(cold, index, home, folder):
    home.store.mkdir()
    (home.store / "config.toml").write_text(f'pypi-index = "{index.own_url}"\n')
    cold("build", "requirements.txt", "--to", "store", cwd=folder).ok()


@pytest.mark.parametrize("resolver", ["uv", "pip-tools"])
@pytest.mark.parametrize("login", ["", "joe:wr0ng@canary"])
def test_a_login_that_is_wrong_or_missing_is_told_as_that(login, resolver, warm, index, folder):
    env = {"ENVBUILD_PYPI_INDEX": index.url_with(login) if login else index.url}
    said = warm.failed(5, "lock", "requirements.txt", "--resolver", resolver, env=env, cwd=folder)
    assert "401" in said
    assert index.host in said
    assert "netrc" in said
    assert "canary" not in said


def test_a_login_that_changed_after_the_lock_is_told_at_the_build(warm, index, folder):
    env = {"ENVBUILD_PYPI_INDEX": index.own_url}
    warm("lock", "requirements.txt", env=env, cwd=folder).ok()
    env = {"ENVBUILD_PYPI_INDEX": index.url_with("joe:wr0ng@canary")}
    said = warm.failed(5, "build", "requirements.txt", "--locked", "--to", "store", env=env, cwd=folder)
    assert "401" in said
    assert index.host in said
    assert "canary" not in said
