"""Logins are kept and forgotten: a registry's where Docker keeps it, a package index's in the keyring."""

import re
from dataclasses import dataclass

from envbuild.errors import EnvironmentFault, UsageError
from envbuild.httpsettings import HttpSettings
from envbuild.ports import Reporter
from envbuild.workspace.adapters import Adapters
from envbuild.workspace.loginnames import LoginName

__all__ = ["Forgotten", "LoggedIn", "Logins"]

_KEYRING = "keyring"
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
"""What Basic has no place for (RFC 7617, 2)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LoggedIn:
    """A login that was tried and kept: for which host, whose, and where."""

    host: str
    user: str
    place: str
    """Docker's file, or `keyring`."""
    helper: str = ""
    """The credential helper that has it, where the file names one."""
    readable: bool = False
    """Whether it stands in the file itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Forgotten:
    """A host's login that is gone: from where (empty: there was none), and where others remain."""

    host: str
    place: str = ""
    remains: tuple[str, ...] = ()


class Logins:
    """For one command."""

    def __init__(self, adapters: Adapters) -> None:
        self._adapters = adapters

    def login(self, name: str, user: str, password: str, report: Reporter) -> LoggedIn:
        """Try a login and keep it.

        UsageError for what can be none; EnvironmentFault where it is not taken (then nothing is kept), cannot be tried
        or cannot be kept.
        """
        named = LoginName.parse(name)
        user = user or named.user
        if not user or ":" in user or _CONTROL.search(user):
            raise UsageError("a user's name is needed, without a colon", at=named.host, hint="-u USER")
        if not password or _CONTROL.search(password):
            raise UsageError("a password is needed, of one line", at=named.host)
        if named.url:
            return self._to_index(named, user, password, report)
        return self._to_registry(named.host, user, password, report)

    def logout(self, name: str) -> Forgotten:
        """Forget a login. UsageError for what can be none, EnvironmentFault where it cannot be taken away."""
        named = LoginName.parse(name)
        return self._from_index(named) if named.url else self._from_registry(named.host)

    # Registries.

    def _to_registry(self, host: str, user: str, password: str, report: Reporter) -> LoggedIn:
        from envbuild.registry.auth import Login
        from envbuild.registry.dockerconfig import logins_in
        from envbuild.registry.dockerlogins import store_login
        from envbuild.workspace.registries import Registries

        tried = Registries(self._adapters).try_login(host, Login(user, password))
        if not tried.asked:
            report.notice(f"{host} asks for no login: whether this one is right was not seen")
        kept = store_login(host, tried.login, self._adapters.environ)
        if not kept.helper:
            report.notice(f"the login can be read in {kept.place}: {_safer()}")
        first = next((place for place, _ in logins_in(host, self._adapters.environ)), kept.place)
        if first != kept.place:
            report.notice(f"{first} has a login for {host} too, which goes before this one")
        return LoggedIn(host=host, user=user, place=kept.place, helper=kept.helper, readable=not kept.helper)

    def _from_registry(self, host: str) -> Forgotten:
        from envbuild.registry.dockerconfig import logins_in, repositories_in
        from envbuild.registry.dockerlogins import erase_login

        kept = erase_login(host, self._adapters.environ)
        left = [place for place, _ in logins_in(host, self._adapters.environ)]
        left += [f"{place} ({name})" for place, name in repositories_in(host, self._adapters.environ)]
        return Forgotten(host=host, place=kept.place if kept else "", remains=tuple(dict.fromkeys(left)))

    # Package indexes.

    def _to_index(self, named: LoginName, user: str, password: str, report: Reporter) -> LoggedIn:
        from envbuild.sources.keyring import Keyring, has_keyring, keyring_login

        host = named.host
        if not has_keyring():
            line = f"machine {host.partition(':')[0]} login {user} password PASSWORD"
            raise EnvironmentFault(
                "there is no keyring to keep an index's login in: nothing was kept",
                at=host,
                hint=f"pip install keyring; or write it into ~/.netrc yourself (chmod 600): {line}",
            )
        self._try_index(named, f"{user}:{password}")
        Keyring().store(host, user, password)
        if keyring_login(host) is None:
            # Not as a URL: what stands before an @ in one is never shown.
            place = f"{user}@{named.url.partition('://')[2]}"
            report.notice(f"this keyring finds a login by its user alone: write the user into the index's URL: {place}")
        return LoggedIn(host=host, user=user, place=_KEYRING)

    def _try_index(self, named: LoginName, login: str) -> None:
        from envbuild.http.client import Http
        from envbuild.http.logins import basic
        from envbuild.http.proxies import is_loopback

        if named.url.startswith("http:") and not is_loopback(named.host):
            raise EnvironmentFault("by http everybody on the way reads the password", at=named.host, hint="use https")
        http = Http(self._adapters.heard(self._adapters.machine.http_settings()))
        sent = {"Authorization": basic(login)}
        answer = http.patience().spend(lambda: http.exchange("HEAD", named.url.rstrip("/") + "/", sent))
        answer.close()
        if answer.status in (401, 403):
            raise EnvironmentFault(
                f"the login is not taken, and was not kept ({answer.status})",
                at=named.host,
                hint="check user and password; some indexes want an access token in the password's place",
            )

    def _from_index(self, named: LoginName) -> Forgotten:
        from envbuild.http.logins import Logins as Found
        from envbuild.sources.keyring import Keyring

        machine, host = self._adapters.machine, named.host
        keyring = Keyring({host: named.user}) if named.user else self._adapters.keyring
        erased = keyring.erase(host)
        remains = [str(machine.netrc)] if Found(HttpSettings(netrc=machine.netrc)).find(host) else []
        remains += ["the index's URL in the settings"] if machine.logins.get(host, "").partition(":")[2] else []
        return Forgotten(host=host, place=_KEYRING if erased else "", remains=tuple(remains))


def _safer() -> str:
    from envbuild.registry.credhelpers import installed_helper

    name = installed_helper()
    if name:
        return f'docker-credential-{name} is installed, and "credsStore": "{name}" there makes it keep logins'
    return "a credential helper keeps it better (docs/login.md)"
