"""MLflow's python_env.yaml, and the conda.yaml of a model: environments as they were, with the Python's full release.

MLflow documentation, "Managing Dependencies in MLflow Models". A base has one release of each Python, so that the minor
version decides, which is said.
"""

import errno
import re
from dataclasses import replace
from pathlib import PurePath

from envbuild.definition import DebianBase, Definition
from envbuild.errors import Fault, InvalidDefinition
from envbuild.formats.conda.environmentyml import read_environment
from envbuild.formats.nodes.yamlfields import YamlFields
from envbuild.formats.nodes.yamlnodes import Map, Node, Scalar, Sequence
from envbuild.formats.pip.requirementlist import in_order, read_requirement_list
from envbuild.formats.sourcefile import Loader, Reading, ReadRequest

__all__ = ["is_python_env", "read_mlflow_conda", "read_python_env"]

_KEYS = ("python", "build_dependencies", "dependencies")
_RELEASE = re.compile(r"(3\.\d+)(\.\d+)?")
_CONDA_PYTHON = re.compile(r"python\s*==?\s*(3\.\d+)\.\d+")


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
    minor = release[1]
    notices = [_minor_decides(python, minor)] if release[2] else []

    def finish(pip: Definition) -> Definition:
        return asked.finish(replace(pip, name=asked.name, base=DebianBase.with_python(minor), python=minor))

    reading = read_requirement_list(path, load, lines, asked.pypi_urls, finish)
    return replace(reading, notices=(*notices, *reading.notices))


def read_mlflow_conda(document: Node | None, text: str, path: str, load: Loader, asked: ReadRequest) -> Reading | None:
    """The definition in the conda.yaml of an MLflow model; None where it is none (there is no MLmodel beside it)."""
    place = PurePath(path)
    if place.name not in ("conda.yaml", "conda.yml") or not isinstance(document, Map):
        return None
    model = str(place.with_name("MLmodel"))
    try:
        load(model)
    except OSError as error:
        if error.errno == errno.ENOENT:
            return None
        raise InvalidDefinition(
            [Fault(model, f"cannot be read: {error.strerror or error}", "make it readable")]
        ) from None
    meant, release = _without_release(document)
    reading = read_environment(meant, text, path, load, asked)
    notices = [_minor_decides(release, ".".join(release.split(".")[:2]))] if release else []
    return replace(reading, notices=(*notices, *reading.notices), files=(*reading.files, model))


def _without_release(document: Map) -> tuple[Map, str]:
    """The document with the minor version of its Python, and the release that it named."""
    listed = document.entries.get("dependencies")
    items = listed.items if isinstance(listed, Sequence) else ()
    for number, item in enumerate(items):
        if isinstance(item, Scalar) and (found := _CONDA_PYTHON.fullmatch(item.text)):
            changed = (*items[:number], replace(item, text=f"python={found[1]}"), *items[number + 1 :])
            entries = {**document.entries, "dependencies": Sequence(changed, document.line)}
            return replace(document, entries=entries), item.text.replace(" ", "").replace("python", "").lstrip("=")
    return document, ""


def _minor_decides(release: str, minor: str) -> str:
    return f"Python {release} is what the model was made with: the base's own release of {minor} is taken"
