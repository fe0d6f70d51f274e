"""Logins to registries, where `docker login` and `podman login` keep them: config files and credential helpers.

Docker's config.json and credential helper protocol (docker/docker-credential-helpers); containers-auth.json(5).
"""

import json
from base64 import b64decode
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from envbuild import process
from envbuild.errors import EnvironmentFault, TimeLimit
from envbuild.reference import HUB
from envbuild.registry.auth import Login

__all__ = ["login_for"]

_HUB_KEY = "https://index.docker.io/v1/"
"""Under which Docker keeps the login of docker.io."""
_HELPER_TIME = 30.0
_TOKEN_USER = "<token>"  # noqa: S105 (a name, no secret)


def login_for(name: str, environ: Mapping[str, str]) -> Callable[[], Login | None]:
    """What finds the login of a registry, when it is asked: the first that a file or helper has, or None.

    `name` is a host, or `host/team/app`: then what Podman keeps for this repository or a part of it goes first.

    EnvironmentFault where a file cannot be read or a helper fails.
    """

    def find() -> Login | None:
        for place, document in _documents(environ):
            found = _login_in(document, place, name, environ)
            if found is not None:
                return found
        return None

    return find


def _documents(environ: Mapping[str, str]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """DOCKER_AUTH_CONFIG's own text, Docker's file, Podman's."""
    if given := environ.get("DOCKER_AUTH_CONFIG", "").strip():
        yield "DOCKER_AUTH_CONFIG", _parsed("DOCKER_AUTH_CONFIG", given.encode())
    home = environ.get("HOME", "")
    places = [environ.get("REGISTRY_AUTH_FILE", "")]
    docker = environ.get("DOCKER_CONFIG") or (f"{home}/.docker" if home else "")
    places += [f"{docker}/config.json"] if docker else []
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
        yield place, _parsed(place, content)


def _parsed(place: str, content: bytes) -> Mapping[str, Any]:
    try:
        found = json.loads(content or b"{}")
    except (ValueError, RecursionError) as error:
        line = f":{error.lineno}" if isinstance(error, json.JSONDecodeError) else ""
        raise EnvironmentFault("is no JSON", at=f"{place}{line}", hint="mend it, or log in anew") from error
    if not isinstance(found, dict):
        raise EnvironmentFault("is no JSON object", at=place, hint="mend it, or log in anew")
    return found


def _login_in(document: Mapping[str, Any], place: str, name: str, environ: Mapping[str, str]) -> Login | None:
    host = name.partition("/")[0]
    keys = _keys(host)
    helpers = document.get("credHelpers")
    helper = next((helpers[k] for k in keys if k in helpers), None) if isinstance(helpers, dict) else None
    if helper:
        return _from_helper(str(helper), keys[0], place, environ)
    auths = document.get("auths")
    for key in (*_parts(name), *keys):
        entry = auths.get(key) if isinstance(auths, dict) else None
        if isinstance(entry, dict) and (found := _from_entry(entry, f"{place}: auths.{key}", host)):
            return found
    if document.get("credsStore"):
        return _from_helper(str(document["credsStore"]), keys[0], place, environ)
    return None


def _parts(name: str) -> list[str]:
    """`host/team/app`, `host/team`: the most special first, without the host alone."""
    words = name.split("/")
    return ["/".join(words[:count]) for count in range(len(words), 1, -1)]


def _keys(host: str) -> list[str]:
    """How a registry may be written there, the usual way first."""
    plain = [
        host,
        f"https://{host}",
        f"https://{host}/",
        f"http://{host}",
        f"https://{host}/v1/",
        f"https://{host}/v2/",
    ]
    return [_HUB_KEY, "index.docker.io", *plain] if host == HUB else plain


def _from_entry(entry: Mapping[str, Any], place: str, host: str) -> Login | None:
    user, password = str(entry.get("username") or ""), str(entry.get("password") or "")
    if entry.get("auth"):
        try:
            user, colon, password = b64decode(str(entry["auth"])).decode().rstrip("\0").partition(":")
            if not colon:
                raise ValueError("no colon")
        except ValueError as error:
            raise EnvironmentFault(
                f"the login of {host} cannot be read", at=place, hint=f"docker login {host}"
            ) from error
    token = str(entry.get("identitytoken") or "")
    return Login(user, password, token) if user or token else None


def _from_helper(name: str, key: str, place: str, environ: Mapping[str, str]) -> Login | None:
    program = f"docker-credential-{name}"
    path = process.which(program) if "/" not in name else None
    if path is None:
        raise EnvironmentFault(
            f"names the credential helper {program}, which is not installed", at=place, hint="install it"
        )
    try:
        answer = process.run((path, "get"), env=environ, input=key.encode(), timeout=_HELPER_TIME)
    except TimeLimit as limit:
        raise EnvironmentFault(f"{program} does not answer", at=place, hint="is it waiting for a password?") from limit
    if answer.code != 0:
        words = " ".join((answer.stdout + answer.stderr).decode(errors="replace").split())
        if "credentials not found" in words.lower():
            return None
        raise EnvironmentFault(
            f"{program} failed: {''.join(filter(str.isprintable, words))[:200] or f'exit code {answer.code}'}",
            at=place,
            hint=f"try it: {program} get",
        )
    try:
        found = json.loads(answer.stdout)
        user, secret = str(found["Username"]), str(found["Secret"])
    except (ValueError, KeyError, TypeError) as error:
        raise EnvironmentFault(
            f"{program} gave no login that can be read", at=place, hint=f"try it: {program} get"
        ) from error
    return Login("", "", secret) if user == _TOKEN_USER else Login(user, secret)
