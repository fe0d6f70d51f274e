"""MLflow's python_env.yaml: an environment as it was, with the Python's full release.

MLflow documentation, "Managing Dependencies in MLflow Models".
"""

import re
from dataclasses import replace

from envbuild.definition import DebianBase, Definition
from envbuild.errors import Fault, InvalidDefinition
from envbuild.formats.nodes.yamlfields import YamlFields
from envbuild.formats.nodes.yamlnodes import Map, Node
from envbuild.formats.pip.requirementlist import in_order, read_requirement_list
from envbuild.formats.sourcefile import Loader, Reading, ReadRequest

__all__ = ["is_python_env", "read_python_env"]

_KEYS = ("python", "build_dependencies", "dependencies")
_RELEASE = re.compile(r"(3\.\d+)(\.\d+)?")


def is_python_env(document: Node | None) -> bool:
    """Whether the document's keys are those of a python_env.yaml."""
    return isinstance(document, Map) and "python" in document.entries and set(document.entries) <= set(_KEYS)


def read_python_env(document: Node | None, path: str, load: Loader, asked: ReadRequest) -> Reading:
    """The definition in a python_env.yaml at `path`: its dependencies. InvalidDefinition has all faults.

    What it lists for building (pip, setuptools, wheel) is not installed: wheels need no building.
    """
    if not isinstance(document, Map):
        raise InvalidDefinition([Fault(path, "no python_env.yaml", "it begins with `python:`")])
    fields = YamlFields(document, path, [])
    python = fields.text("python")
    release = _RELEASE.fullmatch(python)
    if python and release is None:
        fields.fault("python", f"{python} is no Python version", 'python: "3.11"')
    fields.items("build_dependencies")
    lines = fields.items("dependencies")
    fields.unknown(_KEYS)
    if fields.faults or release is None:
        raise in_order(fields.faults or [Fault(fields.at("python"), "python: missing", 'python: "3.11"')])

    def finish(pip: Definition) -> Definition:
        return asked.finish(replace(pip, name=asked.name, base=DebianBase.with_python(python), python=python))

    return read_requirement_list(path, load, lines, finish)
