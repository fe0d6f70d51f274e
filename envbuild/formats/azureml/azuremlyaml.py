"""An AzureML environment as YAML (the CLI's and SDK's second version): an image or a build context, and a conda file.

Azure Machine Learning documentation, "CLI (v2) environment YAML schema".
"""

import posixpath
import re
from collections.abc import Callable
from dataclasses import replace

from envbuild.definition import Base, Context, Definition, DockerfileBase, ImageBase
from envbuild.errors import Fault, InvalidDefinition
from envbuild.formats.conda.environmentyml import read_environment, read_environment_yml
from envbuild.formats.finishing import Finish, finished
from envbuild.formats.nodes.yamlfields import YamlFields
from envbuild.formats.nodes.yamlnodes import Map, Node, Scalar
from envbuild.formats.pip.requirementlist import in_order
from envbuild.formats.sourcefile import Loader, Reading, ReadRequest
from envbuild.reference import Reference

__all__ = ["azureml_name", "is_azureml", "is_reference", "read_azureml"]

_OWN_KEYS = frozenset({"$schema", "image", "build", "conda_file", "os_type", "inference_config"})
_KEYS = ("name", "version", "description", "tags", "image", "build", "conda_file", "os_type")
_SERVICE = "it is of a service that envbuild does not have, and left out"


def is_azureml(document: Node | None) -> bool:
    """Whether the document's keys are those of an AzureML environment."""
    return isinstance(document, Map) and not _OWN_KEYS.isdisjoint(document.entries)


def read_azureml(document: Node | None, text: str, path: str, load: Loader, asked: ReadRequest) -> Reading:
    """The definition in a document of that form, which stands in the file at `path`. InvalidDefinition has all faults."""
    if not isinstance(document, Map):
        raise InvalidDefinition([Fault(path, "no AzureML environment", "it names an `image` or a `build`")])
    fields = YamlFields(document, path, [])
    notices = [f"{path}: {key}: {_SERVICE}" for key in ("$schema", "inference_config", "properties", "datastore")
               if fields.take(key) is not None and key != "$schema"]  # fmt: skip
    name, version = fields.words("name"), fields.words("version")
    description, tags = fields.text("description"), fields.pairs("tags")
    base = _base(fields)
    conda = fields.take("conda_file")
    if fields.text("os_type", "linux").lower() != "linux":
        fields.fault("os_type", "only linux images are built", "os_type: linux")
    if conda is not None and not isinstance(base, ImageBase):
        fields.fault("conda_file", "belongs to an `image`", "a Dockerfile installs its packages itself")
    if conda is not None and not isinstance(conda, (Scalar, Map)):
        fields.fault("conda_file", "expected a file's path, or the environment itself", "conda_file: conda.yml")
    fields.unknown(_KEYS)
    if fields.faults:
        raise in_order(fields.faults)
    if version:
        notices.append(f"{path}: version {version} is for a registration, and no part of what is built")

    def finish(packages: Definition) -> Definition:
        meant = replace(packages, base=base, description=description, tags=tags)
        return asked.finish(replace(meant, name=azureml_name(name) or asked.name))

    reading = _packages(
        conda, text, path, load, replace(asked, finish=finish), lambda at: fields.at(_KEY_OF.get(at, "name"))
    )
    return replace(reading, notices=(*notices, *reading.notices))


_KEY_OF = {"base.image": "image", "base.dockerfile": "build", "base.context": "build"}


def _packages(
    conda: Node | None, text: str, path: str, load: Loader, asked: ReadRequest, line_of: Callable[[str], str]
) -> Reading:
    """What the conda file says, in its own file or in place; the base alone where there is none."""
    if isinstance(conda, Map):
        return read_environment(conda, text, path, load, asked)
    if isinstance(conda, Scalar):
        inner = posixpath.normpath(conda.text)
        at = f"{path}:{conda.line}"
        if conda.text.startswith(("/", "~")) or inner.startswith("..") or "://" in conda.text:
            hint = "put the file beside this one, or below"
            raise InvalidDefinition([Fault(at, f"conda_file: {conda.text} lies outside this file's folder", hint)])
        place = posixpath.join(posixpath.dirname(path), inner)
        try:
            load(place)
        except OSError as error:
            what = f"conda_file: {place}: {(error.strerror or str(error)).lower()}"
            raise InvalidDefinition([Fault(at, what, "it is looked for beside this file")]) from None
        reading = read_environment_yml(place, load, asked)
        return replace(reading, files=(path, *reading.files))
    finish: Finish = asked.finish
    meant = finished(Definition(python=""), finish, (), line_of)
    return Reading(meant, (), (), (path,))


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
    elif not is_reference(image):
        fields.fault("image", f"{image} is no image's reference", "HOST/NAME@sha256:..., or HOST/NAME:TAG")
    return ImageBase(image or "?")


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
