"""`DockerSection`: what an environment's image starts from. One of an image, a Dockerfile and a build context; else Debian."""

import io
import os
import re
from pathlib import Path
from typing import Any

from envbuild.azuremlform.credentials import ADDRESS, no_login
from envbuild.azuremlform.kinds import ARGUMENTS, BOOLEAN, JSON, OPTIONAL_TEXT, TEXT, Kind
from envbuild.azuremlform.refusals import Gone, WrongType
from envbuild.azuremlform.saying import warned
from envbuild.azuremlform.section import Attribute, Section, optional, section
from envbuild.container_registry import ContainerRegistry
from envbuild.definition import DEFAULT_IMAGE
from envbuild.errors import Fault, InvalidDefinition, UsageError
from envbuild.formats.dockerfile import dockerfile_text
from envbuild.formats.sourcefile import load_bytes
from envbuild.formats.urls import redacted
from envbuild.sources.files import ProjectFiles

__all__ = [
    "DEFAULT_CPU_IMAGE",
    "DEFAULT_GPU_IMAGE",
    "DEFAULT_SHM_SIZE",
    "DockerBuildContext",
    "DockerImagePlatform",
    "DockerSection",
]

DEFAULT_CPU_IMAGE = DEFAULT_IMAGE
"""Stands for the default base, Debian packages; it is no image of any registry."""
DEFAULT_GPU_IMAGE = DEFAULT_CPU_IMAGE
"""The same: CUDA's libraries come with the packages that use them, and its driver with the machine."""
DEFAULT_SHM_SIZE = "2g"

_FIRST_WORDS = re.compile(r"\ufeff?\s*(#|FROM\s|ARG\s)", re.IGNORECASE)
_RUNTIME = "say it to the run: DockerConfiguration({}=...)"


class DockerImagePlatform(Section):
    """What an image is for."""

    os = Attribute(TEXT, lambda: "Linux")
    architecture = Attribute(TEXT, lambda: "amd64")


def _folder(_: Any, value: object) -> object:
    """A folder's absolute path, so that it is the same one wherever this process goes."""
    place = os.fspath(value) if isinstance(value, os.PathLike) else value
    if not isinstance(place, str) or not place:
        return place
    return place if "://" in place else os.path.abspath(place)  # noqa: PTH100  links stay


class DockerBuildContext(Section):
    """A folder with a Dockerfile in it. Of AzureML's places for it, the ones of its cloud are gone."""

    class LocationType:
        """The places that AzureML knew."""

        Git = "git"
        StorageAccount = "storageAccount"

    location_type = Attribute(OPTIONAL_TEXT, lambda: None)
    location = Attribute(OPTIONAL_TEXT, lambda: None, reads=_folder, then=lambda context: context._local())  # noqa: SLF001
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
        self.dockerfile_path = dockerfile_path
        self.location = location

    def _loaded(self, at: str) -> None:
        vars(self)["location"] = _folder(self, self.location)
        self._local()

    def _local(self) -> None:
        """Gone, without showing the address, for what is no folder of this machine."""
        hint = "clone or download it, then DockerBuildContext.from_local_directory(None, FOLDER)"
        if self.location_type is not None:
            raise Gone(f"a build context in {self.location_type!r} is not fetched", at="location_type", hint=hint)
        if self.location is not None and "://" in self.location:
            raise Gone("a build context at an address is not fetched", at="location", hint=hint)

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
    """Its text, byte for byte, of a file object, a path or the text itself. UsageError for a path where nothing is."""
    if isinstance(value, io.TextIOWrapper) and value.seekable() and value.tell() == 0:
        # What it reads as text has lost its line ends.
        value = value.buffer
    if hasattr(value, "read"):
        value = value.read()
        return dockerfile_text(value, "base_dockerfile") if isinstance(value, bytes) else value
    if isinstance(value, os.PathLike):
        path = str(Path(value))
        return dockerfile_text(load_bytes(path, ProjectFiles().load), path)
    if not isinstance(value, str) or "\n" in value.strip():
        return value
    if os.path.isfile(value):  # noqa: PTH113  a long text is no path, and no error
        return dockerfile_text(load_bytes(value, ProjectFiles().load), value)
    if not _FIRST_WORDS.match(value):
        hint = "name a Dockerfile, or give its text, which begins with FROM"
        raise UsageError("no such file", at=redacted(value), hint=hint)
    return value


class _RegistryKind(Kind[ContainerRegistry | str]):
    """A ContainerRegistry; or a text, kept as it is: with the image it is an address, or the whole image."""

    def __init__(self) -> None:
        fits = "a ContainerRegistry", lambda value: isinstance(value, ContainerRegistry | str)
        super().__init__(*fits, lambda value: value)

    def checked(self, at: str, value: object) -> ContainerRegistry | str:
        found = super().checked(at, value)
        if not isinstance(found, str):
            return found
        text = no_login(at, found.strip())
        if text:
            warned(f"{at} is a text: read as an address, or as the whole image; write ContainerRegistry()")
        return text or ContainerRegistry()

    def loaded(self, at: str, value: JSON) -> ContainerRegistry | str:
        return self.checked(at, value) if isinstance(value, str) else ContainerRegistry.from_json(value, at)

    def dumped(self, value: ContainerRegistry | str) -> JSON:
        return value if isinstance(value, str) else value.to_json()


def _one_only(name: str) -> "Any":
    def then(docker: "DockerSection") -> None:
        if vars(docker)[name] is None:
            return
        for other in (n for n in _BASES if n != name and vars(docker)[n] is not None):
            was = vars(docker)[other]
            vars(docker)[other] = None
            if was != DEFAULT_CPU_IMAGE:
                warned(f"docker.{other} is set to None: docker.{name} takes its place")

    return then


def _deprecated(name: str, instead: str = "") -> "Any":
    def then(_: "DockerSection") -> None:
        hint = instead or _RUNTIME.format(name)
        warned(f"docker.{name} is no part of an environment; {hint}", DeprecationWarning)

    return then


_BASES = ("base_image", "base_dockerfile", "build_context")


class DockerSection(Section):
    """The base, its registry and platform. What belongs to a run is kept and saved, and is part of no id."""

    _passed_over = frozenset({"gpuSupport"})

    enabled = Attribute(BOOLEAN, lambda: False, then=_deprecated("enabled", "DockerConfiguration(use_docker=True)"))
    base_image = Attribute(ADDRESS, lambda: DEFAULT_CPU_IMAGE, then=_one_only("base_image"))
    base_dockerfile = Attribute(OPTIONAL_TEXT, lambda: None, reads=_dockerfile, then=_one_only("base_dockerfile"))
    build_context = Attribute(optional(DockerBuildContext), lambda: None, then=_one_only("build_context"))
    shared_volumes = Attribute(BOOLEAN, lambda: True, then=_deprecated("shared_volumes"))
    shm_size = Attribute(OPTIONAL_TEXT, lambda: DEFAULT_SHM_SIZE, then=_deprecated("shm_size"))
    arguments = Attribute(ARGUMENTS, list, then=_deprecated("arguments"))
    base_image_registry: Attribute[Any] = Attribute(_RegistryKind(), ContainerRegistry)
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
