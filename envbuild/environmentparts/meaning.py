"""What an environment means: a `Definition`, by the same readers that read files, so that one meaning has one id."""

import os
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol

from envbuild.azuremlform.condadocument import FILE_NAME, CondaDocument
from envbuild.azuremlform.kinds import plain, word
from envbuild.azuremlform.piplines import package_name
from envbuild.azuremlform.saying import warned
from envbuild.conda_dependencies import CondaDependencies
from envbuild.databricks import DatabricksSection
from envbuild.definition import Base, Context, DebianBase, Definition, DockerfileBase, ImageBase
from envbuild.environmentparts.docker import DockerBuildContext, DockerSection
from envbuild.environmentparts.languages import RSection, SparkSection
from envbuild.environmentparts.python import PythonSection
from envbuild.errors import Fault, InvalidDefinition
from envbuild.formats.azureml.imagenames import NamedImage, image_of_text, image_reference
from envbuild.formats.conda.environmentyml import AZUREML_PACKAGES, read_environment_yml
from envbuild.formats.sourcefile import Reading, ReadRequest
from envbuild.formats.urls import redacted
from envbuild.normalize import normalize
from envbuild.platforms import LINUX_AMD64, Platform
from envbuild.reference import RULE
from envbuild.sources.files import ProjectFiles
from envbuild.workspace.contents import Contents, meant

__all__ = ["Described", "definition_name", "reading_of"]

_PACKAGES = "python.conda_dependencies"
_PLACEHOLDER = ("EXAMPLE_ENV_VAR", "EXAMPLE_VALUE")
_FIELDS = {
    "base.image": "docker.base_image",
    "base.dockerfile": "docker.base_dockerfile",
    "base.context": "docker.build_context",
    "interpreter": "python.interpreter_path",
    "variables": "environment_variables",
}
"""Fields of a definition, by the names that an Environment has for them."""
_HINTS = {
    'name the folder: context = "."': (
        "Environment.from_docker_build_context(NAME, DockerBuildContext.from_local_directory(None, FOLDER))"
    ),
}
"""What to do in an envbuild.toml, as it is done here."""
_INCLUDE = re.compile(r"\s*- [\"']?(?:-[rc]|--requirement|--constraint)\b")


class Described(Protocol):
    """What an Environment says."""

    name: str | None
    environment_variables: dict[str, str]
    python: PythonSection
    docker: DockerSection
    spark: SparkSection
    databricks: DatabricksSection
    r: RSection | None
    inferencing_stack_version: str | None


def reading_of(environment: Described, *, keep_azureml: bool) -> Reading:
    """The normalized definition, the logins of its indexes, and what there is to say about it.

    InvalidDefinition has all faults; their places are attributes: `python.conda_dependencies.pip_packages[1]`.
    """
    return _Meaning(environment, keep_azureml).reading()


def definition_name(name: str | None) -> str:
    """A name of AzureML's (letters of both cases) as one of ours."""
    return re.sub(r"[^a-z0-9._-]+", "-", (name or "").lower()).strip("-._")[:128]


