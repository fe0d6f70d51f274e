"""An environment in a folder: azureml_environment.json, and beside it conda_dependencies.yml and BaseDockerfile.

The keys are those that azureml-core writes, so that a folder of either is read by both. Logins are written nowhere.
"""

import json
from pathlib import Path
from typing import Any

from envbuild.azuremlform.condadocument import FILE_NAME as CONDA_FILE
from envbuild.azuremlform.kinds import JSON
from envbuild.azuremlform.yamltext import json_text
from envbuild.conda_dependencies import CondaDependencies
from envbuild.errors import Fault, InvalidDefinition, UsageError
from envbuild.formats.sourcefile import load_text
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
    value["python"]["condaDependenciesFile"] = None
    conda.save(folder / CONDA_FILE)
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
        docker["baseDockerfile"] = load_text(str(folder / DOCKERFILE), ProjectFiles().load)
    names = [CONDA_FILE]
    if isinstance(python, dict) and isinstance(named := python.pop("condaDependenciesFile", None), str):
        names.append(named)
    found = next((folder / name for name in names if (folder / name).is_file()), None)
    if found is None and len(names) > 1:
        hint = "put the file into the folder"
        raise InvalidDefinition([Fault(f"{folder / JSON_FILE}: python.condaDependenciesFile", "no such file", hint)])
    return value, CondaDependencies(found) if found else None


def _json(path: Path) -> dict[str, Any]:
    text = load_text(str(path), ProjectFiles().load)

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) != len(pairs):
            keys = [key for key, _ in pairs]
            twice = next(key for key in keys if keys.count(key) > 1)
            raise InvalidDefinition([Fault(str(path), f"{twice}: given twice", "keep one of them")])
        return found

    try:
        value = json.loads(text, object_pairs_hook=once)
    except json.JSONDecodeError as error:
        what = f"this is no JSON: {error.msg[:1].lower()}{error.msg[1:]}"
        raise InvalidDefinition([Fault(f"{path}:{error.lineno}", what, "is a comma or quote missing?")]) from None
    except RecursionError:
        raise InvalidDefinition([Fault(str(path), "nested too deeply", "is this the right file?")]) from None
    if not isinstance(value, dict):
        raise InvalidDefinition([Fault(str(path), "no environment", "it is an object with name, python and docker")])
    return value
