"""An environment in a folder: azureml_environment.json, and beside it conda_dependencies.yml and BaseDockerfile.

The keys are those that azureml-core writes, so that a folder of either is read by both. Logins are written nowhere.
What requirements include stands among them; what constraints include, in one file of its own.
"""

from pathlib import Path
from typing import Any

from envbuild.azuremlform.condadocument import FILE_NAME as CONDA_FILE
from envbuild.azuremlform.kinds import JSON
from envbuild.azuremlform.written import plain_as_written
from envbuild.conda_dependencies import CondaDependencies
from envbuild.environmentparts.contextplace import place_from, place_in
from envbuild.environmentparts.python import OWN_KEY
from envbuild.errors import Fault, InvalidDefinition, UsageError
from envbuild.formats.dockerfile import dockerfile_text
from envbuild.formats.nodes.jsonnodes import load_json
from envbuild.formats.nodes.yamltext import json_text
from envbuild.formats.sourcefile import load_bytes
from envbuild.sources.definitionfiles import leads_out
from envbuild.sources.files import ProjectFiles

__all__ = ["CONDA_FILE", "DOCKERFILE", "JSON_FILE", "load_folder", "save_folder"]

JSON_FILE = "azureml_environment.json"
DOCKERFILE = "BaseDockerfile"


def save_folder(folder: Path, value: JSON, conda: CondaDependencies, *, overwrite: bool) -> None:
    """Write what an Environment's JSON says. UsageError: the folder is there and may not be written over."""
    files = ProjectFiles()
    if folder.exists() and not overwrite:
        hint = "another folder, or overwrite=True"
        raise UsageError("is there already", at=str(folder), hint=hint)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"cannot be made: {error.strerror}", at=str(folder), hint="name a folder") from error
    dockerfile = value["docker"]["baseDockerfile"]
    value["docker"]["baseDockerfile"] = None
    value["python"].pop("condaDependencies")
    value["python"].pop(OWN_KEY, None)
    value["python"]["condaDependenciesFile"] = None
    place_in(folder, value["docker"])
    conda._save_as_one(folder / CONDA_FILE)  # noqa: SLF001  its other half
    if dockerfile is None:
        (folder / DOCKERFILE).unlink(missing_ok=True)
    else:
        files.write(str(folder / DOCKERFILE), dockerfile.encode())
    files.write(str(folder / JSON_FILE), f"{json_text(value, 4)}\n".encode())


def load_folder(folder: Path) -> tuple[JSON, CondaDependencies | None]:
    """The JSON with the Dockerfile in it, and what conda_dependencies.yml says, if it is there.

    UsageError: no such folder or file; InvalidDefinition has what is wrong in one of the files.
    """
    if not folder.is_dir():
        raise UsageError("no such folder", at=str(folder), hint="name the one that save_to_directory wrote")
    value = _json(folder / JSON_FILE)
    docker, python = value.get("docker"), value.get("python")
    if isinstance(docker, dict) and not docker.get("baseDockerfile") and (folder / DOCKERFILE).is_file():
        path = str(folder / DOCKERFILE)
        _stays(folder, DOCKERFILE, DOCKERFILE)
        docker["baseDockerfile"] = dockerfile_text(load_bytes(path, ProjectFiles().load), path)
    place_from(folder, docker)
    named = python.pop("condaDependenciesFile", None) if isinstance(python, dict) else None
    if isinstance(named, str):
        at = f"{folder / JSON_FILE}: python.condaDependenciesFile"
        _stays(folder, named, f"{JSON_FILE}: python.condaDependenciesFile")
        if not (folder / named).is_file():
            raise InvalidDefinition([Fault(at, "no such file", "put the file into the folder")])
        return value, CondaDependencies(folder / named)
    _stays(folder, CONDA_FILE, CONDA_FILE)
    found = folder / CONDA_FILE
    return value, CondaDependencies(found) if found.is_file() else None


def _stays(folder: Path, name: str, at: str) -> None:
    """InvalidDefinition for a file that is not in the folder, or is a link that leads out of it."""
    if leads_out(str(folder / name), str(folder)):
        what = f"{name} lies outside the folder"
        raise InvalidDefinition([Fault(str(folder / at), what, "put the file itself into the folder")])


def _json(path: Path) -> dict[str, Any]:
    value = plain_as_written(load_json(str(path), ProjectFiles().load))
    if not isinstance(value, dict):
        raise InvalidDefinition([Fault(str(path), "no environment", "it is an object with name, python and docker")])
    return value
