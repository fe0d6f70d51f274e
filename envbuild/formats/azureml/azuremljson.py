"""azureml_environment.json: an AzureML environment (SDK v1) as `save_to_directory` and the service write it.

Conda packages and a Dockerfile may stand in it, or beside it as conda_dependencies.yml and BaseDockerfile.
"""

import errno
import posixpath
from dataclasses import replace

from envbuild.definition import Base, DebianBase, Definition, DockerfileBase, ImageBase
from envbuild.errors import Fault, InvalidDefinition
from envbuild.formats.azureml.azuremlyaml import azureml_name, is_reference
from envbuild.formats.conda.environmentyml import read_environment, read_environment_yml
from envbuild.formats.finishing import finished
from envbuild.formats.nodes.jsonnodes import load_json
from envbuild.formats.nodes.yamlfields import YamlFields
from envbuild.formats.nodes.yamlnodes import Map, Node, Scalar, Sequence
from envbuild.formats.pip.requirementlist import in_order
from envbuild.formats.sourcefile import Loader, Reading, ReadRequest, text_of

__all__ = ["read_azureml_json"]

_CONDA_BESIDE, _DOCKERFILE_BESIDE = "conda_dependencies.yml", "BaseDockerfile"
_PLACEHOLDER = ("EXAMPLE_ENV_VAR", "EXAMPLE_VALUE")
_KEYS = ("name", "version", "environmentVariables", "python", "docker")
_FOR_THE_RUN = ("enabled", "arguments", "sharedVolumes", "shmSize", "gpuSupport")
_OTHER_ENGINES = {
    "spark": "packages for Spark are not installed",
    "r": "R is not installed",
    "databricks": "libraries of Databricks are not installed",
}


def read_azureml_json(path: str, load: Loader, asked: ReadRequest) -> Reading:
    """The definition in an azureml_environment.json. InvalidDefinition has all faults; UsageError: it cannot be read."""
    document = load_json(path, load)
    if not isinstance(document, Map):
        raise InvalidDefinition([Fault(path, "no AzureML environment", "it is an object with name, python and docker")])
    return _Reader(document, path, load, asked).reading()


