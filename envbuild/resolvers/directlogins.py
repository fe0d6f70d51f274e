"""Logins for direct references, as every resolver takes them: a netrc of its own beside the request, gone with it."""

import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlsplit

from packaging.requirements import Requirement as Parsed

from envbuild.definition import Requirement
from envbuild.errors import EnvironmentFault
from envbuild.httpsettings import host_of

__all__ = ["direct_logins"]


def direct_logins(
    requirements: Sequence[Requirement], logins: Mapping[str, str], environ: Mapping[str, str], folder: Path
) -> dict[str, str]:
    """What to add to a resolver's environment so that it may fetch the direct references; nothing where none needs a login.

    `logins`: `user:password` by host, as httpsettings.host_of has it. The netrc that `environ` names is heeded too.
    """
    urls = [url for r in requirements if (url := Parsed(r.text).url)]
    known = {urlsplit(url).hostname or "": login for url in urls if (login := logins.get(host_of(url), ""))}
    if not known:
        return {}
    lines = []
    for host, login in sorted(known.items()):
        user, _, password = login.partition(":")
        if any(map(str.isspace, login)):
            raise EnvironmentFault("a login with white space cannot be given to the resolver", at=host)
        lines.append(f"machine {host} login {user} password {password}")
    with suppress(OSError, KeyError, UnicodeDecodeError):
        lines.append(Path(environ["NETRC"]).read_text("utf-8"))
    path = folder / "netrc"
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
        stream.write("\n".join(lines) + "\n")
    return {"NETRC": str(path)}
