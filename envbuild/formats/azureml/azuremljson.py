"""azureml_environment.json: an AzureML environment (SDK v1) as `save_to_directory` and the service write it.

Conda packages and a Dockerfile may stand in it, or beside it as conda_dependencies.yml and BaseDockerfile.
"""

import posixpath
from dataclasses import replace

from envbuild.definition import DebianBase, Definition
from envbuild.errors import Fault, InvalidDefinition
from envbuild.formats.azureml.azuremldocker import docker_base, docker_platform
from envbuild.formats.azureml.azuremlyaml import azureml_name
from envbuild.formats.azureml.condafile import read_conda_file
from envbuild.formats.azureml.ownfields import placed_in_own_lines
from envbuild.formats.conda.environmentyml import read_environment, read_environment_yml
from envbuild.formats.finishing import finished
from envbuild.formats.nodes.jsonnodes import load_json
from envbuild.formats.nodes.yamlfields import YamlFields
from envbuild.formats.nodes.yamlnodes import Map, Node, Scalar, Sequence
from envbuild.formats.pip.requirementlist import in_order
from envbuild.formats.sourcefile import Loader, Reading, ReadRequest, is_absent, text_of
from envbuild.platforms import LINUX_AMD64

__all__ = ["read_azureml_json"]

_CONDA_BESIDE, _DOCKERFILE_BESIDE = "conda_dependencies.yml", "BaseDockerfile"
_PLACEHOLDER = ("EXAMPLE_ENV_VAR", "EXAMPLE_VALUE")
_KEYS = ("name", "version", "description", "tags", "environmentVariables", "python", "docker")
_PYTHON_KEYS = ("userManagedDependencies", "interpreterPath", "condaDependencies", "condaDependenciesFile")
_OTHER_ENGINES = {
    "spark": "packages for Spark are not installed",
    "r": "R is not installed",
    "databricks": "libraries of Databricks are not installed",
}
_IN_DOCKER = {
    "base.image": "baseImage",
    "base.dockerfile": "baseDockerfile",
    "base.context": "buildContext",
    "platforms": "platform",
}
"""Fields of a definition that stand in the section `docker`."""


def read_azureml_json(path: str, load: Loader, asked: ReadRequest) -> Reading:
    """The definition in an azureml_environment.json. InvalidDefinition has all faults; UsageError: it cannot be read."""
    document = load_json(path, load)
    if not isinstance(document, Map):
        raise InvalidDefinition([Fault(path, "no AzureML environment", "it is an object with name, python and docker")])
    return _Reader(document, path, load, asked).reading()