class _Reader:
    def __init__(self, document: Map, path: str, load: Loader, asked: ReadRequest) -> None:
        self._path, self._load, self._asked = path, load, asked
        self._fields = YamlFields(document, path, [])
        self._notices: list[str] = []
        self._files: list[str] = [path]
        self._absent: list[str] = []

    def reading(self) -> Reading:
        fields = self._fields
        name, variables = azureml_name(fields.words("name")), self._variables()
        python, docker = fields.table("python"), fields.table("docker")
        base = self._base(docker) if docker else DebianBase()
        user_managed = python.flag("userManagedDependencies") if python else False
        interpreter = python.text("interpreterPath") if python else ""
        conda = python.take("condaDependencies") if python else None
        if python and python.take("baseCondaEnvironment"):
            python.fault(
                "baseCondaEnvironment", "an environment of the base image is not extended", "list its packages"
            )
        for ignored in ("version", "assetId"):
            fields.take(ignored)
        self._other_engines()
        fields.unknown(_KEYS)
        if fields.faults:
            raise in_order(fields.faults)

        def finish(packages: Definition) -> Definition:
            meant = replace(packages, name=name or self._asked.name)
            meant = replace(meant, variables=(*packages.variables, *variables))
            if not isinstance(base, DebianBase):
                meant = replace(meant, base=base)
            return self._asked.finish(replace(meant, interpreter=interpreter if user_managed else ""))

        asked = replace(self._asked, finish=finish)
        reading = self._alone(asked) if user_managed else self._packages(conda, asked)
        return replace(
            reading,
            notices=(*self._notices, *reading.notices),
            files=tuple(dict.fromkeys((*self._files, *reading.files))),
            absent=tuple(self._absent),
        )

    def _variables(self) -> tuple[tuple[str, str], ...]:
        pairs = self._fields.pairs("environmentVariables")
        return tuple(pair for pair in pairs if pair != _PLACEHOLDER)

    def _alone(self, asked: ReadRequest) -> Reading:
        """The base as it is."""
        return Reading(finished(Definition(python=""), asked.finish, (), lambda _: self._path), (), (), (self._path,))

    def _packages(self, conda: Node | None, asked: ReadRequest) -> Reading:
        if isinstance(conda, Map):
            return read_environment(conda, "", self._path, self._load, asked)
        beside = posixpath.join(posixpath.dirname(self._path), _CONDA_BESIDE)
        if self._text_beside(_CONDA_BESIDE) is not None:
            return read_environment_yml(beside, self._load, asked)
        return Reading(finished(Definition(), asked.finish, (), lambda _: self._path), (), (), (self._path,))

    def _base(self, docker: YamlFields) -> Base:
        image, dockerfile = docker.text("baseImage"), docker.text("baseDockerfile")
        registry = docker.take("baseImageRegistry")
        if docker.take("buildContext"):
            docker.fault("buildContext", "it lies in a storage of the service", "fetch it, and build its folder")
        self._platform(docker.table("platform"))
        for key in _FOR_THE_RUN:
            docker.take(key)
        docker.unknown(("baseImage", "baseDockerfile", "baseImageRegistry", "platform", "buildContext"))
        if not dockerfile and not image:
            dockerfile = self._text_beside(_DOCKERFILE_BESIDE) or ""
        if dockerfile:
            if image:
                docker.fault("baseDockerfile", "given beside baseImage", "keep one of them")
            return DockerfileBase(dockerfile)
        address = self._address(registry, docker)
        if isinstance(registry, Scalar) and "/" in address:
            if image:
                self._notices.append(f"{self._path}: baseImageRegistry {address} stands for baseImage {image}")
            address, _, image = address.partition("/")
        reference = f"{address}/{image}" if address and image else image
        if reference and not is_reference(reference):
            docker.fault("baseImage", f"{reference} is no image's reference", "NAME@sha256:..., or NAME:TAG")
        return ImageBase(reference) if reference else DebianBase()

    def _address(self, registry: Node | None, docker: YamlFields) -> str:
        """The registry's; a text may be address and image in one, as people wrote it (lint tells: EB125)."""
        if registry is None:
            return ""
        if isinstance(registry, Scalar):
            return registry.text.strip().removeprefix("https://").strip("/")
        if not isinstance(registry, Map):
            docker.fault("baseImageRegistry", "expected an object", '"baseImageRegistry": {"address": "HOST"}')
            return ""
        fields = YamlFields(registry, self._path, docker.faults, "docker.baseImageRegistry.")
        address = fields.text("address")
        if any(fields.take(key) for key in ("username", "password", "registryIdentity")):
            self._notices.append(f"{self._path}: the registry's login is not read: envbuild login {address or 'HOST'}")
        return address.removeprefix("https://").rstrip("/")

    def _platform(self, platform: YamlFields | None) -> None:
        if platform is None:
            return
        if platform.text("os", "Linux").lower() != "linux":
            platform.fault("os", "only Linux images are built", '"os": "Linux"')
        if platform.text("architecture", "amd64") != "amd64":
            platform.fault(
                "architecture", "the service had amd64 alone", "`platforms` of an envbuild.toml names others"
            )

    def _other_engines(self) -> None:
        for key, what in _OTHER_ENGINES.items():
            if _asks(self._fields.take(key)):
                self._fields.fault(key, what, "leave it out, or install them in a Dockerfile")
        stack = self._fields.take("inferencingStackVersion")
        if stack is not None:
            self._fields.fault("inferencingStackVersion", "the inference stack was the service's", "leave it out")

    def _text_beside(self, name: str) -> str | None:
        place = posixpath.join(posixpath.dirname(self._path), name)
        try:
            data = self._load(place)
        except OSError as error:
            if error.errno == errno.ENOENT:
                self._absent.append(place)
                return None
            what = f"cannot be read: {(error.strerror or str(error)).lower()}"
            raise InvalidDefinition([Fault(place, what, "it belongs to azureml_environment.json")]) from None
        self._files.append(place)
        return text_of(data, place)


def _asks(node: Node | None) -> bool:
    """Whether a section asks for anything: lists that are not empty, words. Switches alone ask for nothing."""
    match node:
        case Map():
            return any(
                _asks(value) for key, value in node.entries.items() if key not in ("precachePackages", "userManaged")
            )
        case Sequence():
            return bool(node.items)
        case Scalar():
            return bool(node.text) and node.text not in ("null", "~")
        case None:
            return False
