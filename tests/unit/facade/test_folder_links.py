"""A folder that was saved and handed on names no file outside it: its reader would show what the sender may not see."""

import json
from pathlib import Path

import pytest

from envbuild import Environment
from envbuild.conda_dependencies import CondaDependencies
from envbuild.errors import EnvbuildError
from envbuild.formats.reading import read
from envbuild.normalize import normalize

CONDA = "dependencies: [python=3.11, {pip: [canary]}]\n"


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "secret.yml").write_text(CONDA)
    saved = tmp_path / "saved"
    saved.mkdir()
    return saved


def save(folder, **python):
    (folder / "azureml_environment.json").write_text(json.dumps({"name": "x", "python": python}))


@pytest.mark.parametrize("absolute", [False, True])
def test_a_conda_file_outside_the_folder_is_refused(folder, absolute):
    name = str(folder.parent / "secret.yml") if absolute else "../secret.yml"
    save(folder, condaDependenciesFile=name)
    with pytest.raises(EnvbuildError, match=r"condaDependenciesFile: .* lies outside the folder"):
        Environment.load_from_directory(str(folder))


@pytest.mark.parametrize("name", ["conda_dependencies.yml", "BaseDockerfile"])
def test_a_link_out_of_the_folder_is_refused(folder, name):
    (folder / "azureml_environment.json").write_text('{"name": "x", "docker": {}, "python": {}}')
    (folder / name).symlink_to("../secret.yml")
    with pytest.raises(EnvbuildError, match="lies outside the folder") as caught:
        Environment.load_from_directory(str(folder))
    assert "canary" not in str(caught.value)


def test_a_conda_file_in_the_folder_is_read(folder):
    (folder / "mine.yml").write_text(CONDA)
    save(folder, condaDependenciesFile="mine.yml")
    conda = Environment.load_from_directory(str(folder)).python.conda_dependencies
    assert list(conda.pip_packages) == ["canary"]


def test_the_conda_file_that_is_named_goes_before_the_one_that_is_usual_for_object_and_file_alike(folder):
    """One folder, one environment: whoever builds the folder and whoever loads it must not get two."""
    (folder / "mine.yml").write_text(CONDA)
    (folder / "conda_dependencies.yml").write_text("dependencies: [python=3.11, {pip: [other]}]\n")
    save(folder, condaDependenciesFile="mine.yml")
    loaded = Environment.load_from_directory(str(folder)).to_definition()
    file = folder / "azureml_environment.json"
    assert loaded == read(str(file), lambda path: Path(path).read_bytes(), finish=normalize).definition
    assert [one.text for one in loaded.pypi] == ["canary"]


@pytest.mark.parametrize("kind", ["pip", "conda", "object"])
def test_a_file_that_is_included_by_a_link_is_not_read(folder, kind):
    """What an object keeps of the file is written wherever it is saved."""
    (folder / "more.txt").symlink_to("../secret.yml")
    (folder / "requirements.txt").write_text("six\n-r more.txt\n")
    (folder / "environment.yml").write_text("dependencies: [python=3.11, pip, {pip: [-r more.txt]}]\n")
    if kind == "object":
        conda = CondaDependencies(str(folder / "environment.yml"))
        assert not conda._document.beside
        return
    read = {"pip": Environment.from_pip_requirements, "conda": Environment.from_conda_specification}[kind]
    with pytest.raises(EnvbuildError, match="leads out of") as caught:
        read("x", str(folder / ("requirements.txt" if kind == "pip" else "environment.yml")))
    assert "canary" not in str(caught.value)
