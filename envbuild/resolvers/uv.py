"""`Uv`: pins by `uv pip compile`, for the target alone: no configuration of this machine's user, no build code."""

import json
import re
import tempfile
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from packaging.utils import canonicalize_name
from uv import find_uv_bin

from envbuild import process
from envbuild.definition import Index
from envbuild.errors import EnvironmentFault, ResolveFailed
from envbuild.resolvers.pins import Pin, PinRequest
from envbuild.wheelfiles import Target

__all__ = ["Uv", "manylinux"]

_ROOT = "envbuild-request-root"
_MANYLINUX = (17, 28, 31, 32, 33, 34, 35, 36, 37, 38, 39, 40)
"""The glibc versions (2.x) that uv has platforms for."""
_UNREACHABLE = ("Failed to fetch", "error sending request", "dns error", "Connection refused", "tcp connect error")


class Uv:
    """Resolves with uv. `urls` serve the indexes by name; `environ` is the whole environment that uv sees."""

    def __init__(self, urls: Mapping[str, str], environ: Mapping[str, str], cache: Path, python: str) -> None:
        """`cache` is uv's own, apart from the user's; `python` any interpreter (uv wants one, and runs nothing in it)."""
        self._urls, self._environ, self._cache, self._python = urls, environ, cache, python

    def pins(self, request: PinRequest) -> tuple[Pin, ...]:
        """One version for each package. ResolveFailed with uv's reasons; EnvironmentFault where an index cannot be reached."""
        with tempfile.TemporaryDirectory(prefix="envbuild-uv-") as place:
            folder = Path(place)
            (folder / "pyproject.toml").write_text(self._project(request), encoding="utf-8")
            (folder / "constraints.txt").write_text("\n".join(request.constraints), encoding="utf-8")
            output = folder / "pylock.toml"
            if request.prefer:
                output.write_text(_preferences(request.prefer), encoding="utf-8")
            done = process.run(self._argv(request, folder), env={**self._environ, "HOME": place}, cwd=folder)
            if done.code != 0:
                raise self._failure(done.stderr.decode("utf-8", "replace").replace(place, ""), request)
            return _pins(tomllib.loads(output.read_text(encoding="utf-8")))

    def _argv(self, request: PinRequest, folder: Path) -> list[str]:
        target = request.target
        backend = ["--torch-backend", request.accelerator] if request.accelerator else []
        return [
            find_uv_bin(), "pip", "compile", "pyproject.toml",
            "--format", "pylock.toml", "--output-file", "pylock.toml",
            "--constraints", "constraints.txt",
            "--python", self._python, "--python-version", target.python, "--python-platform", manylinux(target),
            "--no-build", "--no-config", "--no-header", "--quiet", "--color", "never", "--no-progress",
            "--cache-dir", str(self._cache), "--no-python-downloads", *backend,
        ]  # fmt: skip

    def _project(self, request: PinRequest) -> str:
        """A project that asks for the request: the one form in which uv takes packages pinned to an index."""
        lines = [
            "[project]",
            f"name = {json.dumps(_ROOT)}",
            'version = "0"',
            f"dependencies = {json.dumps([r.text for r in request.requirements])}",
        ]
        pinned = [(p, i.name) for i in request.indexes for p in i.packages]
        if pinned:
            lines.append("[tool.uv.sources]")
            lines += [f"{json.dumps(p)} = {{ index = {json.dumps(i)} }}" for p, i in pinned]
        for index in request.indexes:
            lines += ["[[tool.uv.index]]", f"name = {json.dumps(index.name)}", f"url = {json.dumps(self._url(index))}"]
            lines += ["default = true"] if index.name == "pypi" else []
            lines += ["explicit = true"] if index.explicit else []
        return "\n".join(lines) + "\n"

    def _url(self, index: Index) -> str:
        return self._urls.get(index.name, index.url)

    def _failure(self, text: str, request: PinRequest) -> ResolveFailed | EnvironmentFault:
        said = _told(text)
        if any(sign in text for sign in _UNREACHABLE):
            return EnvironmentFault(
                f"a package index cannot be reached: {said.splitlines()[0]}",
                hint="check the network and the proxy\n" + said,
            )
        names = ", ".join(i.name for i in request.indexes)
        hint = f"asked: {names}, for Python {request.target.python} on {request.target.platform}, glibc {request.target.glibc}"
        if "no usable wheels" in said or "building from source is disabled" in said:
            hint += "\nsource distributions are not built: ask for a version that has a wheel, or leave the package out"
        return ResolveFailed(said, hint=hint)


def manylinux(target: Target) -> str:
    """uv's name for the target: the newest manylinux it knows that is not above the base's glibc."""
    glibc = int(target.glibc.split(".")[1])
    newest = max(minor for minor in _MANYLINUX if minor <= glibc)
    return f"{target.platform.machine}-manylinux_2_{newest}"


def _preferences(prefer: Mapping[str, str]) -> str:
    lines = ['lock-version = "1.0"', 'created-by = "envbuild"']
    for name, version in sorted(prefer.items()):
        lines += ["[[packages]]", f"name = {json.dumps(name)}", f"version = {json.dumps(version)}"]
    return "\n".join(lines) + "\n"


def _pins(document: Mapping[str, Any]) -> tuple[Pin, ...]:
    found = []
    for package in document.get("packages", []):
        url = package.get("archive", {}).get("url", "")
        found.append(Pin(canonicalize_name(package["name"]), package.get("version", ""), url))
    return tuple(sorted(found))


def _told(text: str) -> str:
    """uv's reasons in words of the user's: no escape sequences, no credentials, nothing of how we asked."""
    text = re.sub(r"\x1b\[[0-9;]*m", "", text)
    text = re.sub(r"(\w+://)[^\s/@]+@", r"\1", text)
    text = re.sub(rf"{_ROOT}(==0)? depends on", "you require", text)
    lines = [line.strip().removeprefix("error: ").removeprefix("cause: ") for line in text.strip().splitlines()]
    return "\n".join(_condensed([line for line in lines if line]))


def _condensed(lines: Sequence[str], most: int = 12) -> list[str]:
    """The first and the last of a long explanation: where it starts, and what it comes to."""
    if len(lines) <= most:
        return list(lines)
    return [*lines[: most // 2], f"... ({len(lines) - most} more steps)", *lines[-(most // 2) :]]
