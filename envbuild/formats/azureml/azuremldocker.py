"""The `docker` section of an azureml_environment.json: what the image starts from, and the platform that it is for."""

import posixpath

from envbuild.definition import Base, Context, DebianBase, DockerfileBase, ImageBase
from envbuild.formats.azureml.imagenames import image_of_text, image_reference
from envbuild.formats.nodes.yamlfields import YamlFields
from envbuild.formats.nodes.yamlnodes import Map, Node, Scalar
from envbuild.platforms import LINUX_AMD64, Platform
from envbuild.reference import holds_login

__all__ = ["docker_base", "docker_platform"]

_KEYS = ("baseImage", "baseDockerfile", "baseImageRegistry", "platform", "buildContext")
_FOR_THE_RUN = ("enabled", "arguments", "sharedVolumes", "shmSize", "gpuSupport")
_LOGIN = ("a login stands in it", "leave it out: envbuild login HOST keeps it")


def docker_platform(docker: YamlFields) -> Platform:
    """The platform that the section names; what is wrong with it goes to its faults."""
    platform = docker.table("platform")
    if platform is None:
        return LINUX_AMD64
    if platform.text("os", "Linux").lower() != "linux":
        platform.fault("os", "only Linux images are built", '"os": "Linux"')
    try:
        return Platform.parse(f"linux/{platform.text('architecture', 'amd64')}")
    except ValueError as error:
        platform.fault("architecture", str(error), '"architecture": "amd64", or "arm64"')
        return LINUX_AMD64


def docker_base(docker: YamlFields, dockerfile_beside: str | None, notices: list[str]) -> Base:
    """The base; what is wrong goes to the section's faults, what there is to say to `notices`.

    The platform is taken before. `dockerfile_beside`: the text of the BaseDockerfile in the same folder, which counts where nothing else is named.
    """
    image, dockerfile = docker.text("baseImage"), docker.text("baseDockerfile")
    registry, context = docker.take("baseImageRegistry"), docker.table("buildContext")
    for key in _FOR_THE_RUN:
        docker.take(key)
    docker.unknown(_KEYS)
    given = {"baseImage": image, "baseDockerfile": dockerfile, "buildContext": context}
    named = [key for key, value in given.items() if value]
    for key in named[1:]:
        docker.fault(key, f"given beside {named[0]}", "keep one of them")
    if context is not None:
        return _context(context, docker)
    if dockerfile or (dockerfile_beside and not image):
        return DockerfileBase(dockerfile or dockerfile_beside or "")
    return _image(image, registry, docker, notices)


def _context(context: YamlFields, docker: YamlFields) -> Base:
    """A folder below that of the JSON, with its Dockerfile; the service's own places are refused."""
    kind, folder = context.text("locationType"), context.text("location")
    dockerfile = context.text("dockerfilePath", "Dockerfile")
    context.unknown(("locationType", "location", "dockerfilePath"))
    if kind or "://" in folder:
        docker.fault("buildContext", "it lies in a storage of the service", "fetch it, and build its folder")
    elif not folder:
        context.fault("location", "missing", "name a folder beside this file, or below")
    return DockerfileBase(path=posixpath.join(folder, dockerfile), context=Context(folder))


def _image(image: str, registry: Node | None, docker: YamlFields, notices: list[str]) -> Base:
    path = docker.at("baseImage").rpartition(":")[0]
    try:
        if isinstance(registry, Scalar):
            found = image_of_text(registry.text, image)
            if found.passed_over:
                notices.append(f"{path}: baseImageRegistry {registry.text} stands for baseImage {image}")
            reference = found.reference
        else:
            reference = image_reference(_address(registry, docker, notices), image)
    except ValueError as error:
        if holds_login(image):
            docker.fault("baseImage", *_LOGIN)
        elif isinstance(registry, Scalar) and holds_login(registry.text):
            docker.fault("baseImageRegistry", *_LOGIN)
        else:
            what = str(error).partition(";")[0]
            docker.fault("baseImage", f"it is no image's reference: {what}", "NAME@sha256:..., or NAME:TAG")
        return DebianBase()
    if reference.startswith("azureml:"):
        docker.fault("baseImage", f"{reference} is no image's reference", "NAME@sha256:..., or NAME:TAG")
    return ImageBase(reference) if reference else DebianBase()


def _address(registry: Node | None, docker: YamlFields, notices: list[str]) -> str:
    """The registry's; nothing where there is none, or where it is wrong."""
    if registry is None:
        return ""
    if not isinstance(registry, Map):
        docker.fault("baseImageRegistry", "expected an object", '"baseImageRegistry": {"address": "HOST"}')
        return ""
    fields = docker.inner("baseImageRegistry", registry)
    address = fields.text("address")
    if holds_login(address):
        fields.fault("address", *_LOGIN)
        return ""
    logins = [fields.take(key) for key in ("username", "password", "registryIdentity")]
    if any(not isinstance(one, Scalar) or one.text for one in logins if one is not None):
        path = docker.at("baseImageRegistry").rpartition(":")[0]
        notices.append(f"{path}: the registry's login is not read: envbuild login {address or 'HOST'}")
    fields.unknown(("address", "username", "password", "registryIdentity"))
    return address
