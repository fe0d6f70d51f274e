"""`KNOWN`: every setting there is, with what it means, what it is where nobody sets it, and who may set it."""

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from enum import StrEnum
from types import MappingProxyType

from envbuild.reference import Reference

__all__ = [
    "CHANNEL_PREFIX",
    "INDEX_PREFIX",
    "KNOWN",
    "OFF",
    "ON",
    "PREFIX",
    "Kind",
    "Setting",
    "bare",
    "channel_key",
    "named",
    "near",
    "nearest",
]

PREFIX = "ENVBUILD_"
INDEX_PREFIX = "ENVBUILD_INDEX_"
"""ENVBUILD_INDEX_<NAME>: where the index of this name is served; `indexes.<name>` in a file."""
CHANNEL_PREFIX = "ENVBUILD_CHANNEL_"
"""ENVBUILD_CHANNEL_<NAME>: where conda's channel of this name is served; `channels.<name>` in a file."""

ON, OFF = frozenset({"1", "on", "yes", "true"}), frozenset({"0", "off", "no", "false"})


class Kind(StrEnum):
    """What a value must be."""

    TEXT = "text"
    URL = "URL"
    FILE = "file"
    FOLDER = "folder"
    SECONDS = "seconds"
    SWITCH = "on or off"
    WORDS = "list"
    CHOICE = "one of"
    REPOSITORY = "repository"


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """One setting. `name` as in config.toml and on the command line: `ca-bundle`."""

    name: str
    kind: Kind
    meaning: str
    default: str = ""
    usual: str = ""
    """The default in words, where it is no single value."""
    choices: tuple[str, ...] = ()
    in_user_file: bool = True
    in_project: bool = False
    """Whether a project's files may set it: never what says whom this machine trusts, or where its own things are."""

    @property
    def variable(self) -> str:
        """`ENVBUILD_CA_BUNDLE`."""
        return PREFIX + self.name.upper().replace("-", "_")

    def fault(self, text: str) -> str:
        """What is wrong with a value; empty: nothing."""
        if self.kind is Kind.CHOICE:
            return "" if text in self.choices else f"must be {' or '.join(self.choices)}"
        holds, words = _CHECKS.get(self.kind, (bool, ""))
        return "" if holds(text) else words

    @property
    def example(self) -> str:
        """A value that would do, for hints."""
        return _EXAMPLES.get(self.name, self.default or (self.choices[0] if self.choices else self.kind.value.upper()))


def _is_seconds(text: str) -> bool:
    try:
        return 0 <= float(text) < math.inf
    except ValueError:
        return False


def _is_repository(text: str) -> bool:
    try:
        return Reference.parse(text).is_repository
    except ValueError:
        return False


def _is_url(text: str) -> bool:
    """A URL (uv allows a name and `=` before), a path of this machine, or a proxy as HOST:PORT."""
    named = ":/" in text or text.startswith(("/", "~", ".")) or text.rpartition(":")[2].rstrip("/").isdigit()
    return named and not any(map(str.isspace, text))


_CHECKS: Mapping[Kind, tuple[Callable[[str], bool], str]] = {
    Kind.SECONDS: (_is_seconds, "not a number of seconds"),
    Kind.SWITCH: (lambda text: text.lower() in ON | OFF, "neither on nor off"),
    Kind.FOLDER: (lambda text: text.startswith(("/", "~")), "is not absolute"),
    Kind.URL: (_is_url, "no URL"),
    Kind.REPOSITORY: (_is_repository, "no HOST/REPOSITORY without a tag"),
}

_EXAMPLES = {
    "pypi-index": "https://mirror.example/simple",
    "debian-mirror": "https://mirror.example/debian",
    "python-mirror": "https://mirror.example/python-build-standalone",
    "python-catalog": "https://mirror.example/download-metadata.json",
    "proxy": "http://proxy.example:3128",
    "lock-timeout": "600",
    "timeout": "60",
    "cache": "registry.example/team/envs",
    "home": "/srv/envbuild",
    "group": "data-science",
    "ca-bundle": "/srv/ca.pem",
    "registry-certs": "/srv/certs",
    "insecure-registries": "registry.example:5000",
    "no-proxy": ".example 10.0.0.0/8",
    "drop-packages": "off",
}

