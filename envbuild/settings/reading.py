"""`Settings`: every setting's value and where it came from: given > variable > project > user's file > default."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any, Self

from envbuild.errors import EnvbuildError, EnvironmentFault, UsageError
from envbuild.settings.files import Origin, Table, user_table
from envbuild.settings.known import (
    CHANNEL_PREFIX,
    INDEX_PREFIX,
    KNOWN,
    ON,
    PREFIX,
    Kind,
    Setting,
    bare,
    channel_key,
    named,
    near,
    nearest,
)

__all__ = ["Settings", "Value", "check_value", "variables_of"]

_INDEXES, _CHANNELS = "indexes", "channels"
_NOTHING: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Value:
    """A setting's text, and where it stands: a variable's name, or a file's path."""

    text: str = field(repr=False)
    origin: Origin
    place: str = ""


@dataclass(frozen=True, slots=True)
class Settings:
    """What is set, by setting's name, and the URLs of indexes and channels by theirs. What nobody set is not in it."""

    values: Mapping[str, Value] = field(default_factory=dict)
    indexes: Mapping[str, Value] = field(default_factory=dict)
    channels: Mapping[str, Value] = field(default_factory=dict)
    """By `channel_key`: where conda's channels are served; several URLs are mirrors of one."""
    unknown: tuple[str, ...] = ()
    """Variables that begin with ENVBUILD_ and are close to a setting's, yet none."""

    @classmethod
    def read(
        cls,
        environ: Mapping[str, str],
        *,
        given: Mapping[str, str] = _NOTHING,
        project: Sequence[Table] = (),
        user_file: Path | None = None,
    ) -> Self:
        """All of them. `given` by setting's name, or `indexes.NAME`, `channels.NAME`.

        UsageError for what was given wrong, EnvironmentFault for what stands wrong in a variable or file.
        """
        found = _Found({}, {_INDEXES: {}, _CHANNELS: {}})
        for table in (user_table(user_file), *project):
            for name, text in table.entries.items():
                _put(name, Value(text, table.origin, table.place), found)
        for variable, text in environ.items():
            if variable.startswith(PREFIX) and text.strip():
                _put_variable(variable, text.strip(), found)
        for name, text in given.items():
            _put(name, Value(text.strip(), Origin.GIVEN), found)
        unknown = tuple(v for v in sorted(environ) if v.startswith(PREFIX) and _mistaken(v))
        return cls(found.values, found.places[_INDEXES], found.places[_CHANNELS], unknown)

    def over(self, weaker: Mapping[str, Value]) -> Self:
        """These settings, and beneath them `weaker` ones. EnvironmentFault where one of those is no value."""
        for name, value in weaker.items():
            _check(KNOWN[name], value)
        return replace(self, values={**weaker, **self.values})

    def text(self, name: str) -> str:
        """A setting's text, or its default's."""
        found = self.values.get(name)
        return found.text if found else KNOWN[name].default

    def words(self, name: str) -> tuple[str, ...]:
        """A list's words."""
        return tuple(self.text(name).replace(",", " ").split())

    def seconds(self, name: str) -> float | None:
        """Seconds, None where neither setting nor default says."""
        text = self.text(name)
        return float(text) if text else None

    def switch(self, name: str) -> bool:
        """Whether it is on."""
        return self.text(name).lower() in ON

    @property
    def notices(self) -> tuple[str, ...]:
        """What a user should know about variables that were passed over."""
        return tuple(
            f"{name} is no setting and was passed over: did you mean {KNOWN[nearest(bare(name))].variable}?"
            for name in self.unknown
        )

    @property
    def variables(self) -> Mapping[str, str]:
        """What is set, by variable's name."""
        return {KNOWN[name].variable: value.text for name, value in self.values.items()}


def variables_of(given: Mapping[str, str]) -> dict[str, str]:
    """What was given, as the variables that say the same."""
    return {KNOWN[name].variable: text for name, text in given.items() if name in KNOWN}


