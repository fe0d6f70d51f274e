"""`Configuration`: every setting, its value, who said so; and the user's own file changed."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from envbuild.errors import UsageError
from envbuild.httpsettings import split_login
from envbuild.indexurl import PUBLIC_INDEX
from envbuild.settings.files import Origin
from envbuild.settings.known import KNOWN, Kind, Setting, near
from envbuild.workspace.adapters import Adapters

__all__ = ["Configuration", "Shown"]

_TOKEN = re.compile(r"/t/[^/]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """A setting as it may be shown: a URL's login is `***`."""

    name: str
    text: str
    origin: Origin
    place: str = ""
    """The variable's name or the file's path; of a default without one value, what it is in words."""
    meaning: str = field(default="", repr=False)


class Configuration:
    """The settings that hold in a folder's project, for this user, with what was given."""

    def __init__(self, adapters: Adapters) -> None:
        self._adapters = adapters

    @property
    def path(self) -> Path:
        """The user's file of settings; it need not be there."""
        return self._adapters.named_places.settings

    def all(self) -> tuple[Shown, ...]:
        """Every setting in the order of their list, then the indexes and channels that are named."""
        return tuple(self._shown())

    def one(self, name: str) -> Shown:
        """One setting, or `indexes.NAME`, `channels.NAME`. UsageError where there is none of this name."""
        found = next((shown for shown in self._shown() if shown.name == name.replace("_", "-")), None)
        if found is None:
            raise UsageError(f"there is no setting {name!r}", hint=near(name))
        return found

    def set(self, name: str, text: str) -> Path:
        """Write a setting into the user's file; that file's path. UsageError for what is no setting or no value of it."""
        from envbuild.settings.editing import change

        change(self.path, _known(name), text)
        return self.path

    @property
    def notices(self) -> tuple[str, ...]:
        """Variables that look like settings and are none."""
        return self._adapters.settings.notices

    def unset(self, name: str) -> bool:
        """Take a setting out of the user's file. False where it was not in it."""
        from envbuild.settings.editing import change

        return change(self.path, _known(name), None)

    def _usual(self, setting: Setting) -> str:
        """What it is where nobody sets it, as far as that is one value."""
        match setting.name:
            case "pypi-index":
                return PUBLIC_INDEX
            case "home":
                return str(self._adapters.named_places.cache)
            case _:
                return setting.default

    def _shown(self) -> Iterator[Shown]:
        settings = self._adapters.machine.settings
        for setting in KNOWN.values():
            value = settings.values.get(setting.name)
            if value is None:
                usual = self._usual(setting)
                yield Shown(
                    name=setting.name, text=usual, origin=Origin.DEFAULT, place=setting.usual, meaning=setting.meaning
                )
                continue
            yield Shown(
                name=setting.name,
                text=_public(value.text, setting.kind),
                origin=value.origin,
                place=value.place,
                meaning=setting.meaning,
            )
        for table, places in (("indexes", settings.indexes), ("channels", settings.channels)):
            for name, value in sorted(places.items()):
                shown = _public(value.text, Kind.URL)
                yield Shown(name=f"{table}.{name}", text=shown, origin=value.origin, place=value.place)


def _known(name: str) -> str:
    table, dot, place = name.partition(".")
    if dot and table in ("indexes", "channels") and place:
        return name
    name = name.replace("_", "-")
    if name not in KNOWN:
        raise UsageError(f"there is no setting {name!r}", hint=near(name))
    return name


def _public(text: str, kind: Kind) -> str:
    """Without logins: those of one URL, or of each of several."""
    if kind not in (Kind.URL, Kind.WORDS):
        return text
    return " ".join(_hidden(word) for word in text.split())


def _hidden(url: str) -> str:
    """A login, and a query, are shown as three stars; a proxy may stand without its scheme."""
    url, asks, _ = url.partition("?")
    scheme, there, rest = url.rpartition("://")
    if rest.startswith("/"):
        # A path of this machine, which has no host.
        return f"{url}?***" if asks else url
    bare, login = split_login(f"x://{rest}")
    shown = f"{scheme}{there}{'***@' if login else ''}{_TOKEN.sub('/t/***', bare.removeprefix('x://'))}"
    return f"{shown}?***" if asks else shown
