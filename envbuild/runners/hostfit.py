"""Whether packages of a lock can run on the host as it is: processor, glibc, and the shared libraries of `system`."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from envbuild import host as this_host
from envbuild.errors import EnvironmentFault
from envbuild.lockfile import Artifact, ArtifactKind, Lock
from envbuild.members import MemberTable

__all__ = ["HostSystem", "check_host", "glibc_needed", "missing_system_packages", "virtual_packages_needed"]

_PERENNIAL = re.compile(r"manylinux_(\d+)_(\d+)_")
_LEGACY = {"manylinux1": (2, 5), "manylinux2010": (2, 12), "manylinux2014": (2, 17)}
"""PEP 600 gives these older names their glibc."""
_VIRTUAL = re.compile(r"(__[a-z0-9_]+)\b\s*(.*)")
_AT_LEAST = re.compile(r">=?\s*(\d+)\.(\d+)")


class _Host(Protocol):
    @property
    def system(self) -> str:
        """As Python names it: `linux`."""

    @property
    def machine(self) -> str:
        """As the kernel names it: `x86_64`, `aarch64`."""

    @property
    def glibc(self) -> str:
        """`2.36`; empty where the C library is another one."""


@dataclass(frozen=True, slots=True)
class HostSystem:
    """What programs run on that bring their own Python."""

    system: str
    machine: str
    glibc: str

    @classmethod
    def here(cls) -> "HostSystem":
        """The machine that we run on."""
        return cls(this_host.platform(), this_host.machine(), this_host.glibc_version())


def check_host(
    lock: Lock,
    tables: Mapping[str, MemberTable],
    host: _Host,
    has_library: Callable[[str], bool],
    has_program: Callable[[str], bool],
) -> None:
    """EnvironmentFault names all that the host lacks. `tables` has the member table of each system and conda package, by sha256."""
    lacking = []
    if (host.system, host.machine) != ("linux", lock.platform.machine):
        lacking.append(f"the lock is for {lock.platform}, this is {host.system}/{host.machine}")
    lacking += _too_new(_needs_of(lock, tables), host.glibc)
    lacking += missing_system_packages(lock.of_kind(ArtifactKind.DEB), tables, has_library, has_program)
    if lacking:
        raise EnvironmentFault(
            "this machine cannot run the environment directly: " + "; ".join(lacking),
            hint="install what is missing, or start Docker or Podman and run in a container",
        )


def virtual_packages_needed(facts: Mapping[str, str]) -> dict[str, str]:
    """What a conda package asks of the machine, by name: `{"__glibc": ">=2.17,<3.0.a0"}`; of its table's facts."""
    needed: dict[str, str] = {}
    for line in facts.get("depends", "").splitlines():
        if match := _VIRTUAL.fullmatch(line.strip()):
            needed[match[1]] = ",".join(filter(None, (needed.get(match[1]), match[2])))
    return needed


def glibc_needed(wheel: str) -> tuple[int, int] | None:
    """The least glibc that a wheel of this file name runs with; None where any does (PEP 425, 600)."""
    platforms = wheel.removesuffix(".whl").rpartition("-")[2].split(".")
    needed = []
    for tag in platforms:
        if found := _PERENNIAL.match(tag):
            needed.append((int(found[1]), int(found[2])))
        elif (legacy := tag.partition("_")[0]) in _LEGACY:
            needed.append(_LEGACY[legacy])
        else:
            return None
    return min(needed)


def missing_system_packages(
    debs: Sequence[Artifact],
    tables: Mapping[str, MemberTable],
    has_library: Callable[[str], bool],
    has_program: Callable[[str], bool],
) -> list[str]:
    """What the host lacks of these packages, one line each: by soname; where a package has no library, by its programs."""
    lines = []
    for deb in debs:
        table = tables[deb.sha256]
        sonames = list(_public_sonames(table))
        lacking = [soname for soname in sonames if not has_library(soname)]
        programs = [m.path.rpartition("/")[2] for m in table.members if m.path.startswith("usr/bin/")]
        if not sonames and programs and not any(map(has_program, programs)):
            lacking = programs[:1]
        if lacking:
            lines.append(f"{deb.name} is not here ({', '.join(lacking)})")
    return lines


def _public_sonames(table: MemberTable) -> Iterable[str]:
    """Those in the loader's own folders; a package's private ones are found by its own programs only."""
    for line in table.facts.get("sonames", "").splitlines():
        soname, _, path = line.partition(" ")
        folder = path.strip("/").rpartition("/")[0].removeprefix("usr/")
        if folder == "lib" or re.fullmatch(r"lib/[a-z0-9_]+-linux-gnu", folder):
            yield soname


def _needs_of(lock: Lock, tables: Mapping[str, MemberTable]) -> dict[str, tuple[int, int]]:
    """The least glibc of each package that asks for one, by name."""
    needs = {a.name: needed for a in lock.of_kind(ArtifactKind.WHEEL) if (needed := glibc_needed(a.file))}
    for package in lock.of_kind(ArtifactKind.CONDA):
        asked = virtual_packages_needed(tables[package.sha256].facts).get("__glibc", "")
        if least := [(int(major), int(minor)) for major, minor in _AT_LEAST.findall(asked)]:
            needs[package.name] = max(least)
    return needs


def _too_new(needs: Mapping[str, tuple[int, int]], glibc: str) -> list[str]:
    if not needs:
        return []
    if not glibc:
        return [f"{', '.join(sorted(needs))} need glibc, and this machine's C library is another one"]
    major, minor = (int(part) for part in glibc.split(".")[:2])
    return [
        f"{name} needs glibc {needed[0]}.{needed[1]}, this machine has {glibc}"
        for name, needed in sorted(needs.items())
        if needed > (major, minor)
    ]
