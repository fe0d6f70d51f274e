"""`head`: one quick question, by the standard library alone: loading the real client takes longer than the answer."""

import http.client
from collections.abc import Mapping
from urllib.parse import urlsplit

from envbuild.errors import EnvironmentFault
from envbuild.http.proxies import is_loopback, proxy_for
from envbuild.http.trust import host_folder, trust
from envbuild.httpsettings import HttpSettings, host_of

__all__ = ["head"]


def head(
    url: str, headers: Mapping[str, str], settings: HttpSettings, timeout: float
) -> tuple[int, Mapping[str, str]] | None:
    """Status and headers (lower-case names) of a HEAD, one hop, whatever the status.

    None where it cannot be asked like this (a proxy) or no answer came within `timeout` seconds: then Http tells why.
    """
    connection: http.client.HTTPConnection | None = None
    try:
        parts, host = urlsplit(url), host_of(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            return None
        if proxy_for(url, settings) and not is_loopback(host):
            return None
        if parts.scheme == "https":
            own = trust(settings, host_folder(settings, host))
            connection = http.client.HTTPSConnection(parts.hostname, parts.port, timeout=timeout, context=own)
        else:
            connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=timeout)
        target = f"{parts.path or '/'}{'?' + parts.query if parts.query else ''}"
        connection.request("HEAD", target, headers={"User-Agent": settings.user_agent, **headers})
        answer = connection.getresponse()
        return answer.status, {name.lower(): value for name, value in answer.getheaders()}
    except (OSError, ValueError, http.client.HTTPException, EnvironmentFault):
        return None
    finally:
        if connection is not None:
            connection.close()
