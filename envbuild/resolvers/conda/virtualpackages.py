"""conda's virtual packages (CEP 30): what an image offers to the packages in it. Declared, never read from a host."""

import re
from dataclasses import dataclass

from envbuild.definition import Definition
from envbuild.errors import Fault, InvalidDefinition
from envbuild.platforms import Platform

__all__ = ["VirtualPackage", "virtual_packages"]

_LINUX = "5.10"
"""The kernel that packages may count on: that of the oldest system which is still served."""
_ARCHSPECS = {"amd64": "x86_64", "arm64": "aarch64"}
_VERSION = re.compile(r"[0-9]+(?:[._]?[a-z0-9]+)*", re.IGNORECASE | re.ASCII)
_BUILD = re.compile(r"[A-Za-z0-9_.+]+")
_CUDA = re.compile(r"cu([0-9]+)([0-9])")


@dataclass(frozen=True, slots=True, order=True)
class VirtualPackage:
    """`__glibc=2.36`; only `__archspec` says something by its build."""

    name: str
    version: str
    build: str = "0"

    def __str__(self) -> str:
        return f"{self.name}={self.version}={self.build}"


def virtual_packages(definition: Definition, platform: Platform, glibc: str) -> tuple[VirtualPackage, ...]:
    """Those of an image for this platform on a base with this C library, sorted; the definition's own word goes first.

    `__cuda` is there where the definition names it, or an accelerator that says which CUDA is meant (`cu124`).
    A definition's `__archspec` is the name of a microarchitecture (`x86_64_v3`). InvalidDefinition: a value is no version.
    """
    found = {
        "__unix": VirtualPackage("__unix", "0"),
        "__linux": VirtualPackage("__linux", _LINUX),
        "__archspec": VirtualPackage("__archspec", "1", _ARCHSPECS[platform.architecture]),
    }
    if glibc:
        found["__glibc"] = VirtualPackage("__glibc", glibc)
    if cuda := _CUDA.fullmatch(definition.accelerator):
        found["__cuda"] = VirtualPackage("__cuda", f"{cuda[1]}.{cuda[2]}")
    for name, value in definition.virtual_packages:
        rule, example = (_BUILD, "x86_64_v3") if name == "__archspec" else (_VERSION, "12.4")
        if not rule.fullmatch(value):
            what = f"{value!r} is no version" if rule is _VERSION else f"{value!r} is no microarchitecture"
            raise InvalidDefinition([Fault(f"virtual-packages.{name}", what, f'for example "{example}"')])
        word = VirtualPackage(name, "1", value) if name == "__archspec" else VirtualPackage(name, value)
        found[name] = word
    return tuple(sorted(found.values()))
