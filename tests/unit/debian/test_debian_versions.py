"""If these fail, an older package wins over a security fix, or a dependency counts as met that is not."""

import itertools
import shutil
import subprocess

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from envbuild.debian.versions import compare, satisfies, sort_key

# From earliest to latest, by hand, after Debian Policy 5.6.12.
ORDERED = [
    "0~~",
    "0~~a",
    "0~",
    "0",
    "0a",
    "0.1",
    "1.0~rc1",
    "1.0~rc1-1",
    "1.0",
    "1.0-0+b1",
    "1.0-1~deb12u1",
    "1.0-1",
    "1.0-1+b1",
    "1.0-1+deb12u1",
    "1.0-1.1",
    "1.0-2",
    "1.0-10",
    "1.0a-1",
    "1.0+dfsg-1",
    "1.0.1-1",
    "1.2.3",
    "1.10",
    "20240101",
    "1:0.5",
    "2:0.1~",
]
EQUAL = [("1.0", "1.00"), ("1.0", "0:1.0"), ("1.0", "1.0-0"), ("1a", "1a0"), ("007", "7"), ("1.0-", "1.0")]
NUMBERS = st.integers(0, 30).map(str)
PIECES = st.lists(st.one_of(NUMBERS, st.sampled_from(["~", ".", "+", "a", "rc", "Z", "~~", "00"])), max_size=5)
VERSIONS = st.builds(
    lambda epoch, start, pieces, revision: f"{epoch}{start}{''.join(pieces)}{revision}",
    st.sampled_from(["", "", "0:", "1:"]),
    NUMBERS,
    PIECES,
    st.one_of(st.just(""), st.builds(lambda n, p: f"-{n}{''.join(p)}", NUMBERS, PIECES)),
)


def test_versions_sort_as_the_policy_says():
    for (i, left), (j, right) in itertools.product(enumerate(ORDERED), repeat=2):
        assert compare(left, right) == (i > j) - (i < j), f"{left} and {right}"


@pytest.mark.parametrize(("left", "right"), EQUAL)
def test_other_spellings_of_one_version_are_equal(left, right):
    assert compare(left, right) == compare(right, left) == 0


@pytest.mark.skipif(not shutil.which("dpkg"), reason="dpkg is not installed")
@settings(max_examples=150, deadline=None)
@given(VERSIONS, VERSIONS)
def test_dpkg_has_the_same_order(left, right):
    operator = {-1: "lt", 0: "eq", 1: "gt"}[compare(left, right)]
    assert subprocess.run(["dpkg", "--compare-versions", left, operator, right], check=False).returncode == 0


@given(VERSIONS, VERSIONS, VERSIONS)
def test_the_order_is_total(a, b, c):
    assert compare(a, b) == -compare(b, a)
    assert compare(a, a) == 0
    low, middle, high = sorted([a, b, c], key=sort_key)
    assert compare(low, middle) <= 0
    assert compare(middle, high) <= 0
    assert compare(low, high) <= 0


@pytest.mark.parametrize(
    ("operator", "holds"),
    [("<<", (1, 0, 0)), ("<=", (1, 1, 0)), ("=", (0, 1, 0)), (">=", (0, 1, 1)), (">>", (0, 0, 1))],
)
def test_relations_between_versions_hold_where_they_should(operator, holds):
    assert tuple(int(satisfies(v, operator, "2.0")) for v in ("2.0~rc1", "2.0", "2.0-1")) == holds


@pytest.mark.parametrize("text", ["", "1 0", "a:1", ":1", "1:", "1.0_2", "1\n"])
def test_what_is_no_version_is_refused(text):
    with pytest.raises(ValueError, match="not a Debian version"):
        sort_key(text)
