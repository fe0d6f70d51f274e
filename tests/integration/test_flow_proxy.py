"""Behind a company's proxy that re-signs TLS: no other way out, no names, and nothing trusts it but by a setting."""

import json
import os
from dataclasses import dataclass, replace
from urllib.parse import urlsplit

import pytest
from proxies.sites import index_of, serving
from proxies.squid import LOGIN
from registries.debian import running

from envbuild.machine import Machine

REQUIREMENTS = "idna\nsix\n"
MACHINES = ("PIP_", "UV_", "SSL_", "REQUESTS_", "CURL_")
INDEX = Machine.read(os.environ).pypi_index
PASSWORDS = (LOGIN[1], LOGIN[1].replace("@", "%40"), "wr0ng-c4nary")


@dataclass(frozen=True, slots=True)
class Inside:
    """envbuild inside of the company: call it with arguments; `said` has all that it wrote."""

    call: object
    prefix: tuple[str, ...]

    def __call__(self, *words, env=None, **options):
        return self.call(*words, env=env, prefix=self.prefix, **options)

    def refused(self, *words, env, cwd) -> str:
        """The words of a call that must end with exit code 5, and show no password."""
        told = self.call.failed(5, *words, env=env, prefix=self.prefix, cwd=cwd)
        assert not [password for password in PASSWORDS if password in told], told
        return told


def _user(env) -> dict[str, str]:
    """The environment of a user who knows of no proxy: which index there is, and nothing else of this machine's."""
    kept = {k: v for k, v in env.items() if not k.startswith(MACHINES) and not k.upper().endswith("_PROXY")}
    return {**kept, "PIP_CONFIG_FILE": os.devnull, "ENVBUILD_PYPI_INDEX": INDEX}


@pytest.fixture
def inside(cold, company) -> Inside:
    return Inside(replace(cold, env=_user(cold.env)), company.prefix)


@pytest.fixture
def settings(company) -> dict[str, str]:
    """What the company tells its people."""
    return {"ENVBUILD_PROXY": company.proxy.url, "ENVBUILD_CA_BUNDLE": str(company.proxy.bundle)}


@pytest.fixture
def folder(tmp_path):
    path = tmp_path / "project"
    path.mkdir()
    (path / "requirements.txt").write_text(REQUIREMENTS)
    return path


@pytest.fixture(scope="module")
def built(warm, company, tmp_path_factory):
    """A store that was filled inside, from nothing: lock and build."""
    folder = tmp_path_factory.mktemp("built")
    (folder / "requirements.txt").write_text(REQUIREMENTS)
    env = _user(warm.env) | {
        "ENVBUILD_PROXY": company.proxy.url,
        "ENVBUILD_CA_BUNDLE": str(company.proxy.bundle),
        "ENVBUILD_HOME": str(folder / "home"),
    }
    call = Inside(replace(warm, env=env, folder=folder), company.prefix)
    before = len(company.proxy.requests())
    assert call("lock", "requirements.txt").ok().line == "requirements.envbuild.lock"
    call("build", "requirements.txt", "--locked", "--to", "store").ok()
    return call, company.proxy.requests()[before:]


def test_all_that_a_build_needs_comes_through_the_proxy(built, company):
    _call, asked = built
    page = urlsplit(INDEX)._replace(path="").geturl()
    assert any(line.startswith(f"200 GET {page}") for line in asked), asked
    assert any(line.startswith("200 GET") and line.endswith(".deb") for line in asked), asked
    assert any(line.startswith("200 GET https://") and line.endswith(".whl") for line in asked), asked
    assert not [line for line in asked if not line.startswith(("200 ", "206 "))], asked


def test_debian_packages_are_added_behind_the_proxy(built, tmp_path):
    call, _ = built
    (tmp_path / "envbuild.toml").write_text('format = 1\nname = "tools"\npypi = ["six"]\nsystem = ["jq", "less"]\n')
    reference = call("build", "envbuild.toml", "--to", "store", cwd=tmp_path).ok().line
    assert b"/usr/bin/jq" in call("ls", reference, "/usr/bin/jq", cwd=tmp_path).ok().stdout


def test_a_script_runs_without_a_container_behind_the_proxy(built):
    call, _ = built
    ran = call("run", "--no-container", "-e", "requirements.txt", "--", "python", "-c", "import six; print(six.PY3)")
    assert ran.ok().line == "True"


