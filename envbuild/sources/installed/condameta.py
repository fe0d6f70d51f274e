"""What conda knows of an environment, read from its conda-meta folder without conda: packages, what was asked for, variables.

The record of a package is conda's PrefixRecord (conda/models/records.py), `history` is as conda/history.py reads it, and
`state` has the environment's variables (conda/core/prefix_data.py). mamba, micromamba and pixi write the same records.
"""

import json
import re
from ast import literal_eval
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from envbuild.conda.channels import channel_urls
from envbuild.conda.condarc import PUBLIC_ALIAS, Condarc
from envbuild.errors import UsageError
from envbuild.httpsettings import public_url
from envbuild.matchspec.channel import channel
from envbuild.matchspec.spec import match_spec
from envbuild.sources.installed.graph import asked_for, reached
from envbuild.sources.installed.leftbehind import Left, LeftBehind

__all__ = ["CondaMeta", "CondaPackage", "channel_name", "read_conda_meta"]

_ONLY_PYTHON = frozenset({"python", "pip"})
_UNSET = "***unset***"
_SPECS = re.compile(r"#\s*(\w+)\s*specs:\s*(.+)")
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]*")
_FILE = re.compile(r"(?P<name>.+)-[^-]+-[^-]+\.(?:conda|tar\.bz2)(?:#.*)?")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_TOKEN = re.compile(r"(?<=/)t/[^/]+/")
_ANCHOR = re.compile(r"(?:^|/)site-packages/([^/]+\.(?:dist-info|egg-info))(?:/|$)")
_ANACONDA = re.compile(r"https?://repo\.(?:anaconda\.com|continuum\.io)/pkgs/(?:main|r|free|msys2)")


@dataclass(frozen=True, slots=True, kw_only=True)
class CondaPackage:
    """A package that conda installed."""

    name: str
    version: str
    build: str
    """Empty where the record does not say it, or no spec can name it."""
    channel: str
    """A name where it has one, else a URL without login and token; empty where the record does not say it."""
    subdir: str
    """`linux-64`, `noarch`."""
    depends: tuple[str, ...]
    """The names of what it needs."""
    metadata: frozenset[str]
    """The names of its folders of Python metadata: `requests-2.28.2.dist-info`."""
    requested: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class CondaMeta:
    """An environment as conda has it: packages by name."""

    packages: Mapping[str, CondaPackage]
    history: frozenset[str]
    """The names of what was asked for, and not removed later, by its history."""
    variables: tuple[tuple[str, str], ...]
    left: tuple[LeftBehind, ...]

    @property
    def asked(self) -> frozenset[str]:
        """The names of what was asked for: by the history, else by the records, else what nothing else needs."""
        there = self.packages.keys()
        marked = frozenset(name for name, package in self.packages.items() if package.requested)
        return (self.history & there) or marked or asked_for(there, self._needs, ())

    @property
    def only_python(self) -> bool:
        """Whether a person had nothing of conda but Python and pip, and what these bring."""
        brought = reached(_ONLY_PYTHON & self.packages.keys(), self._needs)
        # Of a list of files (`conda create --file`), and of a clone, everything was asked for.
        everything = self.asked == self.packages.keys() and self.asked <= brought
        return "python" in self.packages and (self.asked <= _ONLY_PYTHON or everything)

    def _needs(self, name: str) -> tuple[str, ...]:
        package = self.packages.get(name)
        return tuple(other for other in package.depends if other in self.packages) if package else ()


def read_conda_meta(prefix: Path, condarc: Condarc) -> CondaMeta:
    """What the conda-meta folder of an environment says. UsageError for a record that cannot be understood."""
    folder = prefix / "conda-meta"
    found: dict[str, CondaPackage] = {}
    left: list[LeftBehind] = []
    for path in sorted(folder.glob("*.json")):
        if path.name.startswith("."):
            continue
        package = _package(path, condarc)
        fault = _fault(package)
        if fault:
            left.append(LeftBehind(package.name, package.version, *fault, str(path)))
        else:
            found[package.name] = package
    variables = _variables(folder / "state")
    named = tuple((name, value) for name, value in variables if _VARIABLE.fullmatch(name))
    why = "no name that a variable of an image can have"
    left += [LeftBehind(name, "", Left.VARIABLE, why) for name, _ in variables if not _VARIABLE.fullmatch(name)]
    history = _requested(folder / "history")
    return CondaMeta(packages=found, history=history, variables=named, left=tuple(left))


