"""`StepNetwork`: what a program that is started for the user needs to reach the network as we do.

One value for runs in a container, runs directly and the steps of a build: proxies, hosts that need none, and authorities.
None of it enters an image or an id. Proxies may carry logins: they travel in the environment, never on a command line.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Self

from envbuild.http.proxies import is_loopback
from envbuild.httpsettings import HttpSettings, host_of

__all__ = ["NO_NETWORK", "StepNetwork"]

_FILE_VARIABLES = ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "PIP_CERT")
"""By which OpenSSL (Python, uv), requests, curl and pip are told of a file of authorities."""
_FOLDER_VARIABLES = ("SSL_CERT_DIR", "REQUESTS_CA_BUNDLE")
_PLACE = "/run/envbuild/ca"


@dataclass(frozen=True, slots=True, kw_only=True)
class StepNetwork:
    """`proxies` by variable's name in capitals (`HTTPS_PROXY`), NO_PROXY among them; `ca_bundle` a file or a folder of authorities."""

    proxies: Mapping[str, str] = field(default_factory=dict, repr=False)
    ca_bundle: Path | None = None
    notices: tuple[str, ...] = ()
    """What was left out, for the user."""

    @classmethod
    def of(cls, settings: HttpSettings) -> Self:
        """As the settings say. A bundle that is not there is left out."""
        every = settings.proxies.get("all", "")
        named = {f"{s.upper()}_PROXY": settings.proxies.get(s) or every for s in ("http", "https")}
        proxies = {name: url for name, url in named.items() if url}
        if proxies and settings.no_proxy:
            proxies["NO_PROXY"] = ",".join(settings.no_proxy)
        bundle = settings.ca_bundle
        if bundle is not None and not bundle.exists():
            left_out = (f"{bundle}: no such file of authorities; the program is told of none",)
            return cls(proxies=proxies, notices=left_out)
        return cls(proxies=proxies, ca_bundle=bundle.resolve() if bundle else None)

    def contained(self) -> Self:
        """For a container's own network, where this machine's loopback is out of reach: a proxy on it is left out."""
        out = {
            name: host_of(url) for name, url in self.proxies.items() if name != "NO_PROXY" and is_loopback(host_of(url))
        }
        kept = {name: url for name, url in self.proxies.items() if name not in out}
        notices = tuple(
            f"the proxy {host} is not passed on: in a container that address is the container itself; "
            f"name an address that containers reach, or use --no-container"
            for host in dict.fromkeys(out.values())
        )
        proxies = kept if kept.keys() - {"NO_PROXY"} else {}
        return replace(self, proxies=proxies, notices=(*self.notices, *notices))

    @property
    def place(self) -> str:
        """Where a container or a build step has the authorities; empty: there are none."""
        if self.ca_bundle is None:
            return ""
        return _PLACE if self.ca_bundle.is_dir() else f"{_PLACE}.pem"

    def proxy_variables(self, given: Mapping[str, str]) -> dict[str, str]:
        """What to add to the variables that are `given`, in capitals and small; what they say in one way holds for both."""
        found: dict[str, str] = {}
        for capital, value in self.proxies.items():
            names = (capital.lower(), capital)
            said = next((given[name] for name in names if name in given), value)
            found |= {name: said for name in names if name not in given}
        return found

    def trust_variables(self, given: Mapping[str, str], place: str) -> dict[str, str]:
        """What to add to the variables that are `given`, where the authorities stand at `place`; nothing where there are none."""
        if self.ca_bundle is None:
            return {}
        names = _FOLDER_VARIABLES if self.ca_bundle.is_dir() else _FILE_VARIABLES
        return {name: place for name in names if name not in given}


NO_NETWORK = StepNetwork()
"""Nothing to tell."""
