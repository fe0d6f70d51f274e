"""`Lock`: what a request resolved to, as content; and the document that carries locks in version control.

A lock names bytes, never places: `source`, `path` and `url` of an artifact say where it was found and stand outside
the lock id, so that a mirror gives the same id.
"""

import re
from dataclasses import dataclass
from enum import StrEnum

from envbuild.definition import DebianBase
from envbuild.digest import Digest
from envbuild.platforms import Platform

__all__ = [
    "OWN_SOURCE",
    "Artifact",
    "ArtifactKind",
    "ImageSettings",
    "Interpreter",
    "Lock",
    "LockDocument",
    "LockSection",
]

OWN_SOURCE = "project:."
"""The source of a project's own wheel. No index has such a name."""

_INTERPRETER = re.compile(r"python(3\.\d+)-minimal")
_FREE_THREADED = re.compile(r"_cp3[0-9]+t$")
_UPSTREAM = re.compile(r"(?:\d+:)?(\d+(?:\.\d+)*)")


class ArtifactKind(StrEnum):
    """What a lock can name. Wheels, debs and conda packages promise: same lock, same image digest."""

    WHEEL = "wheel"
    DEB = "deb"
    CONDA = "conda"
    PYTHON = "python"
    """A whole interpreter as an archive (python-build-standalone, `install_only`)."""
    SDIST = "sdist"
    VCS = "vcs"


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Artifact:
    """One file of the lock: identity first (kind to sha256), then where it was found."""

    kind: ArtifactKind
    name: str
    """Normalized (PEP 503) for wheels; conda's and Debian's own; `cpython` for an interpreter."""
    version: str
    file: str
    size: int
    """Bytes of the file."""
    sha256: str
    source: str
    """As the definition names it: `pypi`, an index's name, `debian:bookworm-security`, `conda-forge/linux-64`, or `url`."""
    path: str = ""
    """Relative to the source, where its format has one (`pool/main/...`)."""
    url: str = ""
    """A direct reference, without credentials."""

    @property
    def digest(self) -> Digest:
        """The digest of the file."""
        return Digest(self.sha256)

    @property
    def is_noarch(self) -> bool:
        """Whether it is a conda package for every platform: where its files go depends on the environment's Python."""
        return self.kind is ArtifactKind.CONDA and self.source.rpartition("/")[2] == "noarch"

    @property
    def is_own(self) -> bool:
        """Whether it is the wheel of the project itself, built on this machine: its layer is the last one."""
        return self.source == OWN_SOURCE


@dataclass(frozen=True, slots=True)
class Interpreter:
    """A Python in the image: its full version, and the path of its program."""

    version: str
    path: str
    abi: str = ""
    """`t` for a free-threaded build (PEP 703)."""

    @property
    def site_packages(self) -> str:
        """Where packages are, below the environment's prefix: `lib/python3.11/site-packages`."""
        return f"lib/python{self.minor}{self.abi}/site-packages"

    @property
    def minor(self) -> str:
        """`3.11`."""
        return ".".join(self.version.split(".")[:2])


@dataclass(frozen=True, slots=True, kw_only=True)
class Lock:
    """A set of bytes for one platform: the base's packages, then everything on top. Both sorted by name."""

    platform: Platform
    base: DebianBase
    base_artifacts: tuple[Artifact, ...]
    artifacts: tuple[Artifact, ...]

    @property
    def interpreter(self) -> Interpreter | None:
        """The environment's own: conda's, else a standalone build, else that of the base's packages, if any."""
        for artifact in self.artifacts:
            if artifact.kind is ArtifactKind.CONDA and artifact.name == "python":
                stem = artifact.file.removesuffix(".conda").removesuffix(".tar.bz2")
                abi = "t" if _FREE_THREADED.search(stem) else ""
                return Interpreter(artifact.version, "/opt/env/bin/python", abi)
            if artifact.kind is ArtifactKind.PYTHON:
                minor = ".".join(artifact.version.split(".")[:2])
                return Interpreter(artifact.version, f"/opt/python/bin/python{minor}")
        for artifact in self.base_artifacts:
            if found := _INTERPRETER.fullmatch(artifact.name):
                return Interpreter(upstream_version(artifact.version), f"/usr/bin/python{found[1]}")
        return None

    @property
    def has_conda(self) -> bool:
        """Whether the environment's folder is conda's prefix, and no virtual environment."""
        return any(artifact.kind is ArtifactKind.CONDA for artifact in self.artifacts)

    @property
    def glibc(self) -> str:
        """The version of the base's C library (`2.36`), or nothing where there is none."""
        versions = [upstream_version(a.version) for a in self.base_artifacts if a.name == "libc6"]
        return ".".join(versions[0].split(".")[:2]) if versions else ""

    @property
    def everything(self) -> tuple[Artifact, ...]:
        """All artifacts, the base's first."""
        return self.base_artifacts + self.artifacts

    def of_kind(self, kind: ArtifactKind) -> tuple[Artifact, ...]:
        """The artifacts on top of the base that are of this kind."""
        return tuple(a for a in self.artifacts if a.kind is kind)


def upstream_version(debian_version: str) -> str:
    """The leading numbers of a Debian version: `3.11.2` of `3.11.2-6+deb12u6`."""
    found = _UPSTREAM.match(debian_version)
    return found[1] if found else debian_version


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageSettings:
    """What the image says about itself, beside its files."""

    variables: tuple[tuple[str, str], ...] = ()
    user: str = ""
    workdir: str = ""
    entrypoint: tuple[str, ...] = ()
    activate: bool = False
    bytecode: str = "none"
    layout: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class LockSection:
    """The lock of one platform as a document has it: the request it answers, the lock, the image settings."""

    request: Digest
    lock: Lock
    settings: ImageSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class LockDocument:
    """A lock file: one section a platform, sorted."""

    sections: tuple[LockSection, ...]

    def section(self, platform: Platform) -> LockSection | None:
        """The section of this platform, if the document has one."""
        return next((s for s in self.sections if s.lock.platform == platform), None)
