"""`Machine`: how this machine is set up, read once: where indexes are served, trust, proxies, logins, apt's sources.

The definition says which indexes; only the machine says where they are. Our own settings go first, then what other
tools are told (pip, uv, the proxies' and certificates' usual variables).
"""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self
from urllib.parse import unquote

from envbuild.errors import EnvironmentFault
from envbuild.httpsettings import HttpSettings, host_of, proxy_url, split_login
from envbuild.indexurl import PUBLIC_INDEX
from envbuild.settings.files import Origin
from envbuild.settings.othertools import proxy_of, told
from envbuild.settings.pipconfig import pip_settings
from envbuild.settings.reading import Settings

__all__ = ["Machine"]

_NAMED_URL = re.compile(r"[A-Za-z0-9._-]+=(?=[a-z][a-z+]*:)")
_MIRROR_LIST = re.compile(r"mirror\+file:(/[^\s\]]+)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """URLs have no login in them: those are in `logins`, by host."""

    pypi_index: str = PUBLIC_INDEX
    """Serves `pypi`."""
    index_urls: Mapping[str, str] = field(default_factory=dict)
    """Where other indexes are served, by the name that a definition has for them."""
    channel_urls: Mapping[str, tuple[str, ...]] = field(default_factory=dict, repr=False)
    """Where conda's channels are served, by `channel_key`; several are mirrors. A token stands in the path."""
    fetch_only_indexes: tuple[str, ...] = ()
    """pip's extra indexes: a file whose hash is known may come from them. Nothing is resolved from them."""
    find_links: tuple[str, ...] = ()
    """Folders and pages of links, for the same use."""
    python_mirror: str = ""
    """Where standalone Pythons are served; nothing: where the list says."""
    python_catalog: str = ""
    """The list of them; nothing: uv's own."""
    apt_sources: tuple[tuple[str, str], ...] = ()
    """Path and text of apt's source lists, and of the mirror lists that they name."""
    settings: Settings = field(default_factory=Settings, repr=False)
    """What it was made from, and beneath what other tools are told."""
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
    def read(cls, environ: Mapping[str, str], settings: Settings | None = None, *, root: Path = Path("/")) -> Self:
        """The machine that settings, variables and files describe; `root` is where /etc is. EnvironmentFault for a broken file."""
        pip = pip_settings(environ, root)
        settings = (settings or Settings()).over(told(environ, pip))
        pip_text = {name: value.text for name, value in pip.items()}
        logins: dict[str, str] = {}
        extra = [
            pip_text.get("extra-index-url", ""),
            environ.get("UV_INDEX", ""),
            environ.get("UV_EXTRA_INDEX_URL", ""),
        ]
        links = [pip_text.get("find-links", ""), environ.get("UV_FIND_LINKS", "").replace(",", " ")]
        return cls(
            pypi_index=_clean(settings.text("pypi-index") or PUBLIC_INDEX, logins),
            index_urls={name: _clean(value.text, logins) for name, value in settings.indexes.items()},
            channel_urls={name: _each([value.text], logins) for name, value in settings.channels.items()},
            fetch_only_indexes=_each(extra, logins),
            find_links=_each(links, logins),
            python_mirror=_clean(settings.text("python-mirror"), logins),
            python_catalog=_clean(settings.text("python-catalog"), logins),
            apt_sources=_apt_sources(root),
            settings=settings,
            ca_bundle=_bundle(settings),
            proxies=_proxies(settings, environ),
            no_proxy=settings.words("no-proxy"),
            timeout=max(1.0, settings.seconds("timeout") or 0.0),
            logins=logins,
            netrc=_netrc(environ),
            cert_folders=_cert_folders(settings, root),
        )

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


def _bundle(settings: Settings) -> Path | None:
    """EnvironmentFault where our own setting names none: a server's certificate would be blamed for it."""
    value = settings.values.get("ca-bundle")
    if value is None:
        return None
    path = Path(value.text).expanduser()
    if value.origin is not Origin.MACHINE and not path.exists():
        raise EnvironmentFault(
            f"there is no such file of certificates: {path}",
            at=value.place or "ca-bundle",
            hint="name a PEM file or a folder",
        )
    return path


def _proxies(settings: Settings, environ: Mapping[str, str]) -> dict[str, str]:
    """By scheme. Our own setting, and pip's, serve all."""
    value = settings.values.get("proxy")
    found: dict[str, str] = {}
    if value and value.origin is Origin.MACHINE:
        found = {scheme: url for scheme in ("http", "https", "all") if (url := proxy_of(environ, scheme).text)}
    if value and not found:
        found = {"all": value.text}
    return {scheme: proxy_url(url) for scheme, url in found.items()}


def _netrc(environ: Mapping[str, str]) -> Path | None:
    if environ.get("NETRC"):
        return Path(environ["NETRC"])
    return Path(environ["HOME"], ".netrc") if environ.get("HOME") else None


def _cert_folders(settings: Settings, root: Path) -> tuple[Path, ...]:
    own = settings.text("registry-certs")
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
