"""A YAML file as a definition: which of the forms it has is told by its keys, since all of them are named as they like."""

from envbuild.formats.azureml.azuremlyaml import is_azureml, read_azureml
from envbuild.formats.azureml.mlflowenv import is_python_env, read_python_env
from envbuild.formats.conda.environmentyml import read_environment
from envbuild.formats.nodes.yamlfile import load_yaml
from envbuild.formats.sourcefile import Loader, Reading, ReadRequest

__all__ = ["read_yaml"]


def read_yaml(path: str, load: Loader, asked: ReadRequest) -> Reading:
    """The definition in an environment.yml, an AzureML environment (v2), or MLflow's python_env.yaml.

    InvalidDefinition has all faults; UsageError: the file cannot be read.
    """
    text, document = load_yaml(path, load)
    if is_azureml(document):
        return read_azureml(document, text, path, load, asked)
    if is_python_env(document):
        return read_python_env(document, path, load, asked)
    return read_environment(document, text, path, load, asked)