def _variables(company, home):
    proxy = company.proxy.url
    return {"HTTPS_PROXY": proxy, "HTTP_PROXY": proxy, "SSL_CERT_FILE": str(company.proxy.bundle)}


def _small_variables(company, home):
    return {"https_proxy": company.proxy.url.removeprefix("http://"), "http_proxy": company.proxy.url,
            "REQUESTS_CA_BUNDLE": str(company.proxy.bundle)}  # fmt: skip


def _with_login(company, home):
    return {"ENVBUILD_PROXY": company.proxy.guarded_with_login, "ENVBUILD_CA_BUNDLE": str(company.proxy.bundle)}


def _config_file(company, home):
    home.store.mkdir()
    lines = [f'proxy = "{company.proxy.url}"', f'ca-bundle = "{company.proxy.bundle}"']
    (home.store / "config.toml").write_text("\n".join(lines))
    return {}


def _pip_file(company, home):
    path = home.path / "pip.conf"
    path.write_text(f"[global]\nproxy = {company.proxy.guarded_with_login}\ncert = {company.proxy.bundle}\n")
    return {"PIP_CONFIG_FILE": str(path)}


@pytest.mark.parametrize("resolver", ["uv", "pip-tools"])
@pytest.mark.parametrize("way", [_variables, _small_variables, _with_login, _config_file, _pip_file])
def test_each_way_to_name_the_proxy_and_its_authority_serves(way, resolver, inside, company, home, folder):
    env = way(company, home)
    before = len(company.proxy.requests())
    done = inside("lock", "requirements.txt", "--resolver", resolver, env=env, cwd=folder).ok()
    assert done.line == "requirements.envbuild.lock"
    asked = company.proxy.requests()[before:]
    assert any(line.startswith("200 GET https://") for line in asked), asked
    lock = (folder / "requirements.envbuild.lock").read_text()
    assert not [password for password in PASSWORDS if password in lock]


# What is said where the way is closed.


def _guarded(company, login=""):
    return company.proxy.guarded.replace("//", f"//{login}")


def _closed(company):
    return company.proxy.url.rpartition(":")[0] + ":9"


FAULTS = {
    "authority-unknown": (lambda c: c.proxy.url, False, ["certificate", "not trusted", "ENVBUILD_CA_BUNDLE"]),
    "no-login": (_guarded, True, ["the proxy asks for a login", "407", "ENVBUILD_PROXY", "USER:PASSWORD"]),
    "wrong-login": (
        lambda c: _guarded(c, "clerk:wr0ng-c4nary@"), True,
        ["the proxy asks for a login", "407", "ENVBUILD_PROXY", "USER:PASSWORD"],
    ),
    "proxy-down": (
        lambda c: _closed(c).replace("//", "//clerk:wr0ng-c4nary@"), True,
        ["the proxy gives no connection", "refuses connections", "ENVBUILD_PROXY"],
    ),
    "proxy-unknown": (
        lambda c: "http://clerk:wr0ng-c4nary@proxy.invalid:3128", True,
        ["the proxy gives no connection", "proxy.invalid:3128", "DNS", "ENVBUILD_PROXY"],
    ),
}  # fmt: skip


def _fault(name, company) -> tuple[dict[str, str], list[str]]:
    proxy, trusted, said = FAULTS[name]
    address = proxy(company)
    named = address.rpartition("@")[2].removeprefix("http://")
    env = {"PROXY": address, "CA": str(company.proxy.bundle) if trusted else ""}
    return env, said if name == "authority-unknown" else [*said, named]


@pytest.mark.parametrize(
    ("resolver", "name"),
    [
        *(("uv", name) for name in FAULTS if name != "no-login"),
        ("pip-tools", "authority-unknown"),
        ("pip-tools", "wrong-login"),
    ],
)
def test_an_index_that_the_proxy_keeps_away_is_told_as_that(name, resolver, inside, company, folder):
    """Debian comes by plain http through a proxy that is well, so that the index is what fails."""
    made, said = _fault(name, company)
    env = {"HTTPS_PROXY": made["PROXY"], "HTTP_PROXY": company.proxy.url, "ENVBUILD_CA_BUNDLE": made["CA"]}
    told = inside.refused("lock", "requirements.txt", "--resolver", resolver, env=env, cwd=folder)
    assert not [words for words in said if words not in told], told