class _Meaning:
    def __init__(self, environment: Described, keep_azureml: bool) -> None:
        self._environment, self._keep_azureml = environment, keep_azureml
        self._faults: list[Fault] = []
        self._notices: list[str] = []

    def reading(self) -> Reading:
        environment = self._environment
        self._faults += _not_served(environment)
        base, platform = self._base(environment.docker), self._platform(environment.docker)
        packages = self._packages(environment.python)
        definition = packages.definition
        whole = replace(
            definition,
            name=definition_name(environment.name),
            base=definition.base if isinstance(base, DebianBase) else base,
            variables=(*definition.variables, *self._variables(environment.environment_variables)),
            platforms=(platform,),
        )
        try:
            whole = _with_contents(whole)
        except InvalidDefinition as invalid:
            known = {fault.at for fault in self._faults}
            renamed = (Fault(_attribute(f.at), f.what, _HINTS.get(f.hint, f.hint)) for f in invalid.faults)
            self._faults += (fault for fault in renamed if fault.at not in known)
        if self._faults:
            raise InvalidDefinition(self._faults)
        return Reading(whole, packages.logins, (*self._notices, *packages.notices))

    def _variables(self, variables: dict[Any, Any]) -> Iterator[tuple[str, str]]:
        for name, value in variables.items():
            text = word(value)
            if text is None or not isinstance(name, str):
                what = f"expected a text, got {plain(value if text is None else name)}"
                hint = f'environment_variables["{name}"] = "..."'
                self._faults.append(Fault(f"environment_variables.{name}", what, hint))
            elif (name, text) == _PLACEHOLDER:
                self._notices.append(f"environment_variables.{name} is left out: AzureML's placeholder")
            else:
                yield name, text

    def _warn(self, text: str) -> None:
        """Say it to whoever reads the notices, and to whoever takes the definition alone."""
        self._notices.append(text)
        warned(text)

    def _packages(self, python: PythonSection) -> Reading:
        conda = python.conda_dependencies
        if python.user_managed_dependencies:
            if conda != CondaDependencies():
                self._notices.append(f"{_PACKAGES} is not installed: python.user_managed_dependencies is True")
            return Reading(Definition(python="", interpreter=python.interpreter_path))
        if python.interpreter_path != "python":
            said = "python.interpreter_path says nothing: it counts where python.user_managed_dependencies is True"
            self._warn(said)
        try:
            return _read(conda._document, keep_azureml=self._keep_azureml)  # noqa: SLF001  its other half
        except InvalidDefinition as invalid:
            self._faults += invalid.faults
            return Reading(Definition())

    def _platform(self, docker: DockerSection) -> Platform:
        try:
            return Platform.parse(f"{docker.platform.os}/{docker.platform.architecture}")
        except ValueError as error:
            self._faults.append(Fault("docker.platform", str(error), 'os = "Linux", architecture = "amd64" or "arm64"'))
            return LINUX_AMD64

    def _base(self, docker: DockerSection) -> Base:
        found = self._image(docker)
        registry = docker.base_image_registry
        if not found.reference and (address := registry if isinstance(registry, str) else registry.address):
            self._warn(f"docker.base_image_registry {address} says nothing: docker.base_image names no image")
        if docker.build_context is not None:
            return self._context(docker.build_context)
        if docker.base_dockerfile is not None:
            return DockerfileBase(docker.base_dockerfile)
        if found.reference:
            return ImageBase(found.reference)
        if self._environment.python.user_managed_dependencies:
            what = "a Python that you manage, and no image that has it"
            hint = "docker.base_image, or Environment.from_current() for the Python that runs this"
            self._faults.append(Fault("python.user_managed_dependencies", what, hint))
        return DebianBase()

    def _image(self, docker: DockerSection) -> NamedImage:
        """The image, if one is named; its fault otherwise."""
        registry, image = docker.base_image_registry, docker.base_image
        if docker.build_context is not None or docker.base_dockerfile is not None:
            return NamedImage("")
        try:
            if not isinstance(registry, str):
                return NamedImage(image_reference(registry.address, image))
            found = image_of_text(registry, image)
        except ValueError as error:
            self._faults.append(Fault("docker.base_image", redacted(str(error)), RULE))
            return NamedImage("?")
        if found.passed_over:
            self._warn(f"docker.base_image_registry {registry} stands for docker.base_image {image}")
        return found

    def _context(self, context: DockerBuildContext) -> Base:
        folder = context.location or ""
        if not Path(folder).is_dir():
            hint = "DockerBuildContext.from_local_directory(None, FOLDER)"
            self._faults.append(Fault("docker.build_context.location", f"no such folder: {redacted(folder)!r}", hint))
            return DebianBase()
        return DockerfileBase(path=os.path.join(folder, context.dockerfile_path), context=Context(folder))  # noqa: PTH118


