"""`envbuild config`: show, set, unset, path."""

import json

import click

from envbuild.cli.candidates import setting_values, settings
from envbuild.cli.display import table
from envbuild.cli.options import Asked, asked
from envbuild.cli.saying import say
from envbuild.settings.files import Origin
from envbuild.workspace.configuring import Shown

__all__ = ["config_command"]


@click.group("config")
def config_command() -> None:
    r"""Show the settings, and who said each of them; set your own.

    The strongest goes first: `envbuild --config NAME=VALUE`, the variable ENVBUILD_<NAME>, the project
    ([tool.envbuild.settings] in pyproject.toml or [settings] in envbuild.toml), your config.toml, what pip, uv and the usual
    variables of proxies and certificates say, the default.

    \b
    envbuild config show
    envbuild config set pypi-index https://mirror.example/simple
    envbuild --config timeout=10 build requirements.txt
    """


@config_command.command("show")
@click.argument("name", required=False, metavar="[NAME]", shell_complete=settings)
@asked("json")
def show_command(asked: Asked, name: str | None) -> None:
    r"""Show each setting's value and where it came from; of NAME alone the value. Logins are shown as ***.

    \b
    envbuild config show
    envbuild config show ca-bundle
    envbuild config show --json
    """
    configuration = asked.workspace.configuration
    for notice in configuration.notices:
        asked.report.notice(notice)
    found = configuration.all() if name is None else (configuration.one(name),)
    if asked.json:
        rows = [{"name": s.name, "value": s.text, "origin": s.origin.value, "place": s.place} for s in found]
        click.echo(json.dumps({"schema": 1, "settings": rows}))
    elif name is not None:
        say(found[0].text)
        if not asked.quiet:
            say(_whence(found[0]), err=True)
    else:
        say(table([(s.name, s.text or "-", _whence(s)) for s in found]))


@config_command.command("set", no_args_is_help=True)
@click.argument("name", metavar="NAME", shell_complete=settings)
@click.argument("value", metavar="VALUE", shell_complete=setting_values)
@asked()
def set_command(asked: Asked, name: str, value: str) -> None:
    r"""Write a setting into your config.toml; comments and order in it are kept.

    \b
    envbuild config set cache registry.example/team/envs
    envbuild config set indexes.torch https://mirror.example/torch
    """
    path = asked.workspace.configuration.set(name, value)
    if not asked.quiet:
        say(f"{name} is set in {path}", err=True)


@config_command.command("unset", no_args_is_help=True)
@click.argument("name", metavar="NAME", shell_complete=settings)
@asked()
def unset_command(asked: Asked, name: str) -> None:
    r"""Take a setting out of your config.toml.

    \b
    envbuild config unset cache
    """
    configuration = asked.workspace.configuration
    there = configuration.unset(name)
    if not asked.quiet:
        words = "was taken out of" if there else "was not in"
        say(f"{name} {words} {configuration.path}", err=True)


@config_command.command("path")
@asked()
def path_command(asked: Asked) -> None:
    r"""Print the path of your config.toml, whether it is there or not.

    \b
    envbuild config path
    """
    say(str(asked.workspace.configuration.path))


def _whence(shown: Shown) -> str:
    """`default: apt's sources`, `ENVBUILD_TIMEOUT`, `given`, the path of a file."""
    if shown.origin is Origin.DEFAULT:
        return f"default: {shown.place}" if shown.place else "default"
    return shown.place or "given"