@pytest.mark.parametrize("name", [name for name in FAULTS if name != "authority-unknown"])
def test_a_debian_mirror_that_the_proxy_keeps_away_is_not_blamed(name, inside, company, folder):
    made, said = _fault(name, company)
    told = inside.refused("lock", "requirements.txt", env={"ENVBUILD_PROXY": made["PROXY"]}, cwd=folder)
    assert not [words for words in said if words not in told], told
    assert "ENVBUILD_DEBIAN_MIRROR" not in told, told


@pytest.mark.parametrize("name", FAULTS)
def test_a_registry_that_the_proxy_keeps_away_is_told_as_that(name, built, company, registry_beyond):
    call, _ = built
    made, said = _fault(name, company)
    env = {"ENVBUILD_PROXY": made["PROXY"], "ENVBUILD_CA_BUNDLE": made["CA"]}
    to = f"{registry_beyond}/team/app:v1"
    told = call.refused("build", "requirements.txt", "--to", to, env=env, cwd=call.call.folder)
    assert not [words for words in (*said, registry_beyond) if words not in told], told


def test_without_any_proxy_the_setting_is_named(inside, folder):
    told = inside.refused("lock", "requirements.txt", env={}, cwd=folder)
    assert "DNS" in told
    assert "ENVBUILD_PROXY" in told
    assert "HTTPS_PROXY" in told


# Registries.


@pytest.fixture
def registry_beyond(docker_registry, company, authority, tmp_path):
    """host:port of a registry over https that only the proxy reaches, by a name that only the proxy knows."""
    server = authority.issue("beyond", hosts=f"DNS:{company.host}")
    place = tmp_path / "beyond"
    with running(place, authority=authority, server=server, address=company.network.beyond) as registry:
        yield f"{company.host}:{registry.host.partition(':')[2]}"


def test_an_image_goes_to_a_registry_and_comes_back_through_the_proxy(built, inside, settings, registry_beyond, folder):
    call, _ = built
    pushed = call("build", "requirements.txt", "--to", f"{registry_beyond}/team/app:v1").ok().line
    assert pushed.startswith(f"{registry_beyond}/team/app@sha256:")
    call("build", "requirements.txt", "--to", "store", "--cache", f"{registry_beyond}/team/cache").ok()
    (folder / "requirements.envbuild.lock").write_bytes((call.call.folder / "requirements.envbuild.lock").read_bytes())
    cache = ("--cache", f"{registry_beyond}/team/cache", "--json")
    said = inside("build", "requirements.txt", "--locked", "--to", "store", *cache, env=settings, cwd=folder).ok().json
    assert pushed.partition("@")[2] in json.dumps(said)


def test_hosts_of_no_proxy_are_reached_directly(built, company, authority, docker_registry, tmp_path):
    """Their certificate is then their own: with the proxy between, the same settings fail."""
    call, _ = built
    server = authority.issue("near", hosts=f"IP:{company.network.gate}")
    env = {"ENVBUILD_CA_BUNDLE": str(authority.bundle)}
    with running(tmp_path / "near", authority=authority, server=server, address=company.network.gate) as registry:
        to = ("build", "requirements.txt", "--to", f"{registry.host}/team/app:v1")
        call.refused(*to, env=env, cwd=call.call.folder)
        before = len(company.proxy.requests())
        call(*to, env=env | {"NO_PROXY": f"localhost,{company.network.gate}"}).ok()
        assert company.proxy.requests()[before:] == []


@pytest.mark.parametrize("resolver", ["uv", "pip-tools"])
def test_an_index_of_no_proxy_is_reached_directly(resolver, built, company, make_wheel, tmp_path):
    call, _ = built
    name = f"demo{len(resolver)}"
    (tmp_path / "requirements.txt").write_text(f"{name}\n")
    near = company.network.gate
    with serving(index_of(tmp_path / "index", make_wheel(name)), near) as site:
        before = len(company.proxy.requests())
        env = {"ENVBUILD_PYPI_INDEX": site.url, "NO_PROXY": "10.203.0.0/16" if resolver == "uv" else near}
        call("build", "requirements.txt", "--to", "store", "--resolver", resolver, env=env, cwd=tmp_path).ok()
        assert {client for client, _ in site.asked} == {company.network.inner}
        assert not [line for line in company.proxy.requests()[before:] if near in line]
