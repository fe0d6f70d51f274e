"""A folder's definition on a real disk: what would be taken is never passed over because it cannot be read."""

import os

import pytest

from envbuild.errors import UsageError
from envbuild.sources.files import ProjectFiles
from envbuild.sources.folder import Found

ASKING = '[project]\nname = "x"\nversion = "1"\ndependencies = ["six"]\n'


@pytest.fixture
def found(tmp_path):
    """What a folder with these files means."""

    def find(files, **options):
        for name, text in files.items():
            (tmp_path / name).write_text(text)
        found = ProjectFiles().found(str(tmp_path), **options)
        return Found(found.path.removeprefix(f"{tmp_path}/"), found.line.removeprefix(f"{tmp_path}: "))

    return find


@pytest.mark.parametrize(
    ("pyproject", "asks"),
    [
        (ASKING, True),
        ('project.name = "x"\nproject.dependencies = []\n', True),
        ('[project]\nname = "x"\ndynamic = ["version", "dependencies"]\n', True),
        ("[tool.envbuild]\nsystem = ['git']\n", True),
        ("[tool.ruff]\nline-length = 100\n[tool.envbuild.settings]\ntimeout = 5\n", False),
        ('[tool.hatch.envs.default]\ndependencies = ["pytest"]\n', False),
        ('[project]\nname = "x"\nversion = "1"\n[dependency-groups]\ndev = ["ruff"]\n', False),
        ("not = [TOML\n", True),
    ],
)
def test_which_pyproject_says_what_is_needed(found, pyproject, asks):
    """One that only sets up tools must not hide the requirements; one that is broken is told, not passed over."""
    taken = found({"pyproject.toml": pyproject, "requirements.txt": "six\n"})
    assert taken.path == ("pyproject.toml" if asks else "requirements.txt")


def test_a_choice_of_groups_is_a_reason_to_take_the_pyproject(found):
    files = {"pyproject.toml": '[dependency-groups]\ndev = ["ruff"]\n', "requirements.txt": "six\n"}
    assert found(files, choosing=True) == Found("pyproject.toml", "took pyproject.toml; passed over requirements.txt")
    assert found(files) == Found("requirements.txt")


def test_a_link_that_leads_nowhere_is_taken_so_that_its_fault_is_told(found, tmp_path):
    """The lock lies on a disk that is not there: the weaker file in its stead would be another environment."""
    (tmp_path / "uv.lock").symlink_to("elsewhere/uv.lock")
    assert found({"pyproject.toml": ASKING, "requirements.txt": "six\n"}).path == "uv.lock"


def test_a_folder_by_the_name_of_a_definition_is_none(found, tmp_path):
    (tmp_path / "Dockerfile").mkdir()
    (tmp_path / "environment.yml").mkdir()
    assert found({"requirements.txt": "six\n"}) == Found("requirements.txt")


def test_the_folder_is_named_unless_it_is_the_current_one(tmp_path, monkeypatch):
    for name in ("requirements.txt", "Dockerfile"):
        (tmp_path / name).touch()
    files = ProjectFiles()
    assert files.found(str(tmp_path)).line == f"{tmp_path}: took requirements.txt; passed over Dockerfile"
    monkeypatch.chdir(tmp_path)
    assert files.found(".") == Found("requirements.txt", "took requirements.txt; passed over Dockerfile")


def test_a_file_that_is_named_is_taken_as_it_is_and_the_lock_beside_it_told(found, tmp_path):
    """`build pyproject.toml` resolves; who means the lock names the folder, and must be told that it was not used."""
    found({"pyproject.toml": ASKING, "uv.lock": ""})
    named = ProjectFiles().found(str(tmp_path / "pyproject.toml"))
    assert named.path == str(tmp_path / "pyproject.toml")
    assert "uv.lock is not used (name the folder to use it)" in named.line
    assert ProjectFiles().found(str(tmp_path / "uv.lock")).line == ""
    assert ProjectFiles().found("no/such/file.txt") == Found("no/such/file.txt")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may list every folder")
def test_a_folder_that_cannot_be_listed_is_told(tmp_path):
    tmp_path.chmod(0o300)
    with pytest.raises(Exception, match="cannot be listed"):
        ProjectFiles().found(str(tmp_path))


def test_a_pipfile_that_is_named_is_refused_with_the_command_that_makes_its_lock(tmp_path):
    (tmp_path / "Pipfile").write_text('[packages]\nsix = "*"\n')
    with pytest.raises(UsageError, match="a Pipfile is not read by itself") as caught:
        ProjectFiles().found(str(tmp_path / "Pipfile"))
    assert "pipenv lock" in caught.value.hint
