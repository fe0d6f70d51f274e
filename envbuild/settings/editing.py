"""Changes of a file of settings, with everything else in it kept as it stands: comments, order, spelling."""

from pathlib import Path

import tomlkit
from tomlkit.exceptions import TOMLKitError

from envbuild.errors import EnvironmentFault
from envbuild.settings.files import Origin
from envbuild.settings.known import KNOWN, ON, Kind
from envbuild.settings.reading import check_value
from envbuild.wholefile import replace_file

__all__ = ["change"]


def change(path: Path, name: str, text: str | None) -> bool:
    """Set `name` (or `indexes.NAME`, `channels.NAME`) in the file, which is made if it is not there; None takes it out.

    False where there was nothing to take out.

    EnvironmentFault where the file cannot be read or written, UsageError for what is no value of this setting.
    """
    if text is not None:
        check_value(name, text, Origin.USER, str(path))
    document = _read(path)
    table, _, index = name.partition(".")
    holder = document
    if index:
        if table not in document:
            document[table] = tomlkit.table()
        holder = document[table]
    key = index or _spelled(name, document)
    if text is not None:
        holder[key] = _valued(name, text)
    elif key in holder:
        del holder[key]
    else:
        return False
    _write(path, tomlkit.dumps(document))
    return True


def _spelled(name: str, document: tomlkit.TOMLDocument) -> str:
    """As the file has it already: `ca_bundle` is `ca-bundle` too."""
    return next((key for key in document if key.replace("_", "-") == name), name)


def _valued(name: str, text: str) -> object:
    kind = KNOWN[name].kind if name in KNOWN else Kind.TEXT
    match kind:
        case Kind.SWITCH:
            return text.lower() in ON
        case Kind.SECONDS:
            return int(text) if text.isdigit() else float(text)
        case Kind.WORDS:
            return text.replace(",", " ").split()
        case _:
            return text


def _read(path: Path) -> tomlkit.TOMLDocument:
    try:
        return tomlkit.parse(path.read_text("utf-8"))
    except FileNotFoundError:
        return tomlkit.document()
    except (OSError, UnicodeDecodeError, TOMLKitError) as error:
        raise EnvironmentFault(f"cannot be read: {error}", at=str(path), hint="mend it: it is TOML") from error


def _write(path: Path, text: str) -> None:
    """The whole file or none of it; for its owner alone, since a URL in it may carry a login. A link is followed."""
    target = path.resolve()
    try:
        target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        replace_file(target, text.encode(), 0o600)
    except OSError as error:
        raise EnvironmentFault(
            f"cannot be written: {error.strerror}", at=str(path), hint="are its folder's rights and the disk in order?"
        ) from error
