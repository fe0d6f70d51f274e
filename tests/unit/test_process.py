"""Other programs: their output, their end, and that none is left behind."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from envbuild.errors import EnvironmentFault, TimeLimit
from envbuild.process import attached, run, which

PYTHON = sys.executable
ROOT = Path(__file__).resolve().parents[2]


def alive(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().split()[2] not in "ZX"
    except OSError:
        return False


def wait_until(condition, seconds=10):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not come to pass"
        time.sleep(0.01)


def test_output_and_exit_code_are_the_programs():
    done = run([PYTHON, "-c", "import sys; print('out'); print('err', file=sys.stderr); sys.exit(7)"])
    assert (done.code, done.stdout, done.stderr) == (7, b"out\n", b"err\n")


def test_input_and_environment_and_folder_reach_it(tmp_path):
    program = "import os, sys; print(sys.stdin.read(), os.environ.get('WORD'), os.getcwd())"
    done = run([PYTHON, "-c", program], input=b"in", env={"WORD": "x"}, cwd=tmp_path)
    assert done.stdout.decode().split() == ["in", "x", str(tmp_path.resolve())]


def test_without_input_it_reads_nothing_and_does_not_wait_for_the_terminal():
    assert run([PYTHON, "-c", "import sys; print(len(sys.stdin.read()))"], timeout=20).stdout == b"0\n"


def test_any_amount_can_be_fed_and_a_reader_that_stops_early_is_no_error():
    def feed(pipe):
        for _ in range(40):
            pipe.write(bytes(1 << 20))

    done = run([PYTHON, "-c", "import sys, hashlib; print(len(sys.stdin.buffer.read()))"], feed=feed)
    assert done.stdout == f"{40 << 20}\n".encode()
    assert run([PYTHON, "-c", "import sys; sys.exit(3)"], feed=feed).code == 3


def test_what_the_feeder_raises_is_raised_here():
    def feed(_):
        raise EnvironmentFault("the disk broke")

    with pytest.raises(EnvironmentFault, match="disk broke"):
        run([PYTHON, "-c", "import sys; sys.stdin.read()"], feed=feed)


def test_a_death_by_signal_is_told_as_shells_do():
    assert run([PYTHON, "-c", "import os; os.kill(os.getpid(), 15)"]).code == 143


def test_a_time_limit_ends_all_its_children(tmp_path):
    """Else a hanging helper of a helper keeps a build from ending, or runs on unseen."""
    note = tmp_path / "pid"
    inner = f"import os, time, signal; signal.signal(15, signal.SIG_IGN); open({str(note)!r}, 'w').write(str(os.getpid())); time.sleep(60)"
    outer = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {inner!r}])"
    start = time.monotonic()
    with pytest.raises(TimeLimit, match="did not end within 1 s"):
        run([PYTHON, "-c", outer], timeout=1)
    assert time.monotonic() - start < 10
    if note.exists():
        wait_until(lambda: not alive(int(note.read_text())))


def test_a_program_that_is_not_here_is_named():
    for call in (run, attached):
        with pytest.raises(EnvironmentFault, match="'no-such-program' is not here"):
            call(["no-such-program"])


def test_a_program_that_may_not_be_run_is_named(tmp_path):
    file = tmp_path / "tool"
    file.write_text("#!/bin/sh\n")
    with pytest.raises(EnvironmentFault, match="may not be run"):
        run([str(file)])


def test_a_missing_folder_is_not_taken_for_a_missing_program(tmp_path):
    with pytest.raises(EnvironmentFault, match="no such folder"):
        run([PYTHON, "-c", ""], cwd=tmp_path / "none")


def test_which_finds_what_path_has():
    assert which("sh")
    assert which("no-such-program") is None


def attached_python(program):
    """A process of ours that hands its terminal or pipes to a Python program, and exits as it does."""
    code = f"import sys; from envbuild.process import attached; sys.exit(attached([sys.executable, '-c', {program!r}]))"
    return [PYTHON, "-c", code]


def hearing():
    """As from a terminal: what starts the tests may itself ignore SIGHUP (nohup), and its children inherit that."""
    signal.signal(signal.SIGHUP, signal.SIG_DFL)


def started(program, **options):
    return subprocess.Popen(
        attached_python(program),
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stdin=subprocess.PIPE,
        preexec_fn=hearing,  # noqa: PLW1509  (no thread of this process holds a lock there)
        **options,
    )


def test_an_attached_program_has_our_input_and_output_untouched():
    data = bytes(range(256)) * 1000
    done = subprocess.run(
        attached_python("import sys; sys.stdout.buffer.write(sys.stdin.buffer.read()); sys.exit(9)"),
        cwd=ROOT, input=data, capture_output=True, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (9, data)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_a_signal_to_us_alone_reaches_the_program_and_its_answer_is_ours(number):
    """CI and schedulers stop a run so; what the script does on it (a checkpoint) must happen."""
    program = f"""
import signal, sys, time
signal.signal({int(number)}, lambda *_: (print('told', flush=True), sys.exit(5)))
print('ready', flush=True)
time.sleep(60)
"""
    with started(program, start_new_session=True) as process:
        assert process.stdout.readline() == b"ready\n"
        process.send_signal(number)
        assert process.stdout.read() == b"told\n"
        assert process.wait(10) == 5


def test_an_attached_program_killed_by_a_signal_gives_128_and_the_signal():
    done = subprocess.run(attached_python("import os; os.kill(os.getpid(), 9)"), cwd=ROOT, check=False)
    assert done.returncode == 137


def test_ctrl_c_at_a_terminal_reaches_the_program_once():
    program = """
import signal, sys, time
count = 0
def note(*_):
    global count
    count += 1
signal.signal(signal.SIGINT, note)
print('ready', flush=True)
end = time.monotonic() + 1.0
while time.monotonic() < end: time.sleep(0.05)
print('count', count, flush=True)
"""
    # In a process of its own: forking one with threads in it is not safe.
    driver = """
import os, pty, re, sys
pid, terminal = pty.fork()
if pid == 0:
    os.execv(sys.argv[1], sys.argv[1:])
seen = b""
while b"ready" not in seen:
    seen += os.read(terminal, 1000)
os.write(terminal, b"\\x03")
while not re.search(rb"count (\\d+)\\s", seen):
    seen += os.read(terminal, 1000)
print(re.search(rb"count (\\d+)", seen)[1].decode(), os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
"""
    done = subprocess.run(
        [PYTHON, "-c", driver, *attached_python(program)], cwd=ROOT, capture_output=True, timeout=60, check=False
    )
    assert done.stdout == b"1 0\n", done.stderr


def test_our_own_handling_of_signals_is_back_afterwards():
    before = [signal.getsignal(n) for n in (signal.SIGINT, signal.SIGTERM)]
    attached([PYTHON, "-c", ""])
    assert [signal.getsignal(n) for n in (signal.SIGINT, signal.SIGTERM)] == before
