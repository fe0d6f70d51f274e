"""`DockerSection`: what an environment's image starts from. One of an image, a Dockerfile and a build context; else Debian."""

import os
import re
import warnings
from pathlib import Path
from typing import Any

from envbuild.azuremlform.kinds import BOOLEAN, JSON, OPTIONAL_TEXT, TEXT, TEXTS
from envbuild.azuremlform.refusals import Gone, WrongType
from envbuild.azuremlform.section import Attribute, Section, optional, section
from envbuild.container_registry import ContainerRegistry
from envbuild.errors import Fault, InvalidDefinition, UsageError
from envbuild.formats.sourcefile import load_text
from envbuild.sources.files import ProjectFiles

__all__ = [
    "DEFAULT_CPU_IMAGE",
    "DEFAULT_GPU_IMAGE",
    "DEFAULT_SHM_SIZE",
    "DockerBuildContext",
    "DockerImagePlatform",
    "DockerSection",
]

DEFAULT_CPU_IMAGE = "envbuild/default-base"
"""Stands for the default base, Debian packages; it is no image of any registry."""
DEFAULT_GPU_IMAGE = DEFAULT_CPU_IMAGE
"""The same: CUDA's libraries come with the packages that use them, and its driver with the machine."""
DEFAULT_SHM_SIZE = "2g"

_FIRST_WORDS = re.compile(r"\s*(#|FROM\s|ARG\s)", re.IGNORECASE)
_RUNTIME = "say it to the run: DockerConfiguration({}=...)"


class DockerImagePlatform(Section):
    """What an image is for."""

    os = Attribute(TEXT, lambda: "Linux")
    architecture = Attribute(TEXT, lambda: "amd64")


class DockerBuildContext(Section):
    """A folder with a Dockerfile in it. Of AzureML's places for it, the ones of its cloud are gone."""

    class LocationType:
        """The places that AzureML knew."""

        Git = "git"
        StorageAccount = "storageAccount"

    location_type = Attribute(OPTIONAL_TEXT, lambda: None)
    location = Attribute(OPTIONAL_TEXT, lambda: None)
    dockerfile_path = Attribute(TEXT, lambda: "Dockerfile")

    def __init__(
        self,
        location_type: str | None = None,
        location: str | os.PathLike[str] | None = None,
        dockerfile_path: str = "Dockerfile",
    ) -> None:
        """`location`: the folder. Gone for a location type: a repository or storage account is not fetched."""
        super().__init__()
        self.location_type = location_type
        self.location = os.fspath(location) if location is not None else None
        self.dockerfile_path = dockerfile_path
        self._local()

    def _loaded(self, at: str) -> None:
        self._local()

    def _local(self) -> None:
        if self.location_type is not None:
            hint = "clone or download it, then DockerBuildContext.from_local_directory(None, FOLDER)"
            raise Gone(f"a build context in {self.location_type!r} is not fetched", at="location_type", hint=hint)

    @staticmethod
    def from_local_directory(
        workspace: object,  # noqa: ARG004  as AzureML has it
        path: str | os.PathLike[str],
        dockerfile_path: str = "Dockerfile",
    ) -> "DockerBuildContext":
        """The folder at `path`. Nothing is uploaded, so the workspace is not looked at. UsageError: no such folder or file."""
        if not Path(path).is_dir():
            raise UsageError("no such folder", at=os.fspath(path), hint="name the folder with the Dockerfile in it")
        if not (Path(path) / dockerfile_path).is_file():
            hint = "dockerfile_path is relative to the folder"
            raise UsageError("no such Dockerfile", at=str(Path(path) / dockerfile_path), hint=hint)
        return DockerBuildContext(location=path, dockerfile_path=dockerfile_path)


def _dockerfile(_: Any, value: object) -> object:
    """Its text, of a file object, a path or the text itself. UsageError for a path where nothing is."""
    if hasattr(value, "read"):
        value = value.read()
        return value.decode() if isinstance(value, bytes) else value
    if isinstance(value, os.PathLike):
        return load_text(os.fspath(value), ProjectFiles().load)
    if not isinstance(value, str) or "\n" in value.strip():
        return value
    if Path(value).is_file():
        return load_text(value, ProjectFiles().load)
    if not _FIRST_WORDS.match(value):
        raise UsageError("no such file", at=value, hint="name a Dockerfile, or give its text, which begins with FROM")
    return value


