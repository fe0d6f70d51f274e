"""Logins are kept where `docker login` keeps them: in a credential helper, else in Docker's config.json."""

from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from envbuild.errors import EnvironmentFault
from envbuild.registry.auth import Login
from envbuild.registry.configedit import edit
from envbuild.registry.credhelpers import CredentialHelper
from envbuild.registry.dockerconfig import docker_config, helper_of, keys_of, parsed

__all__ = ["Kept", "erase_login", "store_login"]


@dataclass(frozen=True, slots=True)
class Kept:
    """Where a login is: the file, and the credential helper that it names; empty: the file itself has it, readable."""

    place: str
    helper: str = ""


def store_login(host: str, login: Login, environ: Mapping[str, str]) -> Kept:
    """Keep a registry's login, in place of any other that Docker's file or helper has for it.

    EnvironmentFault where the file cannot be read or written, or the helper fails.
    """
    place, keys = _place(environ), keys_of(host)
    helper = helper_of(_document(place), host)
    if helper:
        CredentialHelper(helper, place, environ).store(keys[0], login)

    def change(document: dict[str, Any]) -> bool:
        auths = _auths(document, place)
        for key in keys[1:]:
            auths.pop(key, None)
        # Docker leaves an empty entry too, by which it knows for whom a helper has logins.
        auths[keys[0]] = {} if helper else _entry(login)
        return True

    edit(Path(place), lambda content: parsed(place, content), change)
    return Kept(place, helper)


def erase_login(host: str, environ: Mapping[str, str]) -> Kept | None:
    """Forget a registry's login in Docker's file and in the helper that it names; where it was, None where it was not.

    EnvironmentFault as for `store_login`.
    """
    place, keys = _place(environ), keys_of(host)
    document = _document(place)
    helper = helper_of(document, host)
    # A login may be older than the helper, and the other way round.
    helpers = [name for name in dict.fromkeys((helper, str(document.get("credsStore") or ""))) if name]
    erased = [name for name in helpers if CredentialHelper(name, place, environ).erase(keys[0])]
    had = False

    def change(document: dict[str, Any]) -> bool:
        nonlocal had
        auths = _auths(document, place)
        gone = [auths.pop(key) for key in keys if key in auths]
        had = had or any(gone)
        return bool(gone)

    if Path(place).exists():
        edit(Path(place), lambda content: parsed(place, content), change)
    if erased:
        return Kept(place, erased[0])
    return Kept(place) if had else None


def _place(environ: Mapping[str, str]) -> str:
    place = docker_config(environ)
    if not place:
        raise EnvironmentFault("no home folder is named here to keep a login in", hint="set HOME or DOCKER_CONFIG")
    return place


def _document(place: str) -> dict[str, Any]:
    try:
        return parsed(place, Path(place).read_bytes())
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except OSError as error:
        raise EnvironmentFault(f"cannot be read: {error.strerror}", at=place, hint="mend its rights") from error


def _auths(document: dict[str, Any], place: str) -> dict[str, Any]:
    if document.get("auths") is None:
        document["auths"] = {}
    auths = document["auths"]
    if not isinstance(auths, dict):
        raise EnvironmentFault("auths is no JSON object", at=place, hint="mend it")
    return auths


def _entry(login: Login) -> dict[str, str]:
    auth = {"auth": b64encode(f"{login.user}:{login.password}".encode()).decode()}
    return {**auth, "identitytoken": login.identity_token} if login.identity_token else auth
