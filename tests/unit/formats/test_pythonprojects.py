"""pyproject.toml and a script's own header (PEP 723): what they ask for, and what is wrong told where it stands."""

import pytest

from envbuild.definition import DebianBase, Index
from envbuild.errors import InvalidDefinition
from envbuild.formats.project.pyprojecttoml import read_pyproject
from envbuild.formats.project.scriptheader import has_header, read_script
from envbuild.formats.sourcefile import ReadRequest
from envbuild.normalize import normalize


def script(text):
    return read_script("train.py", lambda _: text.encode(), ReadRequest(name="train", finish=normalize))


def project(text):
    return read_pyproject("pyproject.toml", lambda _: text.encode(), ReadRequest(name="folder", finish=normalize))


def faults(read, text):
    with pytest.raises(InvalidDefinition) as caught:
        read(text)
    return [(fault.at.rpartition(":")[2], fault.what) for fault in caught.value.faults]


SCRIPT = """\
#!/usr/bin/env python
# /// script
# requires-python = ">=3.11"
# dependencies = [
#   "requests<3",
#   "rich",  # for tables
# ]
# ///

import requests
"""


def test_a_script_says_what_it_needs():
    reading = script(SCRIPT)
    assert [r.text for r in reading.definition.pypi] == ["requests<3", "rich"]
    assert (reading.definition.python, reading.definition.base, reading.definition.name) == (
        "3.11",
        DebianBase(),
        "train",
    )


def test_what_a_script_needs_is_what_requirements_say():
    """The same packages must be the same image, wherever they stand."""
    from envbuild.formats.pip.requirements import read_requirements

    other = read_requirements("r.txt", lambda _: b"rich\nrequests<3\n", ReadRequest(name="train", finish=normalize))
    assert script(SCRIPT).definition == other.definition
    same = project(
        '[project]\nname = "train"\nversion = "1"\nrequires-python = ">=3.9"\ndependencies = ["rich", "requests<3"]\n'
    )
    assert same.definition == other.definition


def test_the_code_of_a_script_is_no_part_of_its_environment():
    assert script(SCRIPT + "print(2)\n").definition == script(SCRIPT).definition


def test_a_header_with_nothing_in_it_is_a_python_alone():
    assert script("# /// script\n#\n# ///\n").definition.pypi == ()


@pytest.mark.parametrize(
    ("data", "has"),
    [
        (b"# /// script\n# ///\n", True), (b"x = 1\r\n# /// script\r\n# ///\r\n", True), (b"print()\n", False),
        (b"# /// pyproject\n# ///\n", False), (b"'''\n  # /// script\n'''\n", False),
    ],
)  # fmt: skip
def test_which_scripts_have_a_header(data, has):
    assert has_header(data) is has


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("print()\n", [("train.py", "the script has no header that says what it needs")]),
        ("# /// script\n# dependencies = []\n", [("train.py", "the script has no header that says what it needs")]),
        ("# /// script\n#\n# ///\n\n# /// script\n#\n# ///\n", [("5", "a second header: PEP 723 allows one")]),
        ('# /// script\n# colour = "red"\n# ///\n', [("2", "colour: unknown key")]),
        ('# /// script\n# dependencies = [\n#   "a",\n#   "-r x.txt",\n# ]\n# ///\n', [("4", "dependencies: -r x.txt: not a requirement (PEP 508)")]),
        ('# /// script\n# requires-python = ">=3.99"\n# ///\n', [("2", "requires-python: >=3.99 allows none of the Pythons that there are")]),
        ('# /// script\n# requires-python = "three"\n# ///\n', [("2", "requires-python: not a version specifier: 'three'")]),
    ],
)  # fmt: skip
def test_what_is_wrong_in_a_header_is_told_in_the_scripts_own_line(text, found):
    assert faults(script, text) == found


def test_a_broken_requirement_is_told_in_its_own_line_even_beside_another():
    text = '# /// script\n# dependencies = ["ok", "a b",\n#   "c d"]\n# ///\n'
    assert [at for at, _ in faults(script, text)] == ["2", "3"]
    assert [at for at, _ in faults(project, '[project]\nname = "x"\ndependencies = ["a b", "c d"]\n')] == ["3", "3"]


