"""`Prefix`: a Python environment's folder and where its parts are, told from its files: nothing in it is run.

PEP 405 (pyvenv.cfg), the layouts of CPython's `site` and `sysconfig`, and Debian's own (dist-packages).
"""

import os
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from envbuild.errors import UsageError
from envbuild.sources.installed.system import System, system_of_header

__all__ = ["Kind", "Prefix", "read_prefix"]

_LIBRARY = re.compile(r"(?P<kind>python|pypy)(?P<minor>\d+\.\d+)(?P<threads>t?)")
_VERSION = re.compile(r"(?P<minor>\d+\.\d+)(?:\.\d+)?")
_DLL = re.compile(r"python(\d)(\d+)\.dll", re.IGNORECASE)
_PROGRAM = re.compile(r"(?:python|pypy)[0-9.t]*(?:\.exe)?", re.IGNORECASE)
_USUAL_NAMES = (".venv", "venv", "env")
_HINT = "name the folder of a virtual environment (it has pyvenv.cfg), or of a conda environment (it has conda-meta)"


class Kind(StrEnum):
    """What sort of environment it is."""

    VENV = "virtual environment"
    CONDA = "conda environment"
    INSTALLATION = "Python installation"


@dataclass(frozen=True, slots=True, kw_only=True)
class Prefix:
    """An environment's folder. Without Python (conda has such environments) `python` is empty."""

    path: Path
    kind: Kind
    python: str
    """`3.11`."""
    release: str
    """`3.11.7`, where it is told; else as `python`."""
    usual: bool
    """Whether it is CPython with the usual threading, as every base has."""
    sites: tuple[Path, ...]
    """Its folders of packages, those that go first in front."""
    user_site: Path | None = None
    """The one among them that is the user's alone (`pip install --user`)."""
    base_sites: tuple[Path, ...] = ()
    """Those of the Python that it is made of, where it sees that one's packages, too."""
    system: System | None = None
    """What its interpreter is for; None where that cannot be told."""

    @property
    def name(self) -> str:
        """What people call it: the folder's name, of `.venv` that of the project."""
        return self.path.parent.name if self.path.name.lower() in _USUAL_NAMES else self.path.name


def read_prefix(path: Path, environ: Mapping[str, str]) -> Prefix:
    """The environment at `path`, the path of its interpreter serves, too. UsageError where there is none."""
    path = path.absolute()
    if _PROGRAM.fullmatch(path.name) and not path.is_dir() and os.path.lexists(path):
        path = path.parent.parent if path.parent.name in ("bin", "Scripts") else path.parent
    if not path.is_dir():
        raise UsageError("there is no such folder", at=str(path), hint=_HINT)
    settings = _pyvenv(path)
    conda = _is_condas(path / "conda-meta")
    kind = Kind.VENV if settings else Kind.CONDA if conda else Kind.INSTALLATION
    stated = _VERSION.search(settings.get("version_info") or settings.get("version") or "") if settings else None
    library = _library(path, stated["minor"] if stated else "")
    windows = path / "Lib" / "site-packages"
    if library is None and not windows.is_dir() and kind is not Kind.CONDA:
        raise UsageError("no Python environment is in this folder", at=str(path), hint=_near(path))
    minor = stated["minor"] if stated else library["minor"] if library else _of_dll(path)
    if not minor and kind is not Kind.CONDA:
        raise UsageError("which Python this environment has cannot be told", at=str(path), hint=_HINT)
    sites = _sites(path, library[0]) if library else [windows]
    user = _user_site(library, environ) if kind is Kind.INSTALLATION else None
    base = _base_of(settings, minor) if settings.get("include-system-site-packages", "").lower() == "true" else ()
    return Prefix(
        path=path,
        kind=kind,
        python=minor,
        release=stated[0] if stated else minor,
        usual=settings.get("implementation", "CPython").lower() == "cpython"
        and (library is None or (library["kind"] == "python" and not library["threads"])),
        sites=_there([*([user] if user else []), *sites]),
        user_site=user,
        base_sites=base,
        system=_system(path),
    )


