"""What a run configuration says of how something is run, with AzureML's names: kept, checked and saved."""

from envbuild.azuremlform.kinds import ARGUMENTS, BOOLEAN, INTEGER, JSON, OPTIONAL_TEXT, PLAIN, TEXT, TEXTS, Kind
from envbuild.azuremlform.refusals import WrongType
from envbuild.azuremlform.section import Attribute, Section

__all__ = [
    "DATA_REFERENCES",
    "AmlComputeConfiguration",
    "DataReferenceConfiguration",
    "DockerConfiguration",
    "HdiConfiguration",
    "HistoryConfiguration",
    "MpiConfiguration",
    "PyTorchConfiguration",
    "SparkConfiguration",
    "TensorflowConfiguration",
]


class DockerConfiguration(Section):
    """How a run's container is started. A container is meant unless `use_docker` is False."""

    use_docker = Attribute(BOOLEAN, lambda: True)
    shared_volumes = Attribute(BOOLEAN, lambda: True)
    arguments = Attribute(ARGUMENTS, list)
    shm_size = Attribute(OPTIONAL_TEXT, lambda: "2g")

    def __init__(
        self,
        use_docker: bool = True,
        shared_volumes: bool = True,
        arguments: list[str | float] | None = None,
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

    def __init__(self, worker_count: int = 1, parameter_server_count: int = 1) -> None:
        super().__init__()
        self.worker_count, self.parameter_server_count = worker_count, parameter_server_count


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


DATA_REFERENCES = _ReferencesKind()
"""Data references by name."""
