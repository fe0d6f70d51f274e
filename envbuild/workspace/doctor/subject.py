"""`Subject`: the machine that is looked at, and the ways in which its network is asked."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property

from envbuild.http.listening import Listening
from envbuild.http.logins import Logins
from envbuild.http.proxies import is_loopback, proxy_for
from envbuild.httpsettings import HttpSettings, host_of, public_url
from envbuild.machine import Machine
from envbuild.sources.keyring import Keyring
from envbuild.workspace.adapters import Adapters
from envbuild.workspace.indexlogins import known_users

__all__ = ["ANSWER_TIME", "HELPER_TIME", "MACHINE", "NETWORK", "Subject"]

MACHINE, NETWORK = "this machine", "network"
"""Topics that several modules have checks of."""
ANSWER_TIME = 8.0
"""Seconds for one server or program, its name's lookup and login included."""
HELPER_TIME = 5.0
"""Seconds for a program that keeps logins: after that it is ended, and counts as one that has none."""
_CONNECT, _READ = 3.0, 6.0


@dataclass(frozen=True)
class Subject:
    """A workspace's machine, whose settings could be read."""

    adapters: Adapters = field(repr=False)
    machine: Machine = field(repr=False)

    @property
    def environ(self) -> Mapping[str, str]:
        """The environment of the programs that are asked."""
        return self.adapters.environ

    @cached_property
    def settings(self) -> HttpSettings:
        """The machine's, with short times and one try."""
        keyring = Keyring(known_users(self.machine.logins), patience=HELPER_TIME)
        usual = self.machine.http_settings(login=keyring.login)
        read = min(_READ, usual.read_timeout)
        return replace(usual, connect_timeout=_CONNECT, read_timeout=read, patience=0.0)

    @cached_property
    def http(self) -> Listening:
        """For package indexes and mirrors, with their logins."""
        return Listening(self.settings)

    @cached_property
    def registry_http(self) -> Listening:
        """For registries, which have logins of their own."""
        return Listening(replace(self.settings, logins={}, login=None))

    def way(self, url: str, *, registry: bool = False) -> str:
        """How a URL is reached, for the end of a line: ` through the proxy URL with a login`; often empty.

        Of a registry's login nothing is said: it has one of its own, and its own way to this machine.
        """
        direct = registry and is_loopback(host_of(url))
        proxy = "" if direct else proxy_for(url, self.settings)
        login = not registry and Logins(self.settings).find(host_of(url))
        return (f" through the proxy {public_url(proxy)}" if proxy else "") + (" with a login" if login else "")
