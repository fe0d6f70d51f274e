"""What is measured side by side: each side pushes an image of a list to a repository of the loopback registry."""

import json
import os
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol

from lists import ENVBUILD, Packages

MARK = "envbuild-peers"
"""What the engine keeps of a run is known by it."""
OPTIONS = {
    "uv": "--offline --no-index --find-links /wheels --no-deps --require-hashes -r /list.txt",
    "pip": "--no-index --find-links /wheels --no-deps --require-hashes --root-user-action=ignore -r /list.txt",
}
DOCKERFILE = """\
FROM {base}
USER root
ARG ROUND
RUN --network=none --mount=type=cache,id={mark},target=/root/.cache \\
    --mount=type=bind,from={mark}-wheels,target=/wheels --mount=type=bind,from={mark}-tools,target=/tools \\
    --mount=type=bind,source=list.txt,target=/list.txt \\
    : {mark} "$ROUND" && {install}
USER 1000:1000
"""
INSTALL = {
    "uv": "UV_LINK_MODE=copy /tools/uv pip install --quiet --python /opt/env/bin/python --break-system-packages",
    "pip": "/opt/env/bin/python -m pip install --quiet --disable-pip-version-check --break-system-packages",
}


class Side(Protocol):
    """One of the ways to an image."""

    name: str

    def forget(self) -> None:
        """Drop every image and layer but the base; packages stay on disk."""

    def push(self, packages: Packages, repository: str) -> float:
        """Build and push, as whole processes; seconds. What is there already is used."""


def timed(command: Sequence[str], env: Mapping[str, str]) -> float:
    """Seconds of a whole process; ends the benchmark with the command's words where it fails."""
    os.sync()
    start = time.perf_counter()
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
    took = time.perf_counter() - start
    if done.returncode:
        raise SystemExit(f"{' '.join(command)}: exit {done.returncode}\n{done.stderr[-3000:]}")
    return took


class Envbuild:
    """envbuild over a store of its own, which keeps the packages and the base's layers."""

    name = "envbuild"

    def __init__(self, env: Mapping[str, str], home: Path, registry: str) -> None:
        self._env, self._registry = env, registry
        self.blobs, self._claims = home / "cache" / "blobs.v1", home / "cache" / "claims.v1"
        self._kept: frozenset[Path] = frozenset()

    def keep(self) -> None:
        """What is in the store now is the base: `forget` leaves it."""
        self._kept = frozenset([*self._claim_files(), *self.blobs.glob("??/*")])

    def forget(self) -> None:
        for path in self._claim_files():
            if path in self._kept or not path.exists():
                continue
            if not path.name.endswith(".material.json"):
                self._forget_blobs(json.loads(path.read_bytes())["value"])
            path.unlink()

    def push(self, packages: Packages, repository: str) -> float:
        place = f"{self._registry}/{repository}:1"
        return timed([ENVBUILD, "build", str(packages.spec), "--locked", "--quiet", "--to", place], self._env)

    def _claim_files(self) -> list[Path]:
        return [path for kind in ("image", "layer", "name") for path in self._claims.glob(f"{kind}/??/*.json")]

    def _forget_blobs(self, value: Mapping[str, object]) -> None:
        named = {str(v) for v in value.values() if str(v).startswith("sha256:")}
        manifest = self._blob(str(value.get("manifest", "")))
        if manifest.is_file():
            named |= {layer["digest"] for layer in json.loads(manifest.read_bytes())["layers"]}
        for blob in map(self._blob, named):
            if blob not in self._kept:
                blob.unlink(missing_ok=True)

    def _blob(self, digest: str) -> Path:
        return self.blobs / digest[7:9] / digest[7:]


class Buildx:
    """`docker buildx build --push` with one of the installers, its cache mount warm, and the base pulled."""

    def __init__(self, installer: str, flags: str, folder: Path, env: Mapping[str, str], registry: str) -> None:
        self.name = f"buildx, {installer} {flags}".strip()
        self.installer = installer
        self._env, self._registry, self._folder = env, registry, folder
        self._dockerfile = folder / f"Dockerfile.{installer}{flags.replace(' ', '')}"
        install = f"{INSTALL[installer]} {flags} {OPTIONS[installer]}"
        self._dockerfile.write_text(DOCKERFILE.format(base=f"{registry}/base:1", mark=MARK, install=install))
        self._round = f"{time.time_ns()}"

    def forget(self) -> None:
        """Another value of an argument of the step: it runs anew, and its cache mount stays."""
        self._round = f"{time.time_ns()}"

    def push(self, packages: Packages, repository: str) -> float:
        tag = f"{self._registry}/{repository}:1"
        return self._build(packages, "--push", "--provenance=false", "-t", tag)

    def warm(self, packages: Packages) -> None:
        """Run the step alone: the cache mount has the packages, and the engine a copy of the mounted folders."""
        self._build(packages, "--output=type=cacheonly")

    def _build(self, packages: Packages, *options: str) -> float:
        contexts = [f"--build-context={MARK}-{name}={self._folder / name}" for name in ("wheels", "tools")]
        own = ["--build-arg", f"ROUND={self._round}", "-f", str(self._dockerfile)]
        return timed(["docker", "buildx", "build", *own, *options, *contexts, str(packages.context)], self._env)


def clean(env: Mapping[str, str], registry: str) -> None:
    """Take from the engine what the benchmark left in it: images, cache mounts, build cache."""
    listed = ["docker", "image", "ls", "--filter", f"reference={registry}/*", "--format", "{{.ID}}"]
    images = subprocess.run(listed, env=env, capture_output=True, text=True, check=False).stdout.split()
    if images:
        subprocess.run(["docker", "image", "rm", "-f", *sorted(set(images))], env=env, capture_output=True, check=False)
    usage = subprocess.run(
        ["docker", "buildx", "du", "--verbose"], env=env, capture_output=True, text=True, check=False
    )
    for record in usage.stdout.split("\n\n"):
        if MARK in record:
            prune = ["docker", "buildx", "prune", "-f", "--filter", f"id={record.split()[1]}"]
            subprocess.run(prune, env=env, capture_output=True, check=False)
