"""What differs between two definitions is all told, and nothing else."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from envbuild.definition import Definition, Index, Requirement
from envbuild.ids import definition_material
from envbuild.pipeline.differing import FieldChange, field_changes


def told(old, new):
    return [str(change) for change in field_changes(definition_material(old), definition_material(new))]


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ({}, {}, []),
        ({"name": "a"}, {"name": "b"}, []),
        ({"python": "3.11"}, {"python": "3.13"}, ["python: - 3.11  + 3.13"]),
        ({"pypi": (Requirement("a"), Requirement("b"))}, {"pypi": (Requirement("b"),)}, ["pypi: - a"]),
        ({"pypi": (Requirement("a"),)}, {"pypi": (Requirement("a", ("sha256:00",)),)}, ["pypi: - a  + a (1 hashes)"]),
        ({"variables": (("A", "1"),)}, {"variables": (("A", "2"),)}, ["variables: - A=1  + A=2"]),
        ({"user": ""}, {"user": "me"}, ["user: + me"]),
        ({"channels": ("a", "b")}, {"channels": ("b", "a")}, ["channels: in another order"]),
        (
            {"indexes": (Index("t", "https://t.example"),)},
            {"indexes": (Index("t", "https://t.example", explicit=True, packages=("x",)),)},
            ["indexes: - t https://t.example no   + t https://t.example yes x"],
        ),
    ],
)
def test_each_field_is_told_by_its_name(old, new, words):
    assert told(Definition(**old), Definition(**new)) == words


DEFINITIONS = st.builds(
    Definition,
    python=st.sampled_from(["3.11", "3.13"]),
    pypi=st.lists(st.sampled_from("abc").map(Requirement), unique=True).map(tuple),
    channels=st.lists(st.sampled_from("xyz"), unique=True).map(tuple),
    variables=st.dictionaries(st.sampled_from("AB"), st.sampled_from("12")).map(lambda d: tuple(d.items())),
    user=st.sampled_from(["", "me"]),
)


@given(DEFINITIONS, DEFINITIONS)
def test_nothing_is_told_just_when_both_ask_for_the_same(old, new):
    one, other = definition_material(old), definition_material(new)
    assert (field_changes(one, other) == ()) is (one == other)


@given(DEFINITIONS, DEFINITIONS)
def test_the_other_way_round_what_came_is_gone(old, new):
    one, other = definition_material(old), definition_material(new)
    back = [FieldChange(field=c.field, gone=c.came, came=c.gone, moved=c.moved) for c in field_changes(other, one)]
    assert list(field_changes(one, other)) == back
