"""A secret in every place that may hold a credential: none is ever seen in an output, the store, a lock, an image or an argument."""

import base64
import gzip
import io
import json
import os
import tarfile
import zlib
from contextlib import ExitStack
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from urllib.parse import quote

import pytest
from proxies.sites import index_of, serving
from proxies.squid import LOGIN

from envbuild.debian.aptsources import mirrors
from envbuild.machine import Machine

PLACES = (
    "setting", "named", "file", "definition", "requirements", "pip", "links", "netrc", "keyring", "mirror", "security",
    "wrong",
)  # fmt: skip
DEFINITION = """format = 1
name = "guarded"
pypi = ["one", "two", "three", "four"]
[[index]]
name = "own"
url = "{own}"
packages = ["one"]
[[index]]
name = "named"
url = "https://named.invalid/simple"
packages = ["two"]
[[index]]
name = "filed"
url = "https://filed.invalid/simple"
packages = ["three"]
"""
SHOWN = 4096
"""Bytes of each argument that strace writes."""


def _secret(place: str) -> str:
    return f"c@nary/{place}:Zq7"


def _login(place: str) -> str:
    return f"user-{place}:{_secret(place)}"


class Watch:
    """Knows every form of every secret, and where one was found."""

    def __init__(self) -> None:
        self._forms: dict[bytes, str] = {}
        self._seen: set[bytes] = set()
        self.found: list[str] = []
        for place in PLACES:
            self.know(f"user-{place}", _secret(place), place)

    def know(self, user: str, secret: str, place: str) -> None:
        """Look for one more: as it is, percent-encoded, and as the base64 of headers and of Docker's files."""
        forms = {secret, quote(secret), quote(secret, safe="")}
        for text in (f"{user}:{secret}", secret, f":{secret}", f"{user}:{quote(secret, safe='')}"):
            plain = base64.b64encode(text.encode()).decode().rstrip("=")
            forms |= {plain, plain.replace("+", "-").replace("/", "_")}
        self._forms |= {form.encode(): place for form in forms}

    def look(self, where: str, data: bytes) -> None:
        """Note each secret in these bytes."""
        self.found += [
            f"{place} in {where}: ...{_around(data, form)}" for form, place in self._forms.items() if form in data
        ]

    def look_inside(self, folder: Path) -> None:
        """Every file below a folder, and what is packed in it."""
        for path in sorted(p for p in folder.rglob("*") if p.is_file() and not p.is_symlink()):
            self.look(f"the name of {path}", str(path).encode())
            raw = path.read_bytes()
            if sha256(raw).digest() not in self._seen:
                self._seen.add(sha256(raw).digest())
                for data in _unpacked(raw):
                    self.look(str(path), data)


def _around(data: bytes, hit: bytes) -> str:
    start = data.index(hit)
    return repr(data[max(0, start - 60) : start + len(hit) + 20])


def _unpacked(data: bytes):
    yield data
    if data[:2] == b"\x1f\x8b":
        try:
            yield gzip.decompress(data)
        except (EOFError, OSError, zlib.error):
            return
    elif data[257:262] == b"ustar":
        with tarfile.open(fileobj=io.BytesIO(data)) as archive:
            for member in archive:
                if member.isfile():
                    yield from _unpacked(archive.extractfile(member).read())


@pytest.fixture
def sites(make_wheel, tmp_path):
    """A site for each place, each at an address of its own, with the login that this place has for it."""
    wheels = {name: make_wheel(name) for name in ("one", "two", "three", "four", "five", "six", "seven", "eight")}
    kept = {"definition": "one", "named": "two", "file": "three", "setting": "four", "requirements": "five",
            "pip": "six", "netrc": "seven", "keyring": "eight"}  # fmt: skip
    here = mirrors({}, dict(Machine.read(os.environ).apt_sources))
    with ExitStack() as stack:
        made = {}
        for number, (place, name) in enumerate(kept.items(), 2):
            folder = index_of(tmp_path / "sites" / place, wheels[name])
            made[place] = stack.enter_context(serving(folder, f"127.0.0.{number}", _login(place)))
        (tmp_path / "sites/links").mkdir()
        made["links"] = stack.enter_context(serving(tmp_path / "sites/links", "127.0.0.20", _login("links")))
        made["mirror"] = stack.enter_context(serving(here.archive[0], "127.0.0.21", _login("mirror")))
        made["security"] = stack.enter_context(serving(here.security[0], "127.0.0.22", _login("security")))
        yield made


