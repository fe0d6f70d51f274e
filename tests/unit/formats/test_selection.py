"""What was chosen of a project: one spelling, a name for each choice, and one refusal where there is nothing to choose."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from envbuild.definition import Project
from envbuild.errors import UsageError
from envbuild.formats.reading import read
from envbuild.formats.selection import Selection

EXTRA = Selection(extras=("gpu",))
NAMES = st.lists(st.from_regex(r"[a-zA-Z0-9]([a-zA-Z0-9._-]{0,30}[a-zA-Z0-9])?", fullmatch=True), max_size=6).map(tuple)
SELECTIONS = st.builds(Selection, NAMES, NAMES, st.booleans())
FILE = re.compile(r"(\+[a-z0-9-]+)*")
OCI = re.compile(r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*")
"""A component of a repository's name (OCI distribution specification, "Pulling manifests")."""


def test_names_in_one_spelling():
    chosen = Selection(("Py_Test", "gpu", "py.test"), ("B", "a"), project=True).normal
    assert chosen == Selection(("gpu", "py-test"), ("a", "b"), project=True)
    assert chosen.options == " --extra gpu --extra py-test --group a --group b --project"
    assert chosen.in_lock_names == "+extra-gpu+extra-py-test+group-a+group-b"
    assert chosen.in_image_names == "__extra-gpu__extra-py-test__group-a__group-b__project"


def test_without_a_choice_no_name_changes():
    assert (Selection().in_lock_names, Selection().in_image_names, Selection().options) == ("", "", "")


@pytest.mark.parametrize("name", ["", "a b", "-x", "x-", "a,b", "../a", "a\n"])
def test_what_is_no_name_is_refused(name):
    """It becomes a part of a file's name."""
    with pytest.raises(UsageError, match="no name of an extra or a group"):
        _ = Selection(groups=(name,)).normal


@given(SELECTIONS, SELECTIONS)
def test_each_choice_has_names_of_its_own(one, other):
    """Two choices under one name would overwrite each other's lock, and each other's image."""
    one, other = one.normal, other.normal
    assert one.normal == one
    assert FILE.fullmatch(one.in_lock_names)
    assert OCI.fullmatch(f"web{one.in_image_names}")
    assert len(f"web{one.in_image_names}") < 100
    same_lock = (one.extras, one.groups) == (other.extras, other.groups)
    assert (one.in_lock_names == other.in_lock_names) is same_lock
    assert (one.in_image_names == other.in_image_names) is (one == other)


@pytest.mark.parametrize(
    "name", ["requirements.txt", "environment.yml", "envbuild.toml", "train.py", "Dockerfile", "conda.yaml"]
)
def test_a_file_with_nothing_to_choose_from_refuses_a_choice(name):
    """Silently ignored, `--extra gpu` would give an environment without a GPU's packages."""
    with pytest.raises(UsageError, match="--extra gpu: this file has no extras and no groups"):
        read(name, lambda _: b"", selection=EXTRA)


@pytest.mark.parametrize("name", ["requirements.txt", "environment.yml", "train.py", "Pipfile.lock"])
def test_a_file_that_is_no_projects_has_no_package_to_install(name):
    with pytest.raises(UsageError, match="--project: this file is not a Python project's"):
        read(name, lambda _: b"", selection=Selection(project=True))


def test_the_folders_own_package_is_a_part_of_the_definition_where_it_was_chosen():
    text = b'[project]\nname = "x"\nversion = "1"\ndependencies = ["six"]\n'
    chosen = read("pyproject.toml", lambda _: text, selection=Selection(project=True))
    assert chosen.definition.project == Project(".")
    assert chosen.notices == ()
    without = read("pyproject.toml", lambda _: text)
    assert without.definition.project is None
    assert "--project installs it" in without.notices[-1]
