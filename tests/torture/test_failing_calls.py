"""System calls that fail: a sentence and a code, and a store as before."""

import pytest


@pytest.mark.usefixtures("strace")
def test_a_failing_call_is_told_and_changes_nothing(scale, torture, tally):
    """ENOSPC, EIO, EDQUOT, EMFILE, ENOLCK and others, at calls of put, claim, record, build and prune."""
    seen = torture("syscalls", "fail", 55 if not scale.long else 3, "--seed", 5)
    assert seen["wrong"] == [], seen["said"]
    assert seen["ends"].get("exit 5", 0) > seen["cases"] * 0.3
    tally("failing calls", seen["cases"], of=seen["of"], **seen["ends"])


@pytest.mark.usefixtures("mounts")
def test_a_full_disk(scale, torture, tally):
    """Bytes or inodes run out at any point of a build: nothing half-written, reads go on, prune frees room, builds work again."""
    sizes = scale.pick(10, 200)
    seen = torture("fulldisks", sizes)
    assert seen["wrong"] == []
    assert seen["build ended with 5"] > sizes / 3
    tally("full disks", sizes, builds_refused=seen["build ended with 5"], reads=seen["reads on a full disk"])
