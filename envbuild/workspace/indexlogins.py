"""Logins of package indexes that a resolver is to have: it asks no keyring itself."""

from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress

from packaging.requirements import Requirement as Parsed

from envbuild.definition import Requirement
from envbuild.errors import EnvironmentFault
from envbuild.http.client import Http
from envbuild.http.faults import Passing
from envbuild.http.logins import Logins, basic
from envbuild.httpsettings import HttpSettings, host_of
from envbuild.indexurl import PUBLIC_INDEX

__all__ = ["asked_logins", "known_users", "places"]

_UNAUTHORIZED = 401


def known_users(logins: Mapping[str, str]) -> dict[str, str]:
    """By host, the user of each login that has no password: an index's URL may name the user alone."""
    parts = {host: login.partition(":") for host, login in logins.items()}
    return {host: user for host, (user, _, password) in parts.items() if user and not password}


def places(index_urls: Iterable[str], requirements: Iterable[Requirement]) -> tuple[str, ...]:
    """What a resolver will ask: the indexes' roots, and the files that requirements name by their URLs."""
    direct = (Parsed(r.text).url for r in requirements if "@" in r.text)
    roots = (f"{url.rstrip('/')}/" for url in index_urls)
    found = (url for url in (*roots, *direct) if url and url.startswith(("http:", "https:")))
    return tuple(url for url in dict.fromkeys(found) if url != f"{PUBLIC_INDEX}/")


def asked_logins(
    urls: Iterable[str], http: Http, settings: HttpSettings, ask: Callable[[str], str | None] | None
) -> dict[str, str]:
    """`user:password` by host, of the addresses that refuse the login which is known, or none: what `ask` says of it.

    `ask` may be slow, so that an index which serves everybody costs one question (HEAD) and nothing more. One that cannot
    be reached is left to the resolver, which tells why. Where a URL names the user alone, netrc may have the password.
    """
    known = Logins(settings)
    found: dict[str, str] = {}
    for url in urls:
        host = host_of(url)
        login = known.find(host)
        if login and not login.endswith(":"):
            # The resolvers read netrc themselves, but not for a user who is named elsewhere.
            found |= {host: login} if host in settings.logins else {}
        elif ask and host not in found and _refuses(url, login, http) and (asked := ask(host)):
            found[host] = asked
    return found


def _refuses(url: str, login: str, http: Http) -> bool:
    headers = {"Authorization": basic(login)} if login else {}
    with suppress(EnvironmentFault, Passing):
        answer = http.exchange("HEAD", url, headers)
        answer.close()
        return answer.status == _UNAUTHORIZED
    return False
