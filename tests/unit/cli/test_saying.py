"""What the command line writes: nothing steers the terminal, nothing shows a login, nothing has the length of a file."""

import json
import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from envbuild.cli.exits import code_of
from envbuild.cli.main import _tell, run
from envbuild.cli.saying import say_data
from envbuild.definition import Definition
from envbuild.errors import Fault, InvalidDefinition, UsageError, shortened
from envbuild.formats.toml.envtomldump import envbuild_toml

STEERING = "\x1b[31m\x85\x9b2J\u202e\u2066\x7f"
ESCAPED = r"\u001b[31m\u0085\u009b2J\u202e\u2066\u007f"


def steers(text):
    return [c for c in text if not c.isprintable() and c != "\n"]


@pytest.fixture
def told(tmp_path, monkeypatch, capsys):
    """What a command line writes, on both streams, for an envbuild.toml with characters that steer a terminal."""
    monkeypatch.setenv("ENVBUILD_HOME", str(tmp_path / "home"))

    def command(*words, text):
        path = tmp_path / "envbuild.toml"
        path.write_text(text)
        code = run([*words[:1], str(path), *words[1:]])
        return code, "".join(capsys.readouterr())

    return command


VARIABLE = f'format = 1\n[base]\nimage = "h.example/x:1"\n[variables]\nTOKEN = "{ESCAPED}"\n'


@pytest.mark.parametrize("words", [("show",), ("show", "--json"), ("show", "--toml"), ("lint",), ("lint", "--json")])
def test_a_value_steers_no_terminal(told, words):
    """A definition from elsewhere could rewrite what the terminal showed before, or hide its own lines."""
    code, text = told(*words, text=VARIABLE)
    assert code == 0
    assert not steers(text)


def test_lint_shows_a_dockerfiles_words_without_their_escapes(told):
    code, text = told(
        "lint", text=f'format = 1\n[base]\ndockerfile-text = "FROM debian:12\\nRUN pip install a>=1{ESCAPED}\\n"\n'
    )
    assert code in (0, 2)
    assert text
    assert not steers(text)


@given(st.dictionaries(st.text(max_size=5), st.text()))
def test_data_says_the_same_with_and_without_its_escapes(value):
    from unittest import mock

    with mock.patch("click.echo") as echo:
        say_data(value)
    written = echo.call_args.args[0]
    assert json.loads(written) == value
    assert not steers(written)


@given(st.text(st.characters(codec="utf-8")))
def test_toml_says_the_same_with_its_escapes(text):
    """`show --toml > envbuild.toml` would otherwise be another definition, or one whose text lies to its reader."""
    written = envbuild_toml(Definition(description=text))
    assert tomllib.loads(written).get("description", "") == text
    assert not steers(written)


@pytest.mark.parametrize("as_json", [False, True])
@pytest.mark.parametrize("part", ["what", "at", "hint"])
def test_a_login_in_a_fault_is_not_shown_whoever_forgot_to_take_it_out(capsys, part, as_json):
    words = {"what": "w", "at": "a", "hint": "h", part: "see https://alice:canary@h.example/simple"}
    error = UsageError(words["what"], at=words["at"], hint=words["hint"])
    _tell(error, code_of(error), as_json=as_json)
    assert "canary" not in "".join(capsys.readouterr())


def test_of_very_many_faults_the_first_are_told_and_how_many_more_there_are():
    """A lock of somebody's that is broken throughout would fill a log with megabytes."""
    error = InvalidDefinition([Fault(f"x:{number}", "w" * 1_000_000) for number in range(60)])
    lines = str(error).split("\n")
    assert len(lines) == 51
    assert lines[-1] == "and 10 more"
    assert len(str(error)) < 50_000
    assert len(error.faults) == 60


@given(st.text(min_size=300, max_size=900))
def test_a_text_that_is_cut_keeps_its_start_and_is_cut_once(text):
    cut = shortened(text)
    assert shortened(cut) == cut
    assert len(cut) <= 400
    assert cut.startswith(text[:200].partition("://")[0])


@pytest.mark.parametrize("before", [150, 185, 195, 199])
def test_no_login_is_cut_in_two(before):
    """Its first half would not look like a login any more, and so be shown."""
    text = "x" * (before - 1) + f" https://alice:{'canary' * 100}@h.example/simple: no such index"
    assert "canary" not in shortened(text)
    assert shortened(text).endswith(" no such index")
