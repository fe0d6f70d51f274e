"""What a program that is started for the user is told of the network; without it nothing works behind a company's proxy."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from envbuild import process
from envbuild.host import User
from envbuild.http.stepnetwork import StepNetwork
from envbuild.httpsettings import HttpSettings
from envbuild.oci import Image
from envbuild.runners.command import Command, CommandKind
from envbuild.runners.container import Place, run_in_container
from envbuild.runners.engine import Engine, EngineKind

PROXY = "http://clerk:c4nary@proxy.example:3128"


def network(**settings):
    return StepNetwork.of(HttpSettings(**settings))


def test_one_proxy_for_all_is_said_for_http_and_https_in_capitals_and_small():
    told = network(proxies={"all": PROXY}, no_proxy=("localhost", ".corp", "10.0.0.0/8")).proxy_variables({})
    assert told == {
        "HTTP_PROXY": PROXY, "http_proxy": PROXY, "HTTPS_PROXY": PROXY, "https_proxy": PROXY,
        "NO_PROXY": "localhost,.corp,10.0.0.0/8", "no_proxy": "localhost,.corp,10.0.0.0/8",
    }  # fmt: skip


def test_each_scheme_has_its_own_and_none_is_none():
    assert network(proxies={"https": PROXY, "http": "http://p:1"}).proxies == {
        "HTTPS_PROXY": PROXY, "HTTP_PROXY": "http://p:1",
    }  # fmt: skip
    assert network(no_proxy=("x",)).proxy_variables({}) == {}


@pytest.mark.parametrize("said", ["HTTPS_PROXY", "https_proxy"])
@pytest.mark.parametrize("value", ["http://own:1", ""])
def test_what_the_user_says_stays_and_holds_in_both_ways_to_write_it(said, value):
    """An empty one is a wish too: no proxy."""
    given_ = {said: value}
    told = given_ | network(proxies={"https": PROXY}).proxy_variables(given_)
    assert told == {"HTTPS_PROXY": value, "https_proxy": value}


@pytest.mark.parametrize("host", ["127.0.0.1:3128", "localhost:3128", "[::1]:3128", "127.1.2.3"])
def test_a_proxy_on_this_machine_s_loopback_is_not_what_a_container_reaches(host):
    inside = network(proxies={"all": f"http://me:c4nary@{host}"}, no_proxy=("x",)).contained()
    assert inside.proxy_variables({}) == {}
    assert len(inside.notices) == 1
    assert f"the proxy {host} is not passed on" in inside.notices[0]
    assert "c4nary" not in inside.notices[0]


def test_the_other_scheme_s_proxy_is_passed_on():
    inside = network(proxies={"http": "http://127.0.0.1:1", "https": PROXY}, no_proxy=("x",)).contained()
    assert set(inside.proxies) == {"HTTPS_PROXY", "NO_PROXY"}


def test_authorities_are_named_for_every_client_but_where_the_user_did(tmp_path):
    bundle = tmp_path / "ca.pem"
    bundle.touch()
    told = network(ca_bundle=bundle)
    assert told.place == "/run/envbuild/ca.pem"
    assert told.trust_variables({"PIP_CERT": "/own"}, "/x") == {
        "SSL_CERT_FILE": "/x", "REQUESTS_CA_BUNDLE": "/x", "CURL_CA_BUNDLE": "/x",
    }  # fmt: skip
    folder = network(ca_bundle=tmp_path)
    assert folder.place == "/run/envbuild/ca"
    assert folder.trust_variables({}, "/x") == {"SSL_CERT_DIR": "/x", "REQUESTS_CA_BUNDLE": "/x"}
    assert network().trust_variables({}, "/x") == {}


def test_a_bundle_that_is_not_there_is_left_out_and_told(tmp_path):
    missing = network(ca_bundle=tmp_path / "none.pem")
    assert missing.ca_bundle is None
    assert "none.pem" in missing.notices[0]


@given(
    st.dictionaries(
        st.sampled_from(["HTTP_PROXY", "http_proxy", "NO_PROXY", "SSL_CERT_FILE", "X"]), st.text(max_size=5)
    )
)
def test_nothing_that_is_given_is_ever_said_anew(variables):
    told = network(proxies={"all": PROXY}, no_proxy=("a",)).proxy_variables(variables)
    assert not told.keys() & variables.keys()


@pytest.fixture
def started(monkeypatch, tmp_path):
    """`started(kind, network, variables)`: the words and the environment of the client that would run a container."""
    seen = {}

    def attached(argv, *, env, cwd=None):
        seen.update(argv=list(argv), env=dict(env))
        return 0

    def start(kind, told, variables=None):
        monkeypatch.setattr(process, "attached", attached)
        place = Place(
            caller=User("root", 0, 0, "/root"),
            folder=tmp_path,
            state=tmp_path / "state",
            network=told,
            variables=variables or {},
        )
        engine = Engine(kind, "/usr/bin/client", {"PATH": "/bin", "HTTPS_PROXY": "http://other"})
        (tmp_path / "state").mkdir(exist_ok=True)
        run_in_container(engine, "name:1", Image(b"{}", b"{}", ()), None, Command(CommandKind.RAW, "true"), place)
        return seen["argv"], seen["env"]

    return start


@pytest.mark.parametrize("kind", list(EngineKind))
def test_a_proxy_s_login_is_in_no_command_line(kind, started):
    """Everybody on a machine sees the command lines of all programs."""
    argv, env = started(kind, network(proxies={"all": PROXY}))
    assert "c4nary" not in " ".join(argv)
    assert {"--env=HTTPS_PROXY", "--env=https_proxy", "--env=HTTP_PROXY", "--env=http_proxy"} <= set(argv)
    assert env["HTTPS_PROXY"] == env["http_proxy"] == PROXY
    assert env["PATH"] == "/bin"


def test_without_settings_a_container_is_told_nothing(started):
    argv, env = started(EngineKind.DOCKER, network())
    assert not [word for word in argv if "PROXY" in word.upper() or "CERT" in word or "run/envbuild" in word]
    assert env["HTTPS_PROXY"] == "http://other"


def test_podman_passes_on_no_proxy_that_we_left_out(started):
    argv, _ = started(EngineKind.PODMAN, network(proxies={"all": "http://127.0.0.1:1"}).contained())
    assert "--http-proxy=false" in argv
    assert not [word for word in argv if "HTTPS_PROXY" in word]


def test_what_a_definition_sets_stays(started, tmp_path):
    bundle = tmp_path / "ca.pem"
    bundle.touch()
    told = network(proxies={"https": PROXY}, ca_bundle=bundle)
    argv, env = started(EngineKind.DOCKER, told, {"https_proxy": "http://own", "SSL_CERT_FILE": "/own.pem"})
    assert "--env=https_proxy" not in argv
    assert env["HTTPS_PROXY"] == "http://own"
    assert not [word for word in argv if word.startswith("--env=SSL_CERT_FILE")]
    assert "--env=PIP_CERT=/run/envbuild/ca.pem" in argv
    assert f"type=bind,source={Path(bundle).resolve()},target=/run/envbuild/ca.pem,readonly" in argv
