"""What people install is the wheel, not this tree: built through the sdist, looked into, and imported from an empty folder.

Building asks the package index for the build backend.
"""

import re
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def built(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("dist")
    done = subprocess.run(
        [sys.executable, "-m", "build", "--outdir", folder, ROOT], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


@pytest.fixture(scope="module")
def wheel(built) -> zipfile.ZipFile:
    (path,) = built.glob("envbuild-*-py3-none-any.whl")
    with zipfile.ZipFile(path) as archive:
        yield archive


def ours() -> set[str]:
    names = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "envbuild"],
        cwd=ROOT,
        capture_output=True,
        check=True,
        text=True,
    ).stdout.splitlines()
    return {name for name in names if (ROOT / name).is_file()}


def test_the_wheel_has_each_file_of_the_package_and_nothing_else(wheel):
    inside = {name for name in wheel.namelist() if ".dist-info/" not in name}
    assert inside == ours()


def test_the_wheel_says_that_it_is_typed(wheel):
    """Else a user's type checker ignores every annotation."""
    assert "envbuild/py.typed" in wheel.namelist()


def test_the_wheel_brings_debians_keys(wheel):
    """Else no Debian base can be checked on a host without Debian's keyring."""
    keys = [name for name in wheel.namelist() if re.fullmatch(r"envbuild/debian/.*\.(asc|gpg|pgp)", name)]
    assert keys
    assert all(wheel.read(name) for name in keys)


def test_the_wheel_installs_the_command(wheel):
    (entry_points,) = [n for n in wheel.namelist() if n.endswith("entry_points.txt")]
    assert "envbuild = envbuild.cli.main:main" in wheel.read(entry_points).decode()


def test_the_wheel_runs_from_an_empty_folder(wheel, tmp_path):
    wheel.extractall(tmp_path / "installed")
    (tmp_path / "empty").mkdir()
    program = (
        f"import sys; sys.path.insert(0, {str(tmp_path / 'installed')!r})\n"
        "import envbuild, runpy; print(envbuild.__file__, flush=True)\n"
        "sys.argv = ['envbuild', '--help']; runpy.run_module('envbuild', run_name='__main__')"
    )
    done = subprocess.run(
        [sys.executable, "-I", "-c", program], cwd=tmp_path / "empty", capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    first, *rest = done.stdout.splitlines()
    assert Path(first).is_relative_to(tmp_path / "installed")
    assert "Usage" in "\n".join(rest)


def test_the_sdist_can_be_checked_by_whoever_packages_it(built):
    """Distributions build and test from the sdist: the licence, the tests and their data must be in it."""
    (path,) = built.glob("envbuild-*.tar.gz")
    with tarfile.open(path) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert {"pyproject.toml", "LICENSE", "README.md", "CHANGELOG.md", "tests/conftest.py"} <= names
