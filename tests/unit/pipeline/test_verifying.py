"""A damaged or incomplete image must not pass for a good one."""

import base64
import hashlib

import pytest

from envbuild.definition import DebianBase
from envbuild.lockfile import Artifact, ArtifactKind, Lock
from envbuild.pipeline.verifying import verify
from envbuild.platforms import LINUX_AMD64

SITE = "opt/env/lib/python3.11/site-packages"


def artifact(name, version, kind):
    sha256 = hashlib.sha256(name.encode()).hexdigest()
    return Artifact(kind=kind, name=name, version=version, file=name, size=1, sha256=sha256, source="pypi")


LOCK = Lock(
    platform=LINUX_AMD64,
    base=DebianBase(),
    base_artifacts=(artifact("python3.11-minimal", "3.11.2-6", ArtifactKind.DEB),),
    artifacts=(artifact("some-thing", "1.0", ArtifactKind.WHEEL),),
)


def line(path, content):
    digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
    return f"{path},sha256={digest},{len(content)}\n"


def files(**changes):
    record = (
        line("some_thing/a.py", b"a = 1\n")
        + line("../../../bin/tool", b"#!x\n")
        + "some_thing-1.0.dist-info/RECORD,,\n"
    )
    content = {
        f"{SITE}/some_thing/a.py": b"a = 1\n",
        "opt/env/bin/tool": b"#!x\n",
        f"{SITE}/some_thing-1.0.dist-info/RECORD": record.encode(),
    }
    return {k: v for k, v in {**content, **changes}.items() if v is not ...}


def test_a_good_image_is_ok_and_not_started_is_said(image_with, blobs):
    found = verify(image_with(files()), LOCK, blobs, None, "no engine")
    assert found.ok
    assert (found.distributions, found.checked, found.started) == (1, 3, False)
    assert "not started: no engine" in found.summary


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({f"{SITE}/some_thing/a.py": b"a = 2\n"}, "not what RECORD says"),
        ({f"{SITE}/some_thing/a.py": ...}, "is missing"),
        ({"opt/env/bin/tool": ...}, "opt/env/bin/tool of some-thing is missing"),
        ({f"{SITE}/some_thing-1.0.dist-info/RECORD": ...}, "is in the lock and not in the image"),
    ],
)
def test_damage_is_found(image_with, blobs, changes, fault):
    found = verify(image_with(files(**changes)), LOCK, blobs, None, "")
    assert not found.ok
    assert fault in found.faults[0]


@pytest.mark.parametrize(
    ("printed", "faults"),
    [
        ("3.11.2 Some.Thing==1.0", []),
        ("3.11.9 some_thing==1.0", ["the interpreter is 3.11.9"]),
        ("3.11.2", ["some-thing is not found"]),
    ],
)
def test_what_the_started_interpreter_says_counts(image_with, blobs, printed, faults):
    found = verify(image_with(files()), LOCK, blobs, lambda _: printed, "")
    assert found.started
    assert [any(f in g for g in found.faults) for f in faults] == [True] * len(faults)
    assert len(found.faults) == len(faults)
