"""`Machine`: how this machine is set up, read once: where indexes are served, trust, proxies, logins, apt's sources.

The definition says which indexes; only the machine says where they are. A setting is looked for in ENVBUILD_<NAME>, then
as `<name>` in config.toml, then where other tools have it (pip, uv, the proxies' and certificates' usual variables).
"""

import configparser
import math
import os
import re
import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self
from urllib.parse import unquote

from envbuild.errors import EnvironmentFault
from envbuild.httpsettings import HttpSettings, host_of, split_login

__all__ = ["PUBLIC_INDEX", "Machine"]

PUBLIC_INDEX = "https://pypi.org/simple"
"""What serves `pypi` where no setting names a mirror."""

_PREFIX = "ENVBUILD_"
_ON, _OFF = frozenset({"1", "on", "yes", "true"}), frozenset({"0", "off", "no", "false"})
_NAMED_URL = re.compile(r"[A-Za-z0-9._-]+=(?=[a-z][a-z+]*:)")
_MIRROR_LIST = re.compile(r"mirror\+file:(/[^\s\]]+)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """URLs have no login in them: those are in `logins`, by host."""

    pypi_index: str = PUBLIC_INDEX
    """Serves `pypi`."""
    index_urls: Mapping[str, str] = field(default_factory=dict)
    """Where other indexes are served, by the name that a definition has for them."""
    fetch_only_indexes: tuple[str, ...] = ()
    """pip's extra indexes: a file whose hash is known may come from them. Nothing is resolved from them."""
    find_links: tuple[str, ...] = ()
    """Folders and pages of links, for the same use."""
    apt_sources: tuple[tuple[str, str], ...] = ()
    """Path and text of apt's source lists, and of the mirror lists that they name."""
    settings: Mapping[str, str] = field(default_factory=dict, repr=False)
    """Every ENVBUILD_ setting by its variable's name, config.toml's included."""
    ca_bundle: Path | None = None
    proxies: Mapping[str, str] = field(default_factory=dict, repr=False)
    no_proxy: tuple[str, ...] = ()
    timeout: float = 60.0
    """Seconds that a server may be silent."""
    logins: Mapping[str, str] = field(default_factory=dict, repr=False)
    """`user:password` by host."""
    netrc: Path | None = None
    cert_folders: tuple[Path, ...] = ()
    """A folder a host of a registry's certificates, as Docker has them."""

    @classmethod
    def read(cls, environ: Mapping[str, str], settings_file: Path | None = None, *, root: Path = Path("/")) -> Self:
        """The machine that these variables and its files describe; `root` is where /etc is. EnvironmentFault for a broken file."""
        settings, named = _settings(environ, settings_file)
        pip = _pip_settings(environ, root)
        logins: dict[str, str] = {}
        pypi = _first(settings, "ENVBUILD_PYPI_INDEX") or _first(environ, "UV_DEFAULT_INDEX", "UV_INDEX_URL")
        extra = [pip.get("extra-index-url", ""), environ.get("UV_INDEX", ""), environ.get("UV_EXTRA_INDEX_URL", "")]
        links = [pip.get("find-links", ""), environ.get("UV_FIND_LINKS", "").replace(",", " ")]
        ca_bundle = _first(settings, "ENVBUILD_CA_BUNDLE") or pip.get("cert") or _first(environ, *_CA_VARIABLES)
        return cls(
            pypi_index=_clean(pypi or pip.get("index-url", "").strip() or PUBLIC_INDEX, logins),
            index_urls={name: _clean(url, logins) for name, url in named.items()},
            fetch_only_indexes=_each(extra, logins),
            find_links=_each(links, logins),
            apt_sources=_apt_sources(root),
            settings=settings,
            ca_bundle=Path(ca_bundle).expanduser() if ca_bundle else None,
            proxies=_proxies(environ, settings.get("ENVBUILD_PROXY", ""), pip.get("proxy", "")),
            no_proxy=tuple(_first(environ, "no_proxy", "NO_PROXY").replace(",", " ").split()),
            timeout=_timeout(settings.get("ENVBUILD_TIMEOUT") or pip.get("timeout", "")),
            logins=logins,
            netrc=_netrc(environ),
            cert_folders=_cert_folders(settings, root),
        )

    def number(self, setting: str) -> float | None:
        """A setting of seconds, None where it is not set. EnvironmentFault where it is none."""
        text = self.settings.get(setting, "").strip()
        if not text:
            return None
        try:
            found = float(text)
        except ValueError:
            found = -1.0
        if not 0 <= found < math.inf:
            raise EnvironmentFault(f"not a number of seconds: {text}", at=setting, hint=f"{setting}=600")
        return found

    def switch(self, setting: str, *, usual: bool) -> bool:
        """A setting that is on or off. EnvironmentFault where it is neither."""
        text = self.settings.get(setting, "").strip().lower()
        if not text:
            return usual
        if text in _ON or text in _OFF:
            return text in _ON
        raise EnvironmentFault(f"neither on nor off: {text}", at=setting, hint=f"{setting}=on")

    def http_settings(
        self, *, logins: Mapping[str, str] | None = None, login: Callable[[str], str | None] | None = None
    ) -> HttpSettings:
        """For Http; `logins` (by host) are a definition's own and go first, `login` is asked after a 401."""
        return HttpSettings(
            ca_bundle=self.ca_bundle,
            cert_folders=self.cert_folders,
            proxies=self.proxies,
            no_proxy=self.no_proxy,
            read_timeout=self.timeout,
            logins={**self.logins, **(logins or {})},
            netrc=self.netrc,
            login=login,
        )


_CA_VARIABLES = ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")


def _first(values: Mapping[str, str], *names: str) -> str:
    return next((values[name].strip() for name in names if values.get(name, "").strip()), "")


def _settings(environ: Mapping[str, str], path: Path | None) -> tuple[dict[str, str], dict[str, str]]:
    """Settings by variable, and the URLs of named indexes: the file's, then the variables' over them."""
    settings: dict[str, str] = {}
    named: dict[str, str] = {}
    for key, value in _document(path).items():
        if key == "indexes" and isinstance(value, dict):
            named |= {name: str(url) for name, url in value.items()}
        elif isinstance(value, (str, int, float)) or _words(value):
            text = " ".join(value) if isinstance(value, list) else str(value)
            settings[_PREFIX + key.upper().replace("-", "_")] = text
        else:
            raise EnvironmentFault(
                f"{key}: not a text, a number or a list of texts", at=str(path), hint="[indexes] is the only table"
            )
    settings |= {name: value for name, value in environ.items() if name.startswith(_PREFIX)}
    for name, value in settings.items():
        if name.startswith("ENVBUILD_INDEX_") and value:
            named[name.removeprefix("ENVBUILD_INDEX_").lower().replace("_", "-")] = value
    return settings, named


def _words(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(word, str) for word in value)


def _document(path: Path | None) -> dict[str, object]:
    try:
        return tomllib.loads(path.read_text("utf-8")) if path else {}
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise EnvironmentFault(f"cannot be read: {error}", at=str(path), hint="it is TOML: name = value") from error


def _clean(url: str, logins: dict[str, str]) -> str:
    """A URL without its login, which goes to `logins`, and without the name that uv allows before it."""
    url, login = split_login(_NAMED_URL.sub("", url.strip(), count=1))
    if login:
        user, _, password = login.partition(":")
        logins.setdefault(host_of(url), f"{unquote(user)}:{unquote(password)}")
    return url.rstrip("/")


def _each(texts: Iterable[str], logins: dict[str, str]) -> tuple[str, ...]:
    """The URLs or paths in these texts, divided by white space, each once."""
    return tuple(dict.fromkeys(_clean(url, logins) for text in texts for url in text.split()))


def _proxies(environ: Mapping[str, str], own: str, of_pip: str) -> dict[str, str]:
    found = {s: _first(environ, f"{s}_proxy", f"{s.upper()}_PROXY") for s in ("http", "https", "all")}
    found = {scheme: url for scheme, url in found.items() if url}
    if own or (of_pip and not found):
        found = {"all": own or of_pip}
    return {scheme: url if "://" in url else f"http://{url}" for scheme, url in found.items()}


def _timeout(text: str) -> float:
    if not text:
        return 60.0
    try:
        return max(1.0, float(text))
    except ValueError:
        raise EnvironmentFault(
            f"not a number of seconds: {text}", at="the network time limit", hint="ENVBUILD_TIMEOUT=60"
        ) from None


def _netrc(environ: Mapping[str, str]) -> Path | None:
    if environ.get("NETRC"):
        return Path(environ["NETRC"])
    return Path(environ["HOME"], ".netrc") if environ.get("HOME") else None


def _cert_folders(settings: Mapping[str, str], root: Path) -> tuple[Path, ...]:
    own = settings.get("ENVBUILD_REGISTRY_CERTS", "")
    return (*([Path(own).expanduser()] if own else []), root / "etc/docker/certs.d")


def _apt_sources(root: Path) -> tuple[tuple[str, str], ...]:
    """What apt reads (sources.list(5)), by the path it has on the machine. Unreadable ones are passed over, as apt does."""
    folder = root / "etc/apt/sources.list.d"
    found: dict[str, str] = {}
    for path in (root / "etc/apt/sources.list", *sorted(folder.glob("*.list")), *sorted(folder.glob("*.sources"))):
        found |= _text(path, root)
    for listed in sorted({path for text in found.values() for path in _MIRROR_LIST.findall(text)}):
        found |= _text(root / listed.lstrip("/"), root)
    return tuple(found.items())


def _text(path: Path, root: Path) -> dict[str, str]:
    try:
        return {f"/{path.relative_to(root)}": path.read_text("utf-8")}
    except (OSError, UnicodeDecodeError):
        return {}


_PIP_VARIABLES = {
    "index-url": ("PIP_INDEX_URL",),
    "extra-index-url": ("PIP_EXTRA_INDEX_URL",),
    "find-links": ("PIP_FIND_LINKS",),
    "cert": ("PIP_CERT",),
    "proxy": ("PIP_PROXY",),
    "timeout": ("PIP_TIMEOUT", "PIP_DEFAULT_TIMEOUT"),
}


def _pip_settings(environ: Mapping[str, str], root: Path) -> dict[str, str]:
    """What pip's files and variables say, by pip's names (`index-url`), in the order of pip's documentation.

    EnvironmentFault where a file cannot be understood.
    """
    found: dict[str, str] = {}
    for path in _pip_files(environ, root):
        found |= _pip_file(path)
    for name, variables in _PIP_VARIABLES.items():
        for variable in variables:
            if environ.get(variable):
                found[name] = environ[variable]
    return found


def _pip_files(environ: Mapping[str, str], root: Path) -> Iterator[Path]:
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


def _pip_file(path: Path) -> dict[str, str]:
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
