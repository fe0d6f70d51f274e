"""`Condarc`: how conda is set up on this machine, read from the same files and variables as conda reads, and merged as there.

The sources are conda's documentation ("Using the .condarc conda configuration file") and, for mirrored_channels, mamba's.
Nothing that our own settings say is asked here: they go first.
"""

import math
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from envbuild.conda.said import Said, Word, from_file, from_variables, last, merged, table
from envbuild.errors import EnvironmentFault

__all__ = ["PUBLIC_ALIAS", "Condarc", "read_condarc"]

PUBLIC_ALIAS = "https://conda.anaconda.org"
"""Where a channel is that nothing else is said of (conda's default)."""
_DEFAULT_CHANNELS = ("https://repo.anaconda.com/pkgs/main", "https://repo.anaconda.com/pkgs/r")
"""What `defaults` stands for where nothing else is said (conda's default)."""

_FILES = (".condarc", "condarc", "condarc.d")
_ON, _OFF = frozenset({"true", "yes", "on", "y", "1"}), frozenset({"false", "no", "off", "n", "0"})
_Value = TypeVar("_Value")


@dataclass(frozen=True, slots=True, kw_only=True)
class Condarc:
    """URLs may have logins and tokens in them: `channels.public_channel` gives them as they may be shown."""

    channels: tuple[str, ...] = field(default=(), repr=False)
    """Names and URLs, the first goes first; none: nothing is set up."""
    channel_alias: str = field(default=PUBLIC_ALIAS, repr=False)
    """What stands before a channel's name."""
    default_channels: tuple[str, ...] = field(default=_DEFAULT_CHANNELS, repr=False)
    custom_channels: Mapping[str, str] = field(default_factory=dict, repr=False)
    """By a channel's name, what stands before it instead of the alias."""
    custom_multichannels: Mapping[str, tuple[str, ...]] = field(default_factory=dict, repr=False)
    """Names that stand for several channels."""
    mirrored_channels: Mapping[str, tuple[str, ...]] = field(default_factory=dict, repr=False)
    """By a channel's name, URLs that all serve it; mamba has this."""
    migrated_channel_aliases: tuple[str, ...] = field(default=(), repr=False)
    """Former aliases: URLs below them are the alias's now."""
    ca_bundle: Path | None = None
    """The authorities that ssl_verify names; None: it names none."""
    client_cert: Path | None = None
    client_key: Path | None = None
    """Beside the certificate, where it is not in the same file."""
    proxies: Mapping[str, str] = field(default_factory=dict, repr=False)
    """By scheme, or `scheme://host`."""
    timeout: float | None = None
    """Seconds that a server may be silent; None: nothing is said."""
    envs_dirs: tuple[Path, ...] = ()
    """Folders of environments, before those that conda has of itself."""
    offline: bool = False
    files: tuple[Path, ...] = ()
    """Those that were read, weakest first."""
    notices: tuple[str, ...] = ()
    """What a user should know: settings that are not followed."""


def read_condarc(environ: Mapping[str, str], *, root: Path = Path("/")) -> Condarc:
    """How conda is set up; `root` is where /etc is. EnvironmentFault names file and line of what cannot be understood."""
    files = tuple(dict.fromkeys(_files(environ, root)))
    sources = [*(from_file(_text(path), str(path), environ) for path in files), from_variables(environ)]

    def said(key: str) -> list[Said]:
        return [source[key] for source in sources if key in source]

    def word(key: str) -> Word | None:
        return last(said(key))

    verify = word("ssl_verify")
    return Condarc(
        channels=tuple(_at_home(text, environ) for text in _texts(said("channels"))),
        channel_alias=_url(word("channel_alias"), "channel_alias") or PUBLIC_ALIAS,
        default_channels=_texts(said("default_channels")) or _DEFAULT_CHANNELS,
        custom_channels=_words_by_name(said("custom_channels")),
        custom_multichannels=_lists_by_name(said("custom_multichannels")),
        mirrored_channels=_lists_by_name(said("mirrored_channels")),
        migrated_channel_aliases=tuple(text.rstrip("/") for text in _texts(said("migrated_channel_aliases"))),
        ca_bundle=_authorities(verify, environ),
        client_cert=_path(word("client_ssl_cert"), environ),
        client_key=_path(word("client_ssl_cert_key"), environ),
        proxies=_words_by_name(said("proxy_servers")),
        timeout=_seconds(word("remote_read_timeout_secs")),
        envs_dirs=tuple(_folders_of(_texts(said("envs_dirs")), environ)),
        offline=_switch(word("offline"), "offline"),
        files=files,
        notices=_not_followed(verify),
    )


