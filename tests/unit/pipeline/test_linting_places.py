"""Where a finding stands: an editor jumps there, so a wrong line is worse than none."""

from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from envbuild.definition import Definition, DockerfileBase, ImageBase, Index, Requirement
from envbuild.pipeline.linting import lint

TODAY = date(2026, 11, 24)
HEX = "a" * 64


def lines(definition, *files, login_hosts=()):
    findings = lint(definition, locked=False, today=TODAY, files=files, login_hosts=login_hosts)
    return {(f.code, f.item): f"{f.path}:{f.line}" for f in findings}


def pypi(*texts, **fields):
    return Definition(pypi=tuple(map(Requirement, texts)), **fields)


REQUIREMENTS = """\
# numpy
-i https://me:pw@h.example/simple
--extra-index-url http://own.example/simple
NumPy >= 2 \\
  ,<3
pandas ; sys_platform == "linux"
pandas>=2 ; sys_platform == "win32"
six
six>=1
"""

NATIVE = """\
format = 1
name = "azureml-x"
python = "3.9"
pypi = [
  "numpy",  # "pandas"
  {requirement = "pandas>=2", hashes = []},
]
description = "six"
base = {image = "debian:12"}
[[index]]
name = "first"
url = "https://first.example/s"
[[index]]
name = "own"
url = "http://own.example/s"
[variables]
"API_TOKEN" = "x"
RANK = '''0'''
"""

SCRIPT = """\
#!/usr/bin/env python
x = "numpy"
# /// script
# requires-python = "==3.9.*"
# dependencies = [
#   "numpy",
#   'six>=1',
# ]
# ///
"""

PROJECT = """\
[project]
name = "azureml-tool"
requires-python = ">=3.9,<3.10"
dependencies = ["numpy", "six"]
[project.optional-dependencies]
dev = ["pytest"]
[dependency-groups]
six = ["six"]
[tool.envbuild]
pypi = ["attrs"]
[tool.envbuild.variables]
RANK = "0"
[[tool.uv.index]]
name = "own"
url = "http://own.example/s"
[tool.other]
list = ["attrs", "pytest"]
"""


@pytest.mark.parametrize(
    ("path", "text", "definition", "places"),
    [
        ("r.txt", REQUIREMENTS,
         pypi("numpy<3,>=2", 'pandas; sys_platform == "linux"', "six>=1",
              indexes=(Index("own.example", "http://own.example/simple"), Index("pypi", "https://h.example/simple"))),
         {("EB101", "numpy<3,>=2"): 4, ("EB101", 'pandas; sys_platform == "linux"'): 6, ("EB101", "six>=1"): 9,
          ("EB105", "own.example"): 3, ("EB106", "own.example"): 3, ("EB109", "h.example"): 2}),
        ("envbuild.toml", NATIVE,
         pypi("numpy", "pandas>=2", python="3.9", base=ImageBase("debian:12"),
              indexes=(Index("first", "https://first.example/s"), Index("own", "http://own.example/s"), Index("pypi")),
              variables=(("API_TOKEN", "x"), ("RANK", "0"))),
         {("EB101", "numpy"): 5, ("EB101", "pandas>=2"): 6, ("EB102", "debian:12"): 9, ("EB103", "API_TOKEN"): 17,
          ("EB105", "first"): 11, ("EB105", "own"): 14, ("EB106", "own"): 14, ("EB108", "3.9"): 3,
          ("EB113", "azureml-x"): 2, ("EB119", "RANK"): 18}),
        ("run.py", SCRIPT, pypi("numpy", "six>=1", python="3.9"),
         {("EB101", "numpy"): 6, ("EB101", "six>=1"): 7, ("EB108", "3.9"): 4}),
        ("pyproject.toml", PROJECT,
         pypi("attrs", "numpy", "pytest", "six", python="3.9", variables=(("RANK", "0"),),
              indexes=(Index("own", "http://own.example/s"),)),
         {("EB101", "attrs"): 10, ("EB101", "numpy"): 4, ("EB101", "pytest"): 6, ("EB101", "six"): 0,
          ("EB106", "own"): 14, ("EB108", "3.9"): 3, ("EB119", "RANK"): 12}),
        ("environment.yml", "channels: [c]\ndependencies:\n- numpy>=2\n- python=3.9\n- pip\n- pip: [six, 'x>1']\n",
         pypi("six", "x>1", conda=("numpy>=2", "pip", "python=3.9")),
         {("EB101", "numpy>=2"): 3, ("EB101", "six"): 6, ("EB101", "x>1"): 6, ("EB108", "python=3.9"): 4, ("EB110", "pip"): 5}),
        ("azureml_environment.json",
         '{"name": "x",\n\t"environmentVariables": {\n\t\t"RANK": "0"},\n "docker": {\n  "baseImage": "debian:12"}}',
         Definition(base=ImageBase("debian:12"), variables=(("RANK", "0"),)),
         {("EB102", "debian:12"): 5, ("EB119", "RANK"): 3}),
    ],
    ids=["requirements", "native", "script", "project", "conda", "azureml"],
)  # fmt: skip
def test_every_form_of_a_file_has_lines(path, text, definition, places):
    hosts = ["h.example"] if path == "r.txt" else []
    found = lines(definition, (path, text), login_hosts=hosts)
    assert found == {key: f"{path}:{line}" for key, line in places.items()}


