"""A channel's one spelling, from its text alone: no alias, no mirror, no configuration of a machine is asked.

A name (CEP 26) is below conda.anaconda.org, and so is the channel of that URL: both are the name. `pkgs/main` and its
siblings are those of repo.anaconda.com, which conda knows by name. Every other channel is its URL, and so is one below
conda.anaconda.org whose name would say something else (`defaults`, `pkgs/main`) or is none. Which place serves a name is the
machine's affair, and is no part of what is meant.
"""

import re
from dataclasses import dataclass
from urllib.parse import unquote

from envbuild.indexurl import index_url
from envbuild.platforms import Platform

__all__ = ["ANY_CHANNEL", "SUBDIRS", "Channel", "channel", "subdir_of", "without_logins"]

SUBDIRS = frozenset(
    f"{system}-{machine}"
    for system, machines in {
        "linux": ("64", "32", "aarch64", "armv6l", "armv7l", "ppc64", "ppc64le", "riscv32", "riscv64", "s390x"),
        "osx": ("64", "arm64"),
        "win": ("64", "32", "arm64"),
        "freebsd": ("64",),
        "zos": ("z",),
        "emscripten": ("wasm32",),
        "wasi": ("wasm32",),
    }.items()
    for machine in machines
) | {"noarch"}
"""What may stand behind a channel and is no part of its name."""

_SUBDIRS_OF = {"amd64": "linux-64", "arm64": "linux-aarch64"}
_PART = r"[A-Za-z0-9_][A-Za-z0-9_.-]*"
_NAME = re.compile(rf"{_PART}(?:/{_PART})*")
_NAMED = re.compile(
    rf"https?://(?:conda\.anaconda\.org/(?!(?:defaults|nodefaults|local)$|pkgs/)|repo\.anaconda\.com/(?=pkgs/{_PART}$))"
    rf"(?P<name>{_NAME.pattern})"
)
"""What is its name: words that mean something by themselves are none of that host's names."""
_LONGEST = 2000
_URL = re.compile(r"(?:https?://[^/?#$*]|file://)[^?#$*]*", re.IGNORECASE)
_LOGIN = re.compile(
    r"(?P<scheme>(?<![A-Za-z0-9+.-])[A-Za-z0-9+.-]++://)(?:(?P<login>[^/?#\s'\"]*)@)?(?P<host>[^/?#@\s'\"\]]+)(?:/t/(?P<token>[^/\s'\"\]:]+))?"
)
_PATH = ("/", "./", "../", "~", ".\\", "\\")


@dataclass(frozen=True, slots=True)
class Channel:
    """A channel by its name or URL, and the platform that stands behind it, if one does."""

    name: str
    subdir: str = ""

    def __str__(self) -> str:
        return f"{self.name}/{self.subdir}" if self.subdir else self.name


ANY_CHANNEL = Channel("")
"""No channel named: whichever has the package."""


def channel(text: str) -> Channel:
    """The one spelling of a channel. ValueError, which repeats no credentials, says why it is none."""
    plain = text.strip()
    if len(plain) > _LONGEST:
        raise ValueError(f"a channel of more than {_LONGEST} characters")
    if without_logins(plain)[0] != plain:
        raise ValueError("the channel's URL holds credentials")
    if plain == "local" or plain.startswith(_PATH) or plain in (".", ".."):
        raise ValueError(f"{plain!r} is a folder of one machine: no other could find it")
    if "://" not in plain:
        name, subdir = _split(plain.strip("/"))
        if not _NAME.fullmatch(name) or name in ("local", "nodefaults"):
            raise ValueError(f"{plain!r} is no channel: write its name, or its URL")
        return Channel(name, subdir)
    if not _URL.fullmatch(plain):
        raise ValueError("a channel is an https URL without any of ? # $ *")
    url, subdir = _split(index_url(plain))
    named = _NAMED.fullmatch(url)
    return Channel(named["name"] if named else url, subdir)


def without_logins(text: str) -> tuple[str, tuple[tuple[str, str], ...]]:
    """A text without the logins and tokens of the URLs in it; and those: host, and `user:password` or `token:TOKEN`.

    What only names a variable (`${USER}`) is taken out, and is no login.
    """
    found: list[tuple[str, str]] = []

    def plain(url: re.Match[str]) -> str:
        login, token, host = url["login"] or "", url["token"] or "", url["host"].lower()
        words = (login if ":" in login or not login else f"{login}:", f"token:{token}" if token else "")
        found.extend((host, unquote(word)) for word in words if word and "$" not in word)
        return f"{url['scheme']}{url['host']}"

    return _LOGIN.sub(plain, text), tuple(found)


def subdir_of(platform: Platform) -> str:
    """A platform as conda names it: `linux-64`."""
    return _SUBDIRS_OF[platform.architecture]


def _split(name: str) -> tuple[str, str]:
    rest, slash, last = name.rpartition("/")
    if not slash or last.lower() not in SUBDIRS:
        return name, ""
    if rest.rpartition("/")[2].lower() in SUBDIRS:
        raise ValueError("two platforms stand behind the channel")
    return rest, last.lower()
