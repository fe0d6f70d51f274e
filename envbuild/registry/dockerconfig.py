"""Logins to registries, where `docker login` and `podman login` keep them: config files and credential helpers.

Docker's config.json and credential helper protocol (docker/docker-credential-helpers); containers-auth.json(5).
"""

import json
from base64 import b64decode
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from envbuild.errors import EnvironmentFault
from envbuild.reference import HUB
from envbuild.registry.auth import Login
from envbuild.registry.credhelpers import PATIENCE, CredentialHelper

__all__ = [
    "docker_config",
    "helper_of",
    "keys_of",
    "known_hosts",
    "login_for",
    "logins_in",
    "parsed",
    "repositories_in",
]

_HUB_KEY = "https://index.docker.io/v1/"
"""Under which Docker keeps the login of docker.io."""
_OLD_HUB = "index.docker.io"


def login_for(name: str, environ: Mapping[str, str], patience: float = PATIENCE) -> Callable[[], Login | None]:
    """What finds the login of a registry, when it is asked: the first that a file or helper has, or None.

    `name` is a host, or `host/team/app`: then what Podman keeps for this repository or a part of it goes first.
    `patience`: the seconds that a helper may take.

    EnvironmentFault where a file cannot be read or a helper fails.
    """
    return lambda: next((login for _, login in logins_in(name, environ, patience)), None)


def logins_in(name: str, environ: Mapping[str, str], patience: float = PATIENCE) -> Iterator[tuple[str, Login]]:
    """Each place that has a login of a registry, with that login; the first is the one that is used."""
    for place, document in _documents(environ):
        found = _login_in(
            document, place, name, partial(CredentialHelper, place=place, environ=environ, patience=patience)
        )
        if found is not None:
            yield place, found


def repositories_in(host: str, environ: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Each place that has a login for a part of a registry alone, and the part: `host/team`."""
    for place, document in _documents(environ):
        auths = document.get("auths")
        yield from ((place, name) for name in (auths if isinstance(auths, dict) else ()) if name.startswith(f"{host}/"))


def known_hosts(environ: Mapping[str, str]) -> tuple[str, ...]:
    """The registries that the files name, as `host` or `host:port`, each once. EnvironmentFault where one cannot be read."""
    keys: dict[str, None] = {}
    for _, document in _documents(environ):
        for table in ("auths", "credHelpers"):
            named = document.get(table)
            keys |= dict.fromkeys(map(str, named)) if isinstance(named, dict) else {}
    bare = (key.partition("://")[2] or key for key in keys)
    hosts = (key.partition("/")[0].lower() for key in bare)
    return tuple(dict.fromkeys(HUB if host == _OLD_HUB else host for host in hosts if host))


def docker_config(environ: Mapping[str, str]) -> str:
    """The path of Docker's config.json; empty where the environment names no home."""
    home = environ.get("HOME", "")
    folder = environ.get("DOCKER_CONFIG") or (f"{home}/.docker" if home else "")
    return f"{folder}/config.json" if folder else ""


def helper_of(document: Mapping[str, Any], host: str) -> str:
    """The credential helper that keeps a host's login, by the file's content; empty: the file itself does."""
    helpers = document.get("credHelpers")
    own = next((helpers[k] for k in keys_of(host) if k in helpers), None) if isinstance(helpers, dict) else None
    return str((document.get("credsStore") if own is None else own) or "")


def _documents(environ: Mapping[str, str]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """DOCKER_AUTH_CONFIG's own text, Docker's file, Podman's."""
    if given := environ.get("DOCKER_AUTH_CONFIG", "").strip():
        yield "DOCKER_AUTH_CONFIG", parsed("DOCKER_AUTH_CONFIG", given.encode())
    home = environ.get("HOME", "")
    places = [environ.get("REGISTRY_AUTH_FILE", ""), docker_config(environ)]
    runtime = environ.get("XDG_RUNTIME_DIR", "")
    places += [f"{runtime}/containers/auth.json"] if runtime else []
    config = environ.get("XDG_CONFIG_HOME") or (f"{home}/.config" if home else "")
    places += [f"{config}/containers/auth.json"] if config else []
    for place in filter(None, places):
        try:
            content = Path(place).read_bytes()
        except (FileNotFoundError, NotADirectoryError):
            continue
        except OSError as error:
            raise EnvironmentFault(f"cannot be read: {error.strerror}", at=place, hint="mend its rights") from error
        yield place, parsed(place, content)


def parsed(place: str, content: bytes) -> dict[str, Any]:
    """The JSON object in a file's bytes. EnvironmentFault with its line where it is none."""
    try:
        found = json.loads(content or b"{}")
    except (ValueError, RecursionError) as error:
        line = f":{error.lineno}" if isinstance(error, json.JSONDecodeError) else ""
        raise EnvironmentFault("is no JSON", at=f"{place}{line}", hint="mend it, or log in anew") from error
    if not isinstance(found, dict):
        raise EnvironmentFault("is no JSON object", at=place, hint="mend it, or log in anew")
    return found


def _login_in(
    document: Mapping[str, Any], place: str, name: str, helper_named: Callable[[str], CredentialHelper]
) -> Login | None:
    host = name.partition("/")[0]
    keys = keys_of(host)
    helpers = document.get("credHelpers")
    helper = next((helpers[k] for k in keys if k in helpers), None) if isinstance(helpers, dict) else None
    if helper:
        return helper_named(str(helper)).get(keys[0])
    auths = document.get("auths")
    for key in (*_parts(name), *keys):
        entry = auths.get(key) if isinstance(auths, dict) else None
        if isinstance(entry, dict) and (found := _from_entry(entry, f"{place}: auths.{key}", host)):
            return found
    if document.get("credsStore"):
        return helper_named(str(document["credsStore"])).get(keys[0])
    return None


def _parts(name: str) -> list[str]:
    """`host/team/app`, `host/team`: the most special first, without the host alone."""
    words = name.split("/")
    return ["/".join(words[:count]) for count in range(len(words), 1, -1)]


def keys_of(host: str) -> list[str]:
    """How a registry may be written there, first the way that Docker writes it."""
    plain = [
        host,
        f"https://{host}",
        f"https://{host}/",
        f"http://{host}",
        f"https://{host}/v1/",
        f"https://{host}/v2/",
    ]
    return [_HUB_KEY, _OLD_HUB, *plain] if host == HUB else plain


def _from_entry(entry: Mapping[str, Any], place: str, host: str) -> Login | None:
    user, password = str(entry.get("username") or ""), str(entry.get("password") or "")
    if entry.get("auth"):
        try:
            user, colon, password = b64decode(str(entry["auth"])).decode().rstrip("\0").partition(":")
            if not colon:
                raise ValueError("no colon")
        except ValueError as error:
            raise EnvironmentFault(
                f"the login of {host} cannot be read", at=place, hint=f"envbuild login {host}, or docker login {host}"
            ) from error
    token = str(entry.get("identitytoken") or "")
    return Login(user, password, token) if user or token else None
