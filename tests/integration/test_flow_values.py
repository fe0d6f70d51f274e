"""A runner that uses envbuild as a library says what it needs as a value: no file is written for it, and the ids are those of a file."""

import json
import sys
from dataclasses import replace

import pytest

from envbuild import Definition, Environment, Workspace
from envbuild.definition import ImageBase, Requirement
from envbuild.errors import InvalidDefinition
from envbuild.formats.selection import Selection
from envbuild.pipeline.locking import Choice
from envbuild.pipeline.quiet import Quiet
from envbuild.pipeline.running import RunRequest
from envbuild.runners.command import Command, CommandKind
from envbuild.workspace.results import BuildRequest


@pytest.fixture
def workspace(warm_home):
    return Workspace.open(warm_home.env)


ASKED = Definition(name="asked", pypi=(Requirement("six"), Requirement("IDNA")))


def test_a_value_is_built_probed_shown_explained_and_run(workspace, tmp_path, monkeypatch, capfd):
    monkeypatch.chdir(tmp_path)
    built = workspace.build(BuildRequest(spec=ASKED, targets=("store",)), Quiet())
    assert built.reference.startswith("envbuild/asked:")
    probe = workspace.probe(ASKED, None, Choice(), Quiet())
    assert (probe.hit, probe.digest) == (True, str(built.built.image.digest))
    assert workspace.explain(ASKED).hit
    assert [finding.code for finding in workspace.lint(ASKED)] == ["EB101", "EB101"]
    command = Command(CommandKind.RAW, "python", ("-c", "import six, idna; print('ran')"))
    assert workspace.run(RunRequest(spec=ASKED, command=command, container=False), Quiet()) == 0
    assert capfd.readouterr().out == "ran\n"


def test_a_value_and_a_file_that_say_the_same_share_the_image(workspace, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    file = tmp_path / "requirements.txt"
    file.write_text("idna\nsix\n")
    assert dict(workspace.show(ASKED, Quiet()).ids) == dict(workspace.show(str(file), Quiet()).ids)


def test_a_value_is_locked_into_a_file_of_its_name(workspace, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    locked = workspace.lock(ASKED, Choice(), Quiet())
    assert (tmp_path / locked.path).is_file()
    assert "asked" in locked.path
    assert workspace.lock(ASKED, Choice(locked=True), Quiet()).changes == ()


def test_a_value_may_be_called_as_a_lock_file_is(workspace):
    """Its name is no path: nothing is looked for in a file."""
    called = replace(ASKED, name="asked.lock")
    assert not workspace.probe(replace(called, variables=(("A", "1"),)), None, Choice(locked=False), Quiet()).digest
    assert workspace.build(BuildRequest(spec=called, targets=("store",)), Quiet()).ids["definition"]


def test_what_is_wrong_with_a_value_is_told_by_its_fields(workspace):
    with pytest.raises(InvalidDefinition) as refused:
        workspace.build(BuildRequest(spec=Definition(name="A b", pypi=(Requirement("x>>1"),))), Quiet())
    assert [fault.at for fault in refused.value.faults] == ["name", "pypi[0]"]


def test_what_has_no_builder_is_shown_and_refused_when_it_is_to_be_built(workspace):
    asked = Definition(name="on-image", base=ImageBase("registry.example/base:1"), python="")
    assert workspace.show(asked, Quiet()).ids["definition"]
    with pytest.raises(InvalidDefinition, match="no builder serves this key yet"):
        workspace.build(BuildRequest(spec=asked, selection=Selection()), Quiet())


def test_azuremls_environment_is_taken_as_the_definition_that_it_means(workspace, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    environment = Environment("asked")
    environment.python.conda_dependencies.add_pip_package("idna")
    environment.python.conda_dependencies.add_pip_package("six")
    assert dict(workspace.show(environment, Quiet()).ids) == dict(workspace.show(ASKED, Quiet()).ids)


SEED = """name: project_environment
channels:
  - conda-forge
dependencies:
  - python={python}
  - pip
  - numpy
  - pandas
  - scikit-learn
  - pip:
      - azureml-defaults
      - patsy
"""


def test_azuremls_example_of_a_conda_file_is_built_and_runs(warm_home, channel, tmp_path, monkeypatch, capfd):
    """The file that AzureML's documentation begins with: conda's packages, a pip section, and its own package in it."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "project_environment.yml").write_text(
        SEED.format(python=f"{sys.version_info[0]}.{sys.version_info[1]}")
    )
    environment = Environment.from_conda_specification("train", "project_environment.yml")
    environment.python.conda_dependencies.add_pip_package("six")
    workspace = Workspace.open({**warm_home.env, "ENVBUILD_CHANNEL_CONDA_FORGE": channel.url})
    built = workspace.build(BuildRequest(spec=environment, targets=("store",)), Quiet())
    assert built.reference.startswith("envbuild/train:")
    words = "import numpy, pandas, patsy, six, sklearn, sys; print(pandas.__version__ > '2', sys.prefix != sys.argv[1])"
    command = Command(CommandKind.RAW, "python", ("-c", words, sys.prefix))
    assert workspace.run(RunRequest(spec=environment, command=command, container=False), Quiet()) == 0
    assert capfd.readouterr().out == "True True\n"
    document = json.loads((tmp_path / workspace.lock(environment, Choice(), Quiet()).path).read_bytes())
    kinds = {a["name"]: a["kind"] for a in document["sections"]["linux/amd64"]["artifacts"]}
    assert (kinds["pandas"], kinds["patsy"], kinds["six"]) == ("conda", "wheel", "conda")
    assert "azureml-defaults" not in kinds
