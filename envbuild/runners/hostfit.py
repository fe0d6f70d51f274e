"""Whether packages of a lock can run on the host as it is: processor, glibc, and the shared libraries of `system`."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence

from envbuild.errors import EnvironmentFault
from envbuild.lockfile import Artifact, ArtifactKind, Lock
from envbuild.members import MemberTable
from envbuild.runners.interpreter import HostPython

__all__ = ["check_host", "glibc_needed", "missing_system_packages"]

_PERENNIAL = re.compile(r"manylinux_(\d+)_(\d+)_")
_LEGACY = {"manylinux1": (2, 5), "manylinux2010": (2, 12), "manylinux2014": (2, 17)}
"""PEP 600 gives these older names their glibc."""


def check_host(
    lock: Lock,
    tables: Mapping[str, MemberTable],
    python: HostPython,
    has_library: Callable[[str], bool],
    has_program: Callable[[str], bool],
) -> None:
    """EnvironmentFault names all that the host lacks. `tables` has the member table of each system package, by sha256."""
    lacking = []
    if (python.system, python.machine) != ("linux", lock.platform.machine):
        lacking.append(f"the lock is for {lock.platform}, this is {python.system}/{python.machine}")
    lacking += _too_new(lock.of_kind(ArtifactKind.WHEEL), python.glibc)
    lacking += missing_system_packages(lock.of_kind(ArtifactKind.DEB), tables, has_library, has_program)
    if lacking:
        raise EnvironmentFault(
            "this machine cannot run the environment directly: " + "; ".join(lacking),
            hint="install what is missing, or start Docker or Podman and run in a container",
        )


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


def _too_new(wheels: Sequence[Artifact], glibc: str) -> list[str]:
    needs = {wheel.name: needed for wheel in wheels if (needed := glibc_needed(wheel.file))}
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
