"""What only a file's own form shows, each with its line: an editor or a review puts the finding there."""

import json

import pytest

from envbuild.pipeline.linting.files import own_forms

CONDA = "channels: [conda-forge]\ndependencies:\n  - python=3.12\n"


def found(text, path="environment.yml"):
    return [(finding.code, finding.item, finding.line) for finding in own_forms(path, text)]


@pytest.mark.parametrize(
    ("text", "findings"),
    [
        (CONDA, []),
        ("dependencies:\n  - python=3.12\n", [("EB111", "", 0)]),
        ("channels:\ndependencies:\n  - python=3.12\n", [("EB111", "", 1)]),
        ("channels: []\ndependencies:\n  - python=3.12\n", [("EB111", "", 1)]),
        (CONDA + "prefix: /opt/conda/envs/x\n", [("EB112", "/opt/conda/envs/x", 4)]),
        ("name: AzureML-x\n" + CONDA, [("EB113", "AzureML-x", 1)]),
        ("name: microsoft\n" + CONDA, [("EB113", "microsoft", 1)]),
        ("name: train\n" + CONDA, []),
        (CONDA + "  - pip:\n    - six\n", [("EB107", "", 4)]),
        (CONDA + "  - pip=24\n  - pip:\n    - six\n", []),
        (CONDA + "  - conda-forge::pip\n  - pip:\n    - six\n", []),
        (CONDA + "  - pip\n  - pip:\n    - azureml_defaults~=1.5\n    - azureml-mlflow\n    - AzureML-SDK[all]\n",
         [("EB123", "azureml_defaults~=1.5", 6), ("EB123", "AzureML-SDK[all]", 8)]),
        ("channels: [c]\ndependencies:\n  - numpy\n", [("EB120", "", 0)]),
        (CONDA + "  - python>=3.10\n", [("EB121", "python>=3.10", 4)]),
        (CONDA + "  - python=3.12\n", [("EB121", "python=3.12", 4)]),
        ("channels: [c]\ndependencies:\n  - numpy\n  - python=3.x.1\n", [("EB122", "python=3.x.1", 4)]),
        ("a: [b\n", []),
        ("- 1\n", []),
        ("python: '3.11'\nbuild_dependencies: [pip]\ndependencies: [-r requirements.txt]\n", []),
    ],
)  # fmt: skip
def test_an_environment_yml(text, findings):
    assert found(text) == findings


SAVED = {
    "name": "train",
    "docker": {"enabled": False, "sharedVolumes": True, "shmSize": "2g", "arguments": [], "baseImageRegistry": {}},
    "python": {"condaDependencies": {"channels": ["conda-forge"], "dependencies": ["python=3.12"]}},
    "inferencingStackVersion": None,
    "r": None,
}


def saved(field, value):
    document = json.loads(json.dumps(SAVED))
    *outer, last = field.split(".")
    table = document
    for key in outer:
        table = table[key]
    table[last] = value
    return json.dumps(document, indent=2)


@pytest.mark.parametrize(
    ("field", "value", "findings"),
    [
        ("version", "1", []),
        ("docker.enabled", True, [("EB118", "true")]),
        ("docker.sharedVolumes", False, [("EB118", "false")]),
        ("docker.shmSize", "8g", [("EB118", "8g")]),
        ("docker.shmSize", None, []),
        ("docker.arguments", ["--ipc=host"], [("EB118", "")]),
        ("docker.gpuSupport", True, []),
        ("python.condaDependenciesFile", "c.yml", [("EB118", "c.yml")]),
        ("docker.baseImageRegistry", "r.example", [("EB125", "r.example")]),
        ("docker.baseImageRegistry", {"address": "r.example", "username": "u"}, [("EB116", "r.example")]),
        ("docker.baseImageRegistry", {"address": "r.example", "username": "u", "password": "p"}, [("EB109", "r.example")]),
        ("docker.baseImageRegistry", {"address": "r.example", "username": None, "password": None}, []),
        ("python.condaDependencies.channels", [], [("EB111", "")]),
        ("python.condaDependencies.prefix", "/x", [("EB112", "/x")]),
        ("name", "AzureML-Minimal", [("EB113", "AzureML-Minimal")]),
        ("name", "n" * 255, []),
        ("name", "n" * 256, [("EB127", "n" * 80)]),
    ],
)  # fmt: skip
def test_a_saved_azureml_environment(field, value, findings):
    """What the SDK wrote by itself is no finding: every saved environment would have four."""
    text = saved(field, value)
    told = found(text, "azureml_environment.json")
    assert [(code, item) for code, item, _ in told] == findings
    last = field.rpartition(".")[2]
    for code, _, line in told:
        assert line and (last in text.split("\n")[line - 1] or code == "EB109")


def test_a_password_is_not_repeated():
    text = saved("docker.baseImageRegistry", {"address": "r.example", "username": "u", "password": "hidden"})
    assert "hidden" not in repr(list(own_forms("azureml_environment.json", text)))


def test_an_assets_yaml_is_looked_at_too():
    """A v1 environment as YAML (a run configuration's part) has the same fields."""
    text = "name: x\ndocker:\n  enabled: true\n  baseImage: debian\npython:\n  condaDependencies:\n    dependencies: [python=3.12]\n"
    assert found(text) == [("EB111", "", 0), ("EB118", "true", 3)]


def test_a_conda_file_may_have_a_field_of_any_name():
    """What is no AzureML environment is not judged as one."""
    assert found(CONDA + "r: x\n") == []