def _with_contents(definition: Definition) -> Definition:
    """With the content of its files, normalized. A context is had from wherever it is: its place is in no id."""
    base, contents = definition.base, Contents(ProjectFiles().load)
    if not isinstance(base, DockerfileBase) or base.context is None:
        return meant(definition, "", contents).definition
    folder = os.path.relpath(base.context.folder)
    path = os.path.relpath(base.path)
    if not folder.startswith(".."):
        within = replace(base, path=path, context=Context(folder))
        return meant(replace(definition, base=within), "", contents).definition
    inner = os.path.relpath(base.path, base.context.folder)
    within = replace(base, path=inner, context=Context("."))
    normal = meant(replace(definition, base=within), base.context.folder, contents).definition
    if isinstance(normal.base, DockerfileBase) and normal.base.context is not None:
        placed = replace(normal.base.context, folder=base.context.folder)
        return replace(normal, base=replace(normal.base, context=placed))
    return normal


def _not_served(environment: Described) -> Iterator[Fault]:
    """What is kept and saved, and cannot be built."""
    asked = (
        ("spark", bool(environment.spark.repositories or environment.spark.packages), "packages for Spark",
         "name pyspark among the packages, and fetch its jars in a Dockerfile"),
        ("r", environment.r not in (None, RSection()), "packages of R",
         'name them among conda\'s: add_conda_package("r-base"), add_conda_package("r-dplyr")'),
        ("databricks", environment.databricks != DatabricksSection(), "libraries of Databricks",
         "name those from PyPI among the packages"),
        ("inferencing_stack_version", environment.inferencing_stack_version is not None, "the inference stack",
         'name a server among the packages: add_pip_package("azureml-inference-server-http")'),
        ("python._base_conda_environment", environment.python._base_conda_environment is not None,  # noqa: SLF001
         "packages upon an environment of the base image", "name all packages"),
    )  # fmt: skip
    return (Fault(at, f"{what}: not installed here", hint) for at, used, what, hint in asked if used)


def _attribute(field: str) -> str:
    """A definition's field as the attribute that it comes from."""
    for name, attribute in _FIELDS.items():
        if field == name or field.startswith((f"{name}.", f"{name}[")):
            return attribute + field.removeprefix(name)
    return field


def _read(document: CondaDocument, *, keep_azureml: bool) -> Reading:
    """What the conda environment file means that the document would be. Places in it become attributes."""
    lines = list(document.lines())
    files = {**document.beside, FILE_NAME: "".join(f"{line}\n" for line, _ in lines).encode()}

    def load(path: str) -> bytes:
        if os.path.normpath(path) not in files:
            raise FileNotFoundError(2, "No such file or directory", path)
        return files[os.path.normpath(path)]

    def named(text: str) -> str:
        placed = re.sub(
            rf"\b{re.escape(FILE_NAME)}:(\d+)", lambda found: f"{_PACKAGES}.{lines[int(found[1]) - 1][1]}", text
        )
        return placed.replace(FILE_NAME, _PACKAGES)

    def hinted(fault: Fault) -> str:
        line = re.match(rf"{re.escape(FILE_NAME)}:(\d+)", fault.at)
        includes = line is not None and _INCLUDE.match(lines[int(line[1]) - 1][0])
        return (
            "Environment.from_pip_requirements(NAME, FILE) reads a file and what it includes"
            if includes
            else fault.hint
        )

    left_out: dict[str, None] = {}

    def finish(definition: Definition) -> Definition:
        # Those in the pip section are left out by the reader; these stand in files that it includes.
        own = [r for r in definition.pypi if package_name(r.text) in AZUREML_PACKAGES and not keep_azureml]
        left_out.update((f"{r.text} is left out: its service is gone", None) for r in own)
        return normalize(replace(definition, pypi=tuple(r for r in definition.pypi if r not in own)))

    asked = ReadRequest(finish=finish, keep_azureml=keep_azureml)
    try:
        reading = read_environment_yml(FILE_NAME, load, asked)
    except InvalidDefinition as invalid:
        raise InvalidDefinition([Fault(named(f.at), named(f.what), hinted(f)) for f in invalid.faults]) from None
    return replace(reading, notices=(*map(named, reading.notices), *left_out), files=())
