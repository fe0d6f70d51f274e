"""The resolver of PyPI packages, with an environment that this machine's configuration gives it and nothing else."""

import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import MappingProxyType

from envbuild.errors import UsageError
from envbuild.httpsettings import host_of
from envbuild.machine import Machine
from envbuild.resolvers.listed import Completeness, Listed
from envbuild.resolvers.pins import Pinner
from envbuild.resolvers.pypi import PypiResolver
from envbuild.resolvers.uv import Uv
from envbuild.resolvers.wheelsonly import WheelsOnly
from envbuild.sources.index import IndexClient

__all__ = ["open_packages", "tool_environment"]

_KEPT = ("PATH", "TMPDIR", "LANG", "LC_ALL", "SYSTEMROOT")
_SILENCE = 30.0
"""Seconds: uv's own limit."""


def open_packages(
    name: str,
    machine: Machine,
    index: IndexClient,
    urls: Mapping[str, str],
    environ: Mapping[str, str],
    cache: Path,
    *,
    logins: Mapping[str, str] = MappingProxyType({}),
) -> PypiResolver:
    """The resolver of this name (`uv`, `pip-tools`), over these indexes; `logins` (by host) are a definition's own."""
    logins = {**machine.logins, **logins}
    tool = tool_environment(machine, urls, environ, logins)
    uv = Uv(urls, tool, cache / "uv", sys.executable, logins=logins)
    pinner: Pinner = uv
    if name == "pip-tools":
        from envbuild.resolvers.piptools import PipTools

        pinner = PipTools(urls, tool, cache / "pip-tools", logins=logins)
    # uv alone can tell why a newer release cannot be had.
    review = Completeness(index, WheelsOnly(uv))
    return PypiResolver(Listed(pinner, index), index, review, elsewhere=machine.fetch_only_indexes)


def tool_environment(
    machine: Machine, urls: Mapping[str, str], environ: Mapping[str, str], logins: Mapping[str, str]
) -> dict[str, str]:
    """The whole environment of a resolver's process: trust, proxies, logins; no configuration of its own."""
    tool = {name: environ[name] for name in _KEPT if name in environ}
    tool["UV_NO_CONFIG"] = "1"
    if machine.ca_bundle is not None:
        tool |= {"SSL_CERT_FILE": str(machine.ca_bundle), "PIP_CERT": str(machine.ca_bundle)}
    else:
        tool["UV_NATIVE_TLS"] = "1"
    for scheme, url in machine.proxies.items():
        tool[f"{scheme.upper()}_PROXY"] = url
    if machine.no_proxy:
        tool["NO_PROXY"] = ",".join(machine.no_proxy)
    # A silent index is told as such in the time that the user allows, and no later than uv does by itself.
    silence = str(round(min(machine.timeout, _SILENCE)))
    tool |= {"UV_HTTP_TIMEOUT": silence, "PIP_DEFAULT_TIMEOUT": silence}
    if machine.netrc is not None:
        tool["NETRC"] = str(machine.netrc)
    _check_names(urls)
    for name, url in urls.items():
        login = logins.get(host_of(url))
        if login:
            user, _, password = login.partition(":")
            key = _key(name)
            tool |= {f"UV_INDEX_{key}_USERNAME": user, f"UV_INDEX_{key}_PASSWORD": password}
    return tool


def _key(name: str) -> str:
    """As uv spells an index's name in its variables (uv documentation, "Providing credentials directly")."""
    return "".join(c if c.isascii() and c.isalnum() else "_" for c in name.upper())


def _check_names(names: Iterable[str]) -> None:
    """UsageError for two names that share a variable: one index would get the other's password."""
    known: dict[str, str] = {}
    for name in names:
        other = known.setdefault(_key(name), name)
        if other != name:
            raise UsageError(f"the indexes {other!r} and {name!r} cannot be told apart", hint="give one another name")