def test_an_included_file_is_named_and_a_package_of_two_has_no_line():
    """A package that two files name stands in neither for certain."""
    found = lines(pypi("numpy", "six"), ("a.txt", "-r b.txt\nsix\n"), ("b.txt", "numpy\nsix\n"))
    assert found == {("EB101", "numpy"): "b.txt:1", ("EB101", "six"): ":0"}


def test_a_dockerfile_is_found_by_its_text():
    text = f"FROM x@sha256:{HEX}\nENV TOKEN=x\n"
    windows = "\ufeff" + text.replace("\n", "\r\n")
    definition = Definition(base=DockerfileBase(dockerfile=windows, path="docker/Dockerfile"))
    native = ("envbuild.toml", 'format = 1\n[base]\ndockerfile = "docker/Dockerfile"\n')
    assert lines(definition, native, ("docker/Dockerfile", text)) == {("EB103", "ENV TOKEN"): "docker/Dockerfile:2"}


def test_a_dockerfiles_line_is_none_of_the_file_that_it_is_quoted_in():
    definition = Definition(base=DockerfileBase(dockerfile="FROM scratch\nENV TOKEN=x\n"))
    assert lines(definition, ("a.json", "{}"), ("b.txt", "")) == {("EB103", "ENV TOKEN"): ":0"}


def test_a_definition_from_no_file_has_no_places():
    assert lines(pypi("numpy")) == {("EB101", "numpy"): ":0"}


@pytest.mark.parametrize("path", ["x.toml", "x.yml", "x.json", "x.py", "x.txt", "Dockerfile"])
@pytest.mark.parametrize(
    "text", ["", "[", "\x85: [", "{'a': ", "# /// script\n# x = [\n# ///", "-i\n--x '\n", 'a = """']
)
def test_a_file_that_cannot_be_understood_only_gives_no_places(path, text):
    """It is another reader's part to refuse it."""
    assert lines(pypi("numpy"), (path, text))[("EB101", "numpy")] == f"{path}:0"


PIECES = st.sampled_from(
    ["dependencies:", "\n", "  - ", "- pip:", "{", "}", "[", "]", ",", '"', "'", "=", ":", "#", " ", "\t", "six>=1", "&a", "*a", "<<",
     "-i ", "https://u:p@h", "https://[", "--x", "\\", "docker", "python", "null", "# /// script", "# ///", "\u2028", "1.0", "[project]"]
)  # fmt: skip


@settings(deadline=None)
@given(st.sampled_from(["x.toml", "x.yml", "x.json", "x.py", "x.txt"]), st.lists(PIECES, max_size=30).map("".join))
def test_no_text_makes_it_fail(path, text):
    """A finding without a line is better than no findings."""
    assert all(
        0 <= finding.line <= text.count("\n") + 2
        for finding in lint(pypi("six"), locked=False, today=TODAY, files=[(path, text)])
    )


@pytest.mark.parametrize(
    ("path", "text", "line"),
    [
        ("e.yml", "name: x\nimage: debian:12\n", 2),
        ("a.json", '{"docker": {\n"baseImage": "debian:12"}}', 2),
        ("a.json", '{"docker": {"baseImage": "library/debian:12",\n"baseImageRegistry": {"address": "docker.io"}}}', 1),
        ("a.json", '{"docker": {"baseImage": null,\n"baseImageRegistry": "index.docker.io/library/debian:12"}}', 2),
        ("envbuild.toml", 'format = 1\n[base]\nimage = "docker.io/debian:12"\n', 3),
    ],
)
def test_an_image_is_found_however_the_file_spells_it(path, text, line):
    """A definition has an image's name in full, which stands in hardly any file."""
    full = "docker.io/library/debian:12"
    assert lines(Definition(base=ImageBase(full)), (path, text))["EB102", full] == f"{path}:{line}"
