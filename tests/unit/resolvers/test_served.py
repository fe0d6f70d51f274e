"""Which index served what is told in a line that people read: short for many packages, nothing where there is no choice."""

import pytest

from envbuild.resolvers.served import served_notices


def told(order, passed_on=None, **by_index):
    served = {name: index for index, names in by_index.items() for name in names}
    return list(served_notices(served, order, passed_on or {}))


def many(prefix, number):
    return [f"{prefix}{n:03}" for n in range(number)]


@pytest.mark.parametrize(
    ("served", "line"),
    [
        ({"team": ["ours"], "pypi": ["six", "numpy"]}, "team: ours; pypi: numpy, six"),
        ({"pypi": ["six"]}, "team: none; pypi: six"),
        ({"team": ["ours"]}, "team: ours; pypi: none"),
        ({"team": ["b", "a"], "pypi": many("p", 198)}, "team: a, b; pypi: 198 others"),
        ({"pypi": many("p", 200)}, "team: none; pypi: 200 packages"),
        ({"team": many("t", 150), "pypi": ["p"]}, "team: 150 others; pypi: p"),
        (
            {"team": many("t", 90), "pypi": many("p", 110)},
            "team: t000, t001, t002, t003, t004, t005, t006, t007 and 82 more; pypi: 110 others",
        ),
        (
            {"team": many("t", 100), "pypi": many("p", 100)},
            "team: t000, t001, t002, t003, t004, t005, t006, t007 and 92 more; pypi: 100 others",
        ),
    ],
)
def test_each_index_with_what_it_gave(served, line):
    assert told(["team", "pypi"], **served) == [f"packages by index: {line}"]


def test_nothing_is_told_of_one_index_or_of_no_package():
    assert told(["pypi"], pypi=["six"]) == []
    assert told(["team", "pypi"]) == []


def test_what_an_index_had_from_another_host_is_told_even_of_one_alone():
    """A forge that passes unknown names on to a public index: whoever publishes there serves this package."""
    passed_on = {"six": ("team", "mirror.example"), "attrs": ("team", "mirror.example")}
    lines = told(["team"], passed_on, team=["ours", "six", "attrs"])
    assert lines == ["team sends what it is asked for on to mirror.example: attrs, six"]


def test_the_resolver_tells_it_once(lab, index, other_index, private):
    other_index.wheel("ours", "1.0")
    index.wheel("ours", "9.0")
    index.wheel("numpy", "1.0")
    lab.urls["private"] = other_index.url
    lab.resolve("ours", "numpy", indexes=(private,))
    assert lab.report.notices == ["packages by index: private: ours; pypi: numpy"]
    assert not index.asked_for("ours")


def test_one_index_alone_is_no_news(lab, index):
    index.wheel("numpy", "1.0")
    lab.resolve("numpy")
    assert lab.report.notices == []