@pytest.fixture
def user(sites, company, cold, home, tmp_path):
    """envbuild for somebody who has a secret in every place, all of them right."""
    home.store.mkdir()
    (home.store / "config.toml").write_text(f'[indexes]\nfiled = "{sites["file"].own_url}"\n')
    (home.path / ".netrc").write_text(f"machine 127.0.0.8 login user-netrc password {_secret('netrc')}\n")
    (home.path / "pip.conf").write_text(
        f"[global]\nextra-index-url = {sites['pip'].own_url}\nfind-links = {sites['links'].own_url}/\n"
    )
    keyring = home.path / "bin/keyring"
    keyring.parent.mkdir()
    keyring.write_text(
        f"#!/bin/sh\ncase \"$*\" in *127.0.0.9*) printf '%s\\n' user-keyring '{_secret('keyring')}';; *) exit 1;; esac\n"
    )
    keyring.chmod(0o755)
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    proxy = company.proxy.guarded_with_login
    env = {
        **{k: v for k, v in cold.env.items() if not k.startswith(("PIP_", "UV_")) and not k.upper().endswith("_PROXY")},
        "PATH": f"{keyring.parent}:{cold.env['PATH']}",
        "TMPDIR": str(scratch),
        "PIP_CONFIG_FILE": str(home.path / "pip.conf"),
        "ENVBUILD_PYPI_INDEX": sites["setting"].own_url,
        "ENVBUILD_INDEX_NAMED": sites["named"].own_url,
        "ENVBUILD_DEBIAN_MIRROR": sites["mirror"].own_url,
        "ENVBUILD_DEBIAN_MIRROR_SECURITY": sites["security"].own_url,
        "ENVBUILD_PROXY": proxy,
        "HTTPS_PROXY": proxy,
    }
    return replace(cold, env=env)


@pytest.fixture
def projects(sites, tmp_path):
    """Definitions with secrets of their own: one folder each."""
    wheel = "five/five-1.0-py3-none-any.whl"
    digest = sha256((tmp_path / "sites/requirements" / wheel).read_bytes()).hexdigest()
    texts = {
        "toml/envbuild.toml": DEFINITION.format(own=sites["definition"].own_url),
        "index/requirements.txt": f"--index-url {sites['requirements'].own_url}\nfive\n",
        "extra/requirements.txt": f"--extra-index-url {sites['requirements'].own_url}\nfour\n",
        "direct/requirements.txt": f"five @ {sites['requirements'].own_url}/{wheel} --hash=sha256:{digest}\n",
        "netrc/requirements.txt": f"-i {sites['netrc'].url}\nseven\n",
        "keyring/requirements.txt": f"-i {sites['keyring'].url}\neight\n",
        "wrong/requirements.txt": f"-i {sites['requirements'].url_with(_login('wrong'))}\nsix\n",
        "absent/requirements.txt": f"-i {sites['requirements'].own_url}\nnine\n",
        "closed/requirements.txt": f"-i http://{quote(_login('wrong'), safe=':')}@127.0.0.30:9/simple\nnine\n",
        "broken/requirements.txt": f"five @ git+https://{quote(_login('wrong'), safe=':')}@127.0.0.30/x.git\n",
    }
    for name, text in texts.items():
        path = tmp_path / "projects" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return tmp_path / "projects"


def _docker(folder: Path, settings: dict[str, object]) -> dict[str, str]:
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps(settings))
    return {"DOCKER_CONFIG": str(folder)}


def _auth(user: str, password: str) -> dict[str, str]:
    return {"auth": base64.b64encode(f"{user}:{password}".encode()).decode()}


