"""Run configurations as values: made, edited, saved and loaded, with AzureML's names (azureml.core.runconfig)."""

import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from envbuild.azuremlform.kinds import BOOLEAN, INTEGER, JSON, OPTIONAL_TEXT, PAIRS, PLAIN, TEXT, TEXTS, Kind, one_of
from envbuild.azuremlform.refusals import WrongType, in_file
from envbuild.azuremlform.section import Attribute, Section, section
from envbuild.azuremlform.yamltext import yaml_text
from envbuild.conda_dependencies import CondaDependencies
from envbuild.environment import DEFAULT_CPU_IMAGE, DEFAULT_GPU_IMAGE, Environment, EnvironmentReference
from envbuild.errors import Fault, InvalidDefinition, UsageError
from envbuild.formats.nodes.yamlnodes import YamlFault, parse, plain
from envbuild.formats.sourcefile import load_text
from envbuild.formats.urls import redacted
from envbuild.sources.files import ProjectFiles

__all__ = [
    "DEFAULT_CPU_IMAGE",
    "DEFAULT_GPU_IMAGE",
    "LOCAL_RUNCONFIG_NAME",
    "MPI_CPU_IMAGE",
    "MPI_GPU_IMAGE",
    "AmlComputeConfiguration",
    "DataReferenceConfiguration",
    "DockerConfiguration",
    "HdiConfiguration",
    "HistoryConfiguration",
    "MpiConfiguration",
    "PyTorchConfiguration",
    "RunConfiguration",
    "SparkConfiguration",
    "TensorflowConfiguration",
]

LOCAL_RUNCONFIG_NAME = "local"
MPI_CPU_IMAGE = DEFAULT_CPU_IMAGE
MPI_GPU_IMAGE = DEFAULT_GPU_IMAGE

_FOLDERS = (".azureml", "aml_config")
_SUFFIX = ".runconfig"
_CONDA_FILE = "environment.yml"


class DockerConfiguration(Section):
    """How a run's container is started. A container is meant unless `use_docker` is False."""

    use_docker = Attribute(BOOLEAN, lambda: True)
    shared_volumes = Attribute(BOOLEAN, lambda: True)
    arguments = Attribute(TEXTS, list)
    shm_size = Attribute(OPTIONAL_TEXT, lambda: "2g")

    def __init__(
        self,
        use_docker: bool = True,
        shared_volumes: bool = True,
        arguments: list[str] | None = None,
        shm_size: str | None = "2g",
    ) -> None:
        super().__init__()
        self.use_docker, self.shared_volumes, self.shm_size = use_docker, shared_volumes, shm_size
        self.arguments = [] if arguments is None else arguments


class HistoryConfiguration(Section):
    """What a run keeps."""

    output_collection = Attribute(BOOLEAN, lambda: True)
    snapshot_project = Attribute(BOOLEAN, lambda: True)
    directories_to_watch = Attribute(TEXTS, lambda: ["logs"])


class SparkConfiguration(Section):
    """Spark's own settings."""

    configuration = Attribute(PLAIN, dict)


class HdiConfiguration(Section):
    """HDInsight."""

    yarn_deploy_mode = Attribute(TEXT, lambda: "cluster")


class TensorflowConfiguration(Section):
    """A distributed TensorFlow job."""

    worker_count = Attribute(INTEGER, lambda: 1)
    parameter_server_count = Attribute(INTEGER, lambda: 1)


class MpiConfiguration(Section):
    """A distributed MPI job."""

    process_count_per_node = Attribute(INTEGER, lambda: 1)
    node_count = Attribute(INTEGER, lambda: 1)

    def __init__(self, process_count_per_node: int = 1, node_count: int = 1) -> None:
        super().__init__()
        self.process_count_per_node, self.node_count = process_count_per_node, node_count


class PyTorchConfiguration(Section):
    """A distributed PyTorch job."""

    communication_backend = Attribute(TEXT, lambda: "nccl")
    process_count = Attribute(INTEGER, lambda: None)
    node_count = Attribute(INTEGER, lambda: 1)

    def __init__(
        self, communication_backend: str = "nccl", process_count: int | None = None, node_count: int = 1
    ) -> None:
        super().__init__()
        self.communication_backend, self.process_count, self.node_count = (
            communication_backend,
            process_count,
            node_count,
        )


