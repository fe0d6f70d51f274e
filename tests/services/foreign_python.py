"""A Python of another architecture, to run under an emulator: Debian's own packages unpacked into a folder, and wheels.

apt downloads and nothing is installed, so neither root nor a foreign architecture in dpkg is needed.
"""

import os
import shutil
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

ARCHITECTURE = "arm64"
WHEEL_PLATFORMS = ("manylinux_2_28_aarch64", "manylinux_2_17_aarch64", "manylinux2014_aarch64")
# What making layers imports; the versions are those of this environment.
PACKAGES = ("diskcache", "installer", "isal", "packaging", "zlib-ng")


def make(folder: Path) -> dict[str, str]:
    """The interpreter, the root it needs and its site-packages. RuntimeError where it cannot be had."""
    python = _interpreter(folder / "root")
    if python is None:
        if not (shutil.which("apt-get") and shutil.which("dpkg-deb")):
            raise RuntimeError("apt-get and dpkg-deb are needed to bring it")
        _unpack(folder)
        python = _interpreter(folder / "root")
    if python is None:
        raise RuntimeError("Debian's package python3 brought no interpreter")
    site = folder / "site-packages"
    if not site.exists():
        _wheels(site, python.name.removeprefix("python"))
    return {"root": str(folder / "root"), "python": str(python), "site": str(site)}


def _interpreter(root: Path) -> Path | None:
    return next(iter(sorted((root / "usr/bin").glob("python3.[0-9]*[0-9]"))), None)


def _unpack(folder: Path) -> None:
    for place in ("lists/partial", "cache/archives/partial", "preferences"):
        (folder / place).mkdir(parents=True, exist_ok=True)
    (folder / "status").touch()
    options = [
        f"APT::Architecture={ARCHITECTURE}",
        f"APT::Architectures::={ARCHITECTURE}",
        "APT::Install-Recommends=false",
        f"Dir::State::Lists={folder / 'lists'}",
        f"Dir::State::status={folder / 'status'}",
        f"Dir::Cache={folder / 'cache'}",
        f"Dir::Etc::PreferencesParts={folder / 'preferences'}",
        "Debug::NoLocking=true",
    ]
    apt = ["apt-get", "-qq", "-y", *(word for option in options for word in ("-o", option))]
    _run([*apt, "update"])
    _run([*apt, "install", "--download-only", "python3"])
    unfinished = folder / "root.new"
    shutil.rmtree(unfinished, ignore_errors=True)
    for package in sorted((folder / "cache/archives").glob("*.deb")):
        _run(["dpkg-deb", "--extract", str(package), str(unfinished)])
    unfinished.rename(folder / "root")


def _wheels(site: Path, python: str) -> None:
    unfinished = site.with_name("site-packages.new")
    shutil.rmtree(unfinished, ignore_errors=True)
    platforms = [word for name in WHEEL_PLATFORMS for word in ("--platform", name)]
    options = ["--quiet", "--no-deps", "--only-binary", ":all:", "--python-version", python, *platforms]
    pinned = [f"{name}=={version(name)}" for name in PACKAGES]
    _run([sys.executable, "-m", "pip", "install", *options, "--target", str(unfinished), *pinned])
    unfinished.rename(site)


def _run(argv: list[str]) -> None:
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    done = subprocess.run(argv, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    if done.returncode:
        last = (done.stderr or done.stdout).strip().splitlines()[-1:]
        raise RuntimeError(f"{argv[0]}: exit {done.returncode} {' '.join(last)}")
