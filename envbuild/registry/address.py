"""Where a registry is asked: over https, but for this machine itself and hosts that a setting names."""

from envbuild.http.proxies import is_loopback
from envbuild.reference import HUB

__all__ = ["base_of"]

_HUB_SERVER = "registry-1.docker.io"
"""Where the registry that engines call docker.io is served."""


def base_of(host: str, *, plain: bool) -> str:
    """The address of `host` or `host:port`, without a slash at its end."""
    scheme = "http" if plain or is_loopback(host) else "https"
    return f"{scheme}://{_HUB_SERVER if host == HUB else host}"