class AmlComputeConfiguration(Section):
    """A cluster that is made for a run."""

    vm_size = Attribute(OPTIONAL_TEXT, lambda: None)
    vm_priority = Attribute(OPTIONAL_TEXT, lambda: None)
    retain_cluster = Attribute(BOOLEAN, lambda: False)
    name = Attribute(OPTIONAL_TEXT, lambda: None)
    cluster_max_node_count = Attribute(INTEGER, lambda: 1)


class DataReferenceConfiguration(Section):
    """A folder of a datastore that a run gets."""

    data_store_name = Attribute(OPTIONAL_TEXT, lambda: None)
    mode = Attribute(TEXT, lambda: "mount")
    path_on_data_store = Attribute(OPTIONAL_TEXT, lambda: None)
    path_on_compute = Attribute(OPTIONAL_TEXT, lambda: None)
    overwrite = Attribute(BOOLEAN, lambda: False)

    def __init__(
        self,
        datastore_name: str | None = None,
        mode: str = "mount",
        path_on_datastore: str | None = None,
        path_on_compute: str | None = None,
        overwrite: bool = False,
    ) -> None:
        super().__init__()
        self.data_store_name, self.mode, self.path_on_data_store = datastore_name, mode, path_on_datastore
        self.path_on_compute, self.overwrite = path_on_compute, overwrite


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


class _ReferencesKind(Kind[dict[str, DataReferenceConfiguration]]):
    """Data references by name."""

    def __init__(self) -> None:
        super().__init__("a dict of DataReferenceConfiguration", self._fit, dict)

    def _fit(self, value: object) -> bool:
        return isinstance(value, dict) and all(isinstance(v, DataReferenceConfiguration) for v in value.values())

    def loaded(self, at: str, value: JSON) -> dict[str, DataReferenceConfiguration]:
        if not isinstance(value, dict):
            raise WrongType("expected a table", at=at)
        return {name: DataReferenceConfiguration.from_json(item, f"{at}.{name}") for name, item in value.items()}

    def dumped(self, value: dict[str, DataReferenceConfiguration]) -> JSON:
        return {name: reference.to_json() for name, reference in value.items()}


class RunConfiguration(Section):
    """What is run, where, and in which environment. What it says of clusters and data is kept and saved."""

    _passed_over = frozenset({"autoPrepareEnvironment", "prepareEnvironment", "jobName"})

    script = Attribute(OPTIONAL_TEXT, lambda: None)
    arguments = Attribute(TEXTS, list)
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
    data_references = Attribute(_ReferencesKind(), dict)
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
        arguments: list[str] | None = None,
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
        a warning. UsageError: a folder without a name.
        """
        target = _place(Path(path or "."), name)
        value = self.to_json()
        python = value["environment"].get("python") or {}
        if separate_environment_yaml and python.pop("condaDependencies", None) is not None:
            self.environment.python.conda_dependencies.save(target.parent / _CONDA_FILE)
            python["condaDependenciesFile"] = _CONDA_FILE
        elif python.get("condaDependencies"):
            text = self.environment.python.conda_dependencies.serialize_to_string()
            if redacted(text) != text:
                said = f"{target}: the login in an index's URL is not written; keep it with `envbuild login URL`"
                warnings.warn(said, UserWarning, stacklevel=2)
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
    text = load_text(str(path), ProjectFiles().load)
    try:
        value = plain(parse(text))
    except YamlFault as fault:
        raise InvalidDefinition([Fault(f"{path}:{fault.line}", fault.what, fault.hint)]) from None
    if not isinstance(value, dict):
        raise InvalidDefinition([Fault(str(path), "no run configuration", "it begins with `script:`")])
    environment = value.get("environment")
    python = environment.get("python") if isinstance(environment, dict) else None
    named = python.pop("condaDependenciesFile", None) if isinstance(python, dict) else None
    with in_file(str(path)):
        made = RunConfiguration.from_json(value, "")
    if named:
        # A name in the file's own folder, or a path from the project's.
        places = (path.parent / named, path.parent.parent / named)
        file = next((place for place in places if place.is_file()), places[0])
        made.environment.python.conda_dependencies = CondaDependencies(file)
    return made


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
