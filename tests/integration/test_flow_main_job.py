"""The main job: from a list of packages to an image, found again without network and engine."""

import os
import re

import pytest

REFERENCE = re.compile(r"envbuild/classify:[0-9a-f]{12}")
DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
OFFLINE = ("unshare", "-n")


@pytest.fixture
def alone(program):
    """A prefix that takes the network away from a command."""
    if os.getuid():
        pytest.skip("needs root for a network namespace")
    program("unshare")
    return OFFLINE


def test_stdout_is_the_reference_alone(warm, classify):
    """`docker run $(envbuild build ...)` breaks on any other word on stdout."""
    done = warm("build", classify.spec, "--to", "store").ok()
    assert REFERENCE.fullmatch(done.line)


def test_json_names_ids_digest_and_reference(classify):
    """Scripts read these; a missing one breaks pipelines."""
    said = classify.said
    assert said["schema"] == 1
    assert set(said["ids"]) == {"definition", "request", "lock", "image"}
    assert all(DIGEST.fullmatch(i) for i in [*said["ids"].values(), said["digest"]])
    assert REFERENCE.fullmatch(said["reference"])
    assert said["ids"]["image"].removeprefix("sha256:").startswith(said["reference"].rpartition(":")[2])


def test_second_build_is_a_hit(warm, classify):
    """A user who changed nothing gets the image of before, and no layer is made."""
    again = warm("build", classify.spec, "--to", "store", "--json").ok().json
    assert again["hit"] is True
    assert again["layers"]["made"] == 0
    assert [again[k] for k in ("ids", "digest", "reference")] == [
        classify.said[k] for k in ("ids", "digest", "reference")
    ]


def test_hit_needs_no_network_and_no_engine(warm, classify, alone):
    """On a train, with an engine's address that leads nowhere, what is built is there."""
    nowhere = {"DOCKER_HOST": "tcp://192.0.2.1:2375"}
    for arguments in (["build", classify.spec, "--to", "store"], ["probe", classify.spec]):
        assert warm(*arguments, env=nowhere, prefix=alone).ok().line == classify.said["reference"]
    shown = warm("show", classify.spec, "--json", env=nowhere, prefix=alone).ok().json
    assert shown["ids"] == classify.said["ids"]


def test_quiet_says_nothing(warm, classify):
    """--quiet in a cron job sends no mail."""
    done = warm("build", classify.spec, "--to", "store", "--quiet").ok()
    assert done.stderr == b""
    assert done.line == classify.said["reference"]


def test_words_go_to_stderr_in_plain_lines(warm, classify):
    """A log holds lines, no cursor movements; the last one tells layers, bytes and seconds."""
    done = warm("build", classify.spec, "--to", "store").ok()
    assert b"\x1b" not in done.stderr
    assert b"\r" not in done.stderr
    last = done.stderr.decode().splitlines()[-1]
    assert re.search(r"0 layers made .*23 reused, image [0-9.]+ MB, [0-9.]+ s", last), last


def test_probe_tells_before_and_after(cold, project, alone):
    """A scheduler asks whether a build is needed: 10 before, 0 after, without touching the network."""
    spec = project('system = ["libgomp1"]')
    assert cold("probe", spec, prefix=alone).code == 10
    missed = cold("probe", spec, "--json", prefix=alone)
    assert missed.code == 10
    assert missed.json["hit"] is False
    assert not list(cold.folder.iterdir())
    built = cold("build", spec, "--to", "store", "--json").ok().json
    hit = cold("probe", spec, "--json", prefix=alone).ok().json
    assert hit["hit"] is True
    assert (hit["digest"], hit["reference"], hit["ids"]) == (built["digest"], built["reference"], built["ids"])


def test_show_is_for_people_and_programs(warm, classify):
    """What was understood is shown, with the ids that other commands speak of."""
    shown = warm("show", classify.spec, "--json").ok().json
    assert shown["name"] == "classify"
    assert shown["definition"]["request"]["pypi"] == [["numpy", []], ["pandas", []], ["scikit-learn", []]]
    words = warm("show", classify.spec).ok().stdout.decode()
    assert all(i in words for i in classify.said["ids"].values())


def test_the_same_folder_stays_clean(warm, classify):
    """Building from a checkout leaves no files in it."""
    assert sorted(p.name for p in classify.spec.parent.iterdir()) == ["requirements.txt", "train.py"]
