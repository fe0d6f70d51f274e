"""pip's configuration, as pip itself reads it (pip documentation, "Configuration"); what pip reaches, we reach."""

import configparser
import os
from collections.abc import Iterator, Mapping
from pathlib import Path

from envbuild.errors import EnvironmentFault
from envbuild.settings.files import Origin
from envbuild.settings.reading import Value

__all__ = ["pip_settings"]

_VARIABLES = {
    "index-url": ("PIP_INDEX_URL",),
    "extra-index-url": ("PIP_EXTRA_INDEX_URL",),
    "find-links": ("PIP_FIND_LINKS",),
    "cert": ("PIP_CERT",),
    "proxy": ("PIP_PROXY",),
    "timeout": ("PIP_TIMEOUT", "PIP_DEFAULT_TIMEOUT"),
}


def pip_settings(environ: Mapping[str, str], root: Path) -> dict[str, Value]:
    """What pip's files and variables say, by pip's names (`index-url`), in the order of pip's documentation.

    EnvironmentFault where a file cannot be understood.
    """
    found: dict[str, Value] = {}
    for path in _files(environ, root):
        found |= {name: Value(text, Origin.MACHINE, str(path)) for name, text in _file(path).items()}
    for name, variables in _VARIABLES.items():
        for variable in variables:
            if environ.get(variable):
                found[name] = Value(environ[variable], Origin.MACHINE, variable)
    return found


def _files(environ: Mapping[str, str], root: Path) -> Iterator[Path]:
    """Global, user's, virtual environment's, and the one that a variable names; with os.devnull there: none at all."""
    own = environ.get("PIP_CONFIG_FILE", "")
    if own == os.devnull:
        return
    for folder in reversed((environ.get("XDG_CONFIG_DIRS") or "/etc/xdg").split(":")):
        yield root / folder.lstrip("/") / "pip" / "pip.conf"
    yield root / "Library/Application Support/pip/pip.conf"
    yield root / "etc/pip.conf"
    home = environ.get("HOME", "")
    if home:
        yield Path(home, ".pip/pip.conf")
        yield Path(home, "Library/Application Support/pip/pip.conf")
        yield Path(environ.get("XDG_CONFIG_HOME") or Path(home, ".config"), "pip/pip.conf")
    if environ.get("VIRTUAL_ENV"):
        yield Path(environ["VIRTUAL_ENV"], "pip.conf")
    if own:
        yield Path(own)


def _file(path: Path) -> dict[str, str]:
    """What a file says for every command, and for `install` over it."""
    try:
        text = path.read_text("utf-8")
    except (FileNotFoundError, NotADirectoryError, PermissionError):
        return {}
    except (OSError, UnicodeDecodeError) as error:
        raise EnvironmentFault(f"cannot be read: {error}", at=str(path)) from error
    parser = configparser.RawConfigParser()
    try:
        parser.read_string(text, str(path))
    except configparser.Error as error:
        line = getattr(error, "lineno", None)
        raise EnvironmentFault(
            "pip's configuration cannot be understood", at=f"{path}:{line}" if line else str(path), hint="mend the line"
        ) from error
    found: dict[str, str] = {}
    for section in ("global", "install"):
        if parser.has_section(section):
            found |= {name.replace("_", "-"): value for name, value in parser.items(section) if value}
    return found
