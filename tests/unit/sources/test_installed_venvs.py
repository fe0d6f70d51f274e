"""Real virtual environments, filled by a real pip, and what a definition made of them says."""

import os
import subprocess
import sys
import zipfile
from dataclasses import dataclass
from pathlib import Path

import pytest

from envbuild.definition import SUITE_PYTHONS
from envbuild.errors import UsageError
from envbuild.normalize import normalize
from envbuild.sources.installed import captured
from envbuild.sources.installed.leftbehind import Left

PYTHON = f"{sys.version_info[0]}.{sys.version_info[1]}"
BACKEND = """
import zipfile
INFO = "NAME-0.3.dist-info"
def _wheel(folder, files):
    with zipfile.ZipFile(f"{folder}/NAME-0.3-py3-none-any.whl", "w") as wheel:
        wheel.writestr(f"{INFO}/METADATA", "Metadata-Version: 2.1\\nName: NAME\\nVersion: 0.3\\nRequires-Dist: leaf\\n")
        wheel.writestr(f"{INFO}/WHEEL", "Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n")
        wheel.writestr(f"{INFO}/RECORD", "")
        for name, text in files.items():
            wheel.writestr(name, text)
    return "NAME-0.3-py3-none-any.whl"
def build_wheel(folder, settings=None, metadata=None):
    return _wheel(folder, {"NAME.py": ""})
def build_editable(folder, settings=None, metadata=None):
    import os
    return _wheel(folder, {"NAME.pth": os.getcwd()})
"""
pytestmark = pytest.mark.skipif(PYTHON not in SUITE_PYTHONS.values(), reason="no base has this Python")


def wheel(folder, name, version, requires=()):
    """A wheel without any code."""
    needs = "".join(f"Requires-Dist: {line}\n" for line in requires)
    path = folder / f"{name}-{version}-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        info = f"{name}-{version}.dist-info"
        archive.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{needs}")
        archive.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr(f"{info}/RECORD", "")
    return path


def project(folder, name):
    """A source tree that builds without any other package."""
    folder.mkdir()
    (folder / "backend.py").write_text(BACKEND.replace("NAME", name))
    build = '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n'
    (folder / "pyproject.toml").write_text(build)
    return folder


def commit(folder):
    """The folder as a git repository; its commit."""
    me = ("-c", "user.name=t", "-c", "user.email=t@t.example")
    for words in (("init", "-q"), ("add", "."), (*me, "commit", "-q", "-m", "x")):
        subprocess.run(["git", "-C", folder, *words], check=True, capture_output=True)
    done = subprocess.run(["git", "-C", folder, "rev-parse", "HEAD"], check=True, capture_output=True, text=True)
    return done.stdout.strip()


def pip(python, *words):
    """Install with a real pip, from no index."""
    environ = {k: v for k, v in os.environ.items() if not k.startswith("PIP_")} | {"PIP_CONFIG_FILE": os.devnull}
    command = [python, "-m", "pip", "install", "--no-index", "--no-build-isolation", "-q", *words]
    done = subprocess.run(command, capture_output=True, text=True, env=environ, check=False)
    assert done.returncode == 0, done.stderr + done.stdout


@dataclass(frozen=True, slots=True)
class Lived:
    """A virtual environment that was in use for a while."""

    path: Path
    wheels: Path
    editable: Path
    repository: Path
    commit: str
    local: Path


@pytest.fixture(scope="module")
def lived(tmp_path_factory):
    """Made by venv and pip: packages from an index's files, an editable install, one from git, one from a file."""
    folder = tmp_path_factory.mktemp("lived")
    wheels, venv = folder / "wheels", folder / "My Project" / ".venv"
    wheels.mkdir()
    for name, version, requires in (
        ("leaf", "2.0.post1", ()),
        ("torch", "2.3.0+cu121", ()),
        ("Tree_Top", "1.0", ["leaf>=1", 'colorama; sys_platform == "win32"']),
    ):
        wheel(wheels, name, version, requires)
    subprocess.run([sys.executable, "-m", "venv", venv], check=True, capture_output=True)
    mine, repository = project(folder / "mine", "mine"), project(folder / "repository", "versioned")
    found_at, local = commit(repository), wheel(folder, "single", "1.0")
    links = ("--find-links", wheels)
    pip(venv / "bin/python", *links, "tree.top", "torch", "-e", mine, f"git+{repository.as_uri()}", local)
    return Lived(venv, wheels, mine, repository, found_at, local)


@pytest.fixture(scope="module")
def found(lived):
    """What is made of it."""
    return captured(lived.path, {})


def texts(found):
    return [requirement.text for requirement in found.definition.pypi]


def left(found, name):
    (one,) = (one for one in found.left_behind if one.name == name)
    return one.version, one.reason, one.origin


def test_what_pip_installed_is_pinned_and_pip_itself_is_not(found):
    """A definition of an environment that works must give the same versions, local ones too, and no installer."""
    assert texts(found) == ["leaf==2.0.post1", "torch==2.3.0+cu121", "tree-top==1.0"]
    assert (found.definition.python, found.definition.accelerator) == (PYTHON, "cu121")
    assert found.definition.name == "my-project"
    assert {one.name for one in found.left_behind if one.reason is Left.TOOL} - {"setuptools"} == {"pip"}
    assert not [notice for notice in found.notices if "needs" in notice]
    normalize(found.definition)


def test_editable_installs_are_named_with_their_folder(found, lived):
    """Its code is nowhere but here: who builds elsewhere must be told, and gets what it needs (leaf) all the same."""
    assert left(found, "mine") == ("0.3", Left.EDITABLE, lived.editable.as_uri())


def test_what_is_from_version_control_is_named_with_its_commit(found, lived):
    assert left(found, "versioned") == ("0.3", Left.VCS, f"git+{lived.repository.as_uri()}@{lived.commit}")


def test_a_wheel_of_this_machine_is_named_with_its_path(found, lived):
    assert left(found, "single") == ("1.0", Left.LOCAL, lived.local.as_uri())


def test_the_interpreter_may_be_named_instead_of_its_folder(lived):
    """People paste what `which python` says."""
    assert captured(lived.path / "bin/python", {}).prefix == str(lived.path)


@pytest.mark.parametrize("made", ["missing", "empty", "file"])
def test_what_is_no_environment_is_refused_with_what_one_looks_like(tmp_path, made):
    path = tmp_path / made
    if made == "empty":
        path.mkdir()
    elif made == "file":
        path.write_text("")
    with pytest.raises(UsageError) as refused:
        captured(path, {})
    assert refused.value.at == str(path)
    assert "pyvenv.cfg" in refused.value.hint


def test_a_project_s_folder_gets_the_hint_where_its_environment_is(lived):
    with pytest.raises(UsageError) as refused:
        captured(lived.path.parent, {})
    assert str(lived.path) in refused.value.hint


def test_the_environment_that_runs_the_tests_is_read_in_whole():
    """envbuild's own is left out; and a real one, with hundreds of files, gives a definition that holds up."""
    found = captured(sys.prefix)
    normalize(found.definition)
    assert "envbuild" not in {text.partition("==")[0] for text in texts(found)}
