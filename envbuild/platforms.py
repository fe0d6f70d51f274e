"""`Platform`: what an image is for, in OCI's words, and what Debian, wheels and uv call the same thing."""

from dataclasses import dataclass
from typing import Self

__all__ = ["LINUX_AMD64", "MACHINES", "Platform"]

_MACHINES = {"amd64": "x86_64", "arm64": "aarch64"}
MACHINES = tuple(_MACHINES.values())
"""As the kernel, wheels and uv name them: `x86_64`, `aarch64`."""
_SPELLINGS = {"x86_64": "amd64", "x86-64": "amd64", "aarch64": "arm64", "arm64/v8": "arm64"}


@dataclass(frozen=True, slots=True, order=True)
class Platform:
    """An operating system and an architecture, as in OCI image-spec (`linux/amd64`)."""

    os: str
    architecture: str

    @classmethod
    def parse(cls, text: str) -> Self:
        """`linux/amd64`, `linux/arm64` and their other spellings. ValueError names what is served."""
        os, _, architecture = text.strip().lower().partition("/")
        architecture = _SPELLINGS.get(architecture, architecture)
        if os != "linux" or architecture not in _MACHINES:
            served = ", ".join(f"linux/{name}" for name in _MACHINES)
            raise ValueError(f"unknown platform {text!r}: served are {served}")
        return cls(os, architecture)

    def __str__(self) -> str:
        return f"{self.os}/{self.architecture}"

    @property
    def machine(self) -> str:
        """As the kernel, wheels and uv name it: `x86_64`, `aarch64`."""
        return _MACHINES[self.architecture]

    @property
    def multiarch(self) -> str:
        """Debian's folder for libraries: `x86_64-linux-gnu`."""
        return f"{self.machine}-linux-gnu"


LINUX_AMD64 = Platform("linux", "amd64")
