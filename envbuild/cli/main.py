"""The command line's door: commands by name, each loaded when it is called; one place where errors end."""

import json
import os
import signal
import sys
from importlib import import_module
from types import FrameType

import click

from envbuild.cli.exits import BUG, INTERRUPTED, TERMINATED, code_of
from envbuild.errors import EnvbuildError

__all__ = ["cli", "main"]

_COMMANDS = {
    "build": ("building", "Build an image, or find it built already"),
    "lock": ("locking", "Resolve a definition and write its lock file"),
    "export": ("locking", "Write a lock as pylock.toml or hashed requirements"),
    "run": ("running", "Run a script in an environment"),
    "shell": ("running", "Open a shell in an environment"),
    "probe": ("asking", "Tell whether an image is there: exit 0 hit, 10 miss"),
    "show": ("asking", "Show the normalized definition and its ids"),
    "verify": ("looking", "Check an image against its lock"),
    "ls": ("looking", "List the files of an image"),
    "cat": ("looking", "Print a file of an image"),
}


class _Commands(click.Group):
    """Knows every command's name and summary, and loads a command's module when it is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _COMMANDS:
            return None
        module = import_module(f"envbuild.cli.{_COMMANDS[cmd_name][0]}")
        command = getattr(module, f"{cmd_name}_command")
        return command if isinstance(command, click.Command) else None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, summary) for name, (_, summary) in _COMMANDS.items()])

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and args[0] not in _COMMANDS and not args[0].startswith("-"):
            near = [n for n in _COMMANDS if n.startswith(args[0][:2])]
            hint = f" Did you mean {' or '.join(near)}?" if near else ""
            raise click.UsageError(f"There is no command {args[0]!r}.{hint}", ctx)
        return super().resolve_command(ctx, args)


def _version(ctx: click.Context, _: click.Parameter, wanted: bool) -> None:
    if wanted:
        from envbuild import __version__

        click.echo(f"envbuild {__version__}")
        ctx.exit()


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.option(
    "--version", is_flag=True, is_eager=True, expose_value=False, callback=_version, help="Print the version."
)
def cli() -> None:
    r"""Content-addressed environment images: define, lock, build, run.

    \b
    envbuild build requirements.txt
    envbuild run --env requirements.txt train.py
    docker run --rm $(envbuild build requirements.txt) python -V
    """


def main() -> None:
    """Run the command line, and leave the process with the exit code that it says."""
    signal.signal(signal.SIGTERM, _terminate)
    code = run(sys.argv[1:])
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        # The reader went away; Python would complain once more when it flushes at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    sys.exit(code)


def run(arguments: list[str]) -> int:
    """The exit code of a command line. What was written for people stands on stderr."""
    try:
        outcome = cli.main(args=arguments, prog_name="envbuild", standalone_mode=False)
        return outcome if isinstance(outcome, int) else 0
    except BaseException as error:  # noqa: BLE001  the last door: what ends here gets a sentence and a code
        return _ended_by(error, as_json="--json" in arguments)


def _ended_by(error: BaseException, *, as_json: bool) -> int:
    match error:
        case click.exceptions.Exit():
            code = error.exit_code
        case click.ClickException():
            error.show()
            code = error.exit_code
        case click.Abort() | KeyboardInterrupt():
            click.echo("interrupted", err=True)
            code = INTERRUPTED
        case _Terminated():
            code = TERMINATED
        case BrokenPipeError():
            code = 0
        case EnvbuildError():
            code = code_of(error)
            _tell(error, code, as_json=as_json)
        case Exception():
            code = _bug(error)
        case _:
            raise error
    return code


class _Terminated(BaseException):
    """SIGTERM arrived."""


def _terminate(_signal: int, _frame: FrameType | None) -> None:
    raise _Terminated


def _tell(error: EnvbuildError, code: int, *, as_json: bool) -> None:
    click.echo(f"envbuild: {error}", err=True)
    if as_json:
        document = {"kind": type(error).__name__, "what": error.what, "at": error.at, "hint": error.hint, "exit": code}
        click.echo(json.dumps({"schema": 1, "error": document}))


def _bug(error: Exception) -> int:
    if os.environ.get("ENVBUILD_DEBUG"):
        raise error
    click.echo(
        f"envbuild: a bug of envbuild's own: {type(error).__name__}: {error}\n"
        "  set ENVBUILD_DEBUG=1 to see where, and please report it",
        err=True,
    )
    return BUG