def _is_condas(meta: Path) -> bool:
    """Whether conda has a package there. What was removed leaves the folder, and its history."""
    return any(meta.glob("*.json"))


def _pyvenv(path: Path) -> dict[str, str]:
    """What pyvenv.cfg says, by lower-case key; nothing where there is none."""
    file = path / "pyvenv.cfg"
    try:
        text = file.read_text("utf-8", "replace") if file.is_file() else ""
    except OSError as error:
        raise UsageError(f"cannot be read: {error.strerror}", at=str(file), hint="make it readable") from error
    pairs = (line.partition("=") for line in text.splitlines())
    found = {key.strip().lower(): value.strip() for key, equals, value in pairs if equals}
    return found or ({"home": ""} if file.is_file() else {})


def _library(path: Path, minor: str) -> re.Match[str] | None:
    """The name of its library's folder (`python3.11`): that of this version, of its `python3`, else the newest."""
    names = {
        entry.name: found
        for library in ("lib", "lib64")
        for entry in _entries(path / library)
        if (found := _LIBRARY.fullmatch(entry.name)) and entry.is_dir()
    }
    if minor:
        return next((found for _, found in sorted(names.items()) if found["minor"] == minor), None)
    for program in ("python3", "python"):
        own = _LIBRARY.fullmatch(os.path.realpath(path / "bin" / program).rpartition("/")[2])
        if own and own[0] in names:
            return names[own[0]]
    return max(names.values(), key=lambda found: tuple(map(int, found["minor"].split("."))), default=None)


def _sites(path: Path, library: str) -> list[Path]:
    """Where packages of this Python are; the last ones are Debian's."""
    own = [path / folder / library / "site-packages" for folder in ("lib", "lib64")]
    return [
        *own,
        path / "local" / "lib" / library / "dist-packages",
        path / "lib" / library / "dist-packages",
        path / "lib" / "python3" / "dist-packages",
    ]


def _there(folders: Iterable[Path]) -> tuple[Path, ...]:
    """Those that exist, each once: lib64 is often a link to lib."""
    found: dict[str, Path] = {}
    for folder in folders:
        if folder.is_dir():
            found.setdefault(os.path.realpath(folder), folder)
    return tuple(found.values())


def _user_site(library: re.Match[str] | None, environ: Mapping[str, str]) -> Path | None:
    """Where `pip install --user` puts packages of this Python, if there are any (PEP 370)."""
    home = environ.get("HOME")
    if library is None or not home or environ.get("PYTHONNOUSERSITE"):
        return None
    base = environ.get("PYTHONUSERBASE") or f"{home}/.local"
    folder = Path(base, "lib", library[0], "site-packages")
    return folder if folder.is_dir() else None


def _base_of(settings: Mapping[str, str], minor: str) -> tuple[Path, ...]:
    """The packages of the Python that a virtual environment was made of."""
    home = Path(settings.get("home", ""))
    base = home.parent if home.name == "bin" else home
    library = _library(base, minor)
    return _there(_sites(base, library[0]) if library else [base / "Lib" / "site-packages"])


def _of_dll(path: Path) -> str:
    """The Python of a Windows installation, by its library's name."""
    found = (_DLL.fullmatch(entry.name) for entry in _entries(path))
    return next((f"{name[1]}.{name[2]}" for name in found if name), "")


def _system(path: Path) -> System | None:
    programs = ("bin/python3", "bin/python", "python.exe", "Scripts/python.exe")
    found = next((system for name in programs if (system := system_of_header(path / name))), None)
    return found or (System("win32") if (path / "Scripts").is_dir() and not (path / "bin").is_dir() else None)


def _near(path: Path) -> str:
    inside = next((name for name in _USUAL_NAMES if (path / name / "pyvenv.cfg").is_file()), "")
    return f"there is one in it: {path / inside}" if inside else _HINT


def _entries(folder: Path) -> Iterator[Path]:
    """What is in a folder; nothing where there is none."""
    try:
        yield from sorted(folder.iterdir())
    except (FileNotFoundError, NotADirectoryError):
        return
