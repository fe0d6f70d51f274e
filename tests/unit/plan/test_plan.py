"""The plan keeps layers stable: what shares a layer depends on an artifact's own size and name, on nothing else."""

import hashlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from envbuild.definition import DebianBase
from envbuild.errors import BuildFailed
from envbuild.lockfile import Artifact, ArtifactKind, Lock
from envbuild.members import Member, MemberKind, MemberTable
from envbuild.plan import GroupKind, arrange, find_conflicts, ladder
from envbuild.platforms import LINUX_AMD64

KIB = 1024


def wheel(name: str, size: int = 1000, version: str = "1", kind: ArtifactKind = ArtifactKind.WHEEL) -> Artifact:
    sha256 = hashlib.sha256(f"{kind}{name}{version}".encode()).hexdigest()
    return Artifact(
        kind=kind, name=name, version=version, file=f"{name}-{version}", size=size, sha256=sha256, source="pypi"
    )


def file(path: str, content: str = "x", mode: int = 0o644) -> Member:
    sha256 = hashlib.sha256(content.encode()).hexdigest()
    return Member(path=path, kind=MemberKind.FILE, mode=mode, size=len(content), sha256=sha256)


def lock_of(*artifacts: Artifact, base: tuple[Artifact, ...] = ()) -> Lock:
    return Lock(platform=LINUX_AMD64, base=DebianBase(), base_artifacts=base, artifacts=artifacts)


def tables(contents: dict[Artifact, list[Member]], requires: dict[str, str] | None = None) -> dict[str, MemberTable]:
    facts = requires or {}
    return {a.sha256: MemberTable(tuple(m), {"requires": facts.get(a.name, "")}) for a, m in contents.items()}


artifact_lists = st.lists(
    st.tuples(st.from_regex(r"[a-z]{1,8}", fullmatch=True), st.integers(100, 50_000_000)),
    min_size=0, max_size=150, unique_by=lambda t: t[0],
)  # fmt: skip


@given(artifact_lists)
@settings(max_examples=60, deadline=None)
def test_every_artifact_is_in_exactly_one_layer_within_budget(pairs: list[tuple[str, int]]) -> None:
    """A lost artifact is a missing package; too many layers is an image that engines refuse."""
    artifacts = [wheel(n, s) for n, s in pairs]
    groups = ladder(artifacts)
    assert sorted(a for g in groups for a in g) == sorted(artifacts)
    assert len(groups) <= 60


@given(artifact_lists, st.randoms())
@settings(max_examples=60, deadline=None)
def test_order_of_the_lock_does_not_matter(pairs: list[tuple[str, int]], random: object) -> None:
    artifacts = [wheel(n, s) for n, s in pairs]
    shuffled = list(artifacts)
    random.shuffle(shuffled)
    assert ladder(artifacts) == ladder(shuffled)


@given(artifact_lists.filter(lambda p: len(p) > 70))
@settings(max_examples=30, deadline=None)
def test_an_upgrade_of_the_same_size_changes_one_layer(pairs: list[tuple[str, int]]) -> None:
    """Else one changed package costs the user a download of several layers."""
    before = [wheel(n, s) for n, s in pairs]
    after = [wheel(pairs[0][0], pairs[0][1], "2"), *before[1:]]
    changed = set(ladder(after)) - set(ladder(before))
    assert len(changed) == 1


def test_few_artifacts_get_a_layer_each_largest_class_first() -> None:
    groups = ladder([wheel("a", 10), wheel("z", 5_000_000), wheel("m", 4_500_000)])
    assert [g[0].name for g in groups] == ["m", "z", "a"]


def test_large_ones_stand_alone_small_ones_share() -> None:
    many = [wheel(f"small{i}", 200 * KIB) for i in range(50)] + [wheel(f"tiny{i}", 5 * KIB) for i in range(50)]
    groups = ladder([*many, wheel("torch", 800_000_000)])
    assert groups[0] == (wheel("torch", 800_000_000),)
    assert all(len({a.size >= 128 * KIB for a in g}) == 1 for g in groups[1:]), "size classes never mix"


def test_equal_files_are_no_conflict() -> None:
    """nvidia's wheels all ship the same empty nvidia/__init__.py."""
    a, b = wheel("a"), wheel("b")
    assert find_conflicts(lock_of(a, b), tables({a: [file("x/__init__.py", "")], b: [file("x/__init__.py", "")]})) == ()


def test_a_dependent_wins_over_what_it_depends_on() -> None:
    a, b = wheel("aa"), wheel("bb")
    found = find_conflicts(lock_of(a, b), tables({a: [file("x", "1")], b: [file("x", "2")]}, {"aa": "bb"}))
    assert [(c.path, c.winner.name, [x.name for x in c.losers]) for c in found] == [("x", "aa", ["bb"])]


def test_without_a_dependency_the_last_name_wins() -> None:
    a, b = wheel("aa"), wheel("bb")
    (conflict,) = find_conflicts(lock_of(b, a), tables({a: [file("x", "1")], b: [file("x", "2")]}))
    assert conflict.winner.name == "bb"


