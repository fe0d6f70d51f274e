"""Many processes over one store: each thing is made once, whoever waits is told for whom, and the dead hold nobody up."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
TOGETHER = 16
HOLD = """
import sys
from pathlib import Path
from envbuild.filelock import locked
with locked(Path(sys.argv[1]), what="the image", doing="a test"):
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def start(warm, pypi_server, make_wheel, tmp_path):
    """`start("name", ...)` begins a build of these new packages, each made when it is first named."""
    mark = os.urandom(4).hex()
    running = []

    def begin(*names, env=None, prefix=()):
        own = [f"{name}{mark}" for name in names]
        for name in own:
            if not list(pypi_server.folder.glob(f"{name}-*")):
                make_wheel(
                    name, "1.0", {f"{name}.py": f"word = {os.urandom(40_000).hex()!r}\n"}, folder=pypi_server.folder
                )
        spec = tmp_path / f"{'-'.join(names)}.txt"
        spec.write_text("".join(f"{name}\n" for name in own))
        process = subprocess.Popen(
            [*prefix, sys.executable, "-m", "envbuild", "build", spec, "--to", "store", "--json"],
            env={**warm.env, "ENVBUILD_PYPI_INDEX": pypi_server.url, **(env or {})},
            cwd=tmp_path, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip
        running.append(process)
        return process

    yield begin
    for process in running:
        if process.poll() is None:
            process.kill()
        process.communicate()


def finished(process):
    """What a build said: its JSON, and its words. It ended well."""
    out, err = process.communicate(timeout=300)
    assert process.returncode == 0, err.decode()
    return json.loads(out), err.decode()


@pytest.fixture
def locks(warm):
    return Path(warm.env["ENVBUILD_HOME"], "cache", "locks.v1")


def test_sixteen_that_ask_for_one_image_build_it_once(start, warm, classify):
    """Else a cluster's jobs that start together do the same work sixteen times, and fill the disk."""
    done = [finished(p) for p in [start("one") for _ in range(TOGETHER)]]
    assert len({said["digest"] for said, _ in done}) == 1
    assert [said["hit"] for said, _ in done].count(False) == 1
    assert ["resolve:" in words for _, words in done].count(True) == 1
    warm.sound(warm.env["ENVBUILD_HOME"])


def test_sixteen_different_images_do_not_wait_for_each_other(start, warm, classify):
    """Each has a package of its own and one that all share; none is held up by a lock, none is spoiled by another."""
    done = [finished(p) for p in [start("shared", f"own{n}") for n in range(TOGETHER)]]
    assert len({said["digest"] for said, _ in done}) == TOGETHER
    assert not any("waiting for" in words for _, words in done)
    warm.sound(warm.env["ENVBUILD_HOME"])


def test_who_waits_is_told_for_whom_and_goes_on_when_the_holder_is_killed(start, locks, classify):
    """A build that stands still without a word looks broken; and a dead one must not hold up the living."""
    image = finished(start("waited"))[0]["ids"]["image"].removeprefix("sha256:")
    for path in locks.parent.glob(f"claims.v1/image/*/{image}*"):
        path.unlink()
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(locks / image)], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert holder.stdout.readline() == b"held\n"
    process = start("waited")
    told = process.stderr.readline()
    assert f"waiting for process {holder.pid} on ".encode() in told
    assert b"a test" in told
    assert process.poll() is None
    holder.kill()
    ended = time.monotonic()
    said, _ = finished(process)
    assert not said["hit"]
    assert time.monotonic() - ended < 60
    holder.communicate()


def test_a_wait_ends_where_the_setting_says(start, locks, classify):
    """Exit 7, and who has it, so that a job's script can tell it from a failure."""
    image = finished(start("bounded"))[0]["ids"]["image"].removeprefix("sha256:")
    for path in locks.parent.glob(f"claims.v1/image/*/{image}*"):
        path.unlink()
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(locks / image)], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as holder:
        assert holder.stdout.readline() == b"held\n"
        process = start("bounded", env={"ENVBUILD_LOCK_TIMEOUT": "1"})
        out, err = process.communicate(timeout=60)
        holder.kill()
    assert process.returncode == 7
    assert f"is in use by process {holder.pid} on ".encode() in err
    assert b"Traceback" not in err
    assert json.loads(out)["error"]["kind"] == "Busy"


@pytest.mark.parametrize("error", ["ENOLCK", "ENOSYS", "EBADF", "ESTALE", "EOPNOTSUPP", "EIO"])
def test_without_locks_nothing_is_used_or_written(cold, program, project, error, tmp_path):
    """On such a file system two builds could spoil each other in silence."""
    program("strace")
    prefix = ("strace", "-f", "-qq", "-o", "/dev/null", "-e", "trace=flock", "-e", f"inject=flock:error={error}")
    words = cold.failed(5, "build", project("pypi = []"), "--to", "store", prefix=prefix)
    assert "no locks" in words
    assert "ENVBUILD_HOME" in words
    assert not list(tmp_path.glob("envbuild-home/cache/claims.v1/*/*/*.json"))
