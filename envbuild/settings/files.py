"""The files that have settings: the user's config.toml, and a project's pyproject.toml and envbuild.toml.

A project's are read in the folder of the definition, and above it up to the root of its repository, no further: what
stands above that is not the project's.
"""

import os
import stat
import tomllib
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from envbuild.errors import EnvbuildError, EnvironmentFault, UsageError
from envbuild.settings.known import KNOWN

__all__ = ["Origin", "Table", "project_tables", "user_table"]

_REPOSITORY = (".git", ".hg", ".jj")
_PROJECT_FILES = (("pyproject.toml", b"envbuild", ("tool", "envbuild")), ("envbuild.toml", b"settings", ()))
_TABLES = ("indexes", "channels")
_LARGEST = 1 << 20
"""Bytes."""
_HIGHEST = 40
"""Folders that are looked at on the way up."""


class Origin(StrEnum):
    """Who said it, the strongest first."""

    GIVEN = "given"
    """On the command line, or as an argument."""
    VARIABLE = "variable"
    PROJECT = "project"
    USER = "user"
    MACHINE = "machine"
    """What other tools are told: pip, uv, the proxies' usual variables."""
    DEFAULT = "default"


@dataclass(frozen=True, slots=True)
class Table:
    """What a file sets: texts by name, those of its tables `indexes` and `channels` as `indexes.<name>`."""

    origin: Origin
    place: str
    entries: Mapping[str, str] = field(default_factory=dict, repr=False)


def user_table(path: Path | None) -> Table:
    """config.toml's settings; none where there is no such file. EnvironmentFault where it cannot be read."""
    if path is None:
        return Table(Origin.USER, "")
    return Table(Origin.USER, str(path), _entries(_document(path, b"", EnvironmentFault), str(path), EnvironmentFault))


def project_tables(folder: Path) -> tuple[Table, ...]:
    """Of the nearest folder that has any: pyproject.toml's [tool.envbuild.settings], then envbuild.toml's [settings] over it.

    UsageError where one cannot be read.
    """
    for level in _levels(folder):
        tables = tuple(_project_files(level, {_owner(folder), os.getuid()}))
        if tables:
            return tables
    return ()


def _levels(folder: Path) -> list[Path]:
    """The folder, and those above it up to its repository's root; the folder alone where it is in none.

    What another user put above it (in /tmp, say) is not the project's.
    """
    owner = _owner(folder)
    above = [folder, *folder.parents][:_HIGHEST]
    for number, level in enumerate(above):
        if _owner(level) != owner:
            break
        if any(_owner(level / mark) == owner for mark in _REPOSITORY):
            return above[: number + 1]
    return [folder]


def _owner(path: Path) -> int | None:
    try:
        return path.stat().st_uid
    except OSError:
        return None


def _project_files(folder: Path, owners: Collection[int | None]) -> Iterator[Table]:
    """Those of one folder that one of these users owns: in /tmp anybody may put a file beside ours."""
    for name, mark, above in _PROJECT_FILES:
        path = folder / name
        if _owner(path) not in owners:
            continue
        found: object = _document(path, mark, UsageError)
        for key in above:
            found = found.get(key) if isinstance(found, dict) else None
        if not isinstance(found, dict):
            continue
        astray = next((key for key in found if above and key in KNOWN), None)
        if astray is not None:
            raise UsageError(
                f"{astray} is a setting, and stands in [{'.'.join(above)}]",
                at=str(path),
                hint=f"[{'.'.join(above)}.settings]",
            )
        settings = found.get("settings")
        if isinstance(settings, dict) and settings:
            yield Table(Origin.PROJECT, str(path), _entries(settings, str(path), UsageError))


def _document(path: Path, mark: bytes, kind: type[EnvbuildError]) -> dict[str, object]:
    """The file's document; empty where it is not there or has no `mark`: most projects' files say nothing to us."""
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):
            # A pipe would hang, a device never end.
            raise kind("not a regular file", at=str(path), hint="name a regular, readable file")
        if status.st_size > _LARGEST:
            what = f"the file has {status.st_size} bytes; at most {_LARGEST} (1 MiB) are read"
            raise kind(what, at=str(path), hint="is this the right file?")
        data = path.read_bytes()
        return tomllib.loads(data.decode("utf-8")) if mark in data else {}
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except PermissionError as error:
        raise kind("permission denied", at=str(path), hint="make the file readable: chmod u+r") from error
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, RecursionError) as error:
        raise kind(f"cannot be read: {error}", at=str(path), hint="it is TOML: name = value") from error


def _entries(document: Mapping[str, object], place: str, kind: type[EnvbuildError]) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, value in document.items():
        if name in _TABLES and isinstance(value, dict):
            found |= {f"{name}.{key}": _text(place) or str(place) for key, place in value.items()}
            continue
        text = _text(value)
        if text is None:
            raise kind(
                f"{name}: not a text, a number or a list of texts",
                at=place,
                hint="[indexes] and [channels] are the only tables",
            )
        found[name] = text
    return found


def _text(value: object) -> str | None:
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, (str, int, float)):
        return str(value).strip()
    if isinstance(value, list) and all(isinstance(word, str) for word in value):
        return " ".join(value)
    return None
