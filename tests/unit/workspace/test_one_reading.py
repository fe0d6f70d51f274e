"""A definition's files are read once, inside their folder: what is remembered is what was parsed, and no link shows a secret."""

import json

import pytest

from envbuild.errors import EnvbuildError, InvalidDefinition, UsageError
from envbuild.pipeline.locking import Choice
from envbuild.pipeline.quiet import Quiet
from envbuild.sources.definitionfiles import DefinitionFiles
from envbuild.sources.files import ProjectFiles
from envbuild.workspace import Workspace

SECRET = "machine h.example login alice password canary\n"


@pytest.fixture
def workspace(tmp_path):
    return Workspace.open({"ENVBUILD_HOME": str(tmp_path / "home"), "HOME": str(tmp_path), "PATH": "/usr/bin:/bin"})


@pytest.fixture
def project(tmp_path):
    """`project({"requirements.txt": "six\\n"}, {"apt.txt": "../secret"})`: files, and links beside them."""

    def make(files, links=None):
        folder = tmp_path / "project"
        (tmp_path / "secret").write_text(SECRET)
        for name, text in files.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(text)
        for name, target in (links or {}).items():
            folder.mkdir(exist_ok=True)
            (folder / name).symlink_to(target)
        return folder

    return make


def definition_id(workspace, path):
    return workspace.show(str(path), Quiet()).ids["definition"]


def test_a_file_that_changes_right_after_it_was_read_is_not_remembered_under_its_new_content(
    workspace, project, monkeypatch
):
    """Else the old packages would be built for the new file, on this machine, for ever."""
    folder = project({"requirements.txt": "numpy\n-r more.txt\n", "more.txt": "old-package\n"})
    plain = ProjectFiles.load

    def load(self, path):
        data = plain(self, path)
        if path.endswith("more.txt"):
            (folder / "more.txt").write_text("new-package\n")
        return data

    with monkeypatch.context() as patched:
        patched.setattr(ProjectFiles, "load", load)
        old = definition_id(workspace, folder)
    new = workspace.show(str(folder), Quiet())
    assert "new-package" in json.dumps(new.material)
    assert new.ids["definition"] != old


def test_a_definition_that_changes_between_its_id_and_its_lock_is_not_locked(workspace, project):
    """The lock of what it says now would be kept for what it said before."""
    folder = project({"requirements.txt": "six\n"})
    path = str(folder / "requirements.txt")
    definition_id(workspace, path)
    adapters = workspace.adapters.for_spec(path)
    spec = adapters.specs.open(path)
    (folder / "requirements.txt").write_text("other\n")
    with pytest.raises(UsageError, match="changed while they were read"):
        adapters.locking.resolve(spec, list(spec.requests), Choice(), Quiet())


@pytest.mark.parametrize(
    ("files", "late"),
    [
        ({"requirements.txt": "six\n"}, {"apt.txt": "git\n"}),
        ({"requirements.txt": "six\n"}, {"runtime.txt": "python-3.13\n"}),
        ({"environment.yml": "dependencies: [python=3.11]\n"}, {"apt.txt": "git\n"}),
        (
            {"azureml_environment.json": '{"name": "x", "python": {"userManagedDependencies": false}}'},
            {"conda_dependencies.yml": "dependencies: [python=3.11, {pip: [six]}]\n"},
        ),
    ],
)  # fmt: skip
def test_what_comes_beside_a_definition_that_was_seen_counts(workspace, project, files, late):
    """Else the packages of a file that was added would be missing, until the cache is emptied."""
    path = project(files) / next(iter(files))
    before = definition_id(workspace, path)
    project(late)
    assert definition_id(workspace, path) != before


