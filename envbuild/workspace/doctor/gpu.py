"""GPUs: whether this machine has one, its driver, and what containers need to see it."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path

from envbuild.host import has_library
from envbuild.process import which
from envbuild.workspace.doctor.diagnosis import Check, Verdict
from envbuild.workspace.doctor.engines import CONTAINERS

__all__ = ["gpu_check"]

_HOOKS = ("nvidia-ctk", "nvidia-container-runtime", "nvidia-container-cli")


def gpu_check(
    root: Path = Path("/"),
    *,
    library: Callable[[str], bool] = has_library,
    program: Callable[[str], str | None] = which,
) -> Iterator[Check]:
    """One line; no GPU is no fault. `root` is where /dev, /proc and /etc are."""
    devices = [p for p in sorted((root / "dev").glob("nvidia*")) if re.fullmatch(r"nvidia\d+", p.name)]
    if not devices:
        amd = (root / "dev/kfd").exists()
        found = "of AMD (/dev/kfd): not looked into further" if amd else "none; only programs for CUDA need one"
        yield Check(name="gpu", topic=CONTAINERS, verdict=Verdict.NONE, found=found)
        return
    version = _driver(root)
    found = f"{len(devices)} of NVIDIA, driver {version or 'of an unknown version'}"
    if not library("libcuda.so.1"):
        yield Check(
            name="gpu", topic=CONTAINERS, verdict=Verdict.WARNING, found=f"{found}; its library libcuda.so.1 is not found",
            remedy="install the driver's user part, of the same version", without="everything on the CPU",
        )  # fmt: skip
        return
    specs = [p for folder in ("etc/cdi", "var/run/cdi") for p in (root / folder).glob("*nvidia*")]
    hook = next((name for name in _HOOKS if program(name)), "")
    if not specs and not hook:
        yield Check(
            name="gpu", topic=CONTAINERS, verdict=Verdict.WARNING, found=f"{found}; containers do not see it",
            remedy="install nvidia-container-toolkit, then: sudo nvidia-ctk cdi generate --output=/etc/cdi/nvidia.yaml",
            without="programs that run directly see it (run --no-container)",
        )  # fmt: skip
        return
    seen = f"CDI ({specs[0].name})" if specs else hook
    yield Check(name="gpu", topic=CONTAINERS, verdict=Verdict.OK, found=f"{found}; containers see it by {seen}")


def _driver(root: Path) -> str:
    try:
        text = (root / "proc/driver/nvidia/version").read_text("utf-8", "replace")
    except OSError:
        return ""
    found = re.search(r"\s(\d{3,}\.\d+(?:\.\d+)?)\s", text)
    return found[1] if found else ""
