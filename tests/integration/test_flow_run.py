"""`envbuild run`: the script's output, input, arguments and end are its own, in a container and directly."""

import os
import shutil
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

ENDS = (0, 1, 2, 3, 100, 125, 126, 127, 137)


@dataclass(frozen=True, slots=True)
class Running:
    """`run` in one of the two ways, over a small environment with one package."""

    envbuild: object
    spec: Path
    options: tuple[str, ...]
    env: dict[str, str]
    folder: Path
    contained: bool

    def __call__(self, *words, **options):
        own = ["--env", self.spec, *self.options]
        return self.envbuild("run", "--quiet", *own, *words, env=self.env, cwd=self.folder, **options)


@pytest.fixture(scope="session")
def small(warm, tmp_path_factory) -> Path:
    """An environment of one package."""
    spec = tmp_path_factory.mktemp("small") / "requirements.txt"
    spec.write_text("six\n")
    warm("build", spec, "--to", "store").ok()
    return spec


@pytest.fixture(params=["directly", "docker_engine", "containerd_engine", "podman"])
def run(request, warm, small, tmp_path) -> Running:
    """Each way to run."""
    folder = tmp_path / "a folder, with words"
    folder.mkdir()
    if request.param == "directly":
        return Running(warm, small, ("--no-container",), {}, folder, contained=False)
    engine = request.getfixturevalue(request.param)
    env = dict(engine.env)
    return Running(warm, small, ("--container",), env, folder, contained=True)


@pytest.fixture(params=["directly", "docker_engine"])
def run_two(request, warm, small, tmp_path) -> Running:
    """One way of each kind, for what does not depend on the engine."""
    options = ("--no-container",) if request.param == "directly" else ("--container",)
    env = {} if request.param == "directly" else dict(request.getfixturevalue(request.param).env)
    return Running(warm, small, options, env, tmp_path, contained=request.param != "directly")


def test_a_script_runs_in_its_environment(run):
    """The main thing: the package is there, arguments arrive untouched, the folder is live, output is exact."""
    (run.folder / "data.txt").write_text("from the folder")
    (run.folder / "show.py").write_text(
        "import sys, six, pathlib\n"
        "print(six.__name__, sys.version_info[:2], sys.argv, pathlib.Path('data.txt').read_text())\n"
        "pathlib.Path('made.txt').write_text('made')\n"
        "print('to stderr', file=sys.stderr)\n"
    )
    words = ["--epochs", "3", "-e", "x y", "", "--", "--help", "$HOME", "*", "ä"]
    done = run("show.py", *words).ok()
    assert done.line == f"six (3, 11) {['show.py', *words]} from the folder"
    assert done.stderr == b"to stderr\n"
    made = run.folder / "made.txt"
    assert (made.read_text(), made.stat().st_uid, made.stat().st_gid) == ("made", os.getuid(), os.getgid())


def test_modules_and_commands(run):
    """-m and -- start what they start with python and in a shell."""
    (run.folder / "mine.py").write_text("import sys; print(sys.argv[1:])")
    assert run("-m", "mine", "-m", "-q").ok().line == "['-m', '-q']"
    assert run("--", "python", "-c", "print(6 * 7)").ok().line == "42"
    assert run("--", "sh", "-c", 'echo "$1"', "sh", "a  b").ok().line == "a  b"


def test_bytes_in_and_out(run):
    """A megabyte of anything passes through unharmed: `run` may stand in a pipe."""
    (run.folder / "turn.py").write_text(
        "import sys\nsys.stdout.buffer.write(bytes(255 - b for b in sys.stdin.buffer.read()))\n"
    )
    data = bytes(range(256)) * 4096
    assert run("turn.py", input=data).ok().stdout == bytes(255 - b for b in data)


@pytest.mark.parametrize("code", ENDS)
def test_the_end_is_the_scripts_own(run_two, code):
    """A pipeline decides by the exit code: each is passed on, those that engines use themselves too."""
    (run_two.folder / "end.py").write_text("import sys; sys.exit(int(sys.argv[1]))")
    assert run_two("end.py", code).code == code


def test_killed_is_137(run_two):
    """A script that ran out of memory ends as a shell would tell it."""
    (run_two.folder / "kill.py").write_text("import os, signal; os.kill(os.getpid(), signal.SIGKILL)")
    assert run_two("kill.py").code == 137


def test_an_uncaught_error_is_pythons(run_two):
    """The traceback is on stderr, the code is 1, and nothing of envbuild's is mixed in."""
    (run_two.folder / "fail.py").write_text("raise ValueError('mine')\n")
    done = run_two("fail.py")
    assert done.code == 1
    assert done.stderr.decode().splitlines()[-1] == "ValueError: mine"
    assert b"envbuild" not in done.stderr