class _Reader:
    def __init__(self, document: Map, path: str, load: Loader, asked: ReadRequest) -> None:
        self._document, self._path, self._load, self._asked = document, path, load, asked
        self._fields = YamlFields(document, path, [])
        self._notices: list[str] = []
        self._files: list[str] = [path]
        self._absent: list[str] = []
        self._conda: Node | None = None
        self._conda_file: Node | None = None
        self._user_managed, self._interpreter = False, ""
        self._constraints: tuple[str, ...] = ()

    def reading(self) -> Reading:
        own = self._definition()
        asked = replace(self._asked, finish=lambda packages: self._asked.finish(self._whole(packages, own)))
        try:
            reading = self._alone(asked) if self._user_managed else self._packages(asked)
        except InvalidDefinition as invalid:
            raise placed_in_own_lines(invalid, self._line_of) from None
        return replace(
            reading,
            notices=(*self._notices, *reading.notices),
            files=tuple(dict.fromkeys((*self._files, *reading.files))),
            absent=(*self._absent, *reading.absent),
        )

    def _definition(self) -> Definition:
        """What the JSON says beside packages. InvalidDefinition has all that is wrong in it."""
        fields = self._fields
        name, variables = azureml_name(fields.words("name")), self._variables()
        description, tags = fields.text("description"), fields.pairs("tags")
        python, docker = fields.table("python"), fields.table("docker")
        platform = docker_platform(docker) if docker else LINUX_AMD64
        base = docker_base(docker, self._dockerfile(docker), self._notices) if docker else DebianBase()
        if python:
            self._python(python)
            if self._user_managed and isinstance(base, DebianBase) and not fields.faults:
                what = "a Python that you manage, and no image that has it"
                python.fault("userManagedDependencies", what, "name a baseImage, or list the packages")
        for ignored in ("version", "assetId"):
            fields.take(ignored)
        self._other_engines()
        fields.unknown(_KEYS)
        if fields.faults:
            raise in_order(fields.faults)
        return Definition(
            name=name or self._asked.name,
            description=description,
            tags=tags,
            base=base,
            interpreter=self._interpreter if self._user_managed else "",
            platforms=(platform,),
            variables=variables,
        )

    def _whole(self, packages: Definition, own: Definition) -> Definition:
        """The packages' definition with what the JSON says."""
        return replace(
            packages,
            name=own.name,
            description=own.description,
            tags=own.tags,
            base=packages.base if isinstance(own.base, DebianBase) else own.base,
            interpreter=own.interpreter,
            platforms=own.platforms,
            variables=(*packages.variables, *own.variables),
            constraints=(*packages.constraints, *self._constraints),
        )

    def _variables(self) -> tuple[tuple[str, str], ...]:
        pairs = self._fields.pairs("environmentVariables")
        return tuple(pair for pair in pairs if pair != _PLACEHOLDER)

    def _python(self, python: YamlFields) -> None:
        self._user_managed = python.flag("userManagedDependencies")
        self._interpreter = python.text("interpreterPath")
        self._conda, self._conda_file = python.take("condaDependencies"), python.take("condaDependenciesFile")
        if self._conda is not None and not isinstance(self._conda, Map):
            python.fault("condaDependencies", "expected an object", "what an environment.yml has, as JSON")
        if self._conda_file is not None and not isinstance(self._conda_file, Scalar):
            python.fault(
                "condaDependenciesFile", "expected a file's path", f'"condaDependenciesFile": "{_CONDA_BESIDE}"'
            )
        if python.take("baseCondaEnvironment"):
            what = "an environment of the base image is not extended"
            python.fault("baseCondaEnvironment", what, "list its packages")
        own = python.table("envbuild")
        if own:
            self._constraints = tuple(text for text, _ in own.items("constraints"))
            own.unknown(("constraints",))
        python.unknown(_PYTHON_KEYS)

    def _alone(self, asked: ReadRequest) -> Reading:
        """The base as it is."""
        return Reading(finished(Definition(python=""), asked.finish, (), lambda _: self._path), (), (), (self._path,))

    def _packages(self, asked: ReadRequest) -> Reading:
        if isinstance(self._conda, Map):
            return read_environment(self._conda, "", self._path, self._load, asked)
        if isinstance(self._conda_file, Scalar):
            return read_conda_file("python.condaDependenciesFile", self._conda_file, self._path, self._load, asked)
        beside = posixpath.join(posixpath.dirname(self._path), _CONDA_BESIDE)
        if self._text_beside(_CONDA_BESIDE) is not None:
            return read_environment_yml(beside, self._load, asked)
        return Reading(finished(Definition(), asked.finish, (), lambda _: self._path), (), (), (self._path,))

    def _dockerfile(self, docker: YamlFields) -> str | None:
        """The text of the Dockerfile beside it, where the JSON names no base itself."""
        named = any(key in docker for key in ("baseImage", "baseDockerfile", "buildContext"))
        return None if named else self._text_beside(_DOCKERFILE_BESIDE)

    def _line_of(self, field: str) -> str:
        """file:line of a definition's field that stands in the JSON; nothing for one that does not."""
        docker, python, variables = (self._inner(key) for key in ("docker", "python", "environmentVariables"))
        if field.startswith("variables."):
            name = field.removeprefix("variables.")
            return variables.at(name) if name in variables.names else ""
        if field == "interpreter":
            return python.at("interpreterPath")
        key = next((key for start, key in _IN_DOCKER.items() if field.startswith(start)), "")
        if key:
            return docker.at(key)
        top = field.partition(".")[0].partition("[")[0]
        return self._fields.at(top) if top in ("name", "description", "tags") else ""

    def _inner(self, key: str) -> YamlFields:
        """A section as it stands there, for its lines alone."""
        table = self._document.entries.get(key)
        line = self._document.keys.get(key, self._document.line)
        return YamlFields(table if isinstance(table, Map) else Map({}, {}, line), self._path, [])

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
            if is_absent(error):
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
