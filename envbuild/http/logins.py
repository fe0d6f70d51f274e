"""Which login goes to which host: from settings, netrc, or asked for once. Never to another host."""

import netrc
import threading
from base64 import b64encode
from urllib.parse import unquote

from envbuild.errors import EnvironmentFault
from envbuild.httpsettings import HttpSettings

__all__ = ["Logins", "basic", "decoded"]


def basic(login: str) -> str:
    """An Authorization header's value (RFC 7617) for `user:password`."""
    return "Basic " + b64encode(login.encode()).decode()


class Logins:
    """By host; safe for threads."""

    def __init__(self, settings: HttpSettings) -> None:
        self._settings = settings
        self._lock = threading.Lock()
        self._asked: dict[str, str | None] = {}
        self._netrc: netrc.netrc | None = None
        self._read = False

    def find(self, host: str) -> str:
        """`user:password` for `host` or `host:port`; empty where there is none."""
        with self._lock:
            known = self._asked.get(host) or self._settings.logins.get(host, "")
            if known and not known.endswith(":"):
                return known
            # A URL may name the user alone, whose password netrc has; or a token, which is a user without one.
            found = self._from_netrc(host.partition(":")[0])
            return found if found.startswith(known) else known

    def ask(self, host: str, refused: str) -> bool:
        """After a 401 to the login `refused`: ask for one, once a host. Whether there is another to try.

        Of several requests at once only the first asks; the others go on with what it found.
        """
        if self._settings.login is None:
            return False
        with self._lock:
            if host not in self._asked:
                self._asked[host] = self._settings.login(host)
            return self._asked[host] not in (None, "", refused)

    def _from_netrc(self, host: str) -> str:
        if not self._read:
            self._read = True
            self._netrc = _netrc(self._settings)
        entry = self._netrc.authenticators(host) if self._netrc and host else None
        return f"{entry[0]}:{entry[2] or ''}" if entry else ""


def _netrc(settings: HttpSettings) -> netrc.netrc | None:
    if settings.netrc is None:
        return None
    try:
        return netrc.netrc(str(settings.netrc))
    except FileNotFoundError:
        return None
    except netrc.NetrcParseError as error:
        raise EnvironmentFault(
            f"cannot be read: {error.msg}", at=f"{settings.netrc}:{error.lineno}", hint="mend the line, or set NETRC"
        ) from error
    except (OSError, UnicodeDecodeError) as error:
        raise EnvironmentFault(
            f"cannot be read: {error}", at=str(settings.netrc), hint="mend it, or set NETRC"
        ) from error


def decoded(login: str) -> str:
    """A URL's login with its percent-encoding undone: what the server is to see."""
    user, _, password = login.partition(":")
    return f"{unquote(user)}:{unquote(password)}"