@dataclass(frozen=True, slots=True)
class _Found:
    values: dict[str, Value]
    places: dict[str, dict[str, Value]]
    """By table, the URLs by name."""


_KEYS: Mapping[str, Callable[[str], str]] = MappingProxyType(
    {_INDEXES: lambda name: bare(name, ""), _CHANNELS: channel_key}
)
_WORDS: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        _INDEXES: ("index", "the definition can name an index with its url, which is part of what it asks for"),
        _CHANNELS: ("channel", "the definition can name a channel by its URL, which is part of what it asks for"),
    }
)


def _put(name: str, value: Value, found: _Found) -> None:
    table, dot, place = name.partition(".")
    if table in _KEYS and dot:
        if value.origin is Origin.PROJECT:
            word, hint = _WORDS[table]
            raise UsageError(
                f"a project's settings may not say where the {word} {place} is served", at=value.place, hint=hint
            )
        found.places[table][_KEYS[table](place)] = value
        return
    setting = KNOWN.get(name.replace("_", "-"))
    if setting is None:
        raise _wrong(value, f"there is no setting {name!r}", near(name))
    _check(setting, value)
    if value.text:
        found.values[setting.name] = value
    else:
        found.values.pop(setting.name, None)


def _put_variable(variable: str, text: str, found: _Found) -> None:
    setting = named(variable)
    value = Value(text, Origin.VARIABLE, variable)
    if setting is not None:
        _check(setting, value)
        found.values[setting.name] = value
    elif variable.startswith(INDEX_PREFIX):
        found.places[_INDEXES][bare(variable, INDEX_PREFIX)] = value
    elif variable.startswith(CHANNEL_PREFIX):
        found.places[_CHANNELS][channel_key(variable.removeprefix(CHANNEL_PREFIX))] = value


def check_value(name: str, text: str, origin: Origin, place: str) -> None:
    """UsageError where `text` is no value of the setting, or this setting may not stand there; any index is named."""
    setting = KNOWN.get(name)
    if setting is None:
        return
    try:
        _check(setting, Value(text, origin, place))
    except EnvironmentFault as fault:
        raise UsageError(fault.what, hint=fault.hint) from fault


def _check(setting: Setting, value: Value) -> None:
    at = value.place or setting.name
    if value.origin is Origin.PROJECT and not setting.in_project:
        raise UsageError(
            f"a project may not set {setting.name}: it says whom this machine trusts, or where its own things are",
            at=at,
            hint=f"set it for yourself: envbuild config set {setting.name} {setting.example}",
        )
    if value.origin is Origin.USER and not setting.in_user_file:
        raise EnvironmentFault(
            f"{setting.name} cannot stand here", at=at, hint=f"{setting.variable}={setting.example} in the environment"
        )
    fault = setting.fault(value.text) if value.text else ""
    if fault:
        # The value of a URL may carry a login.
        shown = "" if setting.kind is Kind.URL else f": {value.text}"
        named = at in (setting.name, setting.variable)
        what = f"{fault}{shown}" if named else f"{setting.name}: {fault}{shown}"
        raise _wrong(value, what, f"for example {_written(setting, value.origin)}", at)


def _written(setting: Setting, origin: Origin) -> str:
    match origin:
        case Origin.VARIABLE:
            return f"{setting.variable}={setting.example}"
        case Origin.PROJECT | Origin.USER:
            return f'{setting.name} = "{setting.example}"'
        case _:
            return f"{setting.name}={setting.example}"


def _wrong(value: Value, what: str, hint: str, at: str = "") -> EnvbuildError:
    kind: Any = UsageError if value.origin in (Origin.GIVEN, Origin.PROJECT) else EnvironmentFault
    error: EnvbuildError = kind(what, at=at or value.place, hint=hint)
    return error


def _mistaken(variable: str) -> bool:
    return (
        named(variable) is None
        and not variable.startswith((INDEX_PREFIX, CHANNEL_PREFIX))
        and bool(nearest(bare(variable)))
    )
