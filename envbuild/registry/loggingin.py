"""A login tried against its registry, before it is kept.

Docker's token specification: `offline_token` asks for an identity token, which then stands in the password's place.
"""

from dataclasses import dataclass

from envbuild.errors import EnvironmentFault
from envbuild.http.client import Http
from envbuild.registry.auth import Login
from envbuild.registry.faults import LoginRefused
from envbuild.registry.session import Session

__all__ = ["Tried", "try_login"]


@dataclass(frozen=True, slots=True)
class Tried:
    """The login to keep, and whether the registry asked for one at all: where it did not, nothing is proven."""

    login: Login
    asked: bool


def try_login(host: str, http: Http, login: Login, *, plain: bool = False) -> Tried:
    """What the registry makes of a login ("API version check", GET /v2/).

    EnvironmentFault where it does not take it, or cannot be asked.
    """
    session = Session(host, http, lambda: login, plain=plain, lasting=True)
    try:
        session.log_in()
    except LoginRefused as refused:
        raise EnvironmentFault(
            f"the login is not taken, and was not kept: {refused.what}",
            at=host,
            hint="check user and password; many registries want an access token in the password's place",
        ) from refused
    token = session.identity_token
    return Tried(Login(login.user, identity_token=token) if token else login, session.wants_login)
