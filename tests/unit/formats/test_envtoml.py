"""envbuild.toml: every key arrives, and every mistake is named with its line, its field path and the way on."""

import pytest

from envbuild.definition import (
    Context,
    CopyStep,
    DebianBase,
    Definition,
    DockerfileBase,
    ImageBase,
    Index,
    Project,
    Requirement,
)
from envbuild.errors import InvalidDefinition
from envbuild.formats.reading import read
from envbuild.platforms import Platform

AA = "a" * 64
WHEEL = "https://files.example/x-1.0-py3-none-any.whl"

EVERYTHING = f"""\
format = 1
name = "training"
description = "all keys"
python = "3.12"
interpreter = "python3"
no-deps = true
project = "."
pypi = ["numpy", "pandas>=2", {{ requirement = "x @ {WHEEL}", hashes = ["sha256:{AA}"] }}]
constraints = ["scipy<2"]
conda = ["cudatoolkit"]
channels = ["conda-forge"]
system = ["libgomp1"]
platforms = ["linux/arm64", "linux/x86_64"]
sdists = "build"
accelerator = "cu128"
user = "envbuild"
workdir = "/work"
entrypoint = ["python", "-m", "x"]
run = ["echo hello"]
copy = [{{ from = "src", to = "/opt/src" }}]
bytecode = "checked"
layout = 2

[tags]
team = "vision"

[virtual-packages]
__cuda = "12.8"

[base]
debian = "trixie"

[[index]]
name = "torch"
url = "https://ann:secret@t.example/whl/"
explicit = true
packages = ["torch"]

[variables]
OMP_NUM_THREADS = "4"
"A" = "x=y\\n"
"""


def reading(text, path="p/envbuild.toml"):
    return read(path, lambda _: text.encode())


def faults_of(text):
    with pytest.raises(InvalidDefinition) as caught:
        reading(text)
    return caught.value.faults


def test_every_key_arrives():
    text = EVERYTHING.replace('["numpy", "pandas>=2", {', "[{")
    found = reading(text)
    assert found.definition == Definition(
        name="training",
        description="all keys",
        tags=(("team", "vision"),),
        base=DebianBase("trixie"),
        python="3.12",
        interpreter="python3",
        no_deps=True,
        project=Project("."),
        pypi=(Requirement(f"x @ {WHEEL}", (f"sha256:{AA}",)),),
        constraints=("scipy<2",),
        indexes=(Index("torch", "https://t.example/whl/", explicit=True, packages=("torch",)),),
        conda=("cudatoolkit",),
        channels=("conda-forge",),
        system=("libgomp1",),
        platforms=(Platform("linux", "arm64"), Platform("linux", "amd64")),
        sdists="build",
        accelerator="cu128",
        virtual_packages=(("__cuda", "12.8"),),
        variables=(("OMP_NUM_THREADS", "4"), ("A", "x=y\n")),
        user="envbuild",
        workdir="/work",
        entrypoint=("python", "-m", "x"),
        run=("echo hello",),
        copy=(CopyStep("src", "/opt/src"),),
        bytecode="checked",
        layout=2,
    )
    assert found.logins == (("t.example", "ann:secret"),)
    assert found.files == ("p/envbuild.toml",)


def test_the_defaults_are_those_of_the_definition_and_the_name_comes_from_the_folder():
    assert reading('format = 1\npypi = ["numpy"]\n').definition == Definition(name="p", pypi=(Requirement("numpy"),))


@pytest.mark.parametrize(
    ("text", "python"),
    [
        ("", ""),
        ('python = "3.11"', "3.11"),
        ('pypi = ["numpy"]', "3.11"),
        ('pypi = ["numpy"]\n[base]\ndebian = "trixie"', "3.13"),
        ('python = "3.11"\n[base]\ndebian = "trixie"', "3.11"),
    ],
)
def test_python_is_there_where_it_is_asked_for_or_needed_and_is_the_one_that_the_base_has(text, python):
    """Else `python = "3.11"` alone would be an image without Python, and trixie could not be named alone."""
    assert reading(f"format = 1\n{text}\n").definition.python == python


