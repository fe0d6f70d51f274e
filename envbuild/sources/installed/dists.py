"""The distributions that are installed in folders of packages, read from their metadata; nothing is imported or run.

PyPA, "Recording installed projects" (.dist-info: METADATA, RECORD, INSTALLER, REQUESTED, direct_url.json); setuptools'
.egg-info, .egg and .egg-link. `importlib.metadata` gives up at the first file that is no UTF-8, and hides what is broken.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from packaging.metadata import parse_email
from packaging.requirements import InvalidRequirement
from packaging.requirements import Requirement as Pep508
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from envbuild.sources.installed.leftbehind import Left, LeftBehind
from envbuild.sources.installed.origin import EDITABLE_WHY, Origin, read_origin

__all__ = ["Distribution", "Found", "distributions"]

_SUFFIXES = (".dist-info", ".egg-info", ".egg")
_AGAIN = "install it again, then capture once more"
_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?")
_SECTION = re.compile(r"\[(?P<extra>[^:\]]*)(?::(?P<marker>.*))?\]")
_EDITABLE = re.compile(rb"(?m)^\"?__editable__[._]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Distribution:
    """One that is installed; `name` is normalized (PEP 503)."""

    name: str
    version: str
    requires: tuple[Pep508, ...] = ()
    requested: bool = False
    """Whether a person asked for it by name (REQUESTED)."""
    installer: str = ""
    """`pip`, `uv`, `conda`; who installs for a system: `debian`, `rpm`."""
    tags: tuple[str, ...] = ()
    origin: Origin | None = None
    folder: Path
    """Its metadata's."""

    @property
    def pin(self) -> str:
        """As a requirement."""
        return f"{self.name}=={self.version}"


@dataclass(slots=True)
class Found:
    """What is there: by name, what cannot be told, and what a user should know."""

    distributions: dict[str, Distribution] = field(default_factory=dict)
    left: list[LeftBehind] = field(default_factory=list)
    notices: list[str] = field(default_factory=list)


def distributions(sites: Sequence[Path]) -> Found:
    """The distributions in these folders; of one name, that of the first folder counts, as Python has it."""
    found = Found()
    for site in sites:
        here: dict[str, list[Distribution]] = {}
        for entry in _metadata(site, found):
            read = _links_to(entry) if entry.suffix == ".egg-link" else _read(entry)
            if isinstance(read, LeftBehind):
                found.left.append(read)
            elif read.name not in found.distributions:
                here.setdefault(read.name, []).append(read)
        for name, several in here.items():
            found.distributions[name] = _one_of(several, found)
    found.left = [one for one in found.left if canonicalize_name(one.name) not in found.distributions]
    return found


def _metadata(site: Path, found: Found) -> Iterator[Path]:
    for entry in sorted(site.iterdir()):
        if entry.name.startswith("~") and entry.suffix == ".dist-info":
            found.notices.append(f"{entry}: what an interrupted pip left there counts for nothing; it may be deleted")
        elif entry.suffix in (*_SUFFIXES, ".egg-link"):
            yield entry


def _one_of(several: Sequence[Distribution], found: Found) -> Distribution:
    """Of several of one name in a folder: the one with a list of files, then the newest; the others are remains."""
    best = max(several, key=lambda one: ((one.folder / "RECORD").is_file(), _comparable(one.version)))
    others = ", ".join(sorted({one.version for one in several} - {best.version}))
    if others:
        found.notices.append(f"{best.name} is there more than once: {best.version} is taken, not {others}; {_AGAIN}")
    return best


def _comparable(version: str) -> Version:
    try:
        return Version(version)
    except InvalidVersion:
        return Version("0")


def _read(entry: Path) -> Distribution | LeftBehind:
    """The distribution that an entry tells of; what is wrong with it, where that cannot be understood."""
    inner = entry / "EGG-INFO" if entry.suffix == ".egg" else entry
    main = inner / "METADATA" if entry.suffix == ".dist-info" else inner / "PKG-INFO" if inner.is_dir() else inner
    data = _bytes(main)
    if data is None:
        return _broken(entry, f"{main.name} is missing or cannot be read")
    fields, _ = parse_email(data)
    name, version = fields.get("name", ""), fields.get("version", "")
    if not _NAME.fullmatch(name) or not version:
        return _broken(entry, f"{main.name} names no package and version")
    return Distribution(
        name=canonicalize_name(name),
        version=version,
        requires=tuple(_parsed([*fields.get("requires_dist", []), *_egg_requires(inner)])),
        requested=(inner / "REQUESTED").is_file(),
        installer=(_bytes(inner / "INSTALLER") or b"").decode("utf-8", "replace").strip(),
        tags=tuple(re.findall(r"(?m)^Tag: *(\S+)", (_bytes(inner / "WHEEL") or b"").decode("utf-8", "replace"))),
        origin=_origin(canonicalize_name(name), inner),
        folder=entry,
    )


def _broken(entry: Path, what: str) -> LeftBehind:
    """By the name and version that its folder has: `numpy-1.26.4.dist-info`, `old-1.0-py3.11.egg`."""
    name, _, rest = entry.stem.partition("-")
    return LeftBehind(name, rest.partition("-")[0], Left.BROKEN, f"{what}: {_AGAIN}", str(entry))


def _origin(name: str, folder: Path) -> Origin | None:
    data = _bytes(folder / "direct_url.json")
    if data is not None:
        return read_origin(name, data)
    # Older tools say nothing, and put a finder or a .pth beside it.
    if _EDITABLE.search(_bytes(folder / "RECORD") or b""):
        return Origin("", reason=Left.EDITABLE, why=EDITABLE_WHY)
    return None


def _links_to(link: Path) -> LeftBehind:
    """What `setup.py develop` leaves: the folder of the source, on the first line."""
    lines = (_bytes(link) or b"").decode("utf-8", "replace").splitlines()
    folder = Path(lines[0].strip()) if lines and lines[0].strip() else None
    name, version = link.stem, ""
    for entry in sorted(folder.glob("*.egg-info")) if folder and folder.is_dir() else ():
        read = _read(entry)
        if isinstance(read, Distribution) and read.name == canonicalize_name(link.stem):
            name, version = read.name, read.version
    return LeftBehind(
        name, version, Left.EDITABLE, EDITABLE_WHY, folder.as_uri() if folder and folder.is_absolute() else ""
    )


def _egg_requires(folder: Path) -> Iterator[str]:
    """The lines of setuptools' requires.txt, those of extras and markers with a marker."""
    marker = ""
    for line in (_bytes(folder / "requires.txt") or b"").decode("utf-8", "replace").splitlines():
        section = _SECTION.fullmatch(line.strip())
        if section:
            parts = [f'extra == "{section["extra"]}"' if section["extra"] else "", section["marker"] or ""]
            marker = " and ".join(f"({part})" for part in parts if part)
        elif line.strip() and not line.startswith("#"):
            yield line.strip() + (f" ; {marker}" if marker else "")


def _parsed(lines: Iterable[str]) -> Iterator[Pep508]:
    """Those that are requirements; old packages have others, which no tool reads."""
    for line in lines:
        try:
            yield Pep508(line)
        except InvalidRequirement:
            continue


def _bytes(path: Path) -> bytes | None:
    """A regular file's bytes; None where there is none that can be read."""
    try:
        return path.read_bytes() if path.is_file() else None
    except OSError:
        return None