def channel_name(url: str, condarc: Condarc) -> str:
    """The name of a channel by its URL, as conda shows it (Channel.canonical_name); without one the URL, bare of secrets."""
    bare = _bare(url)
    if bare.startswith("pkgs/") or _ANACONDA.fullmatch(bare):
        return "defaults"
    if "://" not in bare:
        return "" if bare == "<unknown>" else bare
    for name in (*condarc.custom_multichannels, "defaults", *condarc.custom_channels, *condarc.mirrored_channels):
        if bare in map(_bare, channel_urls(name, condarc)):
            return name
    for alias in map(_bare, (condarc.channel_alias, *condarc.migrated_channel_aliases, PUBLIC_ALIAS)):
        if bare.startswith(f"{alias}/"):
            return bare.removeprefix(f"{alias}/")
    return bare


def _bare(url: str) -> str:
    """Without login, query, token, and the platform at its end."""
    url = _TOKEN.sub("", public_url(url), count=1) if "://" in url else url
    url = url.rstrip("/")
    head, _, last = url.rpartition("/")
    return head if head and re.fullmatch(r"noarch|(?:linux|osx|win|emscripten|wasi|zos)-\w+", last) else url


def _package(path: Path, condarc: Condarc) -> CondaPackage:
    try:
        said: dict[str, Any] = json.loads(path.read_bytes().decode())
        depends = (_NAME.match(text) for text in said.get("depends") or ())
        files = (str(file).replace("\\", "/") for file in said.get("files") or ())
        return CondaPackage(
            name=_text(said["name"]).lower(),
            version=_text(said["version"]),
            build=_build(str(said.get("build") or "")),
            channel=channel_name(str(said.get("channel") or ""), condarc),
            subdir=str(said.get("subdir") or PurePosixPath(str(said.get("channel") or "")).name),
            depends=tuple(name[0].lower() for name in depends if name),
            metadata=frozenset(anchor[1] for file in files if (anchor := _ANCHOR.search(file))),
            requested=str(said.get("requested_spec")) not in ("None", "") or bool(said.get("requested_specs")),
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        hint = "conda itself cannot read it either: make the environment anew, or mend this record"
        raise UsageError("this record of conda's cannot be read", at=str(path), hint=hint) from None


def _fault(package: CondaPackage) -> tuple[Left, str] | None:
    """Why no definition can name a package."""
    try:
        match_spec(f"{package.name}={package.version}")
    except ValueError as error:
        return Left.BROKEN, f"{error}: install it again"
    try:
        channel(package.channel or "any")
        match_spec(f"{package.channel or 'any'}::{package.name}={package.version}")
    except ValueError as error:
        return Left.LOCAL, f"{error}: upload it to a channel"
    return None


def _build(build: str) -> str:
    try:
        return build if match_spec(f"x=1={build}").build == build else ""
    except ValueError:
        return ""


def _text(value: object) -> str:
    if not isinstance(value, str) or not value:
        raise TypeError(value)
    return value


def _variables(path: Path) -> tuple[tuple[str, str], ...]:
    """What `conda env config vars set` keeps; nothing where the file is missing or cannot be read, as for old condas."""
    try:
        found = json.loads(path.read_bytes().decode())["env_vars"]
        return tuple((str(name), str(value)) for name, value in sorted(found.items()) if value != _UNSET)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return ()


def _requested(path: Path) -> frozenset[str]:
    """The names that were installed by name, less those that were removed (History.get_requested_specs_map)."""
    try:
        text = path.read_bytes().decode("utf-8", "replace")
    except OSError:
        return frozenset()
    asked: set[str] = set()
    for action, specs in _said(text.splitlines()):
        if action in ("remove", "uninstall"):
            asked -= specs
        elif action in ("update", "install", "create", "neutered"):
            asked |= specs
    return frozenset(asked)


def _said(lines: Sequence[str]) -> Iterator[tuple[str, set[str]]]:
    for line in lines:
        if found := _SPECS.match(line.strip()):
            specs = [text for text in _listed(found[2]) if not text.endswith("@")]
            yield found[1], {name for text in specs if (name := _spec_name(text))}


def _listed(text: str) -> list[str]:
    """A list as Python writes it; before conda 4.5 it was divided by commas."""
    if text.startswith("["):
        try:
            return [str(item) for item in literal_eval(text)]
        except (ValueError, SyntaxError, MemoryError, RecursionError):
            return []
    return [part for part in text.split(",") if part.strip()[:1].isalpha() or part.strip()[:1] == "_"]


def _spec_name(spec: str) -> str:
    """The name in a spec, of which the rest may be anything; that of a file's URL."""
    if file := _FILE.fullmatch(spec.rpartition("/")[2] if "://" in spec else ""):
        return file["name"].lower()
    found = _NAME.match(spec.rpartition("::")[2].strip())
    return found[0].lower() if found else ""
