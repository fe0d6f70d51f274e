"""Channels of a workspace: by our own settings, conda's configuration, and the logins of a definition and this machine."""

import pytest
from condachannel import package, serve, write_channel

from envbuild.errors import EnvironmentFault
from envbuild.workspace.adapters import Adapters

FOLDERS = ("linux-64", "noarch")


@pytest.fixture
def forge(tmp_path):
    folder = tmp_path / "forge"
    write_channel(folder, [package("a")])
    return folder


@pytest.fixture
def environ(tmp_path):
    return {"ENVBUILD_HOME": str(tmp_path / "store"), "HOME": str(tmp_path), "PATH": ""}


def names(adapters, channel="forge"):
    return {name for folder in adapters.channels.listings([channel], FOLDERS) for name in folder.names}


def test_a_variable_says_where_a_channel_is(environ, forge):
    with serve(forge, login=("me", "pass")) as served:
        assert names(Adapters({**environ, "ENVBUILD_CHANNEL_FORGE": served.login_url})) == {"a"}


def test_condas_configuration_says_where_a_channel_is(environ, forge, tmp_path):
    with serve(forge, token="s3cret") as served:
        alias = served.login_url.removesuffix("/forge")
        (tmp_path / ".condarc").write_text(f"channel_alias: {alias}\n")
        assert names(Adapters(environ)) == {"a"}


def test_our_own_word_goes_before_condas(environ, forge, tmp_path):
    (tmp_path / ".condarc").write_text("custom_channels:\n  forge: http://127.0.0.1:9\n")
    with pytest.raises(EnvironmentFault):
        names(Adapters(environ))
    with serve(forge) as served:
        assert names(Adapters({**environ, "ENVBUILD_CHANNEL_FORGE": served.url})) == {"a"}


def test_netrc_has_a_channels_login(environ, forge, tmp_path):
    netrc = tmp_path / ".netrc"
    netrc.write_text("machine 127.0.0.1 login me password pass\n")
    netrc.chmod(0o600)
    with serve(forge, login=("me", "pass")) as served:
        assert names(Adapters(environ), served.url) == {"a"}


@pytest.mark.parametrize("kind", ["login", "token"])
def test_what_a_definitions_url_had_of_a_login_is_used_and_no_part_of_it(environ, forge, tmp_path, kind):
    """A login in a channel's URL would stand in the lock, and in the ids."""
    with serve(forge, **({"login": ("me", "pass")} if kind == "login" else {"token": "s3cret"})) as served:
        spec = tmp_path / "environment.yml"
        spec.write_text(f"name: t\nchannels: [{served.login_url}]\ndependencies: [a]\n")
        adapters = Adapters(environ, spec_path=str(spec))
        definition = adapters.specs.definition(adapters.specs.open(str(spec))).definition
        assert definition.channels == (served.url,)
        assert names(adapters, served.url) == {"a"}


def test_the_proxy_that_conda_is_told_is_used(environ, forge, tmp_path):
    (tmp_path / ".condarc").write_text("proxy_servers:\n  http: http://127.0.0.1:9\nremote_read_timeout_secs: 3\n")
    with pytest.raises(EnvironmentFault) as caught:
        names(Adapters(environ), "http://channel.example/forge")
    assert "proxy" in caught.value.what
