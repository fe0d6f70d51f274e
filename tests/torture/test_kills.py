"""Processes that are killed: what they leave is whole, and the next command works with no step by hand."""

import pytest


def test_killed_at_any_moment(scale, torture, tally):
    """Else one `kill -9` or one full memory leaves a store that must be deleted."""
    count = scale.pick(500, 10_000)
    seen = torture("kills", count, "--seed", 11)
    assert seen["wrong"] == [], seen["said"]
    assert seen["killed"] == count
    tally("kills at random moments", count, calm_runs=seen["calm runs"])


@pytest.mark.usefixtures("strace")
def test_killed_at_a_mutating_system_call(scale, torture, tally):
    """At each one of put, claim, record, build and prune in the long set."""
    seen = torture("syscalls", "kill", 1 if scale.long else 20)
    assert seen["wrong"] == [], seen["said"]
    assert seen["ends"].get("killed", 0) > seen["cases"] * 0.8
    tally("kills at a mutating system call", seen["cases"], of=seen["of"], **seen["ends"])


@pytest.mark.usefixtures("strace")
@pytest.mark.parametrize("mutant", ["no rename", "claim before blob"])
def test_these_tests_see_bad_writers(mutant, torture):
    """What stands under its name is whole only since it is renamed; what a claim names is there only since it is put first."""
    seen = torture("syscalls", "kill-claim", 1, "--mutant", mutant)
    assert seen["wrong"], f"no kill showed a store with {mutant}"
