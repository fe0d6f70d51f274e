"""If these fail, an image lacks a package that a program needs, or has two that exclude each other."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from envbuild.debian.closure import Wanted, close
from envbuild.debian.packages import PackagesIndex, Universe
from envbuild.errors import ResolveFailed


def names(packages):
    return " ".join(p.name for p in packages)


def versions(packages):
    return {p.name: p.version for p in packages}


def solve(universe, *wanted, **options):
    return close(universe, [[Wanted(*w.split("=")) for w in wanted]], **options)[0]


def test_dependencies_come_with_a_package_and_recommends_do_not(universe, stanza):
    packages = universe(
        [
            stanza("app", Depends="lib1, lib2", Pre_Depends="first", Recommends="docs"),
            stanza("docs"),
            stanza("first"),
            stanza("lib1", Depends="lib2"),
            stanza("lib2", Depends="app"),
            stanza("essential", Essential="yes", Priority="required"),
        ]
    )
    assert names(solve(packages, "app")) == "app first lib1 lib2"


def test_the_first_alternative_that_can_be_met_is_taken(universe, stanza):
    packages = universe(
        [stanza("app", Depends="gone | old (>= 2) | good | other"), *map(stanza, ["old", "good", "other"])]
    )
    assert names(solve(packages, "app")) == "app good"


def test_an_alternative_that_is_there_already_is_enough(universe, stanza):
    packages = universe([stanza("app", Depends="exim4 | postfix"), stanza("exim4"), stanza("postfix")])
    assert names(solve(packages, "app", "postfix")) == "app postfix"
    first, second = close(packages, [[Wanted("postfix")], [Wanted("app")]])
    assert (names(first), names(second)) == ("postfix", "app")


def test_an_alternative_that_excludes_a_chosen_package_is_passed_over(universe, stanza):
    packages = universe(
        [
            stanza("app", Depends="a1 | b1"),
            stanza("a1", Conflicts="rival"),
            stanza("b1"),
            stanza("other", Depends="c1 | d1"),
            stanza("c1"),
            stanza("d1"),
            stanza("rival", Breaks="c1"),
        ]
    )
    assert names(solve(packages, "app", "other", "rival")) == "app b1 d1 other rival"


def test_a_name_that_is_only_provided_is_met_by_its_provider(universe, stanza):
    packages = universe([stanza("app", Depends="awk"), stanza("mawk", Provides="awk"), stanza("zawk", Provides="awk")])
    assert names(solve(packages, "app")) == "app mawk"
    assert names(solve(packages, "app", "zawk")) == "app zawk"


def test_a_renamed_library_is_found_under_its_old_name(universe, stanza):
    """Debian 13 renamed libraries (libglib2.0-0t64), and definitions name the old ones."""
    packages = universe([stanza("libglib2.0-0t64", "2.84", Provides="libglib2.0-0 (= 2.84)")])
    assert names(solve(packages, "libglib2.0-0")) == "libglib2.0-0t64"


def test_a_name_with_several_providers_has_to_be_decided_by_the_user(universe, stanza):
    packages = universe([stanza("mawk", Provides="awk"), stanza("gawk", Provides="awk")])
    with pytest.raises(ResolveFailed, match="2 packages provide") as caught:
        solve(packages, "awk")
    assert "gawk, mawk" in caught.value.hint
    assert names(solve(packages, "awk", "gawk")) == "gawk"


def test_a_versioned_dependency_is_not_met_by_an_unversioned_name(universe, stanza):
    packages = universe([stanza("app", Depends="lib (>= 2)"), stanza("other", Provides="lib")])
    with pytest.raises(ResolveFailed, match=r"app needs lib \(>= 2\)"):
        solve(packages, "app")


def test_the_failure_tells_the_chain_and_what_there_is(universe, stanza):
    packages = universe([stanza("a1", Depends="b1"), stanza("b1", Depends="c1 (>= 2) | d1"), stanza("c1", "1.5")])
    with pytest.raises(ResolveFailed) as caught:
        solve(packages, "a1")
    assert caught.value.what == (
        "a1 -> b1 needs c1 (>= 2) | d1, but there is only c1 1.5 (debian:bookworm); there is no d1 in debian:bookworm"
    )
    assert "a1" in caught.value.hint


def test_packages_that_exclude_each_other_are_refused_with_both_chains(universe, stanza):
    packages = universe(
        [
            stanza("a1", Depends="lib-a"),
            stanza("lib-a", Breaks="lib-b (<< 2)"),
            stanza("b1", Depends="lib-b"),
            stanza("lib-b", "1.9"),
        ]
    )
    with pytest.raises(ResolveFailed) as caught:
        solve(packages, "a1", "b1")
    assert caught.value.what == "a1 -> lib-a (1) breaks lib-b (<< 2), and b1 -> lib-b brings lib-b 1.9"


def test_a_package_that_conflicts_with_a_name_it_provides_may_be_there(universe, stanza):
    packages = universe([stanza("grep", Provides="rgrep", Conflicts="rgrep"), stanza("rgrep")])
    assert names(solve(packages, "grep")) == "grep"
    with pytest.raises(ResolveFailed, match="conflicts with rgrep"):
        solve(packages, "grep", "rgrep")


def test_an_unknown_package_is_answered_with_names_that_look_like_it(universe, stanza):
    names = ["libgomp1", "libgl1", "ffmpeg", "libsndfile1", "python3-opencv", "libssl3t64"]
    packages = universe([stanza(name) for name in names])
    for wrong, right in [
        ("libgomp", "libgomp1"),
        ("ffmpg", "ffmpeg"),
        ("libsndfile2", "libsndfile1"),
        ("opencv", "python3-opencv"),
        ("libssl3", "libssl3t64"),
    ]:
        with pytest.raises(ResolveFailed, match=f"no package {wrong} in debian:bookworm for amd64") as caught:
            solve(packages, wrong)
        assert right in caught.value.hint


def test_a_wanted_version_is_taken_and_one_that_is_gone_names_those_there(universe, stanza):
    packages = universe([stanza("curl", "7.88-10")], [], [stanza("curl", "7.88-10+deb12u9")])
    assert versions(solve(packages, "curl")) == {"curl": "7.88-10+deb12u9"}
    assert versions(solve(packages, "curl=7.88-10")) == {"curl": "7.88-10"}
    with pytest.raises(ResolveFailed, match=r"curl 7\.88-10\+deb12u5 is not in the mirror") as caught:
        solve(packages, "curl=7.88-10+deb12u5")
    assert "7.88-10+deb12u9 (debian:bookworm-security), 7.88-10 (debian:bookworm)" in caught.value.hint


def test_a_wanted_version_holds_for_stages_before_it(universe, stanza):
    packages = universe([stanza("bash", "1"), stanza("bash", "2")])
    assert versions(close(packages, [[Wanted("bash")], [Wanted("bash", "1")]])[0]) == {"bash": "1"}


def test_two_wanted_versions_of_one_package_are_refused(universe, stanza):
    with pytest.raises(ResolveFailed, match="in version 1 and in version 2"):
        solve(universe([stanza("bash", "1"), stanza("bash", "2")]), "bash=1", "bash=2")


def test_a_wanted_version_that_a_dependency_forbids_says_so(universe, stanza):
    packages = universe([stanza("app", Depends="lib (>= 2)"), stanza("lib", "1"), stanza("lib", "2")])
    with pytest.raises(ResolveFailed, match=r"app needs lib \(>= 2\)"):
        solve(packages, "app", "lib=1")


def test_a_later_dependency_can_ask_for_a_lower_version(universe, stanza):
    """The security suite has a newer library than a package of the main suite allows."""
    packages = universe(
        [
            stanza("app", Depends="any, exact"),
            stanza("any", Depends="lib"),
            stanza("exact", Depends="lib (= 1)"),
            stanza("lib", "1"),
        ],
        [],
        [stanza("lib", "2")],
    )
    assert versions(solve(packages, "app"))["lib"] == "1"


def test_what_two_packages_need_of_a_third_and_cannot_both_have_names_both(universe, stanza):
    packages = universe(
        [stanza("a1", Depends="lib (>= 2)"), stanza("b1", Depends="lib (<< 2)"), stanza("lib", "1"), stanza("lib", "2")]
    )
    with pytest.raises(ResolveFailed) as caught:
        solve(packages, "a1", "b1")
    assert caught.value.what == "b1 needs lib (<< 2), but lib 2 is taken already for a1"


def test_preferred_versions_stay_so_that_a_lock_does_not_move_unasked(universe, stanza):
    packages = universe(
        [stanza("libc6", "1"), stanza("tzdata", "1")], [], [stanza("libc6", "2"), stanza("tzdata", "2")]
    )
    assert versions(solve(packages, "libc6", "tzdata", prefer={"libc6": "1", "tzdata": "0"})) == {
        "libc6": "1",
        "tzdata": "2",
    }


def test_a_preference_gives_way_to_a_new_dependency_and_only_that_one(universe, stanza):
    packages = universe(
        [stanza("libc6", "1"), stanza("bash", "1", Depends="libc6"), stanza("tzdata", "1")],
        [
            stanza("libc6", "2"),
            stanza("bash", "2", Depends="libc6"),
            stanza("tzdata", "2"),
            stanza("new", Depends="libc6 (>= 2)"),
        ],
    )
    prefer = {"libc6": "1", "bash": "1", "tzdata": "1"}
    base, system = close(packages, [[Wanted("bash"), Wanted("tzdata")], [Wanted("new")]], prefer=prefer)
    assert versions(base)["libc6"] == "2"
    assert versions(base)["tzdata"] == "1"
    assert versions(system) == {"new": "1"}


def test_what_is_left_out_is_not_followed(universe, stanza):
    packages = universe(
        [stanza("app", Depends="debconf | debconf-2.0, lib"), stanza("debconf", Depends="perl-base"), stanza("lib")]
    )
    left_out = lambda dependent, group: dependent == "app" and group[0].name == "debconf"  # noqa: E731
    assert names(solve(packages, "app", leave_out=left_out)) == "app lib"


def test_a_dependency_on_another_architecture_is_told_apart(universe, stanza):
    packages = universe([stanza("app", Depends="lib:i386"), stanza("lib")])
    with pytest.raises(ResolveFailed, match="another architecture"):
        solve(packages, "app")
    assert names(solve(universe([stanza("app", Depends="lib:any"), stanza("lib")]), "app")) == "app lib"


NAME = st.sampled_from([f"p{n}" for n in range(8)])
VERSION = st.sampled_from(["1", "2", "3"])
RELATION = st.one_of(NAME, st.builds("{} ({} {})".format, NAME, st.sampled_from([">=", "<<", "=", "<="]), VERSION))
DEPENDS = st.lists(st.lists(RELATION, min_size=1, max_size=2).map(" | ".join), max_size=3).map(", ".join)
FIELDS = st.fixed_dictionaries(
    {"Depends": DEPENDS}, optional={"Conflicts": RELATION, "Provides": st.builds("{} (= {})".format, NAME, VERSION)}
)
PACKAGES = st.dictionaries(st.tuples(NAME, VERSION), FIELDS, min_size=4, max_size=14)


@settings(deadline=None)
@given(PACKAGES, st.lists(NAME, min_size=1, max_size=3), st.dictionaries(NAME, VERSION), st.randoms())
def test_whatever_comes_out_is_whole_and_the_same_in_any_order(stanza, packages, wanted, prefer, random):
    def attempt(stanzas, names):
        universe = Universe([PackagesIndex("debian:bookworm", "\n".join(stanzas).encode())], "amd64")
        try:
            return solve(universe, *names, prefer=prefer)
        except ResolveFailed as failure:
            return failure.what

    stanzas = [stanza(name, version, **fields) for (name, version), fields in packages.items()]
    found = attempt(stanzas, wanted)
    again = attempt(random.sample(stanzas, len(stanzas)), random.sample(wanted, len(wanted)))
    assert found == again
    if isinstance(found, str):
        return
    assert len({p.name for p in found}) == len(found)
    for package in found:
        for group in package.depends:
            assert any(other.meets(relation) for relation in group for other in found), f"{package.name}: {group}"
        for _, relation in package.excludes:
            assert not [o for o in found if o.name != package.name and o.meets(relation)]
