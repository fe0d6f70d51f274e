"""What conda packages bring of Python distributions is read from the facts of their layers."""

import json

import pytest

from envbuild.errors import IntegrityError
from envbuild.resolvers.conda.distributions import provided_by
from envbuild.resolvers.pins import Provided


def fact(*rows, name="package"):
    return {"name": name, "distributions": json.dumps(rows)}


def test_distributions_of_all_packages_by_pips_names():
    """conda's package `pytorch` is `torch` to pip: no table of names is needed."""
    torch = fact(["Torch", "2.1.0+cpu", []], name="pytorch")
    several = fact(["pandas", "2.1", ['openpyxl; extra == "excel"']], ["Zope.Interface", "6.0", []])
    none = {"name": "openssl"}
    assert provided_by([torch, none, several, {"name": "zlib", "distributions": ""}]) == (
        Provided("pandas", "2.1", ('openpyxl; extra == "excel"',)),
        Provided("torch", "2.1.0+cpu"),
        Provided("zope-interface", "6.0"),
    )


@pytest.mark.parametrize(("one", "other"), [("1.9", "1.10"), ("not-a-version", "0.1"), ("1.0rc1", "1.0")])
def test_of_two_versions_the_newer_one_holds_whatever_the_order(one, other):
    first, second = fact(["alpha", one, []]), fact(["alpha", other, []])
    assert provided_by([first, second]) == provided_by([second, first]) == (Provided("alpha", other),)


@pytest.mark.parametrize(
    "text", ["{", '{"a": 1}', '[["alpha", "1.0"]]', "[1]", '[["alpha", "1.0", 3]]', '[[1, "1", []]]']
)
def test_facts_that_are_something_else_are_told_with_their_package(text):
    with pytest.raises(IntegrityError, match="alpha-package"):
        provided_by([{"name": "alpha-package", "distributions": text}])


@pytest.mark.parametrize("name", ["/srv/x", "../x", "a b", "a;b", "a@b", "", "-r", "x" * 200, "a\nb", "ü"])
def test_what_is_no_name_provides_nothing(name):
    """Else a package's metadata say which file of the user's is written, or add lines to what the resolver reads."""
    assert provided_by([{"distributions": json.dumps([[name, "1.0", []], ["six", "1.17", []]])}]) == (
        Provided("six", "1.17"),
    )


@pytest.mark.parametrize("version", ["../1", "1 0", "1\n2", "", "1;x"])
def test_what_is_no_version_provides_nothing(version):
    assert provided_by([{"distributions": json.dumps([["six", version, []]])}]) == ()


def test_of_an_extras_requirements_only_those_that_can_be_read_are_kept():
    lines = ["x; extra == 'y'", "x @ file:///srv\n-r other; extra == 'y'", "???"]
    (one,) = provided_by([{"distributions": json.dumps([["six", "1", lines]])}])
    assert one.extras == ("x; extra == 'y'",)
