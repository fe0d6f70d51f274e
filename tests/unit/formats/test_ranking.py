"""Which of a folder's files is its definition: the order, pairs of a lock and its source, and what is said of the rest."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from envbuild.errors import UsageError
from envbuild.formats.ranking import RANKS, choose, lock_beside, refuse_unlocked

KNOWN = (
    "envbuild.toml", "uv.lock", "pixi.lock", "conda-lock.yml", "pylock.toml", "poetry.lock", "Pipfile.lock",
    "environment.yml", "pyproject.toml", "requirements.txt", "Dockerfile",
)  # fmt: skip
"""In the order of the ranks."""


def taken(*names, asks=True):
    return choose(".", frozenset(names), lambda: asks)


@pytest.mark.parametrize("number", range(len(KNOWN)))
def test_the_order_is_the_documented_one(number):
    """Who adds a weaker file to a folder must get the same environment as before."""
    assert taken(*KNOWN[number:]).name == KNOWN[number]


@pytest.mark.parametrize(
    ("names", "line"),
    [
        ("requirements.txt", ""),
        ("pyproject.toml README.md src", ""),
        ("pyproject.toml uv.lock", "took uv.lock with pyproject.toml"),
        ("pyproject.toml uv.lock requirements.txt Dockerfile",
         "took uv.lock with pyproject.toml; passed over requirements.txt, Dockerfile"),
        ("pyproject.toml uv.lock poetry.lock",
         "took uv.lock with pyproject.toml; passed over poetry.lock (a second lock of pyproject.toml)"),
        ("pyproject.toml poetry.lock", "took poetry.lock with pyproject.toml"),
        ("pyproject.toml pylock.toml", "took pylock.toml with pyproject.toml"),
        ("requirements.in pylock.toml", "took pylock.toml with requirements.in"),
        ("pylock.dev.toml", ""),
        ("pylock.toml pylock.dev.toml", "took pylock.toml; passed over pylock.dev.toml"),
        ("Pipfile Pipfile.lock requirements.txt", "took Pipfile.lock with Pipfile; passed over requirements.txt"),
        ("pixi.toml pixi.lock", "took pixi.lock with pixi.toml"),
        ("pyproject.toml pixi.lock", "took pixi.lock with pyproject.toml"),
        ("pixi.toml pyproject.toml pixi.lock", "took pixi.lock with pixi.toml; passed over pyproject.toml"),
        ("environment.yml conda-lock.yml", "took conda-lock.yml with environment.yml"),
        ("environment.yaml conda-lock.yml requirements.txt",
         "took conda-lock.yml with environment.yaml; passed over requirements.txt"),
        ("requirements.in requirements.txt", "took requirements.txt with requirements.in"),
        ("environment.yml apt.txt Dockerfile", "took environment.yml with apt.txt; passed over Dockerfile"),
        ("requirements.txt apt.txt runtime.txt", "took requirements.txt with apt.txt and runtime.txt"),
        ("requirements.txt Pipfile", "took requirements.txt; passed over Pipfile"),
        ("conda.yaml python_env.yaml requirements.txt MLmodel",
         "took python_env.yaml with requirements.txt; passed over conda.yaml"),
        ("conda.yaml python_env.yaml", ""),
        ("azureml_environment.json conda_dependencies.yml", "took azureml_environment.json with conda_dependencies.yml"),
        ("Dockerfile", ""),
        ("Dockerfile setup.py", ""),
    ],
)  # fmt: skip
def test_what_is_said_of_a_folder(names, line):
    """A lock that is silently not used is another environment than the one that was tested."""
    assert taken(*names.split()).line == line


def test_a_pyproject_that_asks_for_nothing_is_neither_taken_nor_told():
    assert taken("pyproject.toml", "requirements.txt", asks=False).line == ""
    assert taken("pyproject.toml", "requirements.txt", asks=False).name == "requirements.txt"
    # It is the source of its lock all the same: Poetry's own table is no list of dependencies.
    assert taken("pyproject.toml", "poetry.lock", asks=False).line == "took poetry.lock with pyproject.toml"


@pytest.mark.parametrize(
    ("names", "both"),
    [
        (("environment.yml", "environment.yaml"), "environment.yaml and environment.yml"),
        (("pylock.dev.toml", "pylock.test.toml"), "pylock.dev.toml and pylock.test.toml"),
        (("Dockerfile", "Containerfile"), "Containerfile and Dockerfile"),
    ],
)
def test_two_of_one_rank_are_an_error_that_names_both(names, both):
    """One of them taken by chance would be the wrong one half of the time."""
    with pytest.raises(UsageError, match=f"{both} are of one rank") as caught:
        choose("app", frozenset(names), lambda: True)
    assert caught.value.hint == f"name one of them: app/{both.split()[0]}"


def test_two_of_one_rank_below_the_one_that_is_taken_are_no_error():
    assert taken("uv.lock", "environment.yml", "environment.yaml").name == "uv.lock"


@pytest.mark.parametrize(
    ("names", "hint"),
    [
        (("pixi.toml",), "pixi lock"),
        (("Pipfile",), "pipenv lock"),
        (("requirements.in",), "uv pip compile requirements.in -o requirements.txt"),
        (("setup.py", "src"), "uv pip compile setup.py -o requirements.txt"),
        (("pyproject.toml",), "--extra or --group"),
        (("README.md",), "write envbuild.toml or requirements.txt"),
    ],
)
def test_a_folder_without_a_definition_is_told_what_makes_one(names, hint):
    with pytest.raises(UsageError, match="no definition is in this folder") as caught:
        choose(".", frozenset(names), lambda: False)
    assert hint in caught.value.hint


@pytest.mark.parametrize("name", ["Pipfile", "pixi.toml", "setup.py", "setup.cfg"])
def test_a_file_that_only_a_lock_makes_readable_is_refused_by_its_name(name):
    """Read as a list of requirements it would give a page of faults about every line."""
    with pytest.raises(UsageError, match="is not read by itself"):
        refuse_unlocked(f"app/{name}", name)


def test_a_file_that_is_named_is_told_of_the_lock_beside_it():
    assert lock_beside("pyproject.toml", {"pyproject.toml", "uv.lock", "poetry.lock"}) == "uv.lock"
    assert lock_beside("pyproject.toml", {"pyproject.toml", "requirements.txt"}) == ""


@given(st.sets(st.sampled_from([name for rank in RANKS for name in (*rank.names, *rank.made_from, *rank.beside)])))
def test_every_definition_in_a_folder_is_taken_or_told(names):
    """What is neither would be passed over without a word."""
    names = {name.replace("*", "dev") for name in names}
    try:
        found = choose(".", names, lambda: True)
    except UsageError:
        return
    told = {found.name, *found.together, *found.passed_over}
    assert told >= {name for rank in RANKS for name in rank.of(names)}
    assert len(told) == 1 + len(found.together) + len(found.passed_over)
