"""Writes docs/cli.md from the commands themselves: `make docs`. `text()` is what must stand there."""

import inspect
import re
import sys
import textwrap
from collections.abc import Iterator, Sequence
from pathlib import Path

import click

from envbuild.cli import exits
from envbuild.cli.main import cli
from envbuild.settings.known import INDEX_PREFIX, KNOWN, Setting

PAGE = Path(__file__).with_name("cli.md")
WIDTH = 120
HEAD = """\
# The command line

Made from the commands' own help by `make docs`; change it there. `envbuild COMMAND --help` (or `-h`) shows a command's part.

- stdout has the result alone, in a form that the next command takes; words and progress go to stderr.
- SPEC is a definition (requirements.txt, envbuild.toml, or environment.yml with packages from pip alone), a folder with one,
  or a lock file.
- [Exit codes](#exit-codes), [settings](#settings) and their variables stand at the end.
"""


def text() -> str:
    """The whole page. It depends on the commands alone: on no terminal, machine or version of click."""
    with cli.make_context("envbuild", [], resilient_parsing=True) as context:
        found = list(_commands(context))
    rows = [(f"[`{name}`](#{name.replace(' ', '-')})", _summary(command)) for name, command in found[1:]]
    parts = [HEAD, _table(("command", "what it does"), rows)]
    parts += [_section(name, command) for name, command in found]
    return "\n".join([*parts, _exit_codes(), _settings()])


def _commands(context: click.Context) -> Iterator[tuple[str, click.Command]]:
    command = context.command
    yield context.command_path, command
    if not isinstance(command, click.Group):
        return
    for name in command.list_commands(context):
        part = command.get_command(context, name)
        if part is not None and not part.hidden:
            with part.make_context(name, [], parent=context, resilient_parsing=True) as inner:
                yield from _commands(inner)


def _summary(command: click.Command) -> str:
    return _prose(inspect.cleandoc(command.help or "").partition("\n\n")[0])


def _section(name: str, command: click.Command) -> str:
    lines = [f"{'#' * max(2, len(name.split()))} {name}", "", "```", f"{name} {_usage(command)}", "```", ""]
    for part in inspect.cleandoc(command.help or "").split("\n\n"):
        if part.startswith("\b\n"):
            lines += ["```sh", *part.splitlines()[1:], "```", ""]
        else:
            lines += [*textwrap.wrap(_prose(part), WIDTH, break_long_words=False, break_on_hyphens=False), ""]
    options = [o for o in command.params if isinstance(o, click.Option) and not o.hidden]
    if options:
        lines.append(_table(("option", "what it does"), [(f"`{_spelled(o)}`", _prose(o.help or "")) for o in options]))
    return "\n".join(lines)


def _usage(command: click.Command) -> str:
    with command.make_context("", [], resilient_parsing=True) as context:
        return " ".join(command.collect_usage_pieces(context))


def _spelled(option: click.Option) -> str:
    names = ", ".join(sorted(option.opts, key=len))
    if option.is_flag:
        return " / ".join([names, *option.secondary_opts])
    choices = "|".join(map(str, option.type.choices)) if isinstance(option.type, click.Choice) else ""
    return f"{names} {option.metavar or f'[{choices}]'}"


def _exit_codes() -> str:
    found = re.findall(r"^(\d+) +(.+)$", exits.__doc__ or "", re.MULTILINE)
    rows = [(code, _prose(words)) for code, words in found]
    notes = [
        "`envbuild run` and `envbuild shell` pass on the code of the program that they ran.",
        "With `ENVBUILD_DEBUG=1` a bug shows where it is.",
        'With `--json` an error is on stdout too: `{"schema": 1, "error": {"kind", "what", "at", "hint", "exit"}}`.',
    ]
    return "\n".join(["## Exit codes", "", _table(("code", "meaning"), rows), *notes, ""])


def _settings() -> str:
    rows = [(f"`{s.name}`", f"`{s.variable}`", _meaning(s), _prose(s.usual or s.default)) for s in KNOWN.values()]
    index = f"`{INDEX_PREFIX}<NAME>`"
    rows.append(("`indexes.<name>`", index, "Where the package index of this name is served.", "the definition's own"))
    head = (
        "The strongest goes first: `--config NAME=VALUE`, the variable, the project, your config.toml, "
        "what pip, uv and other tools are told, the default."
    )
    return "\n".join(["## Settings", "", head, "", _table(("setting", "variable", "meaning", "default"), rows)])


def _meaning(setting: Setting) -> str:
    choices = f" One of {', '.join(setting.choices)}." if setting.choices else ""
    return _prose(setting.meaning + choices)


def _prose(words: str) -> str:
    """Text on one line, as Markdown that shows it as it is; what stands in backticks is left alone."""
    pieces = re.split(r"(`[^`]*`)", " ".join(words.split()))
    return "".join(p if p.startswith("`") else re.sub(r"([<*|])", r"\\\1", p) for p in pieces)


def _table(heads: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    # A | ends a cell, even between backticks, unless it is escaped.
    lines = [[re.sub(r"(?<!\\)\|", r"\\|", cell) for cell in row] for row in rows]
    return "\n".join(f"| {' | '.join(row)} |" for row in [list(heads), ["---"] * len(heads), *lines]) + "\n"


if __name__ == "__main__":
    PAGE.write_text(text(), encoding="utf-8")
    sys.stdout.write(f"{PAGE}\n")