def _registry(docker: "DockerSection", value: object) -> object:
    """A registry; of a text its address, and the image that it names behind that."""
    if not isinstance(value, str):
        return value
    registry = ContainerRegistry()
    address, _, image = value.strip().strip("/").removeprefix("https://").partition("/")
    registry.address = address
    said = f"base_image_registry is a text: read as the registry {address!r}"
    if image:
        said += f" and its image {image!r}"
        if docker.base_image not in (None, DEFAULT_CPU_IMAGE, image):
            said += f", which stands for base_image {docker.base_image!r}"
        docker.base_image = image
    warnings.warn(f"{said}; write ContainerRegistry()", UserWarning, stacklevel=4)
    return registry


def _one_only(name: str) -> "Any":
    def then(docker: "DockerSection") -> None:
        if vars(docker)[name] is None:
            return
        for other in (n for n in _BASES if n != name and vars(docker)[n] is not None):
            was = vars(docker)[other]
            vars(docker)[other] = None
            if was != DEFAULT_CPU_IMAGE:
                said = f"docker.{other} is set to None: docker.{name} takes its place"
                warnings.warn(said, UserWarning, stacklevel=4)

    return then


def _deprecated(name: str, instead: str = "") -> "Any":
    def then(_: "DockerSection") -> None:
        hint = instead or _RUNTIME.format(name)
        warnings.warn(f"docker.{name} is no part of an environment; {hint}", DeprecationWarning, stacklevel=4)

    return then


_BASES = ("base_image", "base_dockerfile", "build_context")


class DockerSection(Section):
    """The base, its registry and platform. What belongs to a run is kept and saved, and is part of no id."""

    _passed_over = frozenset({"gpuSupport"})

    enabled = Attribute(BOOLEAN, lambda: False, then=_deprecated("enabled", "DockerConfiguration(use_docker=True)"))
    base_image = Attribute(OPTIONAL_TEXT, lambda: DEFAULT_CPU_IMAGE, then=_one_only("base_image"))
    base_dockerfile = Attribute(OPTIONAL_TEXT, lambda: None, reads=_dockerfile, then=_one_only("base_dockerfile"))
    build_context = Attribute(optional(DockerBuildContext), lambda: None, then=_one_only("build_context"))
    shared_volumes = Attribute(BOOLEAN, lambda: True, then=_deprecated("shared_volumes"))
    shm_size = Attribute(OPTIONAL_TEXT, lambda: DEFAULT_SHM_SIZE, then=_deprecated("shm_size"))
    arguments = Attribute(TEXTS, list, then=_deprecated("arguments"))
    base_image_registry = Attribute(section(ContainerRegistry), ContainerRegistry, reads=_registry)
    platform = Attribute(section(DockerImagePlatform), DockerImagePlatform)

    @property
    def gpu_support(self) -> bool:
        """True: a container gets the GPUs that the machine has."""
        return True

    @gpu_support.setter
    def gpu_support(self, value: bool) -> None:
        """Says nothing, with a warning."""
        if not isinstance(value, bool):
            raise WrongType("expected True or False", at="DockerSection.gpu_support")
        _deprecated("gpu_support", "a container gets the GPUs that the machine has")(self)

    @classmethod
    def from_json(cls, value: JSON, at: str) -> "DockerSection":
        """As AzureML saves it; a registry that is a text is read as one that is assigned."""
        registry = value.get("baseImageRegistry") if isinstance(value, dict) else None
        if registry is None or isinstance(registry, str):
            value = {key: item for key, item in value.items() if key != "baseImageRegistry"} if value else value
        made = super().from_json(value, at)
        if isinstance(registry, str) and registry:
            made.base_image_registry = registry
        return made

    def to_json(self) -> JSON:
        """AzureML's keys; the default base has no name there."""
        image = None if self.base_image == DEFAULT_CPU_IMAGE else self.base_image
        return {**super().to_json(), "baseImage": image}

    def _loaded(self, at: str) -> None:
        given = [name for name in _BASES if vars(self)[name] not in (None, DEFAULT_CPU_IMAGE)]
        if len(given) > 1:
            raise InvalidDefinition([Fault(at, f"{' and '.join(given)} are given", "keep one of them")])
        if vars(self)["base_image"] is None and not given:
            vars(self)["base_image"] = DEFAULT_CPU_IMAGE
