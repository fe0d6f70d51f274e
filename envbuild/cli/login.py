"""`envbuild login` and `envbuild logout`."""

import json
import sys
from typing import TYPE_CHECKING

import click

from envbuild.cli.candidates import registries
from envbuild.cli.options import Asked, asked
from envbuild.cli.saying import say
from envbuild.errors import UsageError

if TYPE_CHECKING:
    from envbuild.workspace.logins import LoggedIn

__all__ = ["login_command", "logout_command"]

_LONGEST = 1 << 16


@click.command("login", no_args_is_help=True)
@click.argument("registry", metavar="REGISTRY", shell_complete=registries)
@click.option("-u", "--user", metavar="USER", default="", help="Whose login it is; asked for on a terminal.")
@click.option("--password-stdin", is_flag=True, help="Read the password, or access token, from standard input.")
@asked("json")
def login_command(asked: Asked, registry: str, user: str, password_stdin: bool) -> None:
    r"""Log in to REGISTRY (HOST or HOST:PORT), or to a package index (its URL), for this and all later commands.

    The login is tried first, and kept only if it is taken: a registry's where `docker login` keeps it, an index's in the
    keyring. The password is asked for on the terminal, and is never shown.

    \b
    envbuild login registry.example
    envbuild login docker.io -u me --password-stdin < token.txt
    envbuild login https://index.example/simple/ -u me
    """
    user, password = _login(registry, user, password_stdin=password_stdin)
    done = asked.workspace.login(registry, user, password, asked.report)
    if asked.json:
        document = {"schema": 1, "host": done.host, "user": done.user, "place": done.place, "helper": done.helper}
        click.echo(json.dumps({**document, "readable": done.readable}))
    elif not asked.quiet:
        say(f"logged in to {done.host} as {done.user}; kept in {_place(done)}", err=True)


@click.command("logout", no_args_is_help=True)
@click.argument("registry", metavar="REGISTRY", shell_complete=registries)
@asked("json")
def logout_command(asked: Asked, registry: str) -> None:
    r"""Forget the login of REGISTRY (HOST or HOST:PORT), or of a package index (its URL).

    What others keep of it is not touched, and is named.

    \b
    envbuild logout registry.example
    """
    done = asked.workspace.logout(registry)
    if asked.json:
        click.echo(json.dumps({"schema": 1, "host": done.host, "place": done.place, "remains": done.remains}))
        return
    if not asked.quiet:
        say(f"logged out of {done.host}" if done.place else f"no login of {done.host} was found", err=True)
    for place in done.remains:
        asked.report.notice(f"a login of {done.host} remains in {place}")


def _login(registry: str, user: str, *, password_stdin: bool) -> tuple[str, str]:
    """User and password, as far as they are given or can be asked for."""
    if password_stdin:
        return user, _read()
    if not sys.stdin.isatty():
        raise UsageError("there is no terminal to ask for the password on", hint="--password-stdin < FILE")
    # An index's URL may name the user.
    if not user and "@" not in registry:
        user = click.prompt("User", err=True)
    return user, click.prompt("Password", hide_input=True, err=True)


def _read() -> str:
    data = sys.stdin.buffer.read(_LONGEST)
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise UsageError("the password is not in UTF-8", at="--password-stdin") from error
    return text.removesuffix("\n").removesuffix("\r")


def _place(done: "LoggedIn") -> str:
    return f"docker-credential-{done.helper}" if done.helper else done.place