PROJECT = """\
[project]
name = "My.Project"
version = "1"
requires-python = ">=3.12"
dependencies = ["numpy", "torch"]

[tool.envbuild]
system = ["libgomp1"]
variables = { A = "1" }

[tool.envbuild.settings]
timeout = 3

[[tool.uv.index]]
name = "torch"
url = "https://me:secret@t.example/whl"
explicit = true

[tool.uv.sources]
torch = { index = "torch" }
"""


def test_a_project_with_our_own_keys_and_uvs_indexes():
    reading = project(PROJECT)
    definition = reading.definition
    assert [r.text for r in definition.pypi] == ["numpy", "torch"]
    assert (definition.python, definition.base, definition.name) == ("3.13", DebianBase("trixie"), "my-project")
    assert (definition.system, definition.variables) == (("libgomp1",), (("A", "1"),))
    assert definition.indexes[0] == Index("torch", "https://t.example/whl", explicit=True, packages=("torch",))
    assert reading.logins == (("t.example", "me:secret"),)
    assert "secret" not in repr(definition)
    assert "own package is not installed" in reading.notices[-1]


def test_a_project_may_say_all_in_our_table():
    reading = project('[tool.envbuild]\npython = "3.11"\npypi = ["six"]\n')
    assert [r.text for r in reading.definition.pypi] == ["six"]
    assert reading.definition.name == "folder"
    assert reading.notices == ()


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("[tool.ruff]\n", [("pyproject.toml", "neither [project] nor [tool.envbuild] is in it")]),
        ('[project]\nname = "x"\ndynamic = ["dependencies"]\n', [("3", "project.dynamic: the dependencies are known to the build backend alone")]),
        ('[project]\nname = "x"\n[tool.envbuild]\nsystm = []\n', [("4", "tool.envbuild.systm: unknown key")]),
        ('[project]\nname = "x"\n[tool.uv.sources]\nx = { git = "https://h/x" }\n', [("4", "tool.uv.sources.x: only a source that names an index is read")]),
        ('[project]\nname = "x"\n[tool.uv.sources]\nx = { index = "no" }\n', [("4", "tool.uv.sources.x: there is no index 'no'")]),
    ],
)  # fmt: skip
def test_what_is_wrong_in_a_project_is_told_where_it_stands(text, found):
    assert faults(project, text) == found


def test_a_file_full_of_openings_takes_no_time():
    """Each reads on to the end of the file, where reading is done badly: a megabyte took minutes."""
    assert faults(script, "# /// a\n" * 100_000) == [("train.py", "the script has no header that says what it needs")]


def test_a_block_ends_where_pep_723_says():
    text = '# /// script\n# dependencies = ["six"]\n# ///\n# more of the comment\n# ///\nprint()\n'
    assert faults(script, text) != []
    assert script('# /// other\n# x\n# ///\n\n# /// script\n# dependencies = ["six"]\n# ///\n').definition.pypi


def test_our_own_table_beside_a_projects_dependencies_leaves_it_its_python():
    """`[tool.envbuild] system = [...]` says nothing of Python: without one the dependencies could not be installed."""
    text = '[project]\nname = "x"\ndependencies = ["six"]\n[tool.envbuild]\nsystem = ["git"]\n'
    assert project(text).definition.python == "3.11"
    assert project(f'{text}base = {{ debian = "trixie" }}\n').definition.python == "3.13"


def test_faults_in_our_own_table_have_their_lines():
    """Beside dependencies or without: the line is what one looks for in a long pyproject.toml."""
    text = '[project]\nname = "x"\nversion = "1"\ndependencies = ["six"]\n[tool.envbuild]\nname = "../x"\npypi = [\n"idna",\n]\n'
    with pytest.raises(InvalidDefinition) as refused:
        project(text)
    assert {fault.at for fault in refused.value.faults} >= {"pyproject.toml:6"}
    alone = '[tool.envbuild]\nname = "../x"\n'
    with pytest.raises(InvalidDefinition) as refused:
        project(alone)
    assert [fault.at for fault in refused.value.faults] == ["pyproject.toml:2"]
