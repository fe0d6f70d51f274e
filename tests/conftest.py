"""Fixtures: homes of a test's own, the command line as a real process, and real components.

A missing component is a skip that names it; where CI=true it is a failure, so that nothing there passes unseen.
`python tests/services/services.py up` starts the components (`make test` does it).
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn

import pytest
from imagechecks import Checker, Store
from packageindexes.pypiserver import PROGRAM, pypiserver
from packageindexes.wheels import write_wheel

pytest_plugins = ["pytester", "registries.fixtures", "proxies.fixtures", "condachannel.fixtures"]

ROOT = Path(__file__).resolve().parents[1]
MISSING = "missing component"
COMPONENT_FIXTURES = {"docker_engine", "containerd_engine", "podman", "skopeo", "umoci", "qemu", "aarch64_python"}
COMPONENT_FIXTURES |= {"docker_registry", "authority", "company"}
_unseen: list[str] = []


def _in_ci() -> bool:
    return os.environ.get("CI") == "true"


def pytest_configure(config):
    config.addinivalue_line("markers", "engine: needs a real component (an engine, an image reader, an emulator)")


def pytest_collection_modifyitems(items):
    for item in items:
        if COMPONENT_FIXTURES & set(getattr(item, "fixturenames", ())):
            item.add_marker("engine")


def pytest_runtest_logreport(report):
    if report.skipped and MISSING in str(report.longrepr):
        _unseen.append(report.nodeid)


def pytest_sessionfinish(session, exitstatus):
    if _in_ci() and _unseen and exitstatus == pytest.ExitCode.OK:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter):
    if _in_ci() and _unseen:
        terminalreporter.write_line(f"failed: {len(_unseen)} skipped for a missing component, which CI does not allow")


def _missing(component: str, why: str) -> NoReturn:
    text = f"{MISSING}: {component}: {why}"
    if _in_ci():
        pytest.fail(text, pytrace=False)
    pytest.skip(text)


@dataclass(frozen=True, slots=True)
class Tool:
    """A real program: call it with arguments; `env` is what reaches the same component from other programs."""

    name: str
    command: tuple[str, ...]
    env: Mapping[str, str] = field(default_factory=dict)

    def __call__(self, *arguments, check=True, input=None, timeout=300):  # noqa: A002
        """Run it. AssertionError with its words where it fails, unless `check=False`."""
        argv = [*self.command, *map(str, arguments)]
        done = subprocess.run(
            argv,
            env={**os.environ, **self.env},
            input=input,
            stdin=None if input is not None else subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )
        assert done.returncode == 0 or not check, (
            f"{' '.join(argv)}: exit {done.returncode}\n{done.stderr}{done.stdout}"
        )
        return done


@pytest.fixture(scope="session", autouse=True)
def _nothing_of_the_developer(tmp_path_factory) -> Iterator[None]:
    """No test sees the store, the settings or the engines of the person who runs it."""
    with pytest.MonkeyPatch.context() as patch:
        for name in [n for n in os.environ if n.startswith("ENVBUILD_") and not n.startswith("ENVBUILD_TEST_")]:
            patch.delenv(name)
        for name in ("DOCKER_HOST", "DOCKER_CONTEXT", "CONTAINER_HOST"):
            patch.delenv(name, raising=False)
        patch.setenv("ENVBUILD_HOME", str(tmp_path_factory.mktemp("envbuild-home")))
        yield


@pytest.fixture(scope="session")
def services() -> dict[str, Any]:
    """The state that the service starter wrote; empty where nothing was started."""
    usual = Path(tempfile.gettempdir()) / f"envbuild-services-{os.getuid()}"
    place = Path(os.environ.get("ENVBUILD_TEST_SERVICES") or usual)
    try:
        return json.loads((place / "state.json").read_bytes())
    except FileNotFoundError:
        return {"engines": {}, "podman": {}, "aarch64": {}, "missing": {}}


def _engine(services: dict[str, Any], name: str) -> Tool:
    known = services["engines"].get(name)
    if not known:
        why = services["missing"].get(f"engine {name}", "not started: python tests/services/services.py up")
        _missing(f"engine {name}", why)
    client = shutil.which("docker") or _missing("docker", "the client is not installed")
    engine = Tool(name, (client,), {"DOCKER_HOST": f"unix://{known['socket']}"})
    answer = engine("version", check=False, timeout=30)
    if answer.returncode:
        _missing(f"engine {name}", answer.stderr.strip())
    return engine


@pytest.fixture(scope="session")
def docker_engine(services) -> Tool:
    """A Docker engine that keeps images in the overlay2 graph driver; call it as `docker`."""
    return _engine(services, "docker")


@pytest.fixture(scope="session")
def containerd_engine(services) -> Tool:
    """A Docker engine that keeps images in containerd's image store; call it as `docker`."""
    return _engine(services, "containerd")


