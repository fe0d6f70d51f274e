"""Logins from the `keyring` program, where the user has it: asked after a 401, never before."""

from envbuild.errors import EnvbuildError
from envbuild.process import run, which

__all__ = ["keyring_login"]

_TIMEOUT = 60.0


def keyring_login(host: str) -> str | None:
    """`user:password` that the keyring has for a host, or None: no program, no entry, or it cannot answer."""
    program = which("keyring")
    if program is None:
        return None
    try:
        found = run([program, "--mode", "creds", "get", host, ""], timeout=_TIMEOUT)
    except EnvbuildError:
        return None
    lines = found.stdout.decode("utf-8", "replace").splitlines()
    return f"{lines[0]}:{lines[1]}" if found.code == 0 and len(lines) == 2 else None