_ALL = (
    Setting(
        name="home",
        kind=Kind.FOLDER,
        meaning="The folder that has the store, the records and config.toml, all in one place.",
        usual="XDG's cache, data and config folders",
        in_user_file=False,
    ),
    Setting(name="group", kind=Kind.TEXT, meaning="The group that shares the store.", usual="none: it is yours alone"),
    Setting(
        name="cache",
        kind=Kind.REPOSITORY,
        meaning="The repository, HOST/REPOSITORY, where images are looked for before they are built, and claimed after.",
        usual="none",
    ),
    Setting(
        name="resolver",
        kind=Kind.CHOICE,
        meaning="What resolves packages: PyPI's with uv or pip-tools; conda-lock solves conda's, and uv PyPI's beside them.",
        default="uv",
        choices=("uv", "pip-tools", "conda-lock"),
        in_project=True,
    ),
    Setting(
        name="engine",
        kind=Kind.CHOICE,
        meaning="The engine that is used unasked.",
        usual="docker where it answers, else podman",
        choices=("docker", "podman"),
    ),
    Setting(
        name="pypi-index",
        kind=Kind.URL,
        meaning="Where the index `pypi` is served.",
        usual="pip's and uv's configuration, else the public index",
    ),
    Setting(
        name="debian-mirror",
        kind=Kind.WORDS,
        meaning="Where Debian is served: URLs, the first that answers is used.",
        usual="apt's sources",
    ),
    Setting(
        name="debian-mirror-security",
        kind=Kind.WORDS,
        meaning="Where Debian's security suites are served.",
        usual="apt's sources, else beside debian-mirror",
    ),
    Setting(
        name="debian-snapshot",
        kind=Kind.WORDS,
        meaning="Where Debian's older packages are served.",
        usual="none",
    ),
    Setting(
        name="python-mirror",
        kind=Kind.URL,
        meaning="Where standalone Pythons are served: a URL that /DAY/FILE is appended to.",
        usual="UV_PYTHON_INSTALL_MIRROR, else where uv has them from",
    ),
    Setting(
        name="python-catalog",
        kind=Kind.URL,
        meaning="The list of standalone Pythons, a JSON file in uv's form.",
        usual="UV_PYTHON_DOWNLOADS_JSON_URL, else uv's own",
    ),
    Setting(
        name="ca-bundle",
        kind=Kind.FILE,
        meaning="A PEM file, or a folder of them, with the authorities to trust.",
        usual="pip's cert, SSL_CERT_FILE, REQUESTS_CA_BUNDLE, CURL_CA_BUNDLE, else the system's",
    ),
    Setting(
        name="registry-certs",
        kind=Kind.FOLDER,
        meaning="A folder with a folder HOST:PORT for each registry: *.crt its authorities, NAME.cert and NAME.key our own.",
        usual="Docker's own",
    ),
    Setting(
        name="insecure-registries",
        kind=Kind.WORDS,
        meaning="Registries, HOST:PORT, that are asked by plain http.",
        usual="loopback alone",
    ),
    Setting(
        name="proxy",
        kind=Kind.URL,
        meaning="The proxy for http and https.",
        usual="HTTP_PROXY, HTTPS_PROXY, ALL_PROXY, else pip's",
    ),
    Setting(
        name="no-proxy",
        kind=Kind.WORDS,
        meaning="Hosts, .domains, addresses and networks that are reached without the proxy.",
        usual="NO_PROXY",
    ),
    Setting(
        name="timeout",
        kind=Kind.SECONDS,
        meaning="How long a server may be silent, in seconds.",
        default="60",
        in_project=True,
    ),
    Setting(
        name="lock-timeout",
        kind=Kind.SECONDS,
        meaning="How long to wait for another process that makes what is needed, in seconds.",
        usual="3600 for an image, 600 for a lock",
        in_project=True,
    ),
    Setting(
        name="drop-packages",
        kind=Kind.SWITCH,
        meaning="Remove a package's file once its layer is made; off keeps it for work without a network.",
        default="on",
    ),
)

KNOWN: Mapping[str, Setting] = MappingProxyType({setting.name: setting for setting in _ALL})
"""By name, in the order in which they are shown."""


def bare(variable: str, prefix: str = PREFIX) -> str:
    """What a variable says behind its prefix, as a name: `ca-bundle` of ENVBUILD_CA_BUNDLE."""
    return variable.removeprefix(prefix).lower().replace("_", "-")


def channel_key(channel: str) -> str:
    """A channel's name as a setting has it: `pkgs-main` of `pkgs/main`; a variable's name has no other letters."""
    return re.sub(r"[^a-z0-9]+", "-", channel.lower()).strip("-")


def named(variable: str) -> Setting | None:
    """The setting of a variable, if it is one."""
    return KNOWN.get(bare(variable)) if variable.startswith(PREFIX) else None


def nearest(name: str) -> str:
    """The setting whose name is close to this one; empty: none."""
    return next(iter(get_close_matches(name, KNOWN, 1, 0.75)), "")


def near(name: str) -> str:
    """`did you mean timeout?`, or what shows all of them."""
    found = nearest(name)
    return f"did you mean {found}?" if found else "all there are: envbuild config show"
