"""The lists of packages, each locked before the clock starts: a lock for envbuild, the same as hashed requirements for the others."""

import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

ENVBUILD = str(Path(sys.executable).with_name("envbuild"))


def envbuild(env: Mapping[str, str], *arguments: str) -> str:
    done = subprocess.run([ENVBUILD, *arguments], env=env, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"envbuild {' '.join(arguments)}: exit {done.returncode}")
    return done.stdout.strip()


@dataclass(frozen=True, slots=True)
class Packages:
    """A hashed list, in the form that each side takes: `spec` with a lock beside it, `context` with list.txt in it."""

    spec: Path
    context: Path
    pins: Mapping[str, str]
    hashes: frozenset[str]


def locked(requirements: str, name: str, folder: Path, env: Mapping[str, str]) -> Packages:
    """Resolve once; download everything; write both forms."""
    project, context = folder / name, folder / f"context-{name}"
    project.mkdir()
    context.mkdir()
    spec = project / "requirements.txt"
    spec.write_text(requirements)
    envbuild(env, "lock", str(spec), "--quiet")
    exported = envbuild(env, "export", str(spec), "--format", "requirements")
    (context / "list.txt").write_text(exported + "\n")
    pins = dict(re.findall(r"^([A-Za-z0-9._-]+)==([^ ;\\]+)", exported, re.MULTILINE))
    return Packages(spec, context, pins, frozenset(re.findall(r"sha256:([0-9a-f]{64})", exported)))


def with_other(packages: Packages, changed: str) -> str:
    """The same list with an older version of one package."""
    lines = [f"{name}<{pin}" if name == changed else f"{name}=={pin}" for name, pin in packages.pins.items()]
    if changed not in packages.pins:
        raise SystemExit(f"{changed} is not in the list")
    return "\n".join(lines) + "\n"


def wheels_of(lock: Path, blobs: Path, folder: Path) -> None:
    """The lock's wheels under their file names, taken out of the store."""
    text = lock.read_text()
    for name, digest in re.findall(r'"file":"([^"]+\.whl)".*?"sha256":"([0-9a-f]{64})"', text):
        if not (folder / name).exists():
            shutil.copyfile(blobs / digest[:2] / digest, folder / name)
