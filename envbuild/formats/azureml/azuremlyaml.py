"""An AzureML environment as YAML (the CLI's and SDK's second version): an image or a build context, and a conda file.

Azure Machine Learning documentation, "CLI (v2) environment YAML schema".
"""

import posixpath
import re
from dataclasses import replace

from envbuild.definition import Base, Context, DebianBase, Definition, DockerfileBase, ImageBase
from envbuild.errors import Fault, InvalidDefinition
from envbuild.formats.azureml.condafile import read_conda_file
from envbuild.formats.azureml.imagenames import is_default_image
from envbuild.formats.azureml.ownfields import placed_in_own_lines
from envbuild.formats.conda.environmentyml import read_environment
from envbuild.formats.finishing import finished
from envbuild.formats.nodes.yamlfields import YamlFields
from envbuild.formats.nodes.yamlnodes import Map, Node, Scalar
from envbuild.formats.pip.requirementlist import in_order
from envbuild.formats.sourcefile import Loader, Reading, ReadRequest
from envbuild.reference import Reference, holds_login

__all__ = ["azureml_name", "is_azureml", "is_reference", "read_azureml"]

_OWN_KEYS = frozenset({"$schema", "image", "build", "conda_file", "os_type", "inference_config"})
_KEYS = ("name", "version", "description", "tags", "image", "build", "conda_file", "os_type")
_OF_THE_SERVICE = (
    "inference_config", "properties", "datastore", "creation_context", "id", "resourceGroup", "resource_group",
    "latest_version", "stage", "auto_delete_setting",
)  # fmt: skip
"""What `az ml environment show` writes beside what was asked for."""
_SERVICE = "it is of a service that envbuild does not have, and left out"


def is_azureml(document: Node | None) -> bool:
    """Whether the document's keys are those of an AzureML environment."""
    return isinstance(document, Map) and not _OWN_KEYS.isdisjoint(document.entries)


def read_azureml(document: Node | None, text: str, path: str, load: Loader, asked: ReadRequest) -> Reading:
    """The definition in a document of that form, which stands in the file at `path`. InvalidDefinition has all faults."""
    if not isinstance(document, Map):
        raise InvalidDefinition([Fault(path, "no AzureML environment", "it names an `image` or a `build`")])
    fields = YamlFields(document, path, [])
    notices = [f"{path}: {key}: {_SERVICE}" for key in _OF_THE_SERVICE if fields.take(key) is not None]
    fields.take("$schema")
    name, version = fields.words("name"), fields.words("version")
    description, tags = fields.text("description"), fields.pairs("tags")
    base = _base(fields)
    conda = _conda(fields, base)
    if fields.text("os_type", "linux").lower() != "linux":
        fields.fault("os_type", "only linux images are built", "os_type: linux")
    fields.unknown(_KEYS)
    if fields.faults:
        raise in_order(fields.faults)
    if version:
        notices.append(f"{path}: version {version} is for a registration, and no part of what is built")

    def finish(packages: Definition) -> Definition:
        own = packages.base if isinstance(base, DebianBase) else base
        meant = replace(packages, base=own, description=description, tags=tags)
        return asked.finish(replace(meant, name=azureml_name(name) or asked.name))

    def line_of(field: str) -> str:
        key = next((key for start, key in _KEY_OF.items() if field == start or field.startswith(f"{start}.")), "")
        return fields.at(key) if key else ""

    bare = Definition() if isinstance(base, DebianBase) else Definition(python="")
    try:
        reading = _packages(conda, text, path, load, replace(asked, finish=finish), bare)
    except InvalidDefinition as invalid:
        raise placed_in_own_lines(invalid, line_of) from None
    return replace(reading, notices=(*notices, *reading.notices))


_KEY_OF = {
    "name": "name",
    "description": "description",
    "tags": "tags",
    "base.image": "image",
    "base.dockerfile": "build",
    "base.context": "build",
}
"""Fields of a definition by the document's keys."""


def _packages(conda: Node | None, text: str, path: str, load: Loader, asked: ReadRequest, bare: Definition) -> Reading:
    """What the conda file says, in its own file or in place; the base alone where there is none."""
    if isinstance(conda, Map):
        return read_environment(conda, text, path, load, asked)
    if isinstance(conda, Scalar):
        return read_conda_file("conda_file", conda, path, load, asked)
    return Reading(finished(bare, asked.finish, (), lambda _: path), (), (), (path,))


def _conda(fields: YamlFields, base: Base) -> Node | None:
    """The conda file, or what stands in its place."""
    conda = fields.take("conda_file")
    if conda is not None and isinstance(base, DockerfileBase):
        fields.fault("conda_file", "belongs to an `image`", "a Dockerfile installs its packages itself")
    if conda is not None and not isinstance(conda, (Scalar, Map)):
        fields.fault("conda_file", "expected a file's path, or the environment itself", "conda_file: conda.yml")
    return conda


def _base(fields: YamlFields) -> Base:
    """The image, or the Dockerfile with its context; a fault where there is not exactly one."""
    image, build = fields.text("image"), fields.table("build")
    if build is not None:
        folder = build.text("path", ".")
        dockerfile = build.text("dockerfile_path", "Dockerfile")
        build.unknown(("path", "dockerfile_path"))
        if "://" in folder:
            build.fault("path", "only a folder here can be built", "fetch it first")
        if image:
            fields.fault("build", "given beside an image", "keep one of them")
        return DockerfileBase(path=posixpath.join(folder, dockerfile), context=Context(folder))
    if not image:
        fields.fault("image", "missing", "name an `image`, or a folder to `build`")
    elif holds_login(image):
        fields.fault("image", "a login stands in it", "leave it out: envbuild login HOST keeps it")
    elif not is_reference(image):
        fields.fault("image", f"{image} is no image's reference", "HOST/NAME@sha256:..., or HOST/NAME:TAG")
    return DebianBase() if image and is_default_image(image) else ImageBase(image or "?")


def is_reference(image: str) -> bool:
    """Whether a text names an image that a registry has."""
    try:
        Reference.parse(image)
    except ValueError:
        return False
    return not image.startswith("azureml:")


def azureml_name(text: str) -> str:
    """A name of AzureML's (letters of both cases) as one of ours."""
    return re.sub(r"[^a-z0-9._-]+", "-", text.lower()).strip("-._")[:128]
