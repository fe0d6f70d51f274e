"""`envbuild run` and `envbuild shell`."""

import os
from typing import TYPE_CHECKING

import click

from envbuild.cli.argv import Split, split
from envbuild.cli.candidates import files
from envbuild.cli.options import Asked, asked
from envbuild.errors import UsageError
from envbuild.pipeline.running import RunRequest
from envbuild.runners.command import Command, CommandKind

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

__all__ = ["run_command", "shell_command"]


class _RunCommand(click.Command):
    """Takes its own options only in front of the script, -m or --; all behind is the program's."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        with_value = {o for p in self.params if isinstance(p, click.Option) and not p.is_flag for o in p.opts}
        try:
            divided = split(args, with_value)
        except UsageError:
            if not ctx.resilient_parsing:
                raise
            # A shell asks what may follow -m or --.
            divided = Split(tuple(args), Command(CommandKind.RAW, "?"))
        ctx.obj = divided.command
        return super().parse_args(ctx, list(divided.own))

    def shell_complete(self, ctx: click.Context, incomplete: str) -> "list[CompletionItem[str]]":
        """Our options in front of the script; there and behind it files."""
        if incomplete.startswith("-"):
            return [] if ctx.obj else super().shell_complete(ctx, incomplete)
        return files(ctx, self.params[0], incomplete)

    def collect_usage_pieces(self, ctx: click.Context) -> list[str]:
        return ["[OPTIONS] SCRIPT ARGS... | -m MODULE ARGS... | -- COMMAND ARGS..."]


_ENV = click.option(
    "-e",
    "--env",
    "spec",
    metavar="SPEC",
    default="",
    shell_complete=files,
    help="The environment: a definition, a lock, or a folder with one. [the current folder]",
)
_CONTAINER = click.option(
    "--container/--no-container", default=None, help="Demand or forbid a container. [one where an engine runs]"
)


@click.command("run", cls=_RunCommand)
@_ENV
@_CONTAINER
@click.pass_obj
@asked("platform", "resolver", "selection", "locking")
def run_command(command: Command | None, asked: Asked, spec: str, container: bool | None) -> int:
    r"""Run a script in an environment, which is found or built first.

    Options stand before the script; everything behind it is the script's own, as with python. Output and exit code
    are the script's, untouched.

    \b
    envbuild run --env requirements.txt train.py --epochs 3
    envbuild run -e envbuild.toml -m pytest -q
    envbuild run -e envbuild.toml -- python -V
    """
    if command is None:
        raise UsageError("what is to be run?", hint="envbuild run [OPTIONS] SCRIPT ARGS...")
    if command.kind is CommandKind.SCRIPT and command.target != "-" and not os.path.lexists(command.target):
        # Said before minutes go into an environment for nothing.
        hint = "paths start from the current folder; a program of the environment stands behind --"
        raise UsageError("no such file", at=command.target, hint=hint)
    return _run(asked, spec, command, container=container)


@click.command("shell")
@_ENV
@_CONTAINER
@asked("platform", "resolver", "selection", "locking")
def shell_command(asked: Asked, spec: str, container: bool | None) -> int:
    r"""Open a shell in an environment, which is found or built first: bash, in the current folder.

    \b
    envbuild shell
    envbuild shell --env requirements.txt --no-container
    """
    return _run(asked, spec, Command(CommandKind.RAW, "bash"), container=container)


def _run(asked: Asked, spec: str, command: Command, *, container: bool | None) -> int:
    request = RunRequest(
        spec=spec,
        platform=asked.platform,
        choice=asked.choice,
        selection=asked.selection,
        command=command,
        container=container,
    )
    return asked.workspace.run(request, asked.report)
