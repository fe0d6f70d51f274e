"""Runs in a container: the program's own output and exit code, the caller's own files, and nothing left behind."""

import json
import os
import pty
import select
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

import pytest

DRIVER = """
import json, os, sys
from dataclasses import asdict
from pathlib import Path
from envbuild.errors import EnvironmentFault
from envbuild.host import User
from envbuild.oci import parse_image
from envbuild.runners.command import Command, CommandKind
from envbuild.runners.container import Place, run_in_container
from envbuild.runners.engine import EngineKind, open_engine
from envbuild.store.blobs import Blobs

asked = json.loads(sys.argv[1])
engine = open_engine(EngineKind(asked["kind"]), os.environ)
image = parse_image(asked["manifest"].encode(), asked["config"].encode())
place = Place(caller=User(*asked["caller"]), folder=Path(asked["folder"]), state=Path(asked["state"]))
ended = []
for kind, target, *arguments in asked["commands"]:
    command = Command(CommandKind(kind), target, tuple(arguments))
    try:
        ended.append(asdict(run_in_container(engine, asked["name"], image, Blobs(Path(asked["blobs"])), command, place)))
    except EnvironmentFault as fault:
        ended.append(str(fault))
Path(asked["result"]).write_text(json.dumps(ended))
"""


def children_of(pid):
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


