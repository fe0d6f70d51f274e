"""Variables that belong to a run, not to an image."""

import re
from collections.abc import Iterator

from envbuild.definition import Definition
from envbuild.pipeline.linting.codes import Finding, found

__all__ = ["run_variables"]

_SET_BY_RUN = re.compile(
    r"(HOME|PWD|OLDPWD|USER|LOGNAME|HOSTNAME|SHLVL|TMPDIR"
    r"|RANK|LOCAL_RANK|NODE_RANK|GROUP_RANK|WORLD_SIZE|LOCAL_WORLD_SIZE|MASTER_ADDR|MASTER_PORT"
    r"|CUDA_VISIBLE_DEVICES|NVIDIA_VISIBLE_DEVICES|MLFLOW_RUN_ID|MLFLOW_EXPERIMENT_ID"
    r"|(AZUREML|AZ_BATCH|SLURM|PBS|OMPI_COMM_WORLD|PMI|SSH)_[A-Z0-9_]+)"
)
_PLACEHOLDER = ("EXAMPLE_ENV_VAR", "EXAMPLE_VALUE")
"""What azureml-core's Environment had by itself."""


def run_variables(d: Definition) -> Iterator[Finding]:
    """EB119: every run would have the one value that is in the image, until something sets it."""
    for name, value in d.variables:
        if (name, value) == _PLACEHOLDER:
            yield found("EB119", "variables", name, "AzureML's SDK wrote it by itself", remedy="leave it out")
        elif _SET_BY_RUN.fullmatch(name):
            yield found(
                "EB119", "variables", name, "what starts a run sets it: in an image it is the same for every run"
            )
