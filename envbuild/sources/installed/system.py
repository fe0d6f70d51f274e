"""What system an environment is for, told from its files: the interpreter's own header, the tags of its wheels.

ELF (gABI, e_machine), Mach-O (mach/machine.h) and PE; tags as PEP 425, 600 and 656 have them.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from envbuild import host
from envbuild.platforms import Platform

__all__ = ["System", "here", "system_of_header", "system_of_subdir", "system_of_tags"]

_ELF_MACHINES = {3: "i686", 21: "ppc64le", 22: "s390x", 40: "armv7l", 62: "x86_64", 183: "aarch64", 243: "riscv64"}
_MACH_MACHINES = {0x01000007: "x86_64", 0x0100000C: "arm64"}
_MACH = (b"\xcf\xfa\xed\xfe", b"\xce\xfa\xed\xfe")
_MACH_FAT = b"\xca\xfe\xba\xbe"
_CONDA_SYSTEMS = {"linux": "linux", "osx": "darwin", "win": "win32"}
_CONDA_MACHINES = {"32": "i686", "64": "x86_64"}
_TAG = re.compile(
    r"(?P<libc>many|musl)?linux(?:1|_2010|2010|2014|_\d+_\d+)?_(?P<linux>\w+)"
    r"|macosx_\d+_\d+_(?P<mac>\w+)|win(?:32|_(?P<windows>\w+))"
)
_WORDS = {"linux": "Linux", "darwin": "macOS", "win32": "Windows"}
_HEADER = 8192


@dataclass(frozen=True, slots=True)
class System:
    """An operating system as Python names it (`linux`, `darwin`, `win32`), a machine (empty: not told), a C library."""

    os: str
    machine: str = ""
    libc: str = ""
    """`musl`, where it is not what the system usually has."""

    @property
    def platform(self) -> Platform | None:
        """What an image of it would be for; None where images are for none such."""
        if self.os != "linux" or self.libc:
            return None
        try:
            return Platform.parse(f"linux/{self.machine}")
        except ValueError:
            return None

    @property
    def markers(self) -> dict[str, str]:
        """What PEP 508's markers say of it."""
        machines = {"x86_64": "AMD64", "arm64": "ARM64"} if self.os == "win32" else {}
        return {
            "os_name": "nt" if self.os == "win32" else "posix",
            "sys_platform": self.os,
            "platform_system": {"darwin": "Darwin"}.get(self.os, _WORDS.get(self.os, self.os)),
            "platform_machine": machines.get(self.machine, self.machine),
        }

    def __str__(self) -> str:
        parts = [self.machine, self.libc]
        inner = ", ".join(part for part in parts if part)
        return _WORDS.get(self.os, self.os) + (f" ({inner})" if inner else "")


def here() -> System:
    """The system that we run on."""
    machine = host.machine()
    return System(host.platform(), "arm64" if host.platform() == "darwin" and machine == "aarch64" else machine)


def system_of_header(program: Path) -> System | None:
    """What a program file is made for, by its first bytes. None for a script, or where it cannot be read."""
    try:
        with program.open("rb") as file:
            head = file.read(_HEADER)
    except OSError:
        return None
    if head[:4] == b"\x7fELF" and len(head) >= 20:
        machine = int.from_bytes(head[18:20], "big" if head[5] == 2 else "little")
        # The loader's path stands in the first pages (PT_INTERP).
        libc = "musl" if b"/ld-musl-" in head else ""
        return System("linux", _ELF_MACHINES.get(machine, f"e_machine {machine}"), libc)
    if head[:4] in _MACH:
        return System("darwin", _MACH_MACHINES.get(int.from_bytes(head[4:8], "little"), ""))
    if head[:4] == _MACH_FAT:
        return System("darwin")
    return System("win32") if head[:2] == b"MZ" else None


def system_of_tags(tags: Iterable[str]) -> System | None:
    """What wheels that were installed are for, by the first of their tags that names a system; None where none does."""
    for tag in sorted(tags):
        found = _TAG.fullmatch(tag.rpartition("-")[2])
        if found is None:
            continue
        if found["linux"]:
            return System("linux", found["linux"], "musl" if found["libc"] == "musl" else "")
        if found["mac"]:
            return System("darwin", "" if found["mac"].startswith("universal") else found["mac"])
        return System("win32", {"amd64": "x86_64"}.get(found["windows"] or "", found["windows"] or "i686"))
    return None


def system_of_subdir(subdir: str) -> System | None:
    """What conda's name of a platform (`linux-64`, `osx-arm64`) is; None for `noarch`."""
    name, _, machine = subdir.partition("-")
    if name not in _CONDA_SYSTEMS:
        return None
    return System(_CONDA_SYSTEMS[name], _CONDA_MACHINES.get(machine, machine))
