"""If these fail, a package gets the wrong dependencies."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from envbuild.debian.relations import Provided, Relation, is_package_name, parse_provides, parse_relations

RELATIONS = st.builds(
    lambda name, version, qualifier: Relation(name, *version, qualifier=qualifier),
    st.from_regex(r"[a-z][a-z0-9+.-]{1,8}", fullmatch=True),
    st.sampled_from([("", ""), (">=", "1:2.0~rc1-3"), ("=", "1"), ("<<", "3.0"), (">>", "0~"), ("<=", "2+b1")]),
    st.sampled_from(["", "any", "native"]),
)


def test_a_real_dependency_line_is_read_whole():
    text = "libc6 (>= 2.36), python3:any (<< 3.12),default-mta|mail-transport-agent ,\n libstdc++6(>=5)"
    assert parse_relations(text) == (
        (Relation("libc6", ">=", "2.36"),),
        (Relation("python3", "<<", "3.12", "any"),),
        (Relation("default-mta"), Relation("mail-transport-agent")),
        (Relation("libstdc++6", ">=", "5"),),
    )


@given(st.lists(st.lists(RELATIONS, min_size=1, max_size=3), max_size=4))
def test_what_is_written_is_read(groups):
    text = ", ".join(" | ".join(map(str, group)) for group in groups)
    assert parse_relations(text) == tuple(map(tuple, groups))


@pytest.mark.parametrize("text", ["a b", "a (1)", "a (>= )", "a (>= 1", "A", "a |", "a (>= 1_2)", "a:", "a (== 1)"])
def test_what_is_no_relation_is_refused(text):
    with pytest.raises(ValueError, match="not a"):
        parse_relations(text)


def test_a_versioned_dependency_is_met_only_by_a_versioned_name():
    plain, versioned = parse_provides("mail-transport-agent, python3-supported-min (= 3.11)")
    assert plain.meets(Relation("mail-transport-agent"))
    assert not plain.meets(Relation("mail-transport-agent", ">=", "1"))
    assert versioned.meets(Relation("python3-supported-min", ">=", "3.9"))
    assert not versioned.meets(Relation("python3-supported-min", ">=", "3.12"))
    assert versioned == Provided("python3-supported-min", "3.11")


def test_a_dependency_on_another_architecture_is_not_served():
    assert Relation("libc6", qualifier="arm64").serves("arm64")
    assert not Relation("libc6", qualifier="i386").serves("amd64")


def test_names_are_told_from_what_is_none():
    assert all(map(is_package_name, ["libstdc++6", "python3.11", "0ad"]))
    assert not any(map(is_package_name, ["", "a", "Bash", "-x", "a b", "a/b", "a\n"]))
