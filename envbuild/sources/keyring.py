"""Logins in the user's keyring, by the `keyring` program where it is: asked after a 401, never before; kept on request."""

from collections.abc import Mapping
from threading import Lock
from types import MappingProxyType

from envbuild.errors import EnvbuildError, EnvironmentFault
from envbuild.process import Finished, run, which

__all__ = ["Keyring", "has_keyring", "keyring_login"]

_PROGRAM = "keyring"
_TIMEOUT = 60.0
_OPTIONS = ("--mode",)


def has_keyring() -> bool:
    """Whether the program is here."""
    return which(_PROGRAM) is not None


def keyring_login(host: str, user: str = "", *, patience: float = _TIMEOUT) -> str | None:
    """`user:password` that the keyring has for `host` or `host:port`; None: no program, no entry, or no answer within
    `patience` seconds.

    Some keyrings find nothing without the user: so he is named where he is known.
    """
    try:
        words = ("get", host, user) if user else ("--mode", "creds", "get", host)
        done = _call(*words, patience=patience)
    except EnvbuildError:
        return None
    lines = done.stdout.decode("utf-8", "replace").splitlines()
    if done.code != 0 or len(lines) != (1 if user else 2):
        return None
    return f"{user}:{lines[0]}" if user else f"{lines[0]}:{lines[1]}"


class Keyring:
    """Asked once for each host; safe for threads. `users`, by host, are those of a login whose password is not known."""

    def __init__(self, users: Mapping[str, str] = MappingProxyType({}), *, patience: float = _TIMEOUT) -> None:
        """`patience`: how many seconds a login may take to be found; it may have to be unlocked first."""
        self._users, self._patience = users, patience
        self._known: dict[str, str | None] = {}
        self._lock = Lock()

    def login(self, host: str) -> str | None:
        """What `keyring_login` finds for a host."""
        with self._lock:
            if host not in self._known:
                self._known[host] = keyring_login(host, self._users.get(host, ""), patience=self._patience)
            return self._known[host]

    def store(self, host: str, user: str, password: str) -> None:
        """Keep a login. EnvironmentFault where there is no program, or it does not take it."""
        done = _call("set", host, user, secret=password)
        if done.code != 0:
            raise _fault(done, "set", password)

    def erase(self, host: str) -> bool:
        """Forget a host's login; whether there was one that could be found. EnvironmentFault where it stays."""
        known = self.login(host)
        if known is None:
            return False
        done = _call("del", host, known.partition(":")[0])
        if done.code != 0:
            raise _fault(done, "del")
        return True


def _call(*words: str, secret: str = "", patience: float = _TIMEOUT) -> Finished:
    """`secret` goes in by stdin: nobody sees it among the arguments."""
    if any(word.startswith("-") for word in words if word not in _OPTIONS):
        # It would be taken for an option of the program.
        raise EnvironmentFault("no name of a host or user begins with a dash", hint="look at the URL")
    program = which(_PROGRAM)
    if program is None:
        raise EnvironmentFault("the program 'keyring' is not here", hint="pip install keyring")
    return run([program, *words], input=secret.encode(), timeout=patience)


def _fault(done: Finished, verb: str, secret: str = "") -> EnvironmentFault:
    words = done.last_line
    words = "".join(filter(str.isprintable, words.replace(secret, "***") if secret else words))[:200]
    return EnvironmentFault(
        f"keyring {verb} failed: {words or f'exit code {done.code}'}", hint="does it work by itself? keyring diagnose"
    )
