"""`PipTools`: pins by pip-compile. It resolves for the interpreter that runs it, so it is refused where that is not the target."""

import importlib.util
import os
import re
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from urllib.parse import quote, urlsplit, urlunsplit

from packaging.utils import canonicalize_name

from envbuild import host, process
from envbuild.errors import EnvironmentFault, MissingExtra, ResolveFailed, UsageError
from envbuild.httpsettings import host_of
from envbuild.resolvers.directlogins import direct_logins
from envbuild.resolvers.folderindex import served_folder
from envbuild.resolvers.pins import NoSolution, Pin, PinRequest, read_pins
from envbuild.resolvers.provided import unmet
from envbuild.resolvers.providedwheels import constraint_lines, to_install
from envbuild.wheelfiles import Target

__all__ = ["PipTools", "unfit"]

_USE_UV = "leave --resolver out: uv resolves for any target"
_UNREACHABLE = ("ConnectionError", "NewConnectionError", "Max retries exceeded", "HTTPError", "SSLError", "ProxyError")
_ABSENT = re.compile(r"No matching distribution found for ([A-Za-z0-9._-]*[A-Za-z0-9])")
_NEEDS = re.compile(
    r"SpecifierRequirement\('([A-Za-z0-9._-]+)(?:\[[^\]]*\])?([^']*)'\), parent=\w+\('[^']*/([A-Za-z0-9._]+)-[^/']*\.whl"
)
"""Of a conflict: what is needed, in which version, by which wheel."""
_OURS = re.compile(r"Traceback|  |The above exception|During handling|WARNING|pip\._vendor|.*ResolutionImpossible")
"""Lines that tell how pip works, not what is wrong."""
_CLASS = re.compile(r"^(?:[a-z_]+\.)+\w+: ")
_MOST = 12
_RETRIES = "2"
"""Of a request, as uv's: a proxy that refuses is then told in a second."""
_AS_TARGET = """
import sys
from pip._vendor.packaging import markers
python, here = sys.argv.pop(1), markers.default_environment
markers.default_environment = lambda: {**here(), "python_full_version": python, "implementation_version": python}
from piptools.__main__ import cli
cli(prog_name="pip-compile")
"""
"""`python -m piptools`, with the target's full version in markers: what 3.11.2 needs, 3.11.7 may not."""


