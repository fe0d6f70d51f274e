"""Credential helpers: programs that keep logins for Docker and Podman, one call a question.

The protocol is docker/docker-credential-helpers': `get`, `store` and `erase`, each with its question on stdin.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field

from envbuild import process
from envbuild.errors import EnvironmentFault, TimeLimit
from envbuild.registry.auth import Login

__all__ = ["PATIENCE", "CredentialHelper", "installed_helper"]

PATIENCE = 30.0
"""Seconds that a helper may take, unless the caller says otherwise."""
_TOKEN_USER = "<token>"  # noqa: S105 (a name, no secret)
_USUAL = ("osxkeychain", "secretservice", "pass")


@dataclass(frozen=True, slots=True)
class CredentialHelper:
    """`docker-credential-NAME`, as the file `place` names it. EnvironmentFault where it is not here or fails."""

    name: str
    place: str
    environ: Mapping[str, str] = field(repr=False)
    patience: float = PATIENCE

    def get(self, key: str) -> Login | None:
        """The login that it has for a key, which is a host, or docker.io's old address."""
        answer = self._call("get", key)
        if answer is None:
            return None
        try:
            found = json.loads(answer)
            user, secret = str(found["Username"]), str(found["Secret"])
        except (ValueError, KeyError, TypeError) as error:
            raise self._fault("gave no login that can be read", "get") from error
        return Login("", "", secret) if user == _TOKEN_USER else Login(user, secret)

    def store(self, key: str, login: Login) -> None:
        """Keep a login under this key, over the one that is there."""
        user, secret = (_TOKEN_USER, login.identity_token) if login.identity_token else (login.user, login.password)
        question = json.dumps({"ServerURL": key, "Username": user, "Secret": secret})
        self._call("store", question, secret)

    def erase(self, key: str) -> bool:
        """Forget the login under this key; whether there was one."""
        return self.get(key) is not None and self._call("erase", key) is not None

    def _call(self, verb: str, question: str, secret: str = "") -> bytes | None:
        """What it answers; None where it says that it has no such login. `secret` is kept out of its words."""
        program = f"docker-credential-{self.name}"
        path = process.which(program) if "/" not in self.name else None
        if path is None:
            raise EnvironmentFault(
                f"names the credential helper {program}, which is not installed", at=self.place, hint="install it"
            )
        try:
            answer = process.run((path, verb), env=self.environ, input=question.encode(), timeout=self.patience)
        except TimeLimit as limit:
            raise EnvironmentFault(
                f"{program} does not answer", at=self.place, hint="is it waiting for a password?"
            ) from limit
        if answer.code == 0:
            return answer.stdout
        words = " ".join((answer.stdout + answer.stderr).decode(errors="replace").split())
        if "credentials not found" in words.lower():
            return None
        if secret:
            words = words.replace(secret, "***")
        told = "".join(filter(str.isprintable, words))[:200] or f"exit code {answer.code}"
        raise self._fault(f"failed: {told}", verb)

    def _fault(self, what: str, verb: str) -> EnvironmentFault:
        program = f"docker-credential-{self.name}"
        return EnvironmentFault(f"{program} {what}", at=self.place, hint=f"try it: {program} {verb}")


def installed_helper() -> str:
    """The name of a helper that PATH has; empty: none."""
    return next((name for name in _USUAL if process.which(f"docker-credential-{name}")), "")
