"""Where our options end and the program's words begin, as with python itself: at the script, at -m MODULE, at --."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from envbuild.errors import UsageError
from envbuild.runners.command import Command, CommandKind

__all__ = ["Split", "split"]

_MODULE = ("-m", "--module")


@dataclass(frozen=True, slots=True)
class Split:
    """Our own arguments, and the command if there is one."""

    own: tuple[str, ...]
    command: Command | None


def split(arguments: Sequence[str], with_value: Collection[str]) -> Split:
    """Divide a command line; `with_value` are our options that take the word behind them as their value."""
    at = 0
    while at < len(arguments):
        word, rest = arguments[at], arguments[at + 1 :]
        if word == "--":
            return Split(tuple(arguments[:at]), _raw(rest))
        if word in _MODULE:
            if not rest:
                raise UsageError("-m needs the name of a module")
            return Split(tuple(arguments[:at]), Command(CommandKind.MODULE, rest[0], tuple(rest[1:])))
        if word == "-" or not word.startswith("-"):
            return Split(tuple(arguments[:at]), Command(CommandKind.SCRIPT, word, tuple(rest)))
        at += 2 if word in with_value else 1
    return Split(tuple(arguments), None)


def _raw(words: Sequence[str]) -> Command:
    if not words:
        raise UsageError("nothing stands behind --", hint="envbuild run [OPTIONS] -- COMMAND ARGS...")
    return Command(CommandKind.RAW, words[0], tuple(words[1:]))