def test_a_missing_script_is_said_at_once(run_two):
    """A typing mistake is 2, as Python says it, and costs no build."""
    done = run_two("no_such.py")
    assert done.code == 2
    assert b"no_such.py" in done.stderr


def test_a_missing_command_is_127(run_two):
    """As in a shell."""
    assert run_two("--", "no-such-command").code == 127


def test_a_closed_reader_ends_it_quietly(run_two):
    """`envbuild run ... | head -1` ends, without words of envbuild's."""
    (run_two.folder / "much.py").write_text("while True: print('y')")
    own = ["--quiet", "--env", run_two.spec, *run_two.options]
    command = [sys.executable, "-m", "envbuild", "run", *map(str, own), "much.py"]
    process = subprocess.Popen(
        command,
        env={**run_two.envbuild.env, **run_two.env},
        cwd=run_two.folder,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdout.readline() == b"y\n"
    process.stdout.close()
    words = process.stderr.read()
    process.stderr.close()
    assert process.wait(60) != 0
    assert b"envbuild" not in words
    if run_two.contained:
        left = subprocess.run(
            ["docker", "ps", "--quiet", "--filter", f"volume={run_two.folder}"],
            env={**os.environ, **run_two.env}, capture_output=True, text=True, check=True,
        )  # fmt: skip
        assert left.stdout == "", "the container runs on, for nobody"


def test_it_says_that_it_runs_directly(warm, small, tmp_path):
    """A user who believes to be in a container must not find out by accident: one line on stderr."""
    (tmp_path / "x.py").write_text("print(1)")
    done = warm("run", "--env", small, "x.py", cwd=tmp_path).ok()
    assert done.line == "1"
    assert "running directly" in done.stderr.decode()


def test_container_demands_one(warm, small, tmp_path):
    """--container never runs anything on the bare machine: 5, and nothing ran."""
    (tmp_path / "x.py").write_text("open('ran', 'w')")
    assert "container" in warm.failed(5, "run", "--container", "--env", small, "x.py", cwd=tmp_path)
    assert not (tmp_path / "ran").exists()


def test_system_packages_are_looked_for(warm, project, tmp_path):
    """Directly, a library that this machine lacks is named before a script fails in the middle."""
    (tmp_path / "x.py").write_text("print('ran')")
    there = project('python = "3.11"\npypi = ["six"]\nsystem = ["libgcc-s1"]', "there")
    assert warm("run", "--no-container", "--env", there, "x.py", cwd=tmp_path).ok().line == "ran"
    lacking = project('python = "3.11"\npypi = ["six"]\nsystem = ["libportaudio2"]', "lacking")
    words = warm.failed(5, "run", "--no-container", "--env", lacking, "x.py", cwd=tmp_path)
    assert "libportaudio2" in words
    assert "libportaudio.so.2" in words


def test_variables_reach_the_script_both_ways(run_two, project):
    """The definition's variables are set in a container and without one."""
    spec = project('python = "3.11"\npypi = ["six"]\nvariables = {WHO = "a b"}', "vars")
    (run_two.folder / "who.py").write_text("import os; print(os.environ['WHO'])")
    own = ["--quiet", "--env", spec, *run_two.options]
    assert run_two.envbuild("run", *own, "who.py", env=run_two.env, cwd=run_two.folder).ok().line == "a b"


@pytest.fixture
def stranger(program) -> Iterator[tuple[Path, tuple[str, ...]]]:
    """A home of a user who is not root, and a prefix that makes a command theirs.

    They keep the right to read all files, since the interpreter may stand in root's home.
    """
    if os.getuid():
        pytest.skip("needs root to become somebody else")
    rights = ("--inh-caps=+dac_override", "--ambient-caps=+dac_override")
    become = program("setpriv", "--reuid=4321", "--regid=4322", "--clear-groups", *rights).command
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o755)
    home = folder / "home"
    home.mkdir()
    os.chown(home, 4321, 4322)
    yield home, become
    shutil.rmtree(folder)


def test_files_belong_to_the_caller(warm, small, stranger, docker_engine):
    """What a script writes in the folder is its caller's, not root's; it has a name and a HOME that it can write to."""
    home, become = stranger
    (home / "x.py").write_text(
        "import os, pwd\nopen('made', 'w')\nme = os.getuid()\nhome = os.environ['HOME']\n"
        "print(me, os.getgid(), os.access(home, os.W_OK), pwd.getpwuid(me).pw_dir == home)\n"
    )
    env = {**docker_engine.env, "HOME": str(home), "ENVBUILD_HOME": str(home / "store")}
    done = warm("run", "--quiet", "--container", "--env", small, "x.py", env=env, cwd=home, prefix=become).ok()
    assert done.line == "4321 4322 True True"
    made = (home / "made").stat()
    assert (made.st_uid, made.st_gid, stat.S_ISREG(made.st_mode)) == (4321, 4322, True)
