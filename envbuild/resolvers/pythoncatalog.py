"""Which standalone Pythons there are, as uv lists them: CPython of python-build-standalone, for Linux with glibc.

uv brings its list with it; another one (its `--python-downloads-json-url`) is handed to it as a file. Only `install_only`
archives are taken: what is older (3.8.11, 3.9.7, 3.10.0 and before) is there in a form for developers alone.
"""

import json
import re
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from packaging.version import InvalidVersion, Version
from uv import find_uv_bin

from envbuild import process
from envbuild.errors import EnvironmentFault
from envbuild.httpsettings import split_login
from envbuild.platforms import MACHINES

__all__ = ["PythonBuild", "listed_pythons"]

_LIST = (
    "python", "list", "--all-versions", "--all-platforms", "--all-arches", "--only-downloads", "--output-format", "json",
    "--no-config", "--no-cache", "--offline", "--color", "never",
)  # fmt: skip
_FORM = "-install_only"
_PLACE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*/[A-Za-z0-9][A-Za-z0-9.+_-]*")
_PATIENCE = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class PythonBuild:
    """One archive of the list."""

    version: str
    """`3.12.7`, `3.15.0rc1`."""
    machine: str
    """`x86_64`, `aarch64`."""
    url: str
    """Without a login."""
    sha256: str = ""
    """In hex, where the list says it."""

    @property
    def release(self) -> Version:
        """The version, as versions compare."""
        return Version(self.version)

    @property
    def minor(self) -> str:
        """`3.12`."""
        return ".".join(self.version.split(".")[:2])

    @property
    def path(self) -> str:
        """Its place on every mirror: `20241016/<file>`."""
        return "/".join(unquote(urlsplit(self.url).path).split("/")[-2:])

    @property
    def file(self) -> str:
        """The archive's name."""
        return self.path.rpartition("/")[2]

    @property
    def base(self) -> str:
        """The URL that its path is appended to."""
        return self.url.rsplit("/", 2)[0]


def listed_pythons(environ: Mapping[str, str], other: bytes | None = None) -> tuple[PythonBuild, ...]:
    """The builds that uv lists, the newest first; `other` is a list in uv's form to take in place of its own.

    EnvironmentFault where uv does not run, or `other` is no such list.
    """
    with tempfile.TemporaryDirectory(prefix="envbuild-pythons-") as place:
        env = {"PATH": environ.get("PATH", ""), "HOME": place}
        if other is not None:
            path = Path(place, "list.json")
            path.write_bytes(other)
            env["UV_PYTHON_DOWNLOADS_JSON_URL"] = str(path)
        done = process.run([find_uv_bin(), *_LIST], env=env, cwd=place, timeout=_PATIENCE)
    if done.code != 0:
        raise _failure(done.stderr.decode("utf-8", "replace"), place, is_own=other is None)
    sums = _sums(other) if other is not None else {}
    found = [build for entry in json.loads(done.stdout) if (build := _build(entry, sums)) is not None]
    return tuple(sorted(found, key=lambda build: (build.release, build.url), reverse=True))


def _failure(said: str, place: str, *, is_own: bool) -> EnvironmentFault:
    lines = [
        line.strip().removeprefix("error: ") for line in said.replace(f"{place}/", "").splitlines() if line.strip()
    ]
    if is_own:
        return EnvironmentFault("uv does not list its Pythons: " + "; ".join(lines), hint="install uv anew")
    return EnvironmentFault(
        "the list of Pythons is none: " + "; ".join(lines[-1:]),
        at="python-catalog",
        hint="it must have the form of uv's download-metadata.json; does a login page stand before it?",
    )


def _sums(listing: bytes) -> dict[str, str]:
    """The sha256 by URL; uv has read the list already, so it has its form."""
    entries: dict[str, Any] = json.loads(listing)
    return {split_login(entry["url"])[0]: entry["sha256"] for entry in entries.values() if entry.get("sha256")}


def _build(entry: Mapping[str, Any], sums: Mapping[str, str]) -> PythonBuild | None:
    """A build that serves; None for another implementation, platform, variant or form of archive."""
    kind = tuple(entry.get(key) for key in ("implementation", "os", "libc", "variant"))
    url = entry.get("url") or ""
    if kind != ("cpython", "linux", "gnu", "default") or entry.get("arch") not in MACHINES:
        return None
    if _FORM not in url or not url.endswith(".tar.gz"):
        return None
    try:
        Version(entry["version"])
    except InvalidVersion:
        return None
    plain, _ = split_login(url)
    build = PythonBuild(version=entry["version"], machine=entry["arch"], url=plain, sha256=sums.get(plain, "").lower())
    # What a list says becomes a path on every mirror.
    return build if _PLACE.fullmatch(build.path) else None
