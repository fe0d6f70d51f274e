"""Which proxy a URL is asked through: the settings' by scheme, but for what NO_PROXY names."""

import ipaddress
from urllib.parse import urlsplit

from envbuild.httpsettings import HttpSettings

__all__ = ["is_loopback", "proxy_for"]


def proxy_for(url: str, settings: HttpSettings) -> str:
    """The proxy's URL, with its login where it has one; empty: none."""
    parts = urlsplit(url)
    proxy = settings.proxies.get(parts.scheme) or settings.proxies.get("all", "")
    return "" if not proxy or _direct(parts.netloc.rpartition("@")[2], settings.no_proxy) else proxy


def is_loopback(host: str) -> bool:
    """Whether `host` or `host:port` is this machine: localhost, 127.0.0.0/8, ::1. Nothing is looked up."""
    try:
        bare = (urlsplit(f"//{host}").hostname or "").lower()
    except ValueError:
        return False
    try:
        return bare == "localhost" or ipaddress.ip_address(bare).is_loopback
    except ValueError:
        return False


def _direct(host: str, no_proxy: tuple[str, ...]) -> bool:
    """Whether NO_PROXY names this host: itself, a domain above it, its network, with or without its port."""
    bare = (urlsplit(f"//{host}").hostname or "").lower()
    for name in no_proxy:
        domain = name.lower().removeprefix("*").removeprefix(".")
        if name == "*" or (domain and any(h == domain or h.endswith(f".{domain}") for h in (bare, host))):
            return True
        if _in_network(bare, name):
            return True
    return False


def _in_network(host: str, network: str) -> bool:
    try:
        return ipaddress.ip_address(host) in ipaddress.ip_network(network, strict=False)
    except ValueError:
        return False
