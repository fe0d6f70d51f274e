"""An environment.yml with conda packages and a pip section: what conda brings is there once, whoever needs it."""

import json
import os
import sys
from pathlib import Path

import pytest
from condachannel import condashim
from packageindexes.scripted import scripted_site
from packageindexes.wheels import write_wheel

MINOR = f"{sys.version_info[0]}.{sys.version_info[1]}"


@pytest.fixture
def pypi(tmp_path):
    """An index with packages that need numpy, and with a newer numpy than conda has."""
    folder = tmp_path / "wheels"
    folder.mkdir()
    with scripted_site() as site:
        index = site.index("pypi")
        index.wheel(write_wheel(folder, "needs_numpy", "1.0", requires=["numpy>=1.20", "helper"]))
        index.wheel(write_wheel(folder, "wants_newer", "1.0", requires=["numpy>=2"]))
        index.wheel(write_wheel(folder, "helper", "1.0"))
        index.wheel(write_wheel(folder, "numpy", "2.0"))
        yield index


@pytest.fixture
def places(channel, pypi):
    """Where conda-forge and pypi are, for a command."""
    return {"ENVBUILD_CHANNEL_CONDA_FORGE": channel.url, "ENVBUILD_PYPI_INDEX": pypi.url}


@pytest.fixture
def spec(tmp_path):
    """`spec("needs-numpy")`: the path of an environment.yml with numpy from conda, and these from pip."""

    def write(*pip, name="mixed") -> Path:
        folder = tmp_path / name
        folder.mkdir()
        conda = "".join(f"  - {each}\n" for each in (f"python={MINOR}", "numpy=1.26", "pip"))
        lines = "".join(f"      - {each}\n" for each in pip)
        path = folder / "environment.yml"
        path.write_text(f"name: {name}\nchannels: [conda-forge]\ndependencies:\n{conda}  - pip:\n{lines}")
        return path

    return write


def artifacts(spec: Path) -> dict[str, list[tuple[str, str]]]:
    """By name, the kind and version of each artifact of its lock."""
    found: dict[str, list[tuple[str, str]]] = {}
    (section,) = json.loads(spec.with_name("environment.envbuild.lock").read_bytes())["sections"].values()
    for artifact in section["artifacts"]:
        found.setdefault(artifact["name"], []).append((artifact["kind"], artifact["version"]))
    return found


def test_numpy_is_in_the_lock_once_as_condas(warm, spec, places, pypi):
    path = spec("needs-numpy")
    warm("lock", path, env=places).ok()
    found = artifacts(path)
    assert found["numpy"] == [("conda", "1.26.4")]
    assert found["needs-numpy"] == [("wheel", "1.0")]
    assert found["helper"] == [("wheel", "1.0")]
    assert "numpy" not in pypi.asked


def test_what_needs_another_numpy_has_no_lock_and_the_reason_is_told(warm, spec, places):
    words = warm.failed(3, "lock", spec("wants-newer"), env=places)
    assert "conda has numpy 1.26.4, and wants-newer needs numpy>=2" in words
    assert "file:" not in words


def test_conda_lock_as_the_solver_gives_the_same_lock(warm, spec, places, tmp_path):
    first, second = spec("needs-numpy"), spec("needs-numpy", name="again")
    condashim.install(tmp_path / "bin")
    env = {**places, "PATH": f"{tmp_path / 'bin'}{os.pathsep}{os.environ['PATH']}"}
    warm("lock", first, env=env).ok()
    warm("lock", second, "--resolver", "conda-lock", "--upgrade", env=env).ok()
    assert [one["argv"][0] for one in condashim.asked(tmp_path / "bin")].count("create") == 1
    assert artifacts(first) == artifacts(second)


def test_without_a_conda_the_second_solver_is_the_machines_fault(warm, spec, places, tmp_path):
    (tmp_path / "bin").mkdir()
    env = {**places, "PATH": str(tmp_path / "bin"), "CONDA_EXE": "", "MAMBA_EXE": ""}
    words = warm.failed(5, "lock", spec("needs-numpy"), "--resolver", "conda-lock", "--upgrade", env=env)
    assert "none is on PATH" in words
