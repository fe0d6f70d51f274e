"""The host's own Python, for runs without a container: found on PATH, and asked what it is before it is believed."""

import json
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from envbuild import process
from envbuild.errors import EnvironmentFault, TimeLimit

__all__ = ["HostPython", "find_interpreter"]

_QUESTION = """
import json, os, platform, struct, sys, sysconfig
try:
    libc = os.confstr("CS_GNU_LIBC_VERSION") or ""
except (AttributeError, ValueError, OSError):
    libc = ""
print(json.dumps({
    "path": getattr(sys, "_base_executable", "") or sys.executable,
    "version": "%d.%d.%d" % sys.version_info[:3],
    "implementation": sys.implementation.name,
    "bits": struct.calcsize("P") * 8,
    "threads": bool(sysconfig.get_config_var("Py_GIL_DISABLED")),
    "machine": platform.machine(),
    "system": sys.platform,
    "libc": libc,
}))
"""
_PATIENCE = 20.0


@dataclass(frozen=True, slots=True)
class HostPython:
    """An interpreter that was asked: its program (never one inside a virtual environment), version, processor, glibc."""

    path: Path
    version: str
    machine: str
    """As the kernel names it: `x86_64`, `aarch64`."""
    system: str
    """As Python names it: `linux`."""
    glibc: str
    """`2.36`; empty where the C library is another one."""

    @property
    def minor(self) -> str:
        """`3.11`."""
        return ".".join(self.version.split(".")[:2])


def find_interpreter(minor: str, environ: Mapping[str, str]) -> HostPython:
    """A CPython of this minor version (`3.11`), 64-bit and with the usual threading. EnvironmentFault names what was found."""
    seen: list[str] = []
    for candidate in dict.fromkeys(_candidates(minor)):
        found = _ask(candidate, environ)
        if isinstance(found, HostPython) and found.minor == minor:
            return found
        seen.append(f"{candidate} is {found.version if isinstance(found, HostPython) else found}")
    raise EnvironmentFault(
        f"this machine has no Python {minor}" + (f": {', '.join(seen)}" if seen else ""),
        hint=f"put a python{minor} on PATH, or start Docker or Podman and run in a container",
    )


def _candidates(minor: str) -> Iterator[str]:
    for name in (f"python{minor}", "python3", "python"):
        if path := process.which(name):
            yield path
    if sys.executable:
        yield sys.executable


def _ask(program: str, environ: Mapping[str, str]) -> HostPython | str:
    """What a program says it is, or why it cannot be used."""
    try:
        answer = process.run((program, "-I", "-S", "-c", _QUESTION), env=environ, timeout=_PATIENCE)
        said = json.loads(answer.stdout)
        path = Path(said["path"])
        python = HostPython(path, said["version"], said["machine"], said["system"], said["libc"].partition(" ")[2])
    except (EnvironmentFault, TimeLimit, ValueError, KeyError, TypeError, AttributeError):
        return "no Python that starts"
    if said["implementation"] != "cpython" or said["bits"] != 64 or said["threads"]:
        kind = "free-threaded" if said["threads"] else f"{said['bits']}-bit"
        return f"{said['version']} ({said['implementation']}, {kind})"
    return python
