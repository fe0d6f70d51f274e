"""Many processes on one store."""

import os
import signal
import subprocess
import sys
import time

import pytest

from envbuild.errors import Busy
from envbuild.filelock import locked

HOLDER = """
import sys
from pathlib import Path
from envbuild.filelock import locked
with locked(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_one_image_is_built_once_however_many_want_it(scale, torture, tally):
    """Else a fleet of jobs that starts at once builds the same image as many times."""
    processes, rounds = scale.pick(16, 64), scale.pick(4, 100)
    seen = torture("together", "same", processes, rounds)
    assert seen["wrong"] == [], seen["said"]
    assert seen["builds"] == rounds
    tally("one image for all", rounds, processes=processes, builds=seen["builds"])


def test_different_images_are_built_side_by_side(scale, torture, tally):
    processes, rounds = scale.pick(16, 64), scale.pick(1, 20)
    seen = torture("together", "different", processes, rounds)
    assert seen["wrong"] == [], seen["said"]
    tally("an image each", rounds, processes=processes, builds=seen["builds"])


def test_builds_beside_a_collector_that_takes_all_it_may(scale, torture, tally):
    """Else `prune` from cron breaks the build that runs."""
    rounds = scale.pick(2, 60)
    seen = torture("together", "pruned", 4, rounds)
    assert seen["wrong"] == [], seen["said"]
    assert seen["prunes"] > rounds
    tally("builds beside a collector", seen["builds"], prunes=seen["prunes"])


MUTANTS = [("same", "no lock", "builds"), ("pruned", "no lease", "exit codes")]


@pytest.mark.parametrize(("what", "mutant", "word"), MUTANTS, ids=[row[1] for row in MUTANTS])
def test_these_tests_see_a_bad_store(what, mutant, word, torture):
    seen = torture("together", what, 8, 3, "--mutant", mutant)
    assert word in "".join(seen["wrong"]), f"{mutant} was not seen"


def test_a_lock_of_a_stopped_process_is_waited_for_no_longer_than_asked_and_one_of_a_dead_process_not_at_all(tmp_path):
    path = tmp_path / "lock"
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, path], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as holder:
        try:
            assert holder.stdout.readline() == b"held\n"
            os.kill(holder.pid, signal.SIGSTOP)
            with pytest.raises(Busy, match=f"the image is in use by process {holder.pid} on .* since "):
                locked(path, timeout=0.3, what="the image").__enter__()
        finally:
            holder.kill()
            holder.wait()
        began = time.monotonic()
        with locked(path, timeout=60):
            assert time.monotonic() - began < 30
