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
