"""The command line's door: commands by name, each loaded when it is called; one place where errors end."""

import atexit
import errno
import json
import os
import sys
from importlib import import_module
from typing import TYPE_CHECKING

import click

from envbuild.cli.candidates import settings_given
from envbuild.cli.exits import BUG, FAULT, INTERRUPTED, TERMINATED, code_of
from envbuild.cli.interrupts import Terminated, watch
from envbuild.errors import EnvbuildError, UsageError

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

__all__ = ["cli", "main"]

_COMMANDS = {
    "build": ("building", "Build an image, or find it built already"),
    "lock": ("locking", "Resolve a definition and write its lock file"),
    "export": ("locking", "Write a lock as pylock.toml or hashed requirements"),
    "run": ("running", "Run a script in an environment"),
    "shell": ("running", "Open a shell in an environment"),
    "probe": ("asking", "Tell whether an image is there: exit 0 hit, 10 miss"),
    "show": ("asking", "Show the normalized definition and its ids"),
    "explain": ("comparing", "Tell why an image is found or has to be built"),
    "diff": ("comparing", "Tell what differs between two environments"),
    "capture": ("capture", "Make a definition of an existing environment"),
    "lint": ("linting", "Tell what is likely to hurt in a definition"),
    "verify": ("looking", "Check an image against its lock"),
    "ls": ("looking", "List the files of an image"),
    "cat": ("looking", "Print a file of an image"),
    "doctor": ("doctor", "Look at this machine: what works, and what to do about the rest"),
    "cache": ("caching", "Tell what the store holds, check it, free space"),
    "login": ("login", "Log in to a registry or a package index"),
    "logout": ("login", "Forget such a login"),
    "config": ("config", "Show the settings and who said each; set your own"),
    "completion": ("completion", "Print a shell's script for the Tab key"),
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
        if not isinstance(command, click.Command):
            return None
        _mark(command)
        return command

    def shell_complete(self, ctx: click.Context, incomplete: str) -> "list[CompletionItem[str]]":
        from click.shell_completion import CompletionItem

        # click would load the module of every command for its summary.
        names = [(name, summary) for name, (_, summary) in _COMMANDS.items() if name.startswith(incomplete)]
        options = click.Command.shell_complete(self, ctx, incomplete)
        return [*(CompletionItem(name, help=summary) for name, summary in names), *options]

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, summary) for name, (_, summary) in _COMMANDS.items()])

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and args[0] not in _COMMANDS and not args[0].startswith("-") and not ctx.resilient_parsing:
            from difflib import get_close_matches

            near = get_close_matches(args[0], _COMMANDS, 2, 0.5)
            hint = f" Did you mean {' or '.join(near)}?" if near else ""
            raise click.UsageError(f"There is no command {args[0]!r}.{hint}", ctx)
        return super().resolve_command(ctx, args)


def _version(ctx: click.Context, _: click.Parameter, wanted: bool) -> None:
    if wanted and not ctx.resilient_parsing:
        from envbuild import __version__

        click.echo(f"envbuild {__version__}")
        ctx.exit()


def _settings(_ctx: click.Context, _param: click.Parameter, words: tuple[str, ...]) -> dict[str, str]:
    found = {}
    for word in words:
        name, equals, value = word.partition("=")
        if not equals:
            raise UsageError(f"no value: {word!r}", at="--config", hint="--config NAME=VALUE")
        found[name.replace("_", "-")] = value
    return found


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.option(
    "--version", is_flag=True, is_eager=True, expose_value=False, callback=_version, help="Print the version."
)
@click.option(
    "--config",
    "settings",
    multiple=True,
    metavar="NAME=VALUE",
    shell_complete=settings_given,
    callback=_settings,
    help="Set a setting for this command; may be repeated. All settings: envbuild config show.",
)
def cli(settings: dict[str, str]) -> None:
    r"""Content-addressed environment images: define, lock, build, run.

    \b
    envbuild build requirements.txt
    envbuild run --env requirements.txt train.py
    docker run --rm $(envbuild build requirements.txt) python -V
    """


