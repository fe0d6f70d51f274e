"""Run configurations as values: made, edited, saved and loaded, with AzureML's names (azureml.core.runconfig)."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from envbuild.azuremlform.credentials import without_credentials
from envbuild.azuremlform.kinds import (
    ARGUMENTS,
    BOOLEAN,
    INTEGER,
    JSON,
    OPTIONAL_TEXT,
    PAIRS,
    PLAIN,
    TEXT,
    Kind,
    one_of,
)
from envbuild.azuremlform.refusals import in_file
from envbuild.azuremlform.saying import warned
from envbuild.azuremlform.section import Attribute, Section, section
from envbuild.azuremlform.written import plain_as_written
from envbuild.conda_dependencies import CondaDependencies
from envbuild.container_registry import ContainerRegistry
from envbuild.environment import (
    DEFAULT_CPU_IMAGE,
    DEFAULT_GPU_IMAGE,
    DockerSection,
    Environment,
    EnvironmentReference,
    PythonSection,
    SparkPackage,
    SparkSection,
)
from envbuild.environmentparts.contextplace import place_from, place_in
from envbuild.environmentparts.python import OWN_KEY
from envbuild.environmentparts.runsections import (
    DATA_REFERENCES,
    AmlComputeConfiguration,
    DataReferenceConfiguration,
    DockerConfiguration,
    HdiConfiguration,
    HistoryConfiguration,
    MpiConfiguration,
    PyTorchConfiguration,
    SparkConfiguration,
    TensorflowConfiguration,
)
from envbuild.environmentparts.unsaved import warn_of_logins
from envbuild.errors import Fault, InvalidDefinition, UsageError
from envbuild.formats.nodes.yamlfile import load_yaml
from envbuild.formats.nodes.yamltext import yaml_text
from envbuild.sources.definitionfiles import leads_out
from envbuild.sources.files import ProjectFiles

__all__ = [
    "DEFAULT_CPU_IMAGE",
    "DEFAULT_GPU_IMAGE",
    "LOCAL_RUNCONFIG_NAME",
    "MAX_DURATION_SECONDS_DEFAULT",
    "MPI_CPU_IMAGE",
    "MPI_GPU_IMAGE",
    "AmlComputeConfiguration",
    "CondaDependencies",
    "ContainerRegistry",
    "DataReferenceConfiguration",
    "DockerConfiguration",
    "DockerSection",
    "Environment",
    "EnvironmentDefinition",
    "EnvironmentReference",
    "HdiConfiguration",
    "HistoryConfiguration",
    "MpiConfiguration",
    "PyTorchConfiguration",
    "PythonSection",
    "RunConfiguration",
    "SparkConfiguration",
    "SparkPackage",
    "SparkSection",
    "TensorflowConfiguration",
]

LOCAL_RUNCONFIG_NAME = "local"
MPI_CPU_IMAGE = DEFAULT_CPU_IMAGE
MPI_GPU_IMAGE = DEFAULT_GPU_IMAGE
MAX_DURATION_SECONDS_DEFAULT = 30 * 24 * 60 * 60
"""Thirty days."""
EnvironmentDefinition = Environment
"""The older name."""

_FOLDERS = (".azureml", "aml_config")
_SUFFIX = ".runconfig"
_CONDA_FILE = "environment.yml"


class _EnvironmentKind(Kind[Any]):
    """An Environment, or a reference to one."""

    def __init__(self) -> None:
        super().__init__("an Environment", lambda v: isinstance(v, Environment | EnvironmentReference), lambda v: v)

    def loaded(self, at: str, value: JSON) -> Any:
        if isinstance(value, dict) and value.get("name") and value.keys() <= {"name", "version"}:
            return EnvironmentReference(value["name"], value.get("version"))
        return Environment.from_json(value, at)

    def dumped(self, value: Any) -> JSON:
        return value.to_json()


class RunConfiguration(Section):
    """What is run, where, and in which environment. What it says of clusters and data is kept and saved."""

    _passed_over = frozenset({"autoPrepareEnvironment", "prepareEnvironment", "jobName"})

    script = Attribute(OPTIONAL_TEXT, lambda: None)
    arguments = Attribute(ARGUMENTS, list)
    target = Attribute(TEXT, lambda: LOCAL_RUNCONFIG_NAME)
    framework = Attribute(one_of("Python", "PySpark", "CNTK", "TensorFlow", "PyTorch"), lambda: "Python")
    communicator = Attribute(one_of("None", "ParameterServer", "OpenMpi", "IntelMpi", "Nccl", "Gloo"), lambda: "None")
    max_run_duration_seconds = Attribute(INTEGER, lambda: None)
    node_count = Attribute(INTEGER, lambda: 1)
    priority = Attribute(INTEGER, lambda: None)
    environment = Attribute(_EnvironmentKind(), lambda: Environment("default-environment"))
    history = Attribute(section(HistoryConfiguration), HistoryConfiguration)
    spark = Attribute(section(SparkConfiguration), SparkConfiguration)
    docker = Attribute(section(DockerConfiguration), DockerConfiguration)
    hdi = Attribute(section(HdiConfiguration), HdiConfiguration)
    tensorflow = Attribute(section(TensorflowConfiguration), TensorflowConfiguration)
    mpi = Attribute(section(MpiConfiguration), MpiConfiguration)
    pytorch = Attribute(section(PyTorchConfiguration), PyTorchConfiguration)
    paralleltask = Attribute(PLAIN, dict)
    data_references = Attribute(DATA_REFERENCES, dict)
    data = Attribute(PLAIN, dict)
    datacaches = Attribute(PLAIN, list)
    output_data = Attribute(PLAIN, dict)
    source_directory_data_store = Attribute(OPTIONAL_TEXT, lambda: None)
    amlcompute = Attribute(section(AmlComputeConfiguration), AmlComputeConfiguration)
    kubernetescompute = Attribute(PLAIN, dict)
    credential_passthrough = Attribute(BOOLEAN, lambda: False)
    command = Attribute(PLAIN, lambda: None)
    environment_variables = Attribute(PAIRS, dict)
    services = Attribute(PLAIN, dict)

    def __init__(
        self,
        script: str | None = None,
        arguments: list[str | float] | None = None,
        framework: str | None = None,
        communicator: str | None = None,
        conda_dependencies: CondaDependencies | None = None,
        command: str | list[str] | None = None,
    ) -> None:
        super().__init__()
        self.script, self.command = script, command
        self.arguments = arguments or []
        self.framework, self.communicator = framework or "Python", communicator or "None"
        if conda_dependencies is not None:
            self.environment.python.conda_dependencies = conda_dependencies

    def save(
        self, path: str | Path | None = None, name: str | None = None, separate_environment_yaml: bool = False
    ) -> str:
        """Write `<path>/.azureml/<name>.runconfig`, or the file that `path` names, and give its path.

        `separate_environment_yaml`: the conda packages go to an environment.yml beside it. Logins are not written, with
        a warning. What requirements include is written with them. UsageError: a folder without a name.
        """
        target = _place(Path(path or "."), name)
        value = self.to_json()
        if isinstance(self.environment, Environment):
            docker, python = value["environment"]["docker"], value["environment"]["python"]
            conda = self.environment.python.conda_dependencies
            warn_of_logins(self.environment.docker)
            place_in(target.parent, docker)
            if separate_environment_yaml:
                conda._save_as_one(target.parent / _CONDA_FILE)  # noqa: SLF001  its other half
                python["condaDependenciesFile"] = _CONDA_FILE
                python.pop("condaDependencies")
                python.pop(OWN_KEY, None)
            elif without_credentials(text := conda.serialize_to_string()) != text:
                warned(f"{target}: the login in an index's URL is not written; keep it with `envbuild login URL`")
        target.parent.mkdir(parents=True, exist_ok=True)
        ProjectFiles().write(str(target), yaml_text(value).encode())
        return str(target)

    @staticmethod
    def load(path: str | Path, name: str | None = None) -> "RunConfiguration":
        """Of a file that `save`, or AzureML, wrote. InvalidDefinition has what is wrong in it; UsageError: no such file."""
        found = next((place for place in _places(Path(path), name) if place.is_file()), None)
        if found is None:
            hint = f"a file, or a folder with {_FOLDERS[0]}/NAME{_SUFFIX} and the name"
            raise UsageError("no such run configuration", at=str(path), hint=hint)
        return _read(found)

    @staticmethod
    def delete(path: str | Path, name: str) -> None:
        """Delete the file. UsageError: there is none."""
        found = next((place for place in _places(Path(path), name) if place.is_file()), None)
        if found is None:
            raise UsageError("no such run configuration", at=f"{path}: {name}", hint="the name that it was saved with")
        found.unlink()


def _read(path: Path) -> RunConfiguration:
    _, document = load_yaml(str(path), ProjectFiles().load)
    value = plain_as_written(document)
    if not isinstance(value, dict):
        raise InvalidDefinition([Fault(str(path), "no run configuration", "it begins with `script:`")])
    environment = value.get("environment")
    python = environment.get("python") if isinstance(environment, dict) else None
    named = python.pop("condaDependenciesFile", None) if isinstance(python, dict) else None
    place_from(path.parent, environment.get("docker") if isinstance(environment, dict) else None)
    with in_file(str(path)):
        made = RunConfiguration.from_json(value, "")
    if named:
        made.environment.python.conda_dependencies = CondaDependencies(_conda_file(path, named))
    return made


def _conda_file(path: Path, named: object) -> Path:
    """The conda file: a name in the run configuration's own folder, or a path from the project's."""
    at = f"{path}: environment.python.condaDependenciesFile"
    if not isinstance(named, str):
        raise InvalidDefinition([Fault(at, "expected a file's path", f"condaDependenciesFile: {_CONDA_FILE}")])
    project = path.parent.parent if path.parent.name in _FOLDERS else path.parent
    found = next((folder / named for folder in (path.parent, project) if (folder / named).is_file()), None)
    if found is None:
        raise InvalidDefinition([Fault(at, f"{named}: no such file", f"put it into {path.parent}, or {project}")])
    if leads_out(str(found), str(project)):
        raise InvalidDefinition([Fault(at, f"{named} lies outside the project", f"put it into {path.parent}")])
    return found


def _place(path: Path, name: str | None) -> Path:
    if path.is_dir():
        if not name:
            raise UsageError("a run configuration needs a name", at=str(path), hint='save(FOLDER, "train")')
        folder = next((path / folder for folder in _FOLDERS if (path / folder).is_dir()), path / _FOLDERS[0])
        return folder / (name if name.endswith(_SUFFIX) else f"{name}{_SUFFIX}")
    return path


def _places(path: Path, name: str | None) -> Iterator[Path]:
    if not name:
        yield path
        return
    file = name if name.endswith(_SUFFIX) else f"{name}{_SUFFIX}"
    yield from (path / folder / file for folder in (*_FOLDERS, "."))
