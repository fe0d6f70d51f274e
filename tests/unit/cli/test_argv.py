"""Behind the script, every word is the script's: one that envbuild took for itself would be lost to it."""

import pytest

from envbuild.cli.argv import split
from envbuild.errors import UsageError
from envbuild.runners.command import Command, CommandKind

WITH_VALUE = {"-e", "--env", "--lock"}


@pytest.mark.parametrize(
    ("line", "own", "command"),
    [
        ("train.py", "", Command(CommandKind.SCRIPT, "train.py")),
        (
            "--env r.txt train.py -q --env x",
            "--env r.txt",
            Command(CommandKind.SCRIPT, "train.py", ("-q", "--env", "x")),
        ),
        ("--env=r.txt train.py", "--env=r.txt", Command(CommandKind.SCRIPT, "train.py")),
        ("-q -m pytest -q -m slow", "-q", Command(CommandKind.MODULE, "pytest", ("-q", "-m", "slow"))),
        ("-e r.txt -- python -V", "-e r.txt", Command(CommandKind.RAW, "python", ("-V",))),
        ("-e -- -- ls", "-e --", Command(CommandKind.RAW, "ls")),
        ("train.py -- -m x", "", Command(CommandKind.SCRIPT, "train.py", ("--", "-m", "x"))),
        ("- a", "", Command(CommandKind.SCRIPT, "-", ("a",))),
        ("--no-container", "--no-container", None),
        ("", "", None),
    ],
)
def test_split(line: str, own: str, command: Command | None) -> None:
    found = split(line.split(), WITH_VALUE)
    assert found.own == tuple(own.split())
    assert found.command == command


@pytest.mark.parametrize("line", ["-m", "--", "-e x --"])
def test_a_missing_word_is_said(line: str) -> None:
    with pytest.raises(UsageError):
        split(line.split(), WITH_VALUE)
