"""Whether a registry answers, and takes the login that is known for it."""

from collections.abc import Callable
from dataclasses import dataclass

from envbuild.errors import EnvironmentFault
from envbuild.http.client import Http
from envbuild.registry.auth import Login
from envbuild.registry.faults import LoginRefused
from envbuild.registry.session import Session

__all__ = ["Greeting", "greet"]

_LISTED = frozenset({200, 404})


@dataclass(frozen=True, slots=True)
class Greeting:
    """A registry that answered. `fault` is why it does not let us in, if so."""

    wants_login: bool
    has_login: bool
    fault: EnvironmentFault | None = None


def greet(
    host: str, http: Http, login: Callable[[], Login | None], *, plain: bool = False, repository: str = ""
) -> Greeting:
    """Ask `/v2/` (OCI distribution 1.1, "Determining Support"), then as the user that `login` knows.

    With a `repository` also whether it may be read. EnvironmentFault where no registry answers, or a login cannot be looked up.
    """
    known = login()
    session = Session(host, http, lambda: known, plain=plain)
    session.check()
    fault = None
    try:
        session.log_in()
        if repository:
            session.ask(
                "GET", f"/v2/{repository}/tags/list?n=1", action=f"reading {repository}", ok=_LISTED,
                scopes=frozenset({f"repository:{repository}:pull"}),
            )  # fmt: skip
    except LoginRefused as refused:
        fault = refused
    return Greeting(session.wants_login, known is not None, fault)