class PipTools:
    """Resolves with pip-tools, which must be installed beside envbuild. One index, the host's own kind of target."""

    name = "pip-tools"

    def __init__(
        self,
        urls: Mapping[str, str],
        environ: Mapping[str, str],
        cache: Path,
        *,
        logins: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        """`urls` serve the indexes by name; `environ` is the whole environment that pip sees; `cache` is its own.

        `logins`, `user:password` by host, are for direct references; the index's stands in `environ`.
        """
        self._urls, self._environ, self._cache, self._logins = urls, environ, cache, logins

    def pins(self, request: PinRequest) -> tuple[Pin, ...]:
        """One version for each package. UsageError where pip-tools cannot serve the request; NoSolution where nothing fits."""
        if importlib.util.find_spec("piptools") is None:
            raise MissingExtra("pip-tools", "--resolver pip-tools")
        if reason := unfit(request):
            raise UsageError(f"pip-tools cannot resolve this: {reason}", at="--resolver pip-tools", hint=_USE_UV)
        with tempfile.TemporaryDirectory(prefix="envbuild-piptools-") as place:
            folder = Path(place)
            _write(folder, request)
            done = process.run(self._argv(request.target), env=self._environment(request, folder), cwd=folder)
            if done.code != 0:
                raise _failure(done.stderr.decode("utf-8", "replace").replace(f"{place}/", ""), request)
            return to_install(read_pins((folder / "pins.txt").read_text(encoding="utf-8")), request.provided)

    def _argv(self, target: Target) -> list[str]:
        return [
            sys.executable, "-I", "-c", _AS_TARGET, target.python, "compile", "request.in", "--output-file", "pins.txt",
            "--constraint", "constraints.txt", "--resolver", "backtracking", "--strip-extras", "--allow-unsafe",
            "--annotate", "--annotation-style", "split", "--no-header", "--no-emit-index-url", "--no-emit-options",
            "--no-emit-trusted-host", "--no-config", "--quiet", "--cache-dir", str(self._cache),
        ]  # fmt: skip

    def _environment(self, request: PinRequest, folder: Path) -> dict[str, str]:
        """What pip sees: our index, wheels only, and none of its own configuration."""
        index = request.indexes[0]
        url = served_folder(self._urls.get(index.name, index.url), folder / "index")
        key = "".join(c if c.isalnum() else "_" for c in index.name.upper())
        user = self._environ.get(f"UV_INDEX_{key}_USERNAME", "")
        password = self._environ.get(f"UV_INDEX_{key}_PASSWORD", "")
        if user:
            parts = urlsplit(url)
            url = urlunsplit(parts._replace(netloc=f"{quote(user, safe='')}:{quote(password, safe='')}@{parts.netloc}"))
        kept = {name: value for name, value in self._environ.items() if not name.startswith("UV_")}
        own = {"PIP_CONFIG_FILE": os.devnull, "PIP_INDEX_URL": url, "PIP_ONLY_BINARY": ":all:", "PIP_NO_INPUT": "1"}
        own["PIP_RETRIES"] = _RETRIES
        if url.startswith("http:"):
            # What was named without TLS is meant so; pip would leave it out unseen.
            own["PIP_TRUSTED_HOST"] = host_of(url)
        cache = {"PIP_CACHE_DIR": str(self._cache / "pip"), "PIP_DISABLE_PIP_VERSION_CHECK": "1", "HOME": str(folder)}
        direct = direct_logins(request.requirements, self._logins, self._environ, folder)
        return kept | own | cache | direct


def unfit(request: PinRequest) -> str:
    """Why the interpreter that runs envbuild cannot resolve this request; empty where it can."""
    target = request.target
    here = f"{sys.version_info.major}.{sys.version_info.minor}"
    minor = ".".join(target.python.split(".")[:2])
    if host.platform() != target.platform.os:
        return f"it runs on {host.platform()}, the target is {target.platform}"
    if host.machine() != target.platform.machine:
        return f"it runs on {host.machine()}, the target is {target.platform}"
    if sys.implementation.name != "cpython" or here != minor:
        return f"it runs on {sys.implementation.name} {here}, the target has Python {target.python}"
    if _older_glibc(target):
        return f"it runs over glibc {host.glibc_version() or 'none'}, the target has {target.glibc}"
    if len(request.indexes) > 1:
        names = ", ".join(index.name for index in request.indexes)
        return f"pip mixes several indexes, so that any of them could give a package; asked are {names}"
    return ""


def _older_glibc(target: Target) -> bool:
    """Whether wheels that the target takes could be hidden from us."""
    here = host.glibc_version()
    return not here or tuple(map(int, here.split(".")[:2])) < tuple(map(int, target.glibc.split(".")[:2]))


def _write(folder: Path, request: PinRequest) -> None:
    (folder / "request.in").write_text("\n".join(r.text for r in request.requirements), encoding="utf-8")
    (folder / "constraints.txt").write_text(constraint_lines(request, folder / "provided"), encoding="utf-8")
    kept = "".join(f"{name}=={version}\n" for name, version in sorted(request.prefer.items()))
    (folder / "pins.txt").write_text(kept, encoding="utf-8")


def _failure(stderr: str, request: PinRequest) -> ResolveFailed | EnvironmentFault:
    lines = [line.strip() for line in stderr.splitlines() if line.strip() and not _OURS.match(line)]
    lines = [_CLASS.sub("", re.sub(r"(\w+://)[^\s/@]+@", r"\1", line)) for line in lines]
    said = "\n".join(dict.fromkeys(lines[-_MOST:])) or "pip-compile failed and said nothing"
    if any(sign in stderr for sign in _UNREACHABLE) and "ResolutionImpossible" not in stderr:
        hint = (
            "no other index is asked in its place; is it up? Where a proxy is needed: ENVBUILD_PROXY (or HTTPS_PROXY)"
        )
        return EnvironmentFault(f"a package index cannot be reached: {lines[-1] if lines else said}", hint=hint)
    absent = tuple(dict.fromkeys(canonicalize_name(name) for name in _ABSENT.findall(stderr)))
    # The newest release was tried first.
    held = unmet([(by, name, limit) for name, limit, by in reversed(_NEEDS.findall(stderr))], request)
    said = "" if held and not lines else said
    return NoSolution(said, hint="uv explains more: leave --resolver out", absent=absent, unmet=held)
