"""Logins of package indexes that a resolver is to have: it asks no keyring itself."""

from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress

from envbuild.errors import EnvironmentFault
from envbuild.http.client import Http
from envbuild.http.faults import Passing
from envbuild.http.logins import Logins
from envbuild.httpsettings import HttpSettings, host_of
from envbuild.machine import PUBLIC_INDEX

__all__ = ["asked_logins", "known_users"]

_UNAUTHORIZED = 401


def known_users(logins: Mapping[str, str]) -> dict[str, str]:
    """By host, the user of each login that has no password: an index's URL may name the user alone."""
    parts = {host: login.partition(":") for host, login in logins.items()}
    return {host: user for host, (user, _, password) in parts.items() if user and not password}


def asked_logins(
    urls: Iterable[str], http: Http, settings: HttpSettings, ask: Callable[[str], str | None]
) -> dict[str, str]:
    """`user:password` by host, of the indexes that answer 401 and whose login is not known: what `ask` says of it.

    `ask` may be slow, so that an index which serves everybody costs one question (HEAD) and nothing more. One that cannot
    be reached is left to the resolver, which tells why.
    """
    known = Logins(settings)
    users = known_users(settings.logins)
    found: dict[str, str] = {}
    for url in dict.fromkeys(urls):
        host = host_of(url)
        if not url.startswith(("http:", "https:")) or url.rstrip("/") == PUBLIC_INDEX or host in found:
            continue
        if (host in users or not known.find(host)) and _refuses(url, http) and (login := ask(host)):
            found[host] = login
    return found


def _refuses(url: str, http: Http) -> bool:
    with suppress(EnvironmentFault, Passing):
        answer = http.exchange("HEAD", url.rstrip("/") + "/", {})
        answer.close()
        return answer.status == _UNAUTHORIZED
    return False
