"""What starts containers without an engine: buildx's version, OCI runtimes, user namespaces. Tried, not only found."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from envbuild import process
from envbuild.errors import EnvbuildError
from envbuild.host import user
from envbuild.runners.trial import try_namespaces, try_runtime
from envbuild.workspace.doctor.diagnosis import Check, Verdict
from envbuild.workspace.doctor.engines import CONTAINERS

__all__ = ["buildx_check", "forbidding", "namespace_check", "runtime_checks"]

_RUNTIMES = ("runc", "crun")
_TIME = 5.0
_SYSCTLS = (
    ("kernel/unprivileged_userns_clone", "0", "kernel.unprivileged_userns_clone=1"),
    ("kernel/apparmor_restrict_unprivileged_userns", "1", "kernel.apparmor_restrict_unprivileged_userns=0"),
    ("user/max_user_namespaces", "0", "user.max_user_namespaces=15000"),
)
"""Below /proc/sys: the value that forbids user namespaces (Debian, Ubuntu, Linux), and what allows them."""


def buildx_check(environ: Mapping[str, str]) -> Iterator[Check]:
    """Docker's build client, which no image of ours needs."""
    program = process.which("docker")
    version = _said((program, "buildx", "version"), environ) if program else ""
    if version:
        yield Check(name="buildx", topic=CONTAINERS, verdict=Verdict.OK, found=version)
    else:
        found = "not installed; images are built without it"
        yield Check(name="buildx", topic=CONTAINERS, verdict=Verdict.NONE, found=found)


def runtime_checks(environ: Mapping[str, str]) -> Iterator[Check]:
    """Each OCI runtime that is here, by a container of this machine's own files."""
    paths = {name: path for name in _RUNTIMES if (path := process.which(name))}
    if not paths:
        found = f"neither {' nor '.join(_RUNTIMES)} is installed; engines bring their own"
        yield Check(name="oci runtime", topic=CONTAINERS, verdict=Verdict.NONE, found=found)
    for name, path in paths.items():
        version = _said((path, "--version"), environ)
        why_not = try_runtime(path, environ, _TIME)
        if not why_not:
            yield Check(name=name, topic=CONTAINERS, verdict=Verdict.OK, found=f"{version}; a container was started")
        else:
            yield Check(
                name=name, topic=CONTAINERS, verdict=Verdict.WARNING, found=f"{version}; starts no container: {why_not}",
                remedy=_remedy(why_not, [n for n in paths if n != name]),
                without="engines that do not use it",
            )  # fmt: skip


def namespace_check(environ: Mapping[str, str], root: Path = Path("/")) -> Iterator[Check]:
    """Whether a user namespace can be made, which rootless engines and runtimes need."""
    why_not = try_namespaces(environ, _TIME)
    if not why_not:
        found = "one was made"
        yield Check(name="user namespaces", topic=CONTAINERS, verdict=Verdict.OK, found=found)
        return
    setting, remedy = forbidding(root)
    named = f" ({setting} forbids it)" if setting else ""
    if user().uid == 0:
        found = f"none can be made{named}: {why_not}; root needs none"
        yield Check(name="user namespaces", topic=CONTAINERS, verdict=Verdict.NONE, found=found)
        return
    yield Check(
        name="user namespaces", topic=CONTAINERS, verdict=Verdict.WARNING, found=f"none can be made{named}: {why_not}",
        remedy=remedy or "ask whoever runs this machine; inside a container they are often forbidden",
        without="all but rootless engines and runtimes",
    )  # fmt: skip


def forbidding(root: Path = Path("/")) -> tuple[str, str]:
    """The sysctl that forbids user namespaces here and what to type; empty where none does."""
    for path, forbids, allows in _SYSCTLS:
        try:
            value = (root / "proc/sys" / path).read_text("ascii").strip()
        except (OSError, UnicodeDecodeError):
            continue
        if value == forbids:
            return f"{path.replace('/', '.')}={value}", f"sudo sysctl -w {allows}"
    return "", ""


def _remedy(why_not: str, others: list[str]) -> str:
    if "hybrid" in why_not or "cgroup" in why_not:
        return (
            f"use {others[0]} instead"
            if others
            else "boot with one kind of cgroups: systemd.unified_cgroup_hierarchy=1"
        )
    return f"use {others[0]} instead" if others else "is this a container without the rights to start another?"


def _said(argv: tuple[str, ...], environ: Mapping[str, str]) -> str:
    """The version in a program's first line; empty where it does not run."""
    try:
        done = process.run(argv, env=environ, timeout=_TIME)
    except EnvbuildError:
        return ""
    found = re.search(r"\d+\.\d[\w.+~-]*", done.stdout.decode(errors="replace").partition("\n")[0])
    return found[0] if found and done.code == 0 else ""