def _mark(command: click.Command) -> None:
    """Docstrings as click wants them: raw strings hold its mark for "do not wrap" as two characters."""
    command.help = (command.help or "").replace(r"\b", "\b")
    # Else click cuts the sentence off in the list of a group's commands.
    command.short_help = " ".join(command.help.partition("\n\n")[0].split()).partition(". ")[0].removesuffix(".")
    for part in command.commands.values() if isinstance(command, click.Group) else ():
        _mark(part)


_mark(cli)


def main() -> None:
    """Run the command line, and leave the process with the exit code that it says."""
    watch()
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            # Closed by the caller (`>&-`).
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: PTH123, SIM115
    code = run(sys.argv[1:])
    try:
        sys.stdout.flush()
    except OSError as error:
        # Python would complain once more when it flushes at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = code or _ended_by(error, as_json=False)
    if "rattler" in sys.modules:
        # A thread of its that still ends while Python does can abort the process (seen with py-rattler 0.28).
        atexit._run_exitfuncs()  # noqa: SLF001  what else Python's own end would do
        os._exit(code)
    sys.exit(code)


def run(arguments: list[str]) -> int:
    """The exit code of a command line. What was written for people stands on stderr."""
    try:
        if instruction := os.environ.get("_ENVBUILD_COMPLETE"):
            from envbuild.cli.shells import answer

            return answer(cli, instruction)
        outcome = cli.main(args=arguments, prog_name="envbuild", standalone_mode=False)
        return outcome if isinstance(outcome, int) else 0
    except BaseException as error:  # noqa: BLE001  the last door: what ends here gets a sentence and a code
        from envbuild.cli.display import clear

        clear()
        return _ended_by(error, as_json="--json" in arguments)


def _ended_by(error: BaseException, *, as_json: bool) -> int:
    match error:
        case click.exceptions.Exit():
            code = error.exit_code
        case click.ClickException():
            error.show()
            code = error.exit_code
        case click.Abort() | KeyboardInterrupt():
            code = INTERRUPTED
        case Terminated():
            code = TERMINATED
        case BrokenPipeError():
            code = 0
        case SystemExit():
            # Nothing of ours exits: this is how click ends when the reader of stdout went away.
            code = 0
        case EnvbuildError():
            code = code_of(error)
            _tell(error, code, as_json=as_json)
        case OSError() if error.errno in _OF_THE_MACHINE:
            code = FAULT
            click.echo(f"envbuild: {error.filename or 'output'}: {error.strerror}\n  {_MEND}", err=True)
        case Exception():
            code = _bug(error)
        case _:
            raise error
    return code


_OF_THE_MACHINE = frozenset(
    getattr(errno, name)
    for name in ("ENOSPC", "EDQUOT", "EROFS", "EACCES", "EPERM", "EIO", "EMFILE", "ENFILE", "ENOMEM", "ESTALE")
    if hasattr(errno, name)
)
"""Errors that no program of ours can cause or mend."""
_MEND = "this machine refuses it: is the disk full, the file closed to you, or a limit reached (ulimit -a)?"


def _tell(error: EnvbuildError, code: int, *, as_json: bool) -> None:
    from envbuild.cli.saying import shown
    from envbuild.formats.urls import redacted

    click.echo(f"envbuild: {shown(str(error))}", err=True)
    if as_json:
        words = {name: redacted(text) for name, text in zip(("what", "at", "hint"), error.words, strict=True)}
        document = {"kind": type(error).__name__, **words, "exit": code}
        click.echo(json.dumps({"schema": 1, "error": document}))


def _bug(error: Exception) -> int:
    if os.environ.get("ENVBUILD_DEBUG"):
        raise error
    from envbuild.cli.saying import shown

    click.echo(
        f"envbuild: a bug of envbuild's own: {type(error).__name__}: {shown(str(error))}\n"
        "  set ENVBUILD_DEBUG=1 to see where, and please report it",
        err=True,
    )
    return BUG
