"""`Environment`: a definition that is made and edited in code, with AzureML's names (azureml.core.environment).

`Environment("train")` has no packages, the default base and no variables. What it means is `to_definition()`; the same
meaning has the same id, whether it is made here or read from a file.
"""

import os
import sys
from collections.abc import Mapping
from copy import deepcopy
from pathlib import Path
from typing import IO, ClassVar

from envbuild.azuremlform.kinds import JSON, OPTIONAL_TEXT, PAIRS, Kind, one_of
from envbuild.azuremlform.refusals import Refused, in_file
from envbuild.azuremlform.saying import warned
from envbuild.azuremlform.section import Attribute, Section, optional, section
from envbuild.conda_dependencies import CondaDependencies
from envbuild.container_registry import ContainerRegistry
from envbuild.databricks import DatabricksSection
from envbuild.definition import Definition
from envbuild.environmentparts.directory import JSON_FILE, load_folder, save_folder
from envbuild.environmentparts.docker import (
    DEFAULT_CPU_IMAGE,
    DEFAULT_GPU_IMAGE,
    DockerBuildContext,
    DockerImagePlatform,
    DockerSection,
)
from envbuild.environmentparts.languages import RCranPackage, RGitHubPackage, RSection, SparkPackage, SparkSection
from envbuild.environmentparts.meaning import reading_of
from envbuild.environmentparts.python import PythonSection
from envbuild.environmentparts.specifications import conda_specification, packages_of, pip_requirements
from envbuild.environmentparts.unsaved import warn_of_logins
from envbuild.formats.azureml.imagenames import is_default_image
from envbuild.formats.sourcefile import Reading
from envbuild.sources.installed.condaenvironments import conda_environment
from envbuild.workspace import Workspace
from envbuild.workspace.capturing import capture

__all__ = [
    "DEFAULT_CPU_IMAGE",
    "DEFAULT_GPU_IMAGE",
    "CondaDependencies",
    "ContainerRegistry",
    "DatabricksSection",
    "DockerBuildContext",
    "DockerImagePlatform",
    "DockerSection",
    "Environment",
    "EnvironmentReference",
    "PythonSection",
    "RCranPackage",
    "RGitHubPackage",
    "RSection",
    "SparkPackage",
    "SparkSection",
]

_PathLike = str | os.PathLike[str]
_NAMES_LATER = "environments get names and versions with workspaces; save_to_directory and load_from_directory keep one"
_BUILDS_LATER = "`envbuild build` builds a file's definition, and `envbuild show` and `probe` tell of its image"


class _VersionKind(Kind[str | None]):
    """A text or None; files have numbers, too."""

    def __init__(self) -> None:
        super().__init__(OPTIONAL_TEXT.words, OPTIONAL_TEXT.fits, lambda value: value)

    def loaded(self, at: str, value: JSON) -> str | None:
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        return self.checked(at, str(value) if is_number else value)


