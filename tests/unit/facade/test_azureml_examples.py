"""AzureML's documented examples run under envbuild's names: what people copied from there goes on working."""

import json
import re

import pytest

BLOCK = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@pytest.fixture
def conda_environment(folder, monkeypatch):
    """A conda environment named mycondaenv, as conda's records tell of it."""
    meta = folder / "envs/mycondaenv/conda-meta"
    meta.mkdir(parents=True)
    for name, version, depends in (("python", "3.11.9", []), ("numpy", "1.26.4", ["python >=3.11,<3.12.0a0"])):
        record = {
            "name": name,
            "version": version,
            "build": "h1_0",
            "build_number": 0,
            "channel": "https://conda.anaconda.org/conda-forge/linux-64",
            "subdir": "linux-64",
            "fn": f"{name}-{version}-h1_0.conda",
            "depends": depends,
            "files": ["bin/python3.11"] if name == "python" else [],
            "requested_spec": name,
        }
        (meta / f"{name}-{version}-h1_0.json").write_text(json.dumps(record), encoding="utf-8")
    (meta / "history").write_text(
        "==> 2024-01-01 00:00:00 <==\n# update specs: ['numpy', 'python']\n", encoding="utf-8"
    )
    monkeypatch.setenv("CONDA_ENVS_PATH", str(folder / "envs"))
    return meta.parent


def blocks(text: str) -> list[tuple[int, str]]:
    return [(text.count("\n", 0, found.start()) + 1, found[1]) for found in BLOCK.finditer(text)]


def test_every_block_of_the_page_runs(folder, conda_environment, kit):
    page = (kit.docs / "azureml-examples.md").read_text(encoding="utf-8")
    found = blocks(page)
    assert len(found) > 25 and len(found) == page.count("```python")
    names: dict = {}
    for line, block in found:
        names = kit.run("\n" * line + block, "docs/azureml-examples.md", **names)
    assert names["newenv"].to_definition().conda


def test_the_conda_environment_is_read_with_its_versions(folder, conda_environment):
    """Somebody without conda on this machine gets what conda had there."""
    from envbuild import Environment

    made = Environment.from_existing_conda_environment("mine", "mycondaenv")
    specs = made.python.conda_dependencies.conda_packages
    assert made.name == "mine" and any(s.startswith("numpy") and "1.26.4" in s for s in specs)
    assert made.python.conda_dependencies.conda_channels == ["conda-forge"]
    assert made.to_definition().conda


def test_the_page_of_all_names_begins_with_code_that_runs(folder, kit):
    page = (kit.docs / "from-azureml.md").read_text(encoding="utf-8")
    for line, block in blocks(page):
        kit.run("\n" * line + block, "docs/from-azureml.md")


SCRIPTS = {
    "imports of each kind": """
import azureml.core
from azureml.core import Environment
from azureml.core.environment import DEFAULT_CPU_IMAGE, Environment as Env
import azureml.core.conda_dependencies as cd
from azureml.core.runconfig import DockerConfiguration, RunConfiguration
from azureml.core.container_registry import ContainerRegistry
from azureml.core.databricks import PyPiLibrary

assert Env is Environment is azureml.core.Environment
env = Environment.from_pip_requirements("train", "requirements.txt")
env.docker.base_image = DEFAULT_CPU_IMAGE
env.python.conda_dependencies.add_pip_package("azureml-defaults")
definition = env.to_definition()
""",
    "one environment for all steps": """
import os
from azureml.core.environment import Environment
from azureml.core.conda_dependencies import CondaDependencies
from azureml.core.runconfig import DEFAULT_CPU_IMAGE, RunConfiguration

def training_environment(name, packages, folder="saved"):
    if os.path.isdir(folder):
        return Environment.load_from_directory(folder).clone(name)
    environment = Environment(name=name)
    environment.python.conda_dependencies = CondaDependencies.create(
        python_version="3.11", pip_packages=packages, conda_packages=["pip"]
    )
    environment.docker.enabled = True
    environment.docker.base_image = DEFAULT_CPU_IMAGE
    environment.environment_variables = {"AZUREML_COMPUTE_USE_COMMON_RUNTIME": "false"}
    environment.save_to_directory(folder)
    return environment

first = training_environment("first", ["azureml-defaults", "scikit-learn"])
env = training_environment("second", [])
run_config = RunConfiguration()
run_config.environment = env
run_config.environment.python.user_managed_dependencies = False
definition = env.to_definition()
""",
}


@pytest.mark.parametrize("script", SCRIPTS.values(), ids=SCRIPTS)
def test_a_script_runs_with_the_module_replaced(script, folder, kit):
    names = kit.run(script.replace("azureml.core", "envbuild"), "<script>")
    requirements = [requirement.text for requirement in names["definition"].pypi]
    assert requirements and "azureml-defaults" not in requirements