class Runner:
    """Runs commands in a container through a process of our own, as the command line does."""

    def __init__(self, tool, asked, tmp_path):
        self.tool, self.asked, self.result = tool, asked, tmp_path / "result.json"

    def argv(self, *commands, **changed):
        asked = {**self.asked, **changed, "commands": commands, "result": str(self.result)}
        return [sys.executable, "-c", DRIVER, json.dumps(asked)]

    @property
    def environ(self):
        return {**os.environ, **self.tool.env}

    def __call__(self, *commands, stdin=b"", **changed):
        done = subprocess.run(
            self.argv(*commands, **changed),
            env=self.environ,
            input=stdin,
            capture_output=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, done.stderr.decode()
        return done.stdout.decode(), done.stderr.decode(), json.loads(self.result.read_text())

    @contextmanager
    def start(self, *commands, **options):
        """A run that is still going on; whatever the test finds, it ends with it."""
        child = subprocess.Popen(self.argv(*commands), env=self.environ, **options)
        try:
            yield child
        finally:
            if child.poll() is None:
                for pid in [*children_of(child.pid), child.pid]:
                    os.kill(pid, signal.SIGKILL)
            child.wait(30)
            if child.stdout:
                child.stdout.close()

    def containers(self):
        tests = self.asked["name"].partition(":")[0]
        lines = self.tool("ps", "--all", "--format", "{{.ID}} {{.Image}}").stdout.splitlines()
        return [line.split()[0] for line in lines if tests in line]

    def none_is_left(self):
        """The engine takes containers away a moment after their client has ended."""
        end = time.monotonic() + 20
        while found := self.containers():
            assert time.monotonic() < end, f"left behind: {found}"
            time.sleep(0.1)
        assert not list((Path(self.asked["state"]) / "runs.v1").iterdir())


@pytest.fixture
def runner(tool, engine, image, store_folder, names, writer_of, tmp_path):
    engine.load(image, names, writer_of(image))
    folder = tmp_path / "project"
    state = tmp_path / "state"
    for made in (folder, state):
        made.mkdir()
    asked = {
        "kind": engine.kind.value,
        "name": names[0],
        "manifest": image.manifest.decode(),
        "config": image.config.decode(),
        "blobs": str(store_folder),
        "caller": ("me", os.getuid(), os.getgid(), ""),
        "folder": str(folder),
        "state": str(state),
    }
    made = Runner(tool, asked, tmp_path)
    yield made
    made.none_is_left()


def shell(program):
    return ("raw", "sh", "-c", program)


def test_exit_codes_are_the_programs_own_and_never_taken_for_the_engines(runner):
    """125, 126 and 127 are also what engines say when they fail themselves."""
    codes = [0, 1, 2, 125, 126, 127, 255]
    _, _, ended = runner(*[shell(f"exit {code}") for code in codes], shell("kill -9 $$"), ("raw", "nosuch"))
    assert [(e["code"], e["started"]) for e in ended[:-1]] == [(code, True) for code in [*codes, 137]]
    assert ended[-1]["code"] == 127


def test_a_container_that_the_engine_cannot_start_is_a_fault_of_the_machine(runner):
    _, said, ended = runner(shell("exit 0"), name="envbuild/tests-nowhere:1")
    assert "could not start the container" in ended[0]
    assert "nowhere" in said or "such image" in said


def test_output_is_untouched_and_stdin_reaches_the_program_to_its_end(runner):
    data = bytes(range(256)) * 5000
    done = subprocess.run(
        runner.argv(shell("cat; echo error >&2")), env=runner.environ, input=data, capture_output=True, check=True
    )
    assert done.stdout == data
    assert done.stderr == b"error\n"


def test_the_folder_is_live_at_its_own_path_and_the_script_gets_its_arguments(runner):
    """The image's python is a shell here; its entry point is not asked."""
    folder = Path(runner.asked["folder"])
    (folder / "s.sh").write_text('pwd; cat given; echo made > "$1"; exit 3')
    (folder / "given").write_text("given\n")
    out, _, ended = runner(("script", "s.sh", "a file"))
    assert out == f"{folder}\ngiven\n"
    assert (folder / "a file").read_text() == "made\n"
    assert ended[0]["code"] == 3


def test_a_script_elsewhere_is_seen_with_its_neighbours_and_cannot_be_changed(runner, tmp_path):
    other = tmp_path / "else where, and"
    other.mkdir()
    (other / "s.sh").write_text('cat "$(dirname "$0")/data" 2>/dev/null || cat "${0%/*}/data"; echo x > "${0%/*}/new"')
    (other / "data").write_text("data\n")
    out, _, _ = runner(("script", str(other / "s.sh")), ("script", "../else where, and/s.sh"))
    assert out == "data\ndata\n"
    assert sorted(p.name for p in other.iterdir()) == ["data", "s.sh"]


def test_files_belong_to_the_caller_who_has_a_name_and_a_home(runner):
    """Files of root in one's own folder are what people hate containers for."""
    folder = Path(runner.asked["folder"])
    folder.chmod(0o777)
    caller = ("ada", 4321, 4322, "/nowhere") if os.getuid() == 0 else ("ada", os.getuid(), os.getgid(), "")
    program = (
        'id -u; id -g; id -un; id -gn; echo x > "$HOME/x" && cat "$HOME/x"; echo y > "$PYTHONPYCACHEPREFIX/y"; : > made'
    )
    out, said, _ = runner(shell(program), caller=caller)
    assert out.split() == [str(caller[1]), str(caller[2]), "ada", "ada", "x"], said
    made = (folder / "made").stat()
    assert (made.st_uid, made.st_gid) == caller[1:3]
    out, _, _ = runner(shell("cat $PYTHONPYCACHEPREFIX/y; cat /home/envbuild/x; echo $PYTHONUNBUFFERED"), caller=caller)
    assert out.split() == ["y", "1"]


def test_a_terminal_is_passed_on(runner):
    """Progress bars, colours and debuggers ask whether there is one."""
    master, slave = pty.openpty()
    with runner.start(
        shell("test -t 0 && test -t 1 && echo yes; read -r word; echo got $word"),
        stdin=slave,
        stdout=slave,
        stderr=slave,
    ) as child:
        os.close(slave)
        seen = read_until(master, b"yes")
        os.write(master, b"hello\n")
        seen += read_until(master, b"got hello")
        child.wait(30)
    os.close(master)
    assert json.loads(runner.result.read_text())[0]["code"] == 0


def read_until(descriptor, word):
    seen, end = b"", time.monotonic() + 30
    while word not in seen:
        assert select.select([descriptor], [], [], max(0, end - time.monotonic()))[0], seen
        read = os.read(descriptor, 4096)
        assert read, f"ended before {word!r}: {seen!r}"
        seen += read
    return seen


WAITS = shell("trap 'echo term; exit 9' TERM; trap 'echo int; exit 8' INT; echo ready; while :; do sleep 0.1; done")


@pytest.mark.parametrize(("number", "word", "code"), [(signal.SIGTERM, "term", 9), (signal.SIGINT, "int", 8)])
def test_signals_reach_the_program(runner, number, word, code):
    with runner.start(WAITS, stdout=subprocess.PIPE, start_new_session=True) as child:
        read_until(child.stdout.fileno(), b"ready")
        time.sleep(1)  # Podman passes signals on from a moment after the start; one before that ends Podman itself.
        child.send_signal(number)
        out, _ = child.communicate(timeout=30)
    ended = json.loads(runner.result.read_text())[0]["code"]
    assert (out.decode().split(), ended) == ([word], code)


def test_a_program_that_does_not_listen_ends_by_sigterm_all_the_same(runner):
    """As process 1 of a container it would never."""
    with runner.start(shell("echo ready; exec sleep 100"), stdout=subprocess.PIPE, start_new_session=True) as child:
        read_until(child.stdout.fileno(), b"ready")
        child.send_signal(signal.SIGTERM)
        child.communicate(timeout=30)
    assert json.loads(runner.result.read_text())[0]["code"] == 143


def test_no_container_stays_when_its_client_is_killed(runner):
    with runner.start(WAITS, stdout=subprocess.PIPE, start_new_session=True) as child:
        read_until(child.stdout.fileno(), b"ready")
        assert len(runner.containers()) == 1
        (client,) = children_of(child.pid)
        os.kill(client, signal.SIGKILL)
        child.communicate(timeout=30)
    assert json.loads(runner.result.read_text())[0]["code"] == 137