@pytest.fixture(scope="session")
def program() -> Callable[..., Tool]:
    """`program("strace")`: an installed program as a Tool; more words are its first arguments."""

    def find(name: str, *arguments: str, env: Mapping[str, str] | None = None) -> Tool:
        path = shutil.which(name) or _missing(name, "not installed")
        return Tool(name, (path, *arguments), env or {})

    return find


@pytest.fixture(scope="session")
def podman(program, services) -> Tool:
    """Podman with a storage of the tests' own."""
    tool = program("podman", env=services["podman"])
    answer = tool("info", check=False, timeout=60)
    if answer.returncode or not services["podman"]:
        _missing("podman", answer.stderr.strip() or "not set up: python tests/services/services.py up")
    return tool


@pytest.fixture(scope="session")
def skopeo(program) -> Tool:
    """Skopeo, which reads images in every form, as a second opinion."""
    return program("skopeo", "--insecure-policy")


@pytest.fixture(scope="session")
def umoci(program) -> Tool:
    """umoci, which unpacks an OCI layout into a root file system."""
    return program("umoci")


@dataclass(frozen=True, slots=True)
class Emulators:
    """User-mode emulators of other CPUs."""

    x86_64: Tool
    aarch64: Tool


@pytest.fixture(scope="session")
def qemu(program) -> Emulators:
    """Runs a program as another x86-64 model (`qemu.x86_64("-cpu", "Nehalem", sys.executable, ...)`) or as aarch64."""
    return Emulators(program("qemu-x86_64-static"), program("qemu-aarch64-static"))


@pytest.fixture(scope="session")
def aarch64_python(qemu, services) -> Tool:
    """Debian's Python for aarch64 under the emulator, with this tree and what making layers needs on its path."""
    known = services["aarch64"]
    if not known:
        why = services["missing"].get("aarch64 python", "not there: python tests/services/services.py up")
        _missing("aarch64 python", why)
    path = os.pathsep.join([str(ROOT), known["site"]])
    command = (*qemu.aarch64.command, "-L", known["root"], known["python"])
    return Tool("aarch64 python", command, {"PYTHONPATH": path, "PYTHONDONTWRITEBYTECODE": "1"})


@dataclass(frozen=True, slots=True)
class Result:
    """How a command line ended."""

    code: int
    stdout: str
    stderr: str