class Session:
    """Runs commands under strace, and looks at all that they write and start."""

    def __init__(self, call, watch, folder) -> None:
        self._call, self.watch, self._trace, self._folder = call, watch, folder / "trace", folder
        self.codes: dict[str, int] = {}

    def __call__(self, *words, cwd, env=None, code=0, traced=True):
        """Run one; it must end with this code. Not `traced` where the words themselves hold a secret."""
        strace = (
            "strace",
            "-f",
            "--seccomp-bpf",
            "-qq",
            "-s",
            str(SHOWN),
            "-e",
            "trace=execve",
            "-o",
            str(self._trace),
        )
        done = self._call(*words, cwd=cwd, env=env, prefix=strace if traced else ())
        line = " ".join(map(str, words))
        assert done.code == code, f"{line}: exit {done.code}\n{done.stderr.decode()}{done.stdout.decode()[:2000]}"
        self.watch.look(f"stdout of {line}", done.stdout)
        self.watch.look(f"stderr of {line}", done.stderr)
        if traced:
            self.watch.look(f"the arguments of {line}", self._trace.read_bytes())
        return done


def _all_that_is_right(session, projects) -> None:
    for name in (
        "toml/envbuild.toml",
        *(f"{n}/requirements.txt" for n in ("index", "extra", "direct", "netrc", "keyring")),
    ):
        cwd, spec = projects / name.partition("/")[0], name.partition("/")[2]
        session("lock", spec, cwd=cwd)
        session("build", spec, "--to", "store", "--json", cwd=cwd)
    for name in ("keyring", "direct"):
        session("lock", "requirements.txt", "--upgrade", "--resolver", "pip-tools", "--json", cwd=projects / name)
    cwd = projects / "toml"
    session("show", "envbuild.toml", "--json", cwd=cwd)
    session("probe", "envbuild.toml", "--json", cwd=cwd)
    for form in ("pylock", "requirements"):
        session("export", "envbuild.toml", "--format", form, cwd=cwd)
    reference = session(
        "build", "envbuild.toml", "--to", "oci:layout", "--to", "archive:image.tar", "--to", "store", cwd=cwd
    )
    reference = reference.stdout.decode().split()[-1]
    session("ls", reference, cwd=cwd)
    session(
        "run", "--no-container", "-e", "envbuild.toml", "--", "python", "-c", "import one, two, three, four", cwd=cwd
    )
    session("cache", "info", cwd=cwd)
    session("cache", "verify", cwd=cwd)


def _what_tells_of_settings(session, projects) -> None:
    cwd = projects / "toml"
    for words in ((), ("--json",), ("pypi-index",), ("proxy",), ("debian-mirror",), ("indexes.filed",)):
        session("config", "show", *words, cwd=cwd)
    for words in (("doctor",), ("doctor", "--json")):
        done = session._call(*words, cwd=cwd)
        session.watch.look(" ".join(words), done.stdout + done.stderr)


def _all_that_fails(session, projects, sites, company) -> None:
    for name, code in (("wrong", 5), ("absent", 3), ("broken", 2)):
        session("lock", "requirements.txt", "--json", cwd=projects / name, code=code)
        if code != 2:
            session("lock", "requirements.txt", "--resolver", "pip-tools", cwd=projects / name, code=code)
    session("lock", "requirements.txt", cwd=projects / "closed", env={"NO_PROXY": "127.0.0.30"}, code=5)
    cwd = projects / "toml"
    wrong = {
        "ENVBUILD_DEBIAN_MIRROR": sites["mirror"].url_with(_login("wrong")),
        "ENVBUILD_PYPI_INDEX": sites["setting"].url_with(_login("wrong")),
        "ENVBUILD_PROXY": company.proxy.guarded.replace("//", f"//{quote(_login('wrong'), safe=':')}@"),
    }
    for name, value in wrong.items():
        session("lock", "envbuild.toml", "--upgrade", "--json", cwd=cwd, env={name: value}, code=5)
    closed = {"ENVBUILD_PROXY": f"http://{quote(_login('wrong'), safe=':')}@127.0.0.30:9"}
    session("lock", "envbuild.toml", "--upgrade", cwd=cwd, env=closed, code=5)
    typed = session(
        "build",
        "envbuild.toml",
        "--to",
        f"{quote(_login('wrong'), safe=':')}@127.0.0.30:9/x",
        cwd=cwd,
        code=2,
        traced=False,
    )
    session.watch.look("a refused address", typed.stderr + typed.stdout)