LINKS = {
    "included": ({"requirements.txt": "six\n-r more.txt\n"}, {"more.txt": "../secret"}),
    "constraints": ({"requirements.txt": "six\n-c more.txt\n"}, {"more.txt": "../secret"}),
    "apt": ({"requirements.txt": "six\n"}, {"apt.txt": "../secret"}),
    "runtime": ({"requirements.txt": "six\n"}, {"runtime.txt": "../secret"}),
    "found": ({}, {"requirements.txt": "../secret"}),
    "found project": ({}, {"pyproject.toml": "../secret"}),
    "dockerfile": ({"envbuild.toml": 'format = 1\n[base]\ndockerfile = "D"\n'}, {"D": "../secret"}),
    "ignore file": ({"Dockerfile": "FROM debian:12\nCOPY . /x\n"}, {".dockerignore": "../secret"}),
    "conda file": ({"environment.yml": "image: h.example/x:1\nconda_file: c.yml\n"}, {"c.yml": "../secret"}),
    "beside the json": ({"azureml_environment.json": '{"name": "x"}'}, {"conda_dependencies.yml": "../secret"}),
    "lock's project": ({"uv.lock": "version = 1\nrevision = 3\n"}, {"pyproject.toml": "../secret"}),
    "lock's source": (
        {
            "Pipfile.lock": '{"_meta": {"pipfile-spec": 6, "hash": {"sha256": "0"}, "sources": [{"name": "pypi", "url": "https://h.example/simple", "verify_ssl": true}]}, "default": {}}'
        },
        {"Pipfile": "../secret"},
    ),
}


@pytest.mark.parametrize("case", LINKS)
def test_a_link_out_of_the_folder_is_refused_and_what_it_leads_to_not_shown(workspace, project, case):
    """A pull request with such a link would print the build machine's files into a public log."""
    folder = project(*LINKS[case])
    with pytest.raises(EnvbuildError) as caught:
        workspace.show(str(folder), Quiet())
    assert "leads out of" in str(caught.value)
    assert not any(word in str(caught.value) for word in ("canary", "alice", "machine"))


def test_a_link_that_stays_inside_and_one_that_the_user_names_are_read(workspace, project, tmp_path):
    folder = project({"requirements.txt": "-r more.txt\n", "sub/real.txt": "six\n"}, {"more.txt": "sub/real.txt"})
    assert definition_id(workspace, folder)
    (tmp_path / "shared.txt").write_text("six\n")
    (folder / "named.txt").symlink_to("../shared.txt")
    assert definition_id(workspace, folder / "named.txt")


def test_a_reader_that_goes_on_without_a_file_it_may_not_have_is_not_believed(project):
    """It would take a link for an absent file, and say something else than the files do."""
    folder = project({"a.txt": "six\n"}, {"b.txt": "../secret"})
    files = DefinitionFiles(str(folder / "a.txt"), ProjectFiles().load)
    with pytest.raises(OSError, match="leads out"):
        files.load(str(folder / "b.txt"))
    with pytest.raises(InvalidDefinition, match="leads out"):
        files.refuse_strays()


@pytest.mark.parametrize("name", [r"a\0b.yml", r"a\ud800b.yml"])
@pytest.mark.parametrize("file", ["environment.yml", "azureml_environment.json"])
def test_a_name_that_no_file_can_have_is_told_as_such(workspace, project, file, name):
    """It ended in an error of the program's own, which says neither the file nor the line."""
    text = f'image: h.example/x:1\nconda_file: "{name}"\n'
    if file.endswith("json"):
        text = f'{{"name": "x", "python": {{"condaDependenciesFile": "{name.replace(chr(92) + "0", chr(92) + "u0000")}"}}}}'
    with pytest.raises(InvalidDefinition, match="no file can have such a name"):
        workspace.show(str(project({file: text}) / file), Quiet())


ENVIRONMENT = "name: x\nprefix: /opt/x\ndependencies: [python=3.11]\n"


def test_a_repair_goes_through_a_link_inside_the_folder(workspace, project):
    """Replaced by a file, the link's other users would go on with what was to be repaired."""
    folder = project({"envs/real.yml": ENVIRONMENT}, {"environment.yml": "envs/real.yml"})
    assert workspace.fix(str(folder / "environment.yml"))
    assert (folder / "environment.yml").is_symlink()
    assert "prefix" not in (folder / "envs/real.yml").read_text()


def test_a_repair_writes_to_nothing_outside_the_folder(workspace, project, tmp_path):
    (tmp_path / "real.yml").write_text(ENVIRONMENT)
    folder = project({}, {"environment.yml": "../real.yml"})
    with pytest.raises(UsageError, match="is not written to"):
        workspace.fix(str(folder / "environment.yml"))
    assert (tmp_path / "real.yml").read_text() == ENVIRONMENT
    assert (folder / "environment.yml").is_symlink()
