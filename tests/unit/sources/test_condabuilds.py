"""A captured environment's builds, asked of the channels that they came from."""

import pytest
from condachannel import package, serve, write_channel
from environments import Made

from envbuild.environment import Environment
from envbuild.sources.installed.leftbehind import Left
from envbuild.workspace import Workspace


@pytest.fixture
def made(tmp_path):
    """An environment with python, numpy and what Python is made of, and six by pip."""
    env = Made.conda(tmp_path / "conda/envs/train")
    env.python_by_conda(requested_spec="python")
    env.record("numpy", "1.26.4", "py311_0", depends=["python"], dists=["numpy"], requested_spec="numpy")
    env.dist("six", "1.16.0")
    return env


@pytest.fixture
def channel(tmp_path):
    """The channel that they came from: it has all but one of the builds, and no word of one package."""
    folder = tmp_path / "conda-forge"
    builds = [
        ("python", "3.11.9", "h1_0"), ("openssl", "3.3.0", "h2_3"), ("ca-certificates", "2024.7.2", "h3_0"),
        ("pip", "24.2", "py311_0"), ("setuptools", "75.1.0", "py311_0"), ("numpy", "1.26.4", "py311_1"),
        ("numpy", "1.26.3", "py311_0"),
    ]  # fmt: skip
    packages = [package(*one) for one in builds] + [package("tzdata", "2024a", "h4_0", subdir="noarch")]
    write_channel(folder, packages)
    with serve(folder) as served:
        yield served


@pytest.fixture
def environ(tmp_path):
    return {"HOME": str(tmp_path), "ENVBUILD_HOME": str(tmp_path / "store"), "CONDA_EXE": f"{tmp_path}/conda/bin/conda"}


def captured(environ, made, **asked):
    return Workspace.open(environ).capture(str(made.path), **asked)


def test_nothing_is_asked_where_nobody_asks_for_it(environ, made, channel):
    """A capture works without a network: what was installed is what the environment's own records say."""
    found = captured(environ | {"ENVBUILD_CHANNEL_CONDA_FORGE": channel.url}, made)
    assert "numpy==1.26.4=py311_0" in found.definition.conda
    assert channel.requests == []


def test_a_build_that_the_channel_has_no_more_leaves_its_version(environ, made, channel):
    """Else the definition could never be locked, although another build of that version is there."""
    found = captured(environ | {"ENVBUILD_CHANNEL_CONDA_FORGE": channel.url}, made, ask_channels=True)
    assert found.definition.conda == (
        "ca-certificates==2024.7.2=h3_0", "numpy==1.26.4", "openssl==3.3=h2_3", "pip==24.2=py311_0",
        "python==3.11.9=h1_0", "setuptools==75.1=py311_0", "tzdata==2024a=h4_0", "wheel==0.44",
    )  # fmt: skip
    gone = {one.name: one for one in found.left_behind if one.reason is Left.BUILD}
    assert {name: one.version for name, one in gone.items()} == {"numpy": "1.26.4", "wheel": "0.44"}
    assert gone["numpy"].why == "conda-forge has its build py311_0 no more: the version is taken"
    assert [one.text for one in found.definition.pypi] == ["six==1.16"]


def test_of_a_channel_that_cannot_be_asked_the_builds_stay(environ, made, tmp_path):
    """They are what is known; a channel that is away for an hour must not widen a definition."""
    nowhere = environ | {"ENVBUILD_CHANNEL_CONDA_FORGE": f"file://{tmp_path}/nowhere"}
    found = captured(nowhere, made, ask_channels=True)
    assert "numpy==1.26.4=py311_0" in found.definition.conda
    assert "conda-forge: whether it has these builds still is not known" in found.notices[-1]


def test_azureml_s_call_has_the_same_builds_and_says_what_is_gone(environ, made, channel, monkeypatch):
    for name, value in (environ | {"ENVBUILD_CHANNEL_CONDA_FORGE": channel.url}).items():
        monkeypatch.setenv(name, value)
    exact = Environment.from_existing_conda_environment("x", "train")
    assert "numpy==1.26.4=py311_0" in exact.python.conda_dependencies.conda_packages
    with pytest.warns(UserWarning, match="numpy 1.26.4: conda-forge has its build py311_0 no more"):
        asked = Environment.from_existing_conda_environment("x", "train", ask_channels=True)
    assert "numpy==1.26.4" in asked.python.conda_dependencies.conda_packages
    assert asked.python.conda_dependencies.pip_packages == ["six==1.16"]
