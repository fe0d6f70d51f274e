"""`Uv`: pins by `uv pip compile`, for the target alone: no configuration of this machine's user, no build code."""

import json
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

from packaging.utils import canonicalize_name
from uv import find_uv_bin

from envbuild import process
from envbuild.definition import Index
from envbuild.errors import EnvironmentFault, ResolveFailed
from envbuild.resolvers.directlogins import direct_logins
from envbuild.resolvers.folderindex import served_folder
from envbuild.resolvers.pins import NoSolution, Pin, PinRequest, names_of, reachable, read_pins
from envbuild.resolvers.provided import told_by_uv
from envbuild.resolvers.providedwheels import constraint_lines, to_install
from envbuild.resolvers.uvsays import ROOT, failure
from envbuild.wheelfiles import Target

__all__ = ["RETRIES", "Uv", "index_options", "manylinux"]

_MANYLINUX = (17, 28, 31, 32, 33, 34, 35, 36, 37, 38, 39, 40)
"""The glibc versions (2.x) that uv has platforms for."""
_ROUNDS = 8
RETRIES = "2"
"""Of a request: an index that is down is then told within 4 seconds."""


class Uv:
    """Resolves with uv. `urls` serve the indexes by name; `environ` is the whole environment that uv sees."""

    name = "uv"

    def __init__(
        self,
        urls: Mapping[str, str],
        environ: Mapping[str, str],
        cache: Path,
        python: str,
        *,
        logins: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        """`cache` is uv's own, apart from the user's; `python` any interpreter (uv wants one, and runs nothing in it).

        `logins`, `user:password` by host, are for direct references; those for indexes stand in `environ`.
        """
        self._urls, self._environ, self._cache, self._python = urls, environ, cache, python
        self._logins = logins

    def pins(self, request: PinRequest) -> tuple[Pin, ...]:
        """One version for each package. NoSolution with uv's reasons; EnvironmentFault where an index cannot be reached.

        uv takes a package from the index that it is pinned to only where the request itself names it. So those that turn
        up on the way are named too, and those that are not needed after all are left out of the answer.
        """
        pinned, asked = request.pinned, names_of(request.requirements)
        named: frozenset[str] = frozenset()
        for _ in range(_ROUNDS):
            more: frozenset[str]
            found: tuple[Pin, ...] = ()
            try:
                found = self._compiled(request, named)
                more = frozenset(p.name for p in found if self._astray(p, request, pinned))
            except NoSolution as no_solution:
                more = frozenset(no_solution.absent) & pinned.keys()
                if not more - asked - named:
                    raise
            if not more - asked - named:
                return to_install(reachable(found, asked) if named else found, request.provided)
            named |= more - asked
        raise NoSolution("the packages pinned to an index do not settle", hint="pin fewer of them to an index")

    def _astray(self, pin: Pin, request: PinRequest, pinned: Mapping[str, str]) -> bool:
        """Whether a pin came from another index than it should."""
        index = next((i for i in request.indexes if i.name == pinned.get(pin.name)), None)
        return index is not None and not pin.url and pin.place.rstrip("/") != self._url(index).rstrip("/")

    def _compiled(self, request: PinRequest, named: frozenset[str]) -> tuple[Pin, ...]:
        with tempfile.TemporaryDirectory(prefix="envbuild-uv-") as place:
            folder = Path(place)
            served = {index.name: served_folder(self._url(index), folder / index.name) for index in request.indexes}
            _write(folder, request, _project(request, named, served))
            env = {"UV_HTTPRETRIES": RETRIES, **self._environ, "HOME": place}
            env |= direct_logins(request.requirements, self._logins, self._environ, folder)
            done = process.run(self._argv(request, served, folder), env=env, cwd=folder)
            if done.code != 0:
                raise _failure(done.stderr.decode("utf-8", "replace"), request, place)
            places = {url.rstrip("/"): self._url(i) for i in request.indexes if (url := served[i.name])}
            pins = read_pins(done.stdout.decode("utf-8"))
        return tuple(Pin(p.name, p.version, p.url, p.via, places.get(p.place.rstrip("/"), p.place)) for p in pins)

    def _argv(self, request: PinRequest, served: Mapping[str, str], folder: Path) -> list[str]:
        target = request.target
        return [
            find_uv_bin(), "pip", "compile", "pyproject.toml", "--constraints", "constraints.txt",
            "--output-file", "pins.txt", "--emit-index-annotation", "--annotation-style", "split", "--no-header",
            "--python", self._python, "--python-version", target.python, "--python-platform", manylinux(target),
            "--no-build", "--no-config", "--color", "never", "--no-progress", "--no-python-downloads",
            "--cache-dir", str(self._cache), "--keyring-provider", "disabled", "--index-strategy", "first-index",
            *index_options(request.indexes, served, folder),
        ]  # fmt: skip

    def _url(self, index: Index) -> str:
        url = self._urls.get(index.name, index.url)
        if not url:
            setting = f"ENVBUILD_INDEX_{index.name.upper().replace('-', '_')}"
            raise EnvironmentFault(
                f"where the index {index.name!r} is served is not known here", hint=f"set {setting}=URL"
            )
        return url


def manylinux(target: Target) -> str:
    """What uv calls the target: the newest manylinux it knows that is not above the base's glibc."""
    glibc = int(target.glibc.split(".")[1])
    newest = max((minor for minor in _MANYLINUX if minor <= glibc), default=_MANYLINUX[0])
    return f"{target.platform.machine}-manylinux_2_{newest}"


def _failure(stderr: str, request: PinRequest, place: str) -> EnvironmentFault | ResolveFailed:
    text, unmet = told_by_uv(stderr, request)
    found = failure(text, place)
    if isinstance(found, NoSolution):
        found.unmet = unmet
    return found


def _write(folder: Path, request: PinRequest, project: str) -> None:
    (folder / "pyproject.toml").write_text(project, encoding="utf-8")
    (folder / "constraints.txt").write_text(constraint_lines(request, folder / "provided"), encoding="utf-8")
    kept = "".join(f"{name}=={version}\n" for name, version in sorted(request.prefer.items()))
    (folder / "pins.txt").write_text(kept, encoding="utf-8")


def index_options(indexes: Sequence[Index], served: Mapping[str, str], folder: Path) -> list[str]:
    """Those that any package may come from, in order; uv asks the default index last."""
    general = [index for index in indexes if not index.explicit]
    options = [word for index in general[:-1] for word in ("--index", f"{index.name}={served[index.name]}")]
    if not general:
        empty = folder / "no-index"
        empty.mkdir()
        return ["--default-index", empty.as_uri()]
    return [*options, "--default-index", f"{general[-1].name}={served[general[-1].name]}"]


def _project(request: PinRequest, named: frozenset[str], served: Mapping[str, str]) -> str:
    """A project that asks for the request: the one form in which uv takes packages pinned to an index."""
    asked = names_of(request.requirements) | named
    lines = [
        "[project]",
        f"name = {json.dumps(ROOT)}",
        'version = "0"',
        f"dependencies = {json.dumps([*(r.text for r in request.requirements), *sorted(named)])}",
        "[tool.uv.sources]",
    ]
    direct = {name for r in request.requirements if "@" in r.text for name in names_of([r])}
    direct |= {one.name for one in request.provided}
    for package, index in sorted(request.pinned.items()):
        if canonicalize_name(package) in asked - direct:
            lines.append(f"{json.dumps(package)} = {{ index = {json.dumps(index)} }}")
    for index_ in request.indexes:
        if index_.explicit:
            lines += ["[[tool.uv.index]]", f"name = {json.dumps(index_.name)}"]
            lines += [f"url = {json.dumps(served[index_.name])}", "explicit = true"]
    return "\n".join(lines) + "\n"
