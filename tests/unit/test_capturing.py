"""Which environment is meant where a user names one, or none."""

import sys

import pytest
from environments import Made

from envbuild.errors import InvalidDefinition, UsageError
from envbuild.formats.reading import read
from envbuild.formats.toml.envtomldump import envbuild_toml
from envbuild.normalize import normalize
from envbuild.workspace import Workspace
from envbuild.workspace.capturing import capture, prefix_of


@pytest.fixture
def here(tmp_path, monkeypatch):
    """A current folder with an environment `.venv` in it, and a conda with an environment `train`."""
    monkeypatch.chdir(tmp_path)
    made = Made.venv(tmp_path / ".venv")
    made.dist("six", "1.16.0")
    Made.conda(tmp_path / "conda/envs/train").python_by_conda(requested_spec="python")
    return tmp_path, {"CONDA_EXE": f"{tmp_path}/conda/bin/conda", "HOME": str(tmp_path / "home")}


def test_without_a_name_the_active_environment_is_meant_else_our_own(here):
    folder, environ = here
    active = {"VIRTUAL_ENV": f"{folder}/.venv", "CONDA_PREFIX": f"{folder}/conda/envs/train"}
    assert prefix_of("", environ | active) == folder / ".venv"
    assert prefix_of("", environ | {"CONDA_PREFIX": active["CONDA_PREFIX"]}) == folder / "conda/envs/train"
    assert str(prefix_of("", environ)) == sys.prefix


def test_a_folder_goes_before_conda_s_environment_of_the_same_name(here):
    folder, environ = here
    assert prefix_of("train", environ) == folder / "conda/envs/train"
    (folder / "train").mkdir()
    assert str(prefix_of("train", environ)) == "train"


def test_a_name_that_nothing_has_is_told_with_conda_s_names(here):
    _, environ = here
    with pytest.raises(UsageError) as refused:
        prefix_of("typo", environ)
    assert (refused.value.at, refused.value.hint) == ("typo", "conda's are train")


def test_an_activated_environment_that_was_deleted_is_named(here):
    folder, environ = here
    with pytest.raises(UsageError) as refused:
        capture("", environ | {"VIRTUAL_ENV": f"{folder}/gone"})
    assert refused.value.at == f"{folder}/gone"


def test_a_workspace_captures_by_the_variables_that_it_was_opened_with(here):
    folder, environ = here
    workspace = Workspace.open(environ | {"VIRTUAL_ENV": f"{folder}/.venv"})
    assert [r.text for r in workspace.capture().definition.pypi] == ["six==1.16"]
    assert workspace.capture("train").definition.name == "train"


def test_what_no_definition_can_say_is_a_fault_before_anything_is_written(here):
    """Half a surrogate pair has no UTF-8 form: the file would not be read again."""
    folder, environ = here
    (folder / "conda/envs/train/conda-meta/state").write_text('{"env_vars": {"MODE": "\\ud800"}}')
    with pytest.raises(InvalidDefinition) as refused:
        capture("train", environ)
    assert refused.value.at == "variables.MODE"


def test_a_conda_environment_is_written_as_a_file_that_is_read_again(here):
    """A python beside conda's python was written: envbuild refused its own file."""
    folder, environ = here
    made = Made.conda(folder / "conda/envs/mixed")
    made.python_by_conda(requested_spec="python")
    made.record("numpy", "1.26.4", requested_spec="numpy", dists=["numpy"])
    made.dist("six", "1.16.0")
    found = capture("mixed", environ).definition
    assert "python==3.11.9=h1_0" in found.conda
    text = envbuild_toml(found).encode()
    assert read("envbuild.toml", lambda _: text, finish=normalize).definition == found


def test_an_empty_folder_of_conda_s_makes_no_conda_environment(here):
    """What conda removed may leave the folder: an environment without packages would be written, and nobody told."""
    folder, environ = here
    (folder / "gone/conda-meta").mkdir(parents=True)
    (folder / "gone/conda-meta/history").write_text("")
    with pytest.raises(UsageError) as refused:
        capture("./gone", environ)
    assert "no Python environment" in str(refused.value)
    Made.conda(folder / "left").dist("six", "1.16.0")
    assert "a Python installation" in capture("./left", environ).notices[0]
