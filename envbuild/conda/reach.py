"""How channels are reached: our own settings first, then conda's, then what other tools of this machine are told."""

from collections.abc import Collection
from dataclasses import replace

from envbuild.conda.condarc import Condarc
from envbuild.httpsettings import HttpSettings, proxy_url

__all__ = ["for_channels"]

_SCHEMES = ("http", "https", "all")


def for_channels(settings: HttpSettings, condarc: Condarc, own: Collection[str]) -> HttpSettings:
    """The machine's settings, for requests to channels; `own` are the names of those that we were told ourselves.

    Of proxy_servers those for a scheme count; one for a single host is not followed.
    """
    proxies = {scheme: proxy_url(url) for scheme in _SCHEMES if (url := condarc.proxies.get(scheme))}
    return replace(
        settings,
        ca_bundle=settings.ca_bundle if "ca-bundle" in own else condarc.ca_bundle or settings.ca_bundle,
        proxies=settings.proxies if "proxy" in own or not proxies else proxies,
        read_timeout=settings.read_timeout
        if "timeout" in own or condarc.timeout is None
        else max(1.0, condarc.timeout),
    )
