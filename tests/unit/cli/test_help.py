"""The help texts, over every command there is: somebody who has only them gets on."""

import re
import shlex
from collections.abc import Iterator
from inspect import cleandoc

import click
import pytest

from envbuild.cli.main import cli
from envbuild.settings.known import KNOWN

EXAMPLE = re.compile(r"(?<![\w/.'-])envbuild ((?:--?\w|[a-z])[^|<>)&;#]*)")
"""A call of ours in a line for a shell, up to what ends it there."""


def below(command: click.Command, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    """A command and all its parts, each with the words that name it."""
    yield path, command
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            part = command.get_command(context, name)
            assert part is not None, f"{name} is listed and not there"
            yield from below(part, (*path, name))


TREE = {" ".join(("envbuild", *path)): command for path, command in below(cli)}
OPTIONS = {
    f"{name} {option.opts[-1]}": option
    for name, command in TREE.items()
    for option in command.params
    if isinstance(option, click.Option)
}


def blocks(command: click.Command) -> list[list[str]]:
    """The parts of a help text that are shown line by line: the examples."""
    parts = cleandoc(command.help or "").split("\n\n")
    return [part.splitlines()[1:] for part in parts if part.startswith("\b")]


def calls(command: click.Command) -> list[str]:
    """What the examples call of ours."""
    return [call.strip() for block in blocks(command) for line in block for call in EXAMPLE.findall(line)]


@pytest.fixture
def only_parsed(monkeypatch):
    """No command does anything: a line is parsed and checked, and that is all."""
    for command in TREE.values():
        if not isinstance(command, click.Group):
            monkeypatch.setattr(command, "callback", lambda **_: None)


@pytest.mark.parametrize("name", TREE)
def test_a_command_says_what_it_does_and_shows_it(name):
    """A summary that is a sentence, and an example that can be copied."""
    command = TREE[name]
    summary = cleandoc(command.help or "").split("\n\n")[0]
    assert summary.endswith((".", ":")), f"no sentence: {summary!r}"
    assert calls(command), "no example"
    own = name.removeprefix("envbuild").strip()
    assert any(call.startswith(own) for call in calls(command)), f"no example calls {name}"


@pytest.mark.parametrize("name", TREE)
def test_examples_are_valid(name, only_parsed):
    """An example that does not work is worse than none."""
    for call in calls(TREE[name]):
        cli.main(args=shlex.split(call), prog_name="envbuild", standalone_mode=False)


@pytest.mark.parametrize("name", TREE)
def test_help_is_shown_either_way_without_marks_of_its_source(name, capsys):
    """`\\b` is for click, not for people."""
    for spelled in ("-h", "--help"):
        cli.main(args=[*name.split()[1:], spelled], prog_name="envbuild", standalone_mode=False)
        shown = capsys.readouterr().out
        assert shown.startswith(f"Usage: {name}")
        assert r"\b" not in shown
        assert "\b" not in shown


@pytest.mark.parametrize("name", OPTIONS)
def test_an_option_says_what_it_does(name):
    """In a sentence; what it is where nobody gives it stands behind in brackets."""
    text = OPTIONS[name].help or ""
    assert text.endswith((".", "]")), f"no sentence: {text!r}"


@pytest.mark.parametrize("name", OPTIONS)
def test_the_variable_that_says_the_same_is_named(name):
    """Who types an option every day can set it once."""
    option = OPTIONS[name]
    setting = KNOWN.get(option.opts[-1].removeprefix("--"))
    # The setting `group` is of those who share a store; a project's groups are chosen each time.
    if setting is not None and option.opts[-1] != "--group":
        assert setting.variable in (option.help or "").rpartition("[")[2]


@pytest.mark.parametrize("name", OPTIONS)
def test_a_default_is_said(name):
    option = OPTIONS[name]
    if not option.is_flag and isinstance(option.default, str | int) and option.default not in ("", False):
        assert str(option.default) in (option.help or "").rpartition("[")[2]


def test_options_of_one_name_mean_one_thing():
    """What was learned at one command holds at the others."""
    said: dict[str, set[str]] = {}
    for name, option in OPTIONS.items():
        said.setdefault(option.opts[-1], set()).add(f"{option.help} ({name.rpartition(' ')[0]})")
    texts = {o: {t.rpartition(" (")[0] for t in s} for o, s in said.items()}
    assert not {
        o: said[o] for o, s in texts.items() if len(s) > 1 and o in ("--json", "--quiet", "--platform", "--env")
    }


@pytest.mark.parametrize("name", [n for n, command in TREE.items() if isinstance(command, click.Group)])
def test_a_list_of_commands_has_whole_sentences(name, capsys):
    """`Check every byte of the...` of what?"""
    cli.main(args=[*name.split()[1:], "--help"], prog_name="envbuild", standalone_mode=False)
    listed = capsys.readouterr().out.partition("Commands:\n")[2]
    assert listed
    assert "..." not in listed


def test_a_summary_of_the_first_page_is_short():
    """80 columns hold every line of `envbuild --help`'s list."""
    with cli.make_context("envbuild", [], resilient_parsing=True, terminal_width=80) as context:
        shown = cli.get_help(context)
        names = cli.list_commands(context)
    assert len(shown.partition("Commands:\n")[2].splitlines()) == len(names)
