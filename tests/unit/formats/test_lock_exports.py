"""Other installers get exactly the files of a lock: pylock.toml (PEP 751) and requirements with hashes."""

import tomllib

from packaging.pylock import Pylock

from envbuild.definition import DebianBase
from envbuild.formats.lockfiles.hashed import hashed_requirements
from envbuild.formats.lockfiles.pylock import pylock_toml
from envbuild.formats.reading import read
from envbuild.lockfile import Artifact, ArtifactKind, Lock
from envbuild.platforms import LINUX_AMD64

URL = "https://files.example/x-1.0%2Bcpu-py3-none-any.whl"


def artifact(kind, name, version, file, digit, **where):
    return Artifact(
        kind=kind, name=name, version=version, file=file, size=1234, sha256=digit * 64, **({"source": "pypi"} | where)
    )


PYTHON = artifact(ArtifactKind.DEB, "python3.11-minimal", "3.11.2-6+deb12u6", "p.deb", "1", source="debian:bookworm")
NUMPY = artifact(ArtifactKind.WHEEL, "numpy", "2.1.0", "numpy-2.1.0-cp311-cp311-manylinux_2_17_x86_64.whl", "2")
DIRECT = artifact(ArtifactKind.WHEEL, "x", "1.0+cpu", "x-1.0+cpu-py3-none-any.whl", "3", source="url", url=URL)
GOMP = artifact(ArtifactKind.DEB, "libgomp1", "12", "libgomp1.deb", "4", source="debian:bookworm")
LOCK = Lock(
    platform=LINUX_AMD64, base=DebianBase(), base_artifacts=(PYTHON,), artifacts=(GOMP, NUMPY, DIRECT)
)  # fmt: skip


def test_pylock_is_valid_and_names_each_wheel_with_size_hash_and_place():
    document = Pylock.from_dict(tomllib.loads(pylock_toml(LOCK, {"2" * 64: "https://files.example/n.whl"})))
    assert str(document.requires_python) == "==3.11.*"
    numpy, direct = document.packages
    assert (numpy.name, str(numpy.version)) == ("numpy", "2.1.0")
    (wheel,) = numpy.wheels
    assert (wheel.name, wheel.url, wheel.size) == (NUMPY.file, "https://files.example/n.whl", 1234)
    assert wheel.hashes == {"sha256": "2" * 64}
    assert (direct.archive.url, direct.archive.hashes) == (URL, {"sha256": "3" * 64})


def test_a_wheel_without_a_url_is_named_as_a_file_beside_the_document():
    document = Pylock.from_dict(tomllib.loads(pylock_toml(LOCK, {})))
    assert document.packages[0].wheels[0].path == NUMPY.file


def test_pylock_applies_on_the_platform_of_the_lock_only():
    (environment,) = Pylock.from_dict(tomllib.loads(pylock_toml(LOCK, {}))).environments
    target = {"sys_platform": "linux", "platform_machine": "x86_64"}
    assert environment.evaluate(target)
    assert not environment.evaluate(target | {"platform_machine": "aarch64"})


def test_hashed_requirements_are_read_back_as_the_same_files():
    text = hashed_requirements(LOCK)
    found = read("r.txt", lambda _: text.encode()).definition.pypi
    assert [(r.text.split(), r.hashes) for r in found] == [
        (["numpy==2.1.0"], (f"sha256:{'2' * 64}",)),
        (["x", "@", URL], (f"sha256:{'3' * 64}",)),
    ]


def test_a_lock_without_wheels_gives_documents_without_packages():
    empty = Lock(platform=LINUX_AMD64, base=DebianBase(), base_artifacts=(), artifacts=(GOMP,))
    assert Pylock.from_dict(tomllib.loads(pylock_toml(empty, {}))).packages == []
    assert hashed_requirements(empty) == "# For linux/amd64.\n"
