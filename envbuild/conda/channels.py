"""What a channel's name stands for, as conda has it (conda/models/channel.py; "Mirroring channels" in its documentation)."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from envbuild.conda.condarc import Condarc
from envbuild.httpsettings import public_url

__all__ = ["channel_urls", "public_channel"]

_TOKEN = re.compile(r"/t/[^/]+")
_PLATFORM = re.compile(r"/(?:noarch|zos-z|(?:linux|osx|win|freebsd|emscripten|wasi)-[a-z0-9_]+)$")
_HOST = re.compile(r"([a-z][a-z0-9+.-]*://[^/]*)/*(.*)", re.IGNORECASE)
_PATHS = ("/", "./", "../", "~")


def channel_urls(name: str, condarc: Condarc) -> tuple[str, ...]:
    """The URLs at which a channel's platforms stand (`URL/linux-64`), with logins and tokens; no slash at their end.

    `name` may be a name, a URL or a path. `defaults` and other names of several channels give them all, in order; so do
    the mirrors of one. The platform that conda allows behind a name is left off.
    """
    bare = _PLATFORM.sub("", name.strip().rstrip("/"))
    if not bare or bare == "local":
        # What conda-build made here is no channel for others.
        return ()
    if "://" in bare:
        return (_known(_migrated(bare, condarc), condarc),)
    if bare.startswith(_PATHS) or bare == "..":
        return (Path(bare).absolute().as_uri(),)
    if bare in condarc.mirrored_channels:
        return tuple(url.rstrip("/") for url in condarc.mirrored_channels[bare])
    if (members := _several(condarc).get(bare)) is not None:
        return tuple(_member(each, condarc) for each in members)
    location = next((found for part in _parts(bare) if (found := _locations(condarc).get(part))), condarc.channel_alias)
    return (_below(location, bare),)


def public_channel(url: str) -> str:
    """A channel as it may be shown: without login and query, `/t/<TOKEN>` for a token."""
    return _TOKEN.sub("/t/<TOKEN>", public_url(url) if "://" in url else url)


def _several(condarc: Condarc) -> Mapping[str, tuple[str, ...]]:
    return {"defaults": condarc.default_channels, **condarc.custom_multichannels}


def _member(text: str, condarc: Condarc) -> str:
    """One of a multichannel: a URL, or a name below the alias, whatever else that name is."""
    return _known(text.rstrip("/"), condarc) if "://" in text else _below(condarc.channel_alias, text.strip("/"))


def _locations(condarc: Condarc) -> dict[str, str]:
    """By a channel's name, what its URL has before it: `pkgs/main` of `defaults` too."""
    found: dict[str, str] = {}
    for members in _several(condarc).values():
        for member in members:
            if "://" in member and (parts := _HOST.match(_without_token(member))):
                found[parts[2].strip("/")] = f"{parts[1]}{_token(member)}"
    custom = condarc.custom_channels.items()
    return found | {name: url if "://" in url else condarc.channel_alias for name, url in custom}


def _parts(name: str) -> Iterator[str]:
    """The name, and what is left of it without its last parts: `a/b/c`, `a/b`, `a`."""
    while name:
        yield name
        name = name.rpartition("/")[0]


def _migrated(url: str, condarc: Condarc) -> str:
    former = next((alias for alias in condarc.migrated_channel_aliases if _is_below(url, alias)), None)
    return url if former is None else _below(condarc.channel_alias, url[len(former) :].strip("/"))


def _known(url: str, condarc: Condarc) -> str:
    """A URL with the login and token that the configuration has for it, where it has none of its own."""
    if public_channel(url) != url:
        return url
    bases = [
        (condarc.channel_alias, ""),
        *((url_, name) for name, url_ in condarc.custom_channels.items() if "://" in url_),
    ]
    for location, name in sorted(bases, key=lambda base: -len(base[1])):
        base = _without_token(public_url(location))
        if _is_below(url, f"{base}/{name}".rstrip("/")):
            return _below(location, url[len(base) :].strip("/"))
    return url


def _is_below(url: str, base: str) -> bool:
    return url == base or url.startswith(f"{base}/")


def _below(location: str, name: str) -> str:
    """A channel at a location; a token stands between the two."""
    return f"{_without_token(location)}{_token(location)}/{name}".rstrip("/")


def _token(url: str) -> str:
    found = _TOKEN.search(url, url.find("://") + 3)
    return found[0] if found else ""


def _without_token(url: str) -> str:
    token = _token(url)
    return (url.replace(token, "", 1) if token else url).rstrip("/")
