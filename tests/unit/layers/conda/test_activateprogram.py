"""If this fails, a program in an image with `activate = true` does not start as it does after `conda activate`."""

import os
import shutil
import signal
import subprocess
from pathlib import Path

import pytest

from envbuild.layers.conda.activateprogram import ACTIVATE_PROGRAM, activate_program

pytestmark = pytest.mark.skipif(not Path("/bin/bash").exists(), reason="the program is one of bash")


@pytest.fixture
def prefix(tmp_path):
    program = tmp_path / ACTIVATE_PROGRAM
    program.parent.mkdir()
    program.write_bytes(activate_program(str(tmp_path)))
    program.chmod(0o755)
    return tmp_path


def scripts(prefix, **texts):
    folder = prefix / "etc/conda/activate.d"
    folder.mkdir(parents=True)
    for name, text in texts.items():
        (folder / f"{name}.sh").write_text(text)


def run(prefix, *words, **options):
    env = {"PATH": os.environ["PATH"], "LANG": "C.UTF-8"}
    return subprocess.run(
        [prefix / ACTIVATE_PROGRAM, *words], env=env, capture_output=True, text=True, check=False, **options
    )


def test_scripts_run_in_the_order_of_their_names_with_the_prefix_set(prefix):
    scripts(prefix, b='export SAID="$SAID b"', a='export SAID="a $CONDA_PREFIX"')
    assert run(prefix, "printenv", "SAID").stdout == f"a {prefix} b\n"


def test_without_scripts_the_command_runs(prefix):
    done = run(prefix, "sh", "-c", 'echo "$CONDA_PREFIX $CONDA_DEFAULT_ENV $CONDA_SHLVL: $*"', "-", "one two", "three")
    assert done.stdout == f"{prefix} {prefix} 1: one two three\n"


def test_a_script_that_fails_ends_nothing(prefix):
    scripts(prefix, a="false\nno-such-program-at-all", b="return 3", c="set -eu", d="export LAST=yes")
    done = run(prefix, "sh", "-c", "echo $LAST")
    assert (done.returncode, done.stdout) == (0, "yes\n")
    assert "no-such-program-at-all" in done.stderr


def test_scripts_do_not_see_the_commands_words(prefix):
    scripts(prefix, a='export COUNT="$#"')
    assert run(prefix, "printenv", "COUNT").stdout == "0\n"


def test_nothing_of_the_program_itself_is_left_in_the_environment(prefix):
    scripts(prefix, a="A=1")
    names = {line.partition("=")[0] for line in run(prefix, "env").stdout.splitlines()}
    assert names - {"_", "PWD", "SHLVL", "OLDPWD"} == {
        "PATH", "LANG", "CONDA_PREFIX", "CONDA_DEFAULT_ENV", "CONDA_SHLVL"
    }  # fmt: skip


def test_the_commands_own_code_and_signals_are_its_own(prefix):
    assert run(prefix, "sh", "-c", "exit 7").returncode == 7
    assert run(prefix, "sh", "-c", "kill -TERM $$").returncode == -signal.SIGTERM


def test_without_a_command_a_shell_starts(prefix):
    assert run(prefix, input="echo in bash $BASH_VERSION").stdout.startswith("in bash ")
    assert shutil.which("bash")


@pytest.mark.parametrize("folder", ["/a'b", "/a\nb"])
def test_a_folder_that_would_end_the_quotes_is_refused(folder):
    with pytest.raises(ValueError, match="quoted"):
        activate_program(folder)
