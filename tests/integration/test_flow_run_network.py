"""Runs reach the network as envbuild itself does: its proxy, the hosts that need none, and its authorities."""

import json
import os
import ssl
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from registries.certificates import Authority
from registries.tls import answering

PROXY = "http://clerk:c4nary@proxy.example:3128"
NAMES = ("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY")
TRUST = ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "PIP_CERT")
SHOW = "import json, os; print(json.dumps(dict(os.environ)))"
GATE = """
rows = [line.split() for line in open('/proc/net/route')][1:]
print('.'.join(str(b) for b in bytes.fromhex(next(r[2] for r in rows if r[1] == '00000000'))[::-1]))
"""
FETCH = "import sys, urllib.request; print(urllib.request.urlopen(sys.argv[1], timeout=30).read().decode())"


@dataclass(frozen=True, slots=True)
class Running:
    """`run` in one of the ways, in a folder of its own, with nothing of this machine's proxies and authorities."""

    envbuild: object
    spec: Path
    options: tuple[str, ...]
    env: dict[str, str]
    folder: Path

    @property
    def contained(self) -> bool:
        return "--container" in self.options

    def __call__(self, code, *words, **more):
        env = {**self.env, **more}
        given = ["--env", self.spec, *self.options, "--", "python", "-c", code, *words]
        return self.envbuild("run", *given, env=env, cwd=self.folder)


@pytest.fixture(scope="module")
def spec(warm, tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("network") / "envbuild.toml"
    path.write_text('format = 1\nname = "network"\npypi = ["six"]\n')
    warm("build", path, "--to", "store").ok()
    return path


@pytest.fixture(scope="module")
def user(warm):
    """A user whose machine says nothing about proxies and authorities."""
    kept = {
        name: value
        for name, value in warm.env.items()
        if not name.upper().endswith("_PROXY") and not name.startswith(("SSL_", "REQUESTS_", "CURL_", "PIP_", "UV_"))
    }
    return replace(warm, env={**kept, "PIP_CONFIG_FILE": os.devnull})


@pytest.fixture(params=["directly", "docker_engine", "containerd_engine", "podman"])
def run(request, user, spec, tmp_path) -> Running:
    if request.param == "directly":
        return Running(user, spec, ("--no-container",), {}, tmp_path)
    engine = request.getfixturevalue(request.param)
    return Running(user, spec, ("--container",), dict(engine.env), tmp_path)


@pytest.fixture(scope="module")
def company(tmp_path_factory) -> Authority:
    return Authority(tmp_path_factory.mktemp("company-ca"), "a company's authority")


def test_the_settings_proxy_and_authority_reach_the_program(run, company):
    settings = {
        "ENVBUILD_PROXY": PROXY,
        "ENVBUILD_NO_PROXY": "localhost .corp",
        "ENVBUILD_CA_BUNDLE": str(company.bundle),
    }
    done = run(SHOW, **settings).ok()
    seen = json.loads(done.line)
    assert "c4nary" not in done.stderr.decode()
    assert [seen[name] for name in NAMES] == [PROXY, PROXY, "localhost,.corp"]
    assert [seen[name.lower()] for name in NAMES] == [PROXY, PROXY, "localhost,.corp"]
    assert {seen[name] for name in TRUST} == {"/run/envbuild/ca.pem" if run.contained else str(company.bundle)}


def test_the_program_trusts_the_company_s_servers(run, company):
    """An https request from inside, to a server that only the company's authority vouches for."""
    gate = run(GATE).ok().line if run.contained else "127.0.0.1"
    pair = company.issue(f"server-{gate}", hosts=f"IP:{gate}")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pair.certificate, pair.key)
    with answering(context, b"from inside", gate) as port:
        url = f"https://{gate}:{port}/"
        assert run(FETCH, url, ENVBUILD_CA_BUNDLE=str(company.bundle)).ok().line == "from inside"
        refused = run(FETCH, url)
    assert refused.code == 1
    assert b"CERTIFICATE_VERIFY_FAILED" in refused.stderr


def test_a_proxy_on_loopback_is_told_of_and_not_passed_to_containers(run):
    done = run(SHOW, ENVBUILD_PROXY="http://clerk:c4nary@127.0.0.1:9", ENVBUILD_ENGINE="").ok()
    seen, words = json.loads(done.line), done.stderr.decode()
    assert "c4nary" not in words
    if run.contained:
        assert not [name for name in NAMES if seen.get(name)]
        assert words.count("the proxy 127.0.0.1:9 is not passed on") == 1
    else:
        assert "not passed on" not in words


def test_what_the_definition_sets_stays_and_no_setting_is_in_an_image_or_its_id(run, company, warm, tmp_path):
    path = tmp_path / "envbuild.toml"
    path.write_text(
        'format = 1\nname = "own"\npypi = ["six"]\n[variables]\nHTTPS_PROXY = "http://own:1"\nPIP_CERT = "/own"\n'
    )
    settings = {"ENVBUILD_PROXY": PROXY, "ENVBUILD_CA_BUNDLE": str(company.bundle)}
    plain = warm("build", path, "--to", "store", "--json").ok().json
    own = replace(run, spec=path)
    seen = json.loads(own(SHOW, **settings).ok().line)
    assert (seen["HTTPS_PROXY"], seen["PIP_CERT"]) == ("http://own:1", "/own")
    again = run.envbuild("build", path, "--to", "store", "--json", env=settings).ok().json
    assert (again["ids"], again["digest"]) == (plain["ids"], plain["digest"])


def test_a_shell_has_them_too(run):
    env = {**run.env, "ENVBUILD_PROXY": PROXY}
    done = run.envbuild(
        "shell", "--env", run.spec, *run.options, input=b"echo $https_proxy; exit\n", env=env, cwd=run.folder
    )
    assert done.ok().line == PROXY