def _files(environ: Mapping[str, str], root: Path) -> Iterator[Path]:
    """Those that are there, weakest first (conda's SEARCH_PATH)."""
    home = environ.get("HOME", "")
    folders = [
        root / "etc/conda",
        root / "var/lib/conda",
        _folder(environ.get("CONDA_ROOT") or _above(environ.get("CONDA_EXE", ""))),
        _folder(environ.get("XDG_CONFIG_HOME"), "conda"),
        _folder(home, ".config/conda"),
        _folder(home, ".conda"),
    ]
    yield from _in(folders, _FILES)
    yield from _in([_folder(home)], _FILES[:1])
    yield from _in([_folder(environ.get("CONDA_PREFIX"))], _FILES)
    if environ.get("CONDARC"):
        yield from _found(Path(_at_home(environ["CONDARC"], environ)))


def _folder(text: str | None, below: str = "") -> Path | None:
    return Path(text, below) if text else None


def _above(program: str) -> str:
    """The base installation, by its bin/conda."""
    return str(Path(program).parent.parent) if program else ""


def _in(folders: Sequence[Path | None], names: Sequence[str]) -> Iterator[Path]:
    for folder in folders:
        for name in names if folder else ():
            yield from _found(Path(folder or "", name))


def _found(path: Path) -> Iterator[Path]:
    """The file, or those of a folder by name; conda passes over a name that is neither condarc's nor YAML's."""
    if path.is_dir():
        yield from (one for one in sorted(path.iterdir()) if one.suffix in (".yml", ".yaml") and one.is_file())
    elif path.is_file() and (path.name in _FILES or path.suffix in (".yml", ".yaml")):
        yield path


def _text(path: Path) -> str:
    try:
        return path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise EnvironmentFault(
            f"conda's configuration cannot be read: {error}", at=str(path), hint="mend it, or take it away"
        ) from error


def _texts(said: Sequence[Said]) -> tuple[str, ...]:
    return tuple(word.text for word in merged(said))


def _words_by_name(said: Sequence[Said]) -> dict[str, str]:
    found = ((name, last(entries)) for name, entries in table(said).items())
    return {name.strip("/"): word.text.rstrip("/") for name, word in found if word}


def _lists_by_name(said: Sequence[Said]) -> dict[str, tuple[str, ...]]:
    return {name: _texts(entries) for name, entries in table(said).items()}


def _at_home(text: str, environ: Mapping[str, str]) -> str:
    """`~/channel` as a path."""
    home = environ.get("HOME", "")
    return f"{home}{text[1:]}" if home and (text == "~" or text.startswith("~/")) else text


def _folders_of(texts: Sequence[str], environ: Mapping[str, str]) -> Iterator[Path]:
    """Paths, also several in one text: the variable CONDA_ENVS_DIRS divides them as PATH does."""
    yield from (Path(_at_home(part, environ)) for text in texts for part in text.split(os.pathsep) if part)


def _path(word: Word | None, environ: Mapping[str, str]) -> Path | None:
    return Path(_at_home(word.text, environ)) if word and word.text else None


def _url(word: Word | None, name: str) -> str:
    if word and word.text and "://" not in word.text:
        raise EnvironmentFault(f"{name}: no URL", at=word.place, hint="it begins with https:// or file://")
    return word.text.rstrip("/") if word else ""


def _authorities(word: Word | None, environ: Mapping[str, str]) -> Path | None:
    """The path that ssl_verify has in it; `truststore` is the system's store, which is ours too."""
    if word is None or word.text.lower() in _ON | _OFF | {"truststore", "<default>"}:
        return None
    return _path(word, environ)


def _not_followed(verify: Word | None) -> tuple[str, ...]:
    if verify is None or verify.text.lower() not in _OFF:
        return ()
    advice = "where an authority of your own signs them, name it: ENVBUILD_CA_BUNDLE=FILE.pem"
    return (f"{verify.place}: ssl_verify: false is not followed, certificates are checked all the same; {advice}",)


def _seconds(word: Word | None) -> float | None:
    return _valued(word, _as_seconds, "remote_read_timeout_secs", "a number of seconds") if word else None


def _as_seconds(text: str) -> float:
    if not 0 <= float(text) < math.inf:
        raise ValueError(text)
    return float(text)


def _switch(word: Word | None, name: str) -> bool:
    return _valued(word, _as_switch, name, "true or false") if word else False


def _as_switch(text: str) -> bool:
    if text.lower() not in _ON | _OFF:
        raise ValueError(text)
    return text.lower() in _ON


def _valued(word: Word, read: Callable[[str], _Value], name: str, wanted: str) -> _Value:
    try:
        return read(word.text)
    except ValueError:
        raise EnvironmentFault(f"{name}: not {wanted}: {word.text}", at=word.place, hint=f"{wanted}") from None