@pytest.mark.parametrize(
    ("table", "base"),
    [
        ('image = "h.example/x:1"', ImageBase("h.example/x:1")),
        ('dockerfile = "docker/Dockerfile"', DockerfileBase(path="docker/Dockerfile")),
        ('dockerfile = "D"\ncontext = "src"', DockerfileBase(path="D", context=Context("src"))),
        (
            'dockerfile = "D"\narguments = {B = "2", A = "1"}\ntarget = "x"',
            DockerfileBase(path="D", arguments=(("B", "2"), ("A", "1")), target="x"),
        ),
        ("dockerfile-text = '''\nFROM x\nRUN <<E\n \\ \nE\n'''", DockerfileBase("FROM x\nRUN <<E\n \\ \nE\n")),
    ],
)
def test_the_other_bases(table, base):
    assert reading(f"format = 1\n[base]\n{table}\n").definition.base == base


@pytest.mark.parametrize(
    ("text", "at", "what", "hint"),
    [
        ("pypi = []", "p/envbuild.toml", "format: missing", "first line"),
        ("pypi = []\nformat = 1", ":2", "format: must be the first key", "to the top"),
        ("format = 2\nnew-key = 1", ":1", "format 2 needs a newer envbuild", "pip install -U envbuild"),
        ('format = "1"', ":1", "format: expected the integer 1, got a string", "format = 1"),
        ("format = true", ":1", "got true or false", "format = 1"),
        ("format = 0", ":1", "format: expected", "format = 1"),
        ("format = 1\npython = 3.10", ":2", "python: expected a string, got a float", 'quote it: python = "3.11"'),
        ("format = 1\npython = 3", ":2", "python: expected a string, got an integer", "quote it"),
        ('format = 1\npypi = "numpy"', ":2", "pypi: expected a list of strings", 'pypi = ["numpy"]'),
        ("format = 1\npypi = [\n 'numpy',\n 3]", ":4", "pypi[1]: expected a string", ""),
        ("format = 1\npypi = [\n 'numpy',\n 'foo bar',\n]", ":4", "pypi[1]: not a requirement (PEP 508)", "such as"),
        ("format = 1\npypi = ['./x']", ":2", "pypi[0]: a local path", "publish"),
        ("format = 1\npypi = [{requirement = 'a', hash = []}]", ":2", "pypi[0].hash: unknown key", "hashes"),
        ("format = 1\nconstraints = ['a[b]']", ":2", "constraints[0]: a constraint cannot have extras", "requirements"),
        ("format = 1\nsystem = ['a', nan]", ":2", "system[1]: expected a string, got a float", ""),
        ("format = 1\nname = 1979-05-27", ":2", "name: expected a string, got a date", 'name = "1979-05-27"'),
        ("format = 1\nname = true", ":2", "name: expected a string, got true or false", ""),
        ("format = 1\nname = ''", ":2", "name: is empty", "leave the key out"),
        ("format = 1\nlayout = '1'", ":2", "layout: expected an integer, got a string", ""),
        ("format = 1\n[variables]\nX = 4", ":3", "variables.X: expected a string, got an integer", 'X = "4"'),
        ("format = 1\nvariables = ['X=4']", ":2", "variables: expected a table of strings, got a list", ""),
        ("format = 1\nentrypoint = 'python'", ":2", "entrypoint: expected a list of strings", '["python"]'),
        ("format = 1\nplatform = ['linux/amd64']", ":2", "platform: unknown key", "did you mean platforms?"),
        ("format = 1\nplatforms = ['windows/amd64']", ":2", "platforms[0]: unknown platform", ""),
        ("format = 1\nplatforms = []", ":2", "platforms: is empty", "linux/amd64"),
        ("format = 1\ndependencies = ['numpy']", ":2", "dependencies: unknown key", "did you mean pypi?"),
        ("format = 1\nsistem = ['x']", ":2", "sistem: unknown key", "did you mean system?"),
        ("format = 1\nqqq = 1", ":2", "qqq: unknown key", "known are: accelerator"),
        ("format = 1\n[base]\ndebian = 'a'\nimage = 'b'", ":2", "base: expected exactly one of", "[base]"),
        ("format = 1\n[base]\ncontext = 'a'", ":2", "got none", "[base]"),
        ("format = 1\n[base]\ndebian = 'a'\ncontext = 'b'", ":4", "base.context: belongs to a dockerfile", ""),
        ("format = 1\n[base]\nimage = 'a'\narguments = {A = '1'}", ":4", "base.arguments: belongs to a dockerfile", ""),
        ("format = 1\n[base]\ndebian = 'a'\ntarget = ''", ":4", "base.target: belongs to a dockerfile", ""),
        ("format = 1\n[base]\ndockerfile = 'a'\ndockerfile-text = 'FROM x'", ":2", "expected exactly one of", "[base]"),
        ("format = 1\n[base]\ndockerfile = ''", ":3", "base.dockerfile: is empty", "name one"),
        ("format = 1\n[base]\ndockerfile-text = ' '", ":3", "base.dockerfile-text: is empty", "name one"),
        ("format = 1\n[base]\ndockerfile = 'a'\ntarget = ''", ":4", "base.target: is empty", "leave it out"),
        ("format = 1\n[base]\ndockerfile = 'a'\nargs = {A = '1'}", ":4", "base.args: unknown key", "arguments"),
        ("format = 1\n[base]\ndockerfile = 'a'\narguments = {A = 1}", ":4", "base.arguments.A: expected a string", 'A = "1"'),
        ("format = 1\ndockerfile = 'a'", ":2", "dockerfile: unknown key", "did you mean base.dockerfile?"),
        ("format = 1\nproject = ''", ":2", "project: is empty", 'project = "."'),
        ("format = 1\nproject = true", ":2", "project: expected a string", ""),
        ("format = 1\nno-deps = 'yes'", ":2", "no-deps: expected true or false", ""),
        ("format = 1\n[base]\nsuite = 'a'\ndebian = 'b'", ":3", "base.suite: unknown key", "did you mean debian?"),
        ("format = 1\nbase = 'bookworm'", ":2", "base: expected a table, got a string", ""),
        ("format = 1\n[[index]]\nname = 'a'", "p/envbuild.toml:2", "index[0].url: an index needs a url", "only pypi"),
        ("format = 1\n[[index]]\nurl = 'https://h.example'", ":2", "index[0].name: an index needs a name", ""),
        ("format = 1\n[[index]]\nname='pypi'\n[[index]]\nname='b'\nurl='x'", ":6", "index[1].url: not a URL", ""),
        ("format = 1\n[[index]]\nname='a'\nurl='https://h.example'\nexplicit='y'", ":5", "expected true or false", ""),
        ("format = 1\n[index]\nname = 'a'", ":2", "index: expected a list of tables, got a table", ""),
        ("format = 1\ncopy = [['a', '/b']]", ":2", "copy[0]: expected a table, got a list", ""),
        ("format = 1\ncopy = [{from = 'a'}]", ":2", "copy: expected from and to", "to ="),
        ("format = 1\npypi = ['a==1',\n'A==2']", ":3", "A==2 excludes the requirement a==1 (p/envbuild.toml:2)", ""),
        ("format = 1\npypi = [\n{requirement='a', hashes=['sha256:" + AA + "']},\n'b']", ":4", "b: no hash", "every one"),
        ("format = 1\npypi = [{requirement='a', hashes=['sha1:aa']}]", ":2", "hash algorithm sha1", "sha256"),
        ("format = 1\nname = 'a'\npypi = []\nname = 'b'\n", ":4", "name is given twice (first at line 2)", "keep one"),
        ("format = 1\n[base]\n[base]\n", ":3", "base is given twice (first at line 2)", "keep one"),
        ("format = 1\nname = \n", ":2", "not TOML: invalid value\n    name = \n           ^", "quotes"),
        ("format = 1\nname = bookworm\n", ":2", "not TOML: invalid value", "quotes"),
        ("format = 1\npypi = ['a'\n", ":2", "not TOML: unclosed array", ""),
        ("- numpy\n- pandas\n", ":1", "not TOML", ""),
        ("format = 1\nx = " + "[" * 5000, "p/envbuild.toml", "nested too deeply", "three levels"),
        ("format = 1\nx = " + "1" * 5000, "p/envbuild.toml", "", ""),
    ],
)  # fmt: skip
def test_a_mistake_says_where_what_and_what_next(text, at, what, hint):
    first = faults_of(text)[0]
    assert at in first.at
    assert what in first.what
    assert hint in first.hint


def test_all_mistakes_come_together_in_the_order_of_the_file():
    faults = faults_of("format = 1\nlayout = 'x'\n[variables]\nA = 1\nB = 2\n")
    assert [f.at.rpartition(":")[2] for f in faults] == ["2", "4", "5"]


def test_no_message_shows_credentials():
    text = "format = 1\npypi = ['x https://bob:hush@h.example/x']\n[[index]]\nname = 'a'\nurl = 'https://bob:hush@h.example:p/'"
    faults = faults_of(text)
    assert len(faults) == 2
    assert "hush" not in "".join(map(str, faults))
