"""Dependency groups (PEP 735) and extras (PEP 621) of a pyproject.toml, as they are chosen."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from envbuild.errors import InvalidDefinition
from envbuild.formats.project.pyprojecttoml import read_pyproject
from envbuild.formats.selection import Selection
from envbuild.formats.sourcefile import ReadRequest
from envbuild.normalize import normalize

PEP_735 = """\
[dependency-groups]
test = ["pytest", "coverage"]
docs = ["sphinx", "sphinx-rtd-theme"]
typing = ["mypy", "types-requests"]
typing-test = [{include-group = "typing"}, {include-group = "test"}, "useful-types"]
"""
"""The PEP's first example."""

EXTRAS = """\
[project]
name = "Me.Too"
version = "1"
dependencies = ["six"]

[project.optional-dependencies]
a = ["one"]
B_b = ["two>=2", "me-too[a]"]
linux = ["three ; python_version >= '3.8'", "four"]
all = ["Me_Too[a, b-b]", "me.too[linux] ; sys_platform == 'linux'"]
loop = ["me-too[loop]", "five"]
"""


def read(text, *, extras=(), groups=()):
    asked = ReadRequest(name="folder", finish=normalize, selection=Selection(extras, groups).normal)
    return read_pyproject("pyproject.toml", lambda _: text.encode(), asked)


def packages(text, **chosen):
    return [r.text for r in read(text, **chosen).definition.pypi]


def faults(text, **chosen):
    with pytest.raises(InvalidDefinition) as caught:
        read(text, **chosen)
    return [str(fault) for fault in caught.value.faults]


@pytest.mark.parametrize(
    ("groups", "found"),
    [
        (("test",), ["coverage", "pytest"]),
        (("test", "docs"), ["coverage", "pytest", "sphinx", "sphinx-rtd-theme"]),
        (("typing-test",), ["coverage", "mypy", "pytest", "types-requests", "useful-types"]),
        (("Typing_Test",), ["coverage", "mypy", "pytest", "types-requests", "useful-types"]),
    ],
)
def test_the_groups_of_the_peps_example(groups, found):
    assert packages(PEP_735, groups=groups) == found


def test_a_group_that_is_not_chosen_adds_nothing_and_breaks_nothing():
    """The PEP: tools should not judge what nobody asks for."""
    text = '[project]\nname = "x"\ndependencies = ["six"]\n[dependency-groups]\nbad = [1, "a b"]\ngood = ["idna"]\n'
    assert packages(text) == ["six"]
    assert packages(text, groups=("good",)) == ["idna", "six"]


def test_a_group_that_is_included_twice_is_taken_once():
    text = (
        "[dependency-groups]\n"
        'base = ["foo>1"]\none = [{include-group = "base"}]\ntwo = [{include-group = "base"}, "foo<3"]\n'
        'all = [{include-group = "one"}, {include-group = "two"}]\n'
    )
    assert packages(text, groups=("all",)) == ["foo<3,>1"]


@pytest.mark.parametrize(
    ("body", "groups", "said"),
    [
        ('test = ["a"]\ndocs = ["b"]', ("tests",), "there is no group 'tests'\n  there are: docs, test"),
        ('a = [{include-group = "b"}]\nb = [{include-group = "c"}]\nc = ["x", {include-group = "B"}]', ("a",), "pyproject.toml:3: dependency-groups.b: the group includes itself: b -> c -> b"),
        ('a = [{include-group = "a"}]', ("a",), "the group includes itself: a -> a"),
        ('a = [{include-group = "nope"}]', ("a",), "includes the group 'nope', which is not there\n  there are: a"),
        ('a = ["x"]\nA = ["y"]', ("a",), "the same name as 'a', once normalized (PEP 735)"),
        ('a = [{path = "../x"}]', ("a",), "a table with path is no item of a group (PEP 735)"),
        ('a = [{include-group = "b", optional = true}]\nb = []', ("a",), "a table with include-group, optional is no item"),
        ("a = [3]", ("a",), "an integer is no item of a group"),
        ('a = "pytest"', ("a",), "expected a list"),
        ('a = ["-r more.txt"]', ("a",), "-r more.txt: not a requirement (PEP 508)"),
        ('a = [\n  "ok",\n  "not ok",\n]', ("a",), "pyproject.toml:4: "),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_chosen_group_is_told(body, groups, said):
    [fault] = faults(f"[dependency-groups]\n{body}\n", groups=groups)
    assert said in fault


def test_without_any_group_the_file_is_told_to_have_none():
    [fault] = faults('[project]\nname = "x"\n', groups=("dev",))
    assert "there is no group 'dev': the file has no [dependency-groups]" in fault


@pytest.mark.parametrize(
    ("extras", "found"),
    [
        ((), ["six"]),
        (("a",), ["one", "six"]),
        (("b-B",), ["one", "six", "two>=2"]),
        (("all",), ['four; sys_platform == "linux"', "one", "six",
                    'three; python_version >= "3.8" and sys_platform == "linux"', "two>=2"]),
        (("loop",), ["five", "six"]),
    ],
)  # fmt: skip
def test_extras_and_extras_of_extras(extras, found):
    """`all = ["me[gpu]"]` means the project's own extra: fetched from an index it would be somebody else's package."""
    assert packages(EXTRAS, extras=extras) == found


def test_a_group_that_asks_for_the_project_itself_means_its_extra():
    text = EXTRAS + '[dependency-groups]\ndev = ["me-too[a]", "me_too", "ruff", "me-tooth"]\n'
    assert packages(text, groups=("dev",)) == ["me-tooth", "one", "ruff", "six"]


@pytest.mark.parametrize(
    ("text", "extras", "said"),
    [
        (EXTRAS, ("gpu",), "there is no extra 'gpu'\n  there are: a, all, b-b, linux, loop"),
        ('[project]\nname = "x"\n', ("gpu",), "there is no extra 'gpu'\n  it has none"),
        ('[project]\nname = "x"\n[project.optional-dependencies]\na = ["x[b]"]\n', ("a",), "there is no extra 'b'"),
        ('[project]\nname = "x"\n[project.optional-dependencies]\na = []\nA = []\n', ("a",), "the same name as 'a', once normalized (PEP 685)"),
        ('[project]\nname = "x"\ndynamic = ["optional-dependencies"]\n', ("a",), "known to the build backend alone"),
        ('[tool.envbuild]\npypi = ["six"]\n', ("a",), "--extra: there is no [project] in the file"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_chosen_extra_is_told(text, extras, said):
    assert said in faults(text, extras=extras)[0]


NAMES = [f"g{number}" for number in range(6)]


@given(
    st.lists(
        st.lists(st.one_of(st.sampled_from(["one", "two", "three"]), st.integers(0, 5)), max_size=4),
        min_size=6,
        max_size=6,
    ),
    st.integers(0, 5),
)
def test_a_group_is_what_can_be_reached_from_it(groups, chosen):
    """Whatever the includes: a group that includes only later ones has exactly the packages of all that it reaches."""
    groups = [[item for item in items if isinstance(item, str) or item > n] for n, items in enumerate(groups)]
    lines = [
        ", ".join(f'"{item}"' if isinstance(item, str) else f'{{include-group = "G{item}"}}' for item in items)
        for items in groups
    ]
    text = "[dependency-groups]\n" + "".join(f"{n} = [{line}]\n" for n, line in zip(NAMES, lines, strict=True))

    def reached(number):
        return {p for item in groups[number] for p in ({item} if isinstance(item, str) else reached(item))}

    assert packages(text, groups=(NAMES[chosen],)) == sorted(reached(chosen))