def conda(name: str, size: int = 1000) -> Artifact:
    return wheel(name, size, kind=ArtifactKind.CONDA)


def conda_tables(contents: dict[Artifact, list[Member]], depends: dict[str, str]) -> dict[str, MemberTable]:
    return {a.sha256: MemberTable(tuple(m), {"depends": depends.get(a.name, "")}) for a, m in contents.items()}


@pytest.mark.parametrize(("depends", "winner"), [({}, "aa"), ({"aa": "bb >=1"}, "aa"), ({"bb": "aa >=1"}, "bb")])
def test_of_conda_packages_the_one_that_is_linked_last_wins(depends: dict[str, str], winner: str) -> None:
    """As rattler decides it (test_link_order.py): the first by name where neither needs the other."""
    a, b = conda("aa"), conda("bb")
    (found,) = find_conflicts(lock_of(a, b), conda_tables({a: [file("x", "1")], b: [file("x", "2")]}, depends))
    assert found.winner.name == winner


def test_a_wheel_wins_over_a_conda_package_and_both_over_a_system_package() -> None:
    """pip installs into the environment that conda made."""
    deb, package, one = wheel("a", kind=ArtifactKind.DEB), conda("z"), wheel("b")
    contents = {deb: [file("x", "1"), file("y", "1")], package: [file("x", "2"), file("y", "2")], one: [file("x", "3")]}
    found = find_conflicts(lock_of(deb, package, one), tables(contents))
    assert {c.path: c.winner.name for c in found} == {"x": "b", "y": "z"}


def test_conda_packages_and_wheels_share_one_ladder() -> None:
    """Else an image of both has twice the layers, more than engines take."""
    packages = [conda(f"c{n}", 1000 + n) for n in range(60)] + [wheel(f"w{n}", 1000 + n) for n in range(60)]
    plan = arrange(lock_of(*packages), tables({a: [file(f"f/{a.file}{a.kind}")] for a in packages}))
    kinds = [g.kind for g in plan.groups]
    assert kinds[:2] == [GroupKind.SKELETON, GroupKind.CONDA], "conda's own files take the place of the venv"
    assert set(kinds[2:-1]) == {GroupKind.PACKAGES}
    assert len(plan.groups) <= 63


def test_a_standalone_python_lies_beneath_its_venv() -> None:
    python = wheel("cpython", 30_000_000, "3.12.7", ArtifactKind.PYTHON)
    package = wheel("numpy")
    plan = arrange(lock_of(python, package), tables({a: [file(f"f/{a.name}")] for a in (python, package)}))
    wanted = [GroupKind.SKELETON, GroupKind.PYTHON, GroupKind.VENV, GroupKind.WHEELS, GroupKind.TOP]
    assert [g.kind for g in plan.groups] == wanted


def test_a_mode_alone_is_a_conflict() -> None:
    a, b = wheel("aa"), wheel("bb")
    assert find_conflicts(lock_of(a, b), tables({a: [file("x", "1", 0o755)], b: [file("x", "1")]}))


def test_artifacts_in_conflict_get_layers_of_their_own() -> None:
    """In a shared layer the loser's file would stand beside the winner's: a duplicate path, which engines refuse."""
    many = [wheel(f"w{i}", 1000) for i in range(80)]
    contents = {w: [file(f"p/{w.name}")] for w in many}
    contents[many[0]].append(file("clash", "1"))
    contents[many[1]].append(file("clash", "2"))
    plan = arrange(lock_of(*many), tables(contents))
    alone = {g.artifacts[0] for g in plan.groups if len(g.artifacts) == 1}
    assert {many[0], many[1]} <= alone


def test_a_file_where_another_has_a_folder_is_refused() -> None:
    a, b = wheel("aa"), wheel("bb")
    with pytest.raises(BuildFailed, match=r"cannot be installed together|has a file at"):
        find_conflicts(lock_of(a, b), tables({a: [file("x")], b: [file("x/y")]}))


def test_layers_stand_in_the_fixed_order() -> None:
    """A change near the bottom makes engines unpack everything above it again: what changes least lies lowest."""
    base = (wheel("libc6", kind=ArtifactKind.DEB), wheel("python3.11-minimal", 9, "3.11.2-6", ArtifactKind.DEB))
    system, package = wheel("libgomp1", kind=ArtifactKind.DEB), wheel("numpy")
    lock = lock_of(system, package, base=base)
    plan = arrange(lock, tables({a: [file(f"f/{a.name}")] for a in lock.everything}))
    kinds = [g.kind for g in plan.groups]
    assert kinds[0] is GroupKind.SKELETON
    assert kinds[1:4] == [GroupKind.DEBS] * 3
    assert kinds[4:] == [GroupKind.VENV, GroupKind.WHEELS, GroupKind.TOP]
    assert plan.groups[3].artifacts == (system,), "system packages stand above the base"
