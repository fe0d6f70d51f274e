"""Before a new lock is accepted, its reader sees every package that is different, and none that is not."""

from dataclasses import replace

import pytest

from envbuild.definition import DebianBase
from envbuild.formats.lockfiles.lockchanges import ChangeKind, changes
from envbuild.lockfile import Artifact, ArtifactKind, Lock
from envbuild.platforms import LINUX_AMD64


def wheel(name, version, digit, size=10):
    return Artifact(
        kind=ArtifactKind.WHEEL, name=name, version=version, file=f"{name}-{version}-py3-none-any.whl",
        size=size, sha256=digit * 64, source="pypi",
    )  # fmt: skip


def lock(*artifacts, base=()):
    return Lock(platform=LINUX_AMD64, base=DebianBase(), base_artifacts=base, artifacts=artifacts)


def test_added_removed_and_changed_packages_with_their_sizes():
    old = lock(wheel("a", "1", "1"), wheel("b", "1", "2", 20), wheel("c", "1", "3"))
    new = lock(wheel("a", "1", "1"), wheel("b", "2", "4", 30), wheel("d", "1", "5", 40))
    found = changes(old, new)
    assert [str(change) for change in found] == ["~ b 1 -> 2", "- c 1", "+ d 1"]
    assert [(c.old_size, c.new_size) for c in found] == [(20, 30), (10, 0), (0, 40)]


def test_another_file_of_the_same_version_is_a_change():
    (change,) = changes(lock(wheel("a", "1", "1")), lock(wheel("a", "1", "2")))
    assert (change.change, str(change)) == (ChangeKind.CHANGED, "~ a 1 -> another file")


def test_the_base_counts_and_another_place_does_not():
    deb = replace(wheel("libc6", "2.36", "1"), kind=ArtifactKind.DEB)
    newer = replace(deb, version="2.37", sha256="2" * 64)
    assert [c.name for c in changes(lock(base=(deb,)), lock(base=(newer,)))] == ["libc6"]
    assert changes(lock(base=(deb,)), lock(base=(replace(deb, source="elsewhere"),))) == ()


def test_a_deb_and_a_wheel_of_one_name_are_two_packages():
    deb = replace(wheel("a", "1", "1"), kind=ArtifactKind.DEB)
    assert len(changes(None, lock(wheel("a", "1", "2"), base=(deb,)))) == 2


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        (None, "pypi", "+ a 2"),
        (None, "team", "+ a 2 (team)"),
        ("pypi", "pypi", "~ a 1 -> 2"),
        ("team", "team", "~ a 1 -> 2"),
        ("team", "pypi", "~ a 1 -> 2 (team -> pypi)"),
        ("pypi", "team", "~ a 1 -> 2 (pypi -> team)"),
        ("team", None, "- a 1"),
    ],
)
def test_a_package_that_comes_from_another_index_than_before_is_seen_in_review(old, new, told):
    """Whoever gets a name on a public index must not slip into a lock between two versions."""
    before = lock(replace(wheel("a", "1", "1"), source=old)) if old else lock()
    after = lock(replace(wheel("a", "2", "2"), source=new)) if new else lock()
    assert [str(change) for change in changes(before, after)] == [told]


def test_a_debian_package_that_moves_to_the_security_suite_is_no_other_index():
    old = replace(wheel("a", "1", "1"), kind=ArtifactKind.DEB, source="debian:bookworm")
    new = replace(old, version="2", sha256="2" * 64, source="debian:bookworm-security")
    assert [str(change) for change in changes(lock(old), lock(new))] == ["~ a 1 -> 2"]


def conda(version, build, digit, *, source="conda-forge/linux-64", end="conda"):
    file = f"numpy-{version}-{build}.{end}"
    return replace(wheel("numpy", version, digit), kind=ArtifactKind.CONDA, file=file, source=source)


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        (conda("1.26.4", "py311_0", "1"), conda("1.26.4", "py311_1", "2"), "~ numpy 1.26.4 py311_0 -> py311_1"),
        (conda("1.26.4", "py311_0", "1"), conda("2.0.0", "py311_1", "2"), "~ numpy 1.26.4 -> 2.0.0"),
        (conda("1.26.4", "0", "1", end="tar.bz2"), conda("1.26.4", "0", "2"), "~ numpy 1.26.4 0 -> another file"),
        (None, conda("1.26.4", "py311_0", "1"), "+ numpy 1.26.4 py311_0"),
        (conda("1.26.4", "py311_0", "1"), None, "- numpy 1.26.4 py311_0"),
        (
            None,
            conda("1.26.4", "0", "1", source="https://c.example/lab/noarch"),
            "+ numpy 1.26.4 0 (https://c.example/lab)",
        ),
        (conda("1", "0", "1", source="lab/noarch"), conda("1", "1", "2", source="lab/linux-64"), "~ numpy 1 0 -> 1"),
        (conda("1", "0", "1", source="lab/noarch"), conda("1", "1", "2"), "~ numpy 1 0 -> 1 (lab -> conda-forge)"),
    ],
)
def test_another_build_of_a_conda_package_is_a_change_that_is_seen(old, new, told):
    """The same version built anew may have other libraries beneath it."""
    (change,) = changes(lock(*filter(None, [old])), lock(*filter(None, [new])))
    assert str(change) == told
    assert (change.old_build, change.new_build)[old is None] in told or change.old_version != change.new_version


def test_a_conda_package_and_a_wheel_of_one_name_are_two_packages():
    found = changes(lock(wheel("numpy", "1", "1")), lock(conda("1", "0", "2")))
    assert [str(change) for change in found] == ["+ numpy 1 0", "- numpy 1"]