def _all_registries(session, projects, registries, tmp_path) -> None:
    """Each way to have a registry's login, right and wrong."""
    cwd, (basic, token) = projects / "toml", registries
    name, password = basic.login
    helper = tmp_path / "helpers"
    helper.mkdir()
    tool = helper / "docker-credential-canary"
    tool.write_text(f'#!/bin/sh\ncat > /dev/null\necho \'{{"Username": "{name}", "Secret": "{password}"}}\'\n')
    tool.chmod(0o755)
    identity = token.tokens.identity_token("tester")
    session.watch.know("tester", password, "registry")
    session.watch.know("tester", identity, "identity")
    ways = {
        "auth": _docker(tmp_path / "d1", {"auths": {basic.host: _auth(name, password)}}),
        "variable": {"DOCKER_AUTH_CONFIG": json.dumps({"auths": {basic.host: _auth(name, password)}})},
        "helper": _docker(tmp_path / "d2", {"credHelpers": {basic.host: "canary"}})
        | {"PATH": f"{helper}:{session._call.env['PATH']}"},
    }
    for way, env in ways.items():
        session("build", "envbuild.toml", "--to", f"{basic.host}/team/{way}:v1", "--json", cwd=cwd, env=env)
    env = _docker(tmp_path / "d3", {"auths": {token.host: {**_auth("tester", ""), "identitytoken": identity}}})
    session("build", "envbuild.toml", "--to", f"{token.host}/team/app:v1", cwd=cwd, env=env)
    session("build", "envbuild.toml", "--to", "store", "--cache", f"{token.host}/team/cache", cwd=cwd, env=env)
    wrong = {"auths": {host: _auth("user-wrong", _secret("wrong")) for host in (basic.host, token.host)}}
    env = _docker(tmp_path / "d4", wrong)
    for host in (basic.host, token.host):
        session("build", "envbuild.toml", "--to", f"{host}/other/app:v1", "--json", cwd=cwd, env=env, code=5)
    env = _docker(tmp_path / "d5", {"auths": {token.host: {**_auth("tester", ""), "identitytoken": _secret("wrong")}}})
    session("build", "envbuild.toml", "--to", f"{token.host}/other/app:v1", cwd=cwd, env=env, code=5)


def test_no_secret_is_ever_seen(
    user, sites, company, projects, program, registry_with_login, registry_with_token, home, tmp_path
):
    program("strace")
    watch = Watch()
    watch.know(*LOGIN, "proxy")
    session = Session(user, watch, tmp_path)
    _all_that_is_right(session, projects)
    _all_registries(session, projects, (registry_with_login, registry_with_token), tmp_path)
    _what_tells_of_settings(session, projects)
    _all_that_fails(session, projects, sites, company)
    for place in ("mirror", "security", "setting", "named", "file", "definition", "requirements", "netrc", "keyring"):
        assert any(known for _, known in sites[place].asked), f"{place}'s login was not used: nothing was tried"
    blind = Watch()
    blind.look_inside(home.path)
    blind.look_inside(tmp_path / "d4")
    for place in ("netrc", "keyring", "pip", "links", "wrong"):
        assert any(found.startswith(place) for found in blind.found), f"{place} is not seen where it stands"
    (home.store / "config.toml").unlink()
    for spec in [*projects.rglob("requirements.txt"), *projects.rglob("envbuild.toml")]:
        spec.unlink()
    for folder in (
        home.store,
        projects,
        tmp_path / "scratch",
        registry_with_login.storage,
        registry_with_token.storage,
    ):
        watch.look_inside(folder)
    assert not watch.found, "\n".join(dict.fromkeys(watch.found))


SEES_ITS_PROXY = "import os; assert '@' in os.environ['HTTPS_PROXY'], 'the proxy has no login here'"


def test_a_container_has_its_proxy_and_nobody_sees_the_login_in_an_argument(
    warm, docker_engine, company, project, program, tmp_path
):
    program("strace")
    watch = Watch()
    watch.know(*LOGIN, "proxy")
    spec = project("pypi = []\npython = '3.11'", "contained")
    env = {**docker_engine.env, "ENVBUILD_PROXY": company.proxy.guarded_with_login}
    session = Session(warm, watch, tmp_path)
    session("run", "-e", spec, "--", "python", "-c", SEES_ITS_PROXY, cwd=tmp_path, env=env)
    assert not watch.found, "\n".join(watch.found)
