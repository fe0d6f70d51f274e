"""Fixtures: a company's network, whose only way out is a proxy that re-signs TLS. Made once a session, and taken away."""

import os
import ssl
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from registries.certificates import Authority

from envbuild.machine import Machine
from proxies.network import Network, made
from proxies.squid import PROGRAMS, Proxy, running

HOST = "services.corp.test"
"""A host that only the proxy knows and reaches; its certificate is by the fixture `authority`."""


@dataclass(frozen=True, slots=True)
class Company:
    """Run commands inside of it with `prefix` before them."""

    network: Network
    proxy: Proxy
    host: str = HOST

    @property
    def prefix(self) -> tuple[str, ...]:
        """What to put before a command."""
        return self.network.prefix


@pytest.fixture(scope="session")
def company(program, authority: Authority, tmp_path_factory) -> Iterator[Company]:
    """The network and its proxy; nothing inside trusts the proxy, or knows of it, by itself."""
    for name in ("ip", "openssl", *PROGRAMS):
        program(name)
    if os.geteuid():
        pytest.skip("a network namespace needs root")
    with made() as network:
        trusted = _trusted_here() + authority.bundle.read_text("ascii")
        with running(network.gate, trusted, {HOST: network.beyond}) as proxy:
            yield Company(network, proxy)


def _trusted_here() -> str:
    """The certificates that this machine trusts, as PEM."""
    own = Machine.read(os.environ).ca_bundle
    if own is not None and own.is_file():
        return own.read_text("ascii", "ignore")
    usual = ssl.get_default_verify_paths()
    return Path(usual.cafile or usual.openssl_cafile or "/etc/ssl/certs/ca-certificates.crt").read_text(
        "ascii", "ignore"
    )