class Environment(Section):
    """An environment. Attributes are checked when they are assigned; a misspelt one is refused with the nearest.

    WrongType (a TypeError), Refused (a ValueError) and UnknownAttribute (an AttributeError) say what is wrong.
    """

    _later: ClassVar[Mapping[str, str]] = {
        **dict.fromkeys(("register", "get", "list", "label", "add_private_pip_wheel"), _NAMES_LATER),
        **dict.fromkeys(("build", "build_local", "get_image_details"), _BUILDS_LATER),
    }

    name = Attribute(OPTIONAL_TEXT, lambda: None)
    version = Attribute(_VersionKind(), lambda: None)
    environment_variables = Attribute(PAIRS, dict, reads=lambda _, value: {} if value is None else value)
    python = Attribute(section(PythonSection), PythonSection)
    docker = Attribute(section(DockerSection), DockerSection)
    spark = Attribute(section(SparkSection), SparkSection)
    databricks = Attribute(section(DatabricksSection), DatabricksSection)
    r = Attribute(optional(RSection), lambda: None)
    inferencing_stack_version = Attribute(one_of("latest", None), lambda: None)
    asset_id = Attribute(OPTIONAL_TEXT, lambda: None)

    def __init__(self, name: str | None) -> None:
        """Of this name, with nothing in it."""
        super().__init__()
        self.name = name

    @staticmethod
    def from_conda_specification(name: str, file_path: _PathLike) -> "Environment":
        """Of a conda environment file. InvalidDefinition has what is wrong in it; UsageError: it cannot be read."""
        made = Environment(name)
        made.python.conda_dependencies = conda_specification(file_path)
        return made

    @staticmethod
    def from_pip_requirements(name: str, file_path: _PathLike, pip_version: str | None = None) -> "Environment":
        """Of a requirements file, which is read as pip reads it, with the files that it includes.

        InvalidDefinition has what is wrong in them; UsageError: the file cannot be read.
        """
        made = Environment(name)
        made.python.conda_dependencies = pip_requirements(file_path, pip_version)
        return made

    @staticmethod
    def from_existing_conda_environment(
        name: str, conda_environment_name: str, *, ask_channels: bool = False
    ) -> "Environment":
        """Of a conda environment of this machine, by its name: its packages in their builds, and what pip installed.

        Conda itself is not needed. With `ask_channels` the channels are asked which builds they still have: of one that
        is gone the version alone is taken, and said. What could not be taken is said in a warning. UsageError where
        there is no such environment.
        """
        return _captured(name, conda_environment(conda_environment_name, os.environ), ask_channels=ask_channels)

    @staticmethod
    def from_current(name: str | None = None) -> "Environment":
        """Of the environment that runs this. What could not be taken is said in a warning."""
        return _captured(name, Path(sys.prefix))

    @staticmethod
    def from_dockerfile(
        name: str,
        dockerfile: _PathLike | IO[str],
        conda_specification: _PathLike | None = None,
        pip_requirements: _PathLike | None = None,
    ) -> "Environment":
        """Of a Dockerfile (its path, its text or a file object), and a conda or requirements file whose packages go on top.

        Without either the user manages the packages. Refused for both; UsageError for a path where nothing is.
        """
        made = _on_top(name, conda_specification, pip_requirements)
        made.docker.base_dockerfile = dockerfile
        return made

    @staticmethod
    def from_docker_image(
        name: str,
        image: str,
        container_registry: ContainerRegistry | None = None,
        conda_specification: _PathLike | None = None,
        pip_requirements: _PathLike | None = None,
    ) -> "Environment":
        """Of an image, and a conda or requirements file whose packages go on top.

        Without either the user manages the packages, unless it is the default base. Refused for both.
        """
        made = _on_top(name, conda_specification, pip_requirements)
        made.docker.base_image = image
        if is_default_image(image):
            made.python.user_managed_dependencies = False
        if container_registry is not None:
            made.docker.base_image_registry = container_registry
        return made

    @staticmethod
    def from_docker_build_context(name: str, docker_build_context: DockerBuildContext) -> "Environment":
        """Of a folder with a Dockerfile; the user manages the packages."""
        made = _on_top(name, None, None)
        made.docker.build_context = docker_build_context
        return made

    @staticmethod
    def load_from_directory(path: _PathLike) -> "Environment":
        """Of a folder that `save_to_directory` wrote, here or in AzureML.

        InvalidDefinition has what is wrong in its files; UsageError: no such folder or file.
        """
        value, conda = load_folder(Path(path))
        with in_file(str(Path(path) / JSON_FILE)):
            made = Environment.from_json(value, "")
        if conda is not None:
            made.python.conda_dependencies = conda
        return made

    def save_to_directory(self, path: _PathLike, overwrite: bool = False) -> None:
        """Write azureml_environment.json, conda_dependencies.yml and, where there is one, BaseDockerfile.

        What requirements include is written into conda_dependencies.yml, what constraints include beside it. Logins are
        not written, with a warning, but for those in a Dockerfile's text. UsageError: the folder is there, and
        `overwrite` is False.
        """
        warn_of_logins(self.docker)
        save_folder(Path(path), self.to_json(), self.python.conda_dependencies, overwrite=overwrite)

    def clone(self, new_name: str) -> "Environment":
        """A copy that shares nothing with this one; its version and asset id are None."""
        made = deepcopy(self)
        made.name, made.version, made.asset_id = new_name, None, None
        return made

    def to_definition(self, *, keep_azureml: bool = False) -> Definition:
        """What it means, normalized. InvalidDefinition has all that is wrong, each fault with its attribute.

        azureml-defaults, azureml-core and azureml-sdk are left out, or kept where `keep_azureml` says so.
        """
        return self.to_reading(keep_azureml=keep_azureml).definition

    def to_reading(self, *, keep_azureml: bool = False) -> Reading:
        """What it means, with the logins that stood in URLs, and notices of what was left out or assumed."""
        return reading_of(self, keep_azureml=keep_azureml)

    def __str__(self) -> str:
        return f"Environment(Name: {self.name}, Version: {self.version})"


class EnvironmentReference(Section):
    """An environment by its name; without a version the newest."""

    _later: ClassVar[Mapping[str, str]] = {"get_environment": _NAMES_LATER}

    name = Attribute(OPTIONAL_TEXT, lambda: None)
    version = Attribute(OPTIONAL_TEXT, lambda: None)

    def __init__(self, name: str, version: str | None = None) -> None:
        """The environment of this name and version."""
        super().__init__()
        self.name, self.version = name, version


def _captured(name: str | None, prefix: Path, *, ask_channels: bool = False) -> Environment:
    channels = (lambda: Workspace.open(os.environ).adapters.channels) if ask_channels else None
    found = capture(str(prefix), os.environ, channels)
    made = Environment(found.definition.name if name is None else name)
    made.python.conda_dependencies = packages_of(found.definition)
    made.environment_variables = dict(found.definition.variables)
    made.docker.platform.architecture = found.definition.platforms[0].architecture
    if found.left_behind:
        left = "\n  ".join(map(str, found.left_behind))
        warned(f"{prefix}: left behind:\n  {left}")
    for notice in found.notices[1:] if ask_channels else ():
        warned(notice)
    return made


def _on_top(name: str, conda: _PathLike | None, pip: _PathLike | None) -> Environment:
    """An environment with the packages of one file, or none."""
    if conda is not None and pip is not None:
        hint = "keep one: a pip section may stand in the conda file"
        raise Refused("conda_specification and pip_requirements are both given", at="conda_specification", hint=hint)
    if conda is not None:
        return Environment.from_conda_specification(name, conda)
    if pip is not None:
        return Environment.from_pip_requirements(name, pip)
    made = Environment(name)
    made.python.user_managed_dependencies = True
    return made
