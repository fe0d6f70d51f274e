"""A damaged or incomplete image must not pass for a good one."""

import base64
import hashlib
import json
from dataclasses import replace

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
        ({f"{SITE}/some_thing/a.py": b"a = 2\n"}, "not what its record says"),
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


TOOL = artifact("tool", "2.0", ArtifactKind.CONDA)
CONDA_LOCK = replace(LOCK, base_artifacts=(), artifacts=(replace(TOOL, file="tool-2.0-h1_0.conda"),))
WITH_PYTHON = replace(
    CONDA_LOCK,
    artifacts=(
        *CONDA_LOCK.artifacts,
        replace(artifact("python", "3.11.9", ArtifactKind.CONDA), file="python-3.11.9-h1_0_cpython.conda"),
        *LOCK.artifacts,
    ),
)


def row(path, content, **more):
    return {"_path": path, "path_type": "hardlink", "sha256": hashlib.sha256(content).hexdigest(), **more}


def conda_files(**changes):
    in_prefix = hashlib.sha256(b"#!/opt/env/bin/sh\n").hexdigest()
    rows = [
        row("bin/tool", b"#!/build/bin/sh\n", sha256_in_prefix=in_prefix),
        row("lib/a", b"a"),
        row("lib/b", b"of the target", path_type="softlink"),
    ]
    content = {
        "opt/env/bin/tool": b"#!/opt/env/bin/sh\n",
        "opt/env/lib/a": b"a",
        "opt/env/lib/b": ("link", "a"),
        "opt/env/conda-meta/tool-2.0-h1_0.json": json.dumps({"paths_data": {"paths": rows}}).encode(),
    }
    return {k: v for k, v in {**content, **changes}.items() if v is not ...}


def test_an_environment_of_conda_packages_without_a_python_is_compared_with_its_records(image_with, blobs):
    """Command line tools alone are an environment too: nothing of it is started, all of it is compared."""
    found = verify(image_with(conda_files()), CONDA_LOCK, blobs, lambda _: pytest.fail("no Python"), "")
    assert (found.faults, found.conda, found.checked, found.started) == ((), 1, 3, False)
    assert "1 conda packages" in found.summary
    assert "it has no Python" in found.summary


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"opt/env/bin/tool": b"#!/build/bin/sh\n"}, "/opt/env/bin/tool of tool is not what its record says"),
        ({"opt/env/lib/a": ...}, "/opt/env/lib/a of tool is missing"),
        ({"opt/env/lib/b": ...}, "/opt/env/lib/b of tool is missing"),
        ({"opt/env/conda-meta/tool-2.0-h1_0.json": ...}, "tool 2.0 is in the lock and not in the image"),
        ({"opt/env/conda-meta/tool-2.0-h1_0.json": b"{}"}, "is no record of a package"),
        ({"opt/env/conda-meta/tool-2.0-h1_0.json": b"{"}, "is no record of a package"),
    ],
)
def test_damage_to_a_conda_package_is_found(image_with, blobs, changes, fault):
    found = verify(image_with(conda_files(**changes)), CONDA_LOCK, blobs, None, "")
    assert not found.ok
    assert any(fault in one for one in found.faults)


def test_a_wheel_may_stand_over_a_conda_packages_file(image_with, blobs):
    """The plan puts wheels on top: what stands there answers to either record."""
    record = json.dumps({"paths_data": {"paths": [row(f"{SITE.removeprefix('opt/env/')}/some_thing/a.py", b"old")]}})
    python = {"opt/env/conda-meta/python-3.11.9-h1_0_cpython.json": record.encode()}
    image = image_with(conda_files(**python), files())
    found = verify(image, WITH_PYTHON, blobs, lambda _: "3.11.9 some-thing==1.0", "")
    assert (found.faults, found.conda, found.distributions) == ((), 2, 1)
    assert found.started


def test_a_record_that_no_reader_takes_is_a_fault_and_no_crash(image_with, blobs):
    bad = files(**{f"{SITE}/some_thing-1.0.dist-info/RECORD": b"\xff\n"})
    found = verify(image_with(bad), LOCK, blobs, None, "")
    assert "is no record of a package" in found.faults[0]
