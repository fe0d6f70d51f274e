"""The project's own wheel in a lock: the last layer of packages, and a part of the lock id."""

from dataclasses import replace

from envbuild.definition import DebianBase
from envbuild.ids import identity, lock_material
from envbuild.lockfile import OWN_SOURCE, Artifact, ArtifactKind, Lock
from envbuild.members import MemberTable
from envbuild.plan import GroupKind, arrange
from envbuild.platforms import LINUX_AMD64

EMPTY = MemberTable(members=(), facts={})


def wheel(name, size=1000, source="pypi"):
    sha256 = (name * 64).encode().hex()[:64]
    file = f"{name}-1-py3-none-any.whl"
    return Artifact(kind=ArtifactKind.WHEEL, name=name, version="1", file=file, size=size, sha256=sha256, source=source)


def lock_of(*wheels):
    return Lock(platform=LINUX_AMD64, base=DebianBase(), base_artifacts=(), artifacts=tuple(wheels))


def groups_of(lock):
    plan = arrange(lock, {a.sha256: EMPTY for a in lock.artifacts})
    return [tuple(a.name for a in g.artifacts) for g in plan.groups if g.kind is GroupKind.WHEELS]


def test_the_projects_own_wheel_is_a_layer_of_its_own_above_all_packages():
    """Whatever changes in the code, no other layer is made or pushed anew."""
    own = wheel("aa", 10, OWN_SOURCE)
    assert groups_of(lock_of(own, wheel("big", 90_000_000), wheel("small")))[-1] == ("aa",)
    many = [wheel(f"p{number}", 100 + number) for number in range(90)]
    without, with_own = groups_of(lock_of(*many)), groups_of(lock_of(own, *many))
    assert with_own == [*without, ("aa",)]


def test_the_same_wheel_from_an_index_is_another_lock():
    """Its layer stands elsewhere, so the image has another digest: one id must not mean two."""
    own, listed = wheel("aa", 10, OWN_SOURCE), wheel("aa", 10)
    assert identity(lock_material(lock_of(own))) != identity(lock_material(lock_of(listed)))
    moved = lock_of(replace(listed, source="company"))
    assert identity(lock_material(moved)) == identity(lock_material(lock_of(listed)))
