"""The test bench itself: it must not touch what it did not start, and must not let a missing component pass unseen."""

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SERVICES = ROOT / "tests/services"


def load(name: str):
    spec = importlib.util.spec_from_file_location(f"bench_{name}", SERVICES / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


processes = load("processes")
debian_packages = load("debian_packages")

needs_proc = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="process start times come from /proc")


@needs_proc
def test_a_started_process_is_stopped(tmp_path):
    process = processes.Process.start([sys.executable, "-c", "import time; time.sleep(600)"], tmp_path / "log")
    assert process.alive
    process.stop(patience=10)
    assert not process.alive


@needs_proc
def test_a_process_that_only_has_the_same_pid_is_left_alone():
    """A pid is given out again: without the start time, somebody else's program would be killed."""
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"]) as other:
        try:
            processes.Process(other.pid, "another boot/1").stop(patience=0.1)
            assert other.poll() is None
        finally:
            other.kill()


@pytest.mark.parametrize(
    ("line", "stanza"),
    [
        ("deb http://mirror/debian bookworm main contrib", {"URIs": "http://mirror/debian", "Suites": "bookworm"}),
        (
            "deb [ arch=amd64 signed-by=/keys/a.gpg ] http://mirror/debian bookworm main # why",
            {"URIs": "http://mirror/debian", "Suites": "bookworm", "Signed-By": "/keys/a.gpg"},
        ),
    ],
)
def test_the_mirror_is_read_from_one_line_sources(line, stanza):
    """Else the engine cannot be installed on a machine whose sources are in the old form."""
    assert list(debian_packages._one_line_sources(["# deb http://old x main", "deb-src http://s y main", line])) == [
        stanza
    ]


def test_a_program_may_be_in_one_of_several_places(tmp_path):
    program = tmp_path / "there"
    program.touch(mode=0o755)
    component = debian_packages.Component("c", (f"{tmp_path}/nowhere|{program}", f"{tmp_path}/gone"), ())
    assert component.missing == (f"{tmp_path}/gone",)


@pytest.fixture(autouse=True)
def _our_plugins(monkeypatch):
    """The suite's own packages, for the suites that are made here."""
    monkeypatch.setenv("PYTHONPATH", str(ROOT / "tests"))


def run_bench(pytester, test: str, *, ci: bool, monkeypatch, state: dict | None = None):
    pytester.makeconftest((ROOT / "tests/conftest.py").read_text(encoding="utf-8"))
    pytester.makepyfile(test)
    folder = pytester.mkdir("services")
    if state is not None:
        (folder / "state.json").write_text(json.dumps(state), encoding="utf-8")
    monkeypatch.setenv("ENVBUILD_TEST_SERVICES", str(folder))
    monkeypatch.setenv("CI", "true" if ci else "")
    return pytester.runpytest_subprocess("-rs")


ENGINE_TEST = "def test_it(docker_engine): pass"


def test_a_missing_engine_is_a_named_skip_on_a_developers_machine(pytester, monkeypatch):
    result = run_bench(pytester, ENGINE_TEST, ci=False, monkeypatch=monkeypatch)
    result.assert_outcomes(skipped=1)
    result.stdout.fnmatch_lines(["*missing component: engine docker: not started*"])


def test_a_missing_engine_fails_in_ci_and_says_why(pytester, monkeypatch):
    state = {"engines": {}, "podman": {}, "aarch64": {}, "missing": {"engine docker": "not installed: iptables"}}
    result = run_bench(pytester, ENGINE_TEST, ci=True, monkeypatch=monkeypatch, state=state)
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*missing component: engine docker: not installed: iptables*"])


def test_a_skip_for_a_missing_component_that_a_test_makes_itself_fails_ci_too(pytester, monkeypatch):
    test = "import pytest\ndef test_it(): pytest.skip('missing component: crun')\ndef test_other(): pass"
    result = run_bench(pytester, test, ci=True, monkeypatch=monkeypatch)
    result.assert_outcomes(skipped=1, passed=1)
    assert result.ret == pytest.ExitCode.TESTS_FAILED


def test_tests_that_need_an_engine_can_be_left_out(pytester, monkeypatch):
    """`make unit` would start them otherwise."""
    pytester.makeconftest((ROOT / "tests/conftest.py").read_text(encoding="utf-8"))
    pytester.makepyfile(f"{ENGINE_TEST}\ndef test_other(): pass")
    pytester.runpytest_subprocess("-m", "not engine").assert_outcomes(passed=1, deselected=1)


def test_a_test_home_has_no_setting_of_the_developer(home, monkeypatch):
    """Else a test passes or fails with what its author's shell exports."""
    monkeypatch.setenv("ENVBUILD_CACHE", "mine")
    monkeypatch.setenv("PYTHONPATH", "mine")
    assert "mine" not in home.env.values()
    assert home.env["ENVBUILD_HOME"] != os.environ["ENVBUILD_HOME"]