@dataclass(frozen=True, slots=True)
class Home:
    """A place of one test: a store, a home folder and an environment with nothing of the developer's in it."""

    path: Path
    store: Path

    @property
    def env(self) -> dict[str, str]:
        """The environment: PATH, the machine's settings for indexes, proxies and certificates, and places of its own."""
        kept = ("PIP_", "UV_", "SSL_", "REQUESTS_", "CURL_", "LC_", "TMP")
        named = ("PATH", "LANG", "TZ", "USER", "LOGNAME", "LD_LIBRARY_PATH", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY")
        passed = {k: v for k, v in os.environ.items() if k.startswith(kept) or k.upper() in named}
        places = {
            "HOME": str(self.path),
            "ENVBUILD_HOME": str(self.store),
            # No engine answers here, so that nothing is loaded anywhere unless a test says so.
            "DOCKER_HOST": f"unix://{self.path / 'no-engine.sock'}",
            "CONTAINERS_CONF": str(self.path / "no-podman.conf"),
            "NO_COLOR": "1",
        }
        return {**passed, **places}


def _new_home(path: Path, store: Path) -> Home:
    path.mkdir(parents=True, exist_ok=True)
    # Which index the machine uses belongs to the machine: it stays.
    for settings in ("pip", "uv"):
        real = Path.home() / ".config" / settings
        if real.is_dir() and not (path / ".config" / settings).exists():
            shutil.copytree(real, path / ".config" / settings)
    return Home(path, store)


@pytest.fixture
def home(tmp_path) -> Home:
    """An empty store and an empty home folder for this test."""
    return _new_home(tmp_path / "home", tmp_path / "envbuild-home")


@pytest.fixture(scope="session")
def warm_home(tmp_path_factory) -> Home:
    """One store for all tests of the session, so that packages are downloaded once; kept where ENVBUILD_TEST_CACHE says."""
    kept = os.environ.get("ENVBUILD_TEST_CACHE")
    store = Path(kept) / "envbuild-home" if kept else tmp_path_factory.mktemp("warm") / "envbuild-home"
    return _new_home(tmp_path_factory.mktemp("warm-user"), store)


@pytest.fixture(scope="session")
def sound() -> Callable[[str | Path], None]:
    """`sound(ENVBUILD_HOME)`: every image in that store is consistent. Each image is checked once a session."""
    checker = Checker()

    def check(home: str | Path) -> None:
        store = Store(Path(home))
        new = [entry for entry in store.images() if entry["digest"] not in checker.images]
        found = [finding for entry in new for finding in checker.image(entry, store, entry["digest"][7:19])]
        assert not found, "an image is not consistent:\n" + "\n".join(map(str, found[:40]))

    return check


@pytest.fixture
def run_cli(home, tmp_path, sound) -> Callable[..., Result]:
    """`run_cli("build", "requirements.txt", home=..., env=..., cwd=...)`: envbuild as a real process."""
    empty = tmp_path / "cwd"
    empty.mkdir()

    def run(*arguments, home=home, env=None, cwd=empty, input="", timeout=900) -> Result:  # noqa: A002
        done = subprocess.run(
            [sys.executable, "-m", "envbuild", *map(str, arguments)],
            env={**home.env, **(env or {})},
            cwd=cwd,
            input=input,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )
        if done.returncode == 0:
            sound({**home.env, **(env or {})}["ENVBUILD_HOME"])
        return Result(done.returncode, done.stdout, done.stderr)

    return run


@pytest.fixture
def make_wheel(tmp_path) -> Callable[..., Path]:
    """`make_wheel("pkg", "1.0", {"pkg/__init__.py": "x = 1"}, requires=["other"], tag="py3-none-any")`: a wheel's path."""

    def make(name, version="1.0", files=None, *, folder=tmp_path, **more) -> Path:
        return write_wheel(Path(folder), name, version, files, **more)

    return make


BACKEND = """\
import base64, hashlib, os, pathlib, time, tomllib, zipfile


def build_wheel(wheel_directory, config_settings=None, metadata_directory=None):
    project = tomllib.loads(pathlib.Path("pyproject.toml").read_text())["project"]
    name, version = project["name"].replace("-", "_"), project["version"]
    info, tag = f"{name}-{version}.dist-info", TAG
    requires = "".join(f"Requires-Dist: {line}\\n" for line in project.get("dependencies", []) + MORE)
    scripts = "".join(f"{key} = {value}\\n" for key, value in project.get("scripts", {}).items())
    files = {path.relative_to("src").as_posix(): path.read_bytes() for path in sorted(pathlib.Path("src").rglob("*.py"))}
    files[f"{info}/METADATA"] = f"Metadata-Version: 2.1\\nName: {name}\\nVersion: {version}\\n{requires}".encode()
    files[f"{info}/WHEEL"] = f"Wheel-Version: 1.0\\nGenerator: tests\\nRoot-Is-Purelib: true\\nTag: {tag}\\n".encode()
    files[f"{info}/entry_points.txt"] = f"[console_scripts]\\n{scripts}".encode()
    rows = ""
    # The time of a file in the archive is what the environment says, as backends do (reproducible-builds.org).
    when = time.gmtime(int(os.environ.get("SOURCE_DATE_EPOCH", time.time())))[:6]
    with zipfile.ZipFile(os.path.join(wheel_directory, f"{name}-{version}-{tag}.whl"), "w") as archive:
        for path, data in files.items():
            digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
            rows += f"{path},sha256={digest},{len(data)}\\n"
            archive.writestr(zipfile.ZipInfo(path, when), data)
        archive.writestr(zipfile.ZipInfo(f"{info}/RECORD", when), rows + f"{info}/RECORD,,\\n")
    return f"{name}-{version}-{tag}.whl"
"""
"""A build backend (PEP 517) that stands in the project's own tree, so that no index is needed to build it."""


@pytest.fixture
def python_project() -> Callable[..., Path]:
    """`python_project(folder, dependencies=["six"], more="...")`: a project with a package, a script and a build backend."""

    def make(folder, *, dependencies=(), more="", name="my-project", requires=(), tag="py3-none-any", undeclared=()):
        module = name.replace("-", "_")
        (folder / "src" / module).mkdir(parents=True)
        (folder / "src" / module / "__init__.py").write_text('def main():\n    print("hello from the project")\n')
        (folder / "build_backend").mkdir()
        head = f"TAG, MORE = {tag!r}, {list(undeclared)!r}\n"
        (folder / "build_backend" / "in_tree.py").write_text(head + BACKEND)
        (folder / "pyproject.toml").write_text(
            f'[build-system]\nrequires = {json.dumps(list(requires))}\nbuild-backend = "in_tree"\n'
            f'backend-path = ["build_backend"]\n[project]\nname = "{name}"\nversion = "1.0"\n'
            f'dependencies = {json.dumps(list(dependencies))}\n{more}\n[project.scripts]\nmy-tool = "{module}:main"\n'
        )
        return folder

    return make


@dataclass(frozen=True, slots=True)
class Index:
    """A package index on this machine: put wheels into `folder`."""

    url: str
    folder: Path


@pytest.fixture
def pypi_server(tmp_path) -> Iterator[Index]:
    """A real index server (pypiserver: HTML pages with sha256 hashes) over an empty folder of the test's own."""
    if not PROGRAM.exists():
        _missing("pypiserver", "not installed: make setup")
    folder = tmp_path / "index"
    folder.mkdir()
    with pypiserver(folder) as url:
        yield Index(url, folder)
