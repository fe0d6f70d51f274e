"""The other resolver gives the same lock for the same pins, and is refused where it would resolve for the wrong target."""

import importlib.util
import os
import sys
from dataclasses import replace

import pytest

from envbuild import host
from envbuild.definition import Index
from envbuild.errors import EnvironmentFault, MissingExtra, ResolveFailed, UsageError
from envbuild.machine import Machine
from envbuild.platforms import Platform
from envbuild.resolvers.piptools import PipTools

if importlib.util.find_spec("piptools") is None and not os.environ.get("CI"):
    pytest.skip("pip-tools is not installed: make setup", allow_module_level=True)


@pytest.fixture
def piptools(lab, tmp_path):
    """For a target that is this interpreter: the only one that pip-tools can serve."""
    lab.target = replace(
        lab.target,
        platform=Platform.parse(f"linux/{host.machine()}"),
        python=".".join(map(str, sys.version_info[:3])),
        glibc=host.glibc_version(),
    )
    return PipTools(lab.urls, lab.environ, tmp_path / "pip-cache", logins=lab.logins)


def test_both_resolvers_give_the_same_lock(lab, index, piptools):
    index.wheel("alpha", "1.0", ["beta>=1", 'gamma; extra == "more"'])
    index.wheel("alpha", "2.0", tag="cp27-cp27m-win32")
    for version in ("1.0", "2.0", "3.0"):
        index.wheel("beta", version)
        index.wheel("gamma", version)
    asked = {"constraints": ("gamma<3",), "prefer": {"beta": "2.0"}}
    found = lab.resolve("alpha[more]", pinner=piptools, **asked)
    assert found == lab.resolve("alpha[more]", **asked)
    assert {name: a.version for name, a in found.items()} == {"alpha": "1.0", "beta": "2.0", "gamma": "2.0"}


def test_markers_are_read_for_the_targets_full_version(lab, index, piptools):
    """Else a package that 3.11.2 needs and 3.11.7 does not would be missing in the image."""
    first = f"3.{sys.version_info.minor}.0"
    lab.target = replace(lab.target, python=first)
    index.wheel("alpha", "1.0", [f'beta; python_full_version <= "{first}"', f'gamma; python_full_version > "{first}"'])
    index.wheel("beta", "1.0")
    index.wheel("gamma", "1.0")
    found = lab.resolve("alpha", pinner=piptools)
    assert set(found) == {"alpha", "beta"}
    assert found == lab.resolve("alpha")


def test_pips_own_settings_decide_nothing(lab, index, other_index, piptools, monkeypatch):
    index.wheel("alpha", "1.0")
    other_index.wheel("alpha", "9.0")
    monkeypatch.setenv("PIP_EXTRA_INDEX_URL", other_index.url)
    monkeypatch.setenv("PIP_PRE", "1")
    assert {n: a.version for n, a in lab.resolve("alpha", pinner=piptools).items()} == {"alpha": "1.0"}
    assert not other_index.requests


def test_a_login_reaches_the_index_and_no_message(lab, index, piptools):
    lab.environ |= {"UV_INDEX_PYPI_USERNAME": "joe", "UV_INDEX_PYPI_PASSWORD": "s3:cr@t"}
    with pytest.raises(ResolveFailed) as failed:
        lab.resolve("alpha", pinner=piptools)
    assert "cr@t" not in str(failed.value)
    assert "cr%40t" not in str(failed.value)
    assert any(login.startswith("Basic ") for _, login in index.requests)


def test_no_build_code_runs_and_the_failure_is_told_without_pips_insides(lab, index, piptools):
    index.sdist("alpha", "1.0")
    with pytest.raises(ResolveFailed) as failed:
        lab.resolve("alpha", pinner=piptools)
    assert "alpha" in str(failed.value)
    assert "resolvelib" not in str(failed.value)
    assert "Traceback" not in str(failed.value)


def test_an_index_that_is_not_there_is_the_machines_fault(lab, piptools):
    lab.urls["pypi"] = "http://127.0.0.1:9/simple"
    lab.environ["PIP_RETRIES"] = "0"
    with pytest.raises(EnvironmentFault):
        lab.resolve("alpha", pinner=piptools)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"python": "3.99.1"}, r"the target has Python 3\.99\.1"),
        ({"platform": Platform("linux", "arm64" if host.machine() == "x86_64" else "amd64")}, "the target is linux/"),
        ({"glibc": "2.99"}, r"the target has 2\.99"),
    ],
)
def test_it_is_refused_for_another_target_with_the_reason(lab, piptools, change, reason):
    lab.target = replace(lab.target, **change)
    with pytest.raises(UsageError, match=reason):
        lab.resolve("alpha", pinner=piptools)


def test_it_is_refused_for_several_indexes(lab, piptools, other_index):
    lab.urls["private"] = other_index.url
    with pytest.raises(UsageError, match="private, pypi"):
        lab.resolve("alpha", pinner=piptools, indexes=(Index("private", other_index.url),))


def test_without_pip_tools_the_line_that_installs_it_is_told(lab, piptools, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(MissingExtra, match="pip-tools") as failed:
        piptools.pins(None)
    assert "envbuild[pip-tools]" in str(failed.value)


def test_a_direct_reference_behind_a_login_gives_the_same_lock_as_uv(lab, index, piptools, behind_a_login):
    url, _ = behind_a_login
    index.wheel("beta", "1.0")
    found = lab.resolve(f"alpha @ {url}", pinner=piptools)
    assert found["alpha"].url == url
    assert found == lab.resolve(f"alpha @ {url}")


@pytest.mark.skipif(not os.environ.get("CI"), reason="asks the machine's real index; runs where CI is set")
def test_real_index_both_resolvers_give_the_same_artifacts(lab, piptools, tmp_path):
    machine = Machine.read(os.environ)
    lab.urls["pypi"] = machine.pypi_index
    lab.environ |= {
        name: os.environ[name] for name in ("PATH", "SSL_CERT_FILE", "HTTPS_PROXY", "NO_PROXY") if name in os.environ
    }
    if machine.ca_bundle:
        lab.environ |= {"SSL_CERT_FILE": str(machine.ca_bundle), "PIP_CERT": str(machine.ca_bundle)}
    by_uv = lab.resolve("packaging", "six==1.16.0")
    assert by_uv["six"].sha256 == "8abb2f1d86890a2dfb989f9a77cfcfd3e47c2a354b01111771326f8aa26e0254"
    assert lab.resolve("packaging", "six==1.16.0", pinner=piptools) == by_uv
