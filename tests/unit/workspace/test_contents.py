"""Files that a definition names enter it by content: whatever changes in them changes its id, and nothing else does."""

import os
from dataclasses import replace
from pathlib import Path

import pytest

from envbuild.definition import Context, CopyStep, Definition, DockerfileBase, Project
from envbuild.errors import InvalidDefinition
from envbuild.ids import definition_material, identity, request_material
from envbuild.pipeline.specs import Tree
from envbuild.platforms import LINUX_AMD64
from envbuild.sources.files import ProjectFiles
from envbuild.workspace import contents
from envbuild.workspace.contents import Contents, meant
from envbuild.workspace.contextneeds import takes_from_context
from envbuild.workspace.reading import complete, read_definition


@pytest.fixture
def top(tmp_path) -> Path:
    """A project with a Dockerfile, an ignore file, code and a package."""
    folder = tmp_path / "project"
    for path, text in {
        "docker/Dockerfile": "FROM debian:12\nCOPY src /src\n",
        ".dockerignore": "*.log\ndata\n!data/kept\n",
        "src/main.py": "print(1)\n",
        "data/big": "x",
        "data/kept": "y",
        "run.log": "z",
        "package/pyproject.toml": '[project]\nname = "x"\nversion = "0"\n',
        "package/src/x.py": "",
        "lockfiles/README": "",
        "package/lockfiles/README": "",
    }.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text)
    return folder


def id_of_file(path):
    return identity(definition_material(read_definition(str(path), ProjectFiles().load).definition))


DOCKERFILE = Definition(base=DockerfileBase(path="docker/Dockerfile", context=Context(".")))
COPY = Definition(copy=(CopyStep("src", "/opt/src"),))
PROJECT = Definition(project=Project("package"))


def completed(definition, folder):
    return meant(definition, str(folder), Contents(ProjectFiles().load))


def id_of(definition, folder):
    return identity(definition_material(completed(definition, folder).definition))


def faults(definition, folder):
    with pytest.raises(InvalidDefinition) as caught:
        completed(definition, folder)
    return {fault.at: f"{fault.what}\n{fault.hint}" for fault in caught.value.faults}


def write(path, text="changed"):
    def change(top):
        (top / path).parent.mkdir(parents=True, exist_ok=True)
        (top / path).write_text(text)

    return change


SEEN = [
    (DOCKERFILE, write("docker/Dockerfile", "FROM debian:12\nCOPY src /src \n")),
    (DOCKERFILE, write("src/main.py")),
    (DOCKERFILE, write("src/new.py")),
    (DOCKERFILE, write("data/kept")),
    (DOCKERFILE, write(".dockerignore", "*.log\n")),
    # A Dockerfile's own ignore file goes before the context's.
    (DOCKERFILE, write("docker/Dockerfile.dockerignore", "src")),
    (COPY, write("src/main.py")),
    (COPY, lambda top: (top / "src" / "empty").mkdir()),
    (PROJECT, write("package/src/x.py", "x = 1\n")),
    (PROJECT, write("package/README.md")),
    (PROJECT, write("package/src/dist/x.py")),
]
UNSEEN = [
    (DOCKERFILE, write("run.log")),
    (DOCKERFILE, write("data/other")),
    (DOCKERFILE, write("lockfiles/x.lock")),
    (DOCKERFILE, write("src/x.envbuild.lock")),
    (COPY, write("other/main.py")),
    (COPY, write("run.log")),
    # https://github.com/prefix-dev/pixi/issues/2846: a change in another part of the repository built everything again.
    (PROJECT, write("src/main.py")),
    (PROJECT, write("package/.git/HEAD")),
    (PROJECT, write("package/src/__pycache__/x.pyc")),
    (PROJECT, write("package/dist/x.whl")),
    (PROJECT, write("package/x.egg-info/PKG-INFO")),
    (PROJECT, write("package/.venv/bin/python")),
    (PROJECT, write("package/lockfiles/x.lock")),
]


@pytest.mark.parametrize(("definition", "change"), SEEN)
def test_a_change_of_what_counts_is_another_id(top, definition, change):
    """https://github.com/zenml-io/zenml/pull/3607: the Dockerfile's content was not part of the key."""
    before = id_of(definition, top)
    change(top)
    assert id_of(definition, top) != before


@pytest.mark.parametrize(("definition", "change"), UNSEEN)
def test_a_change_of_anything_else_is_not(top, definition, change):
    """https://github.com/jupyterhub/binderhub/issues/746: a change in a README built everything again."""
    before = id_of(definition, top)
    change(top)
    assert id_of(definition, top) == before


def test_a_project_next_to_its_lock_keeps_its_request(top):
    """Else writing the lock would ask for another lock, for ever."""
    request = request_material(completed(DOCKERFILE, top).definition, LINUX_AMD64)
    (top / "envbuild.envbuild.lock").write_text("{}")
    assert request_material(completed(DOCKERFILE, top).definition, LINUX_AMD64) == request


def test_the_same_folder_elsewhere_is_the_same(top, tmp_path):
    before = id_of(DOCKERFILE, top)
    top.rename(tmp_path / "moved")
    assert id_of(DOCKERFILE, tmp_path / "moved") == before


def test_what_was_read_is_told_so_that_a_change_is_seen(top):
    found = completed(replace(DOCKERFILE, copy=COPY.copy, project=PROJECT.project), top)
    assert found.files == (f"{top}/docker/Dockerfile",)
    assert [(tree.kind, tree.path, tree.dockerfile) for tree in found.trees] == [
        ("context", ".", "docker/Dockerfile"),
        ("copy", "src", ""),
        ("project", "package", ""),
    ]
    assert found.definition.base.context.digest == found.trees[0].digest != ""


def test_a_folder_is_read_once_a_command(top, monkeypatch):
    """Two readings could see two contents: https://github.com/flyteorg/flytekit/pull/3246."""
    reader = Contents(ProjectFiles().load)
    first = meant(COPY, str(top), reader).definition
    (top / "src" / "main.py").write_text("print(2)\n")
    assert meant(COPY, str(top), reader).definition == first
    assert reader.digest(Tree("copy", "src"), str(top)) == first.copy[0].digest
    assert completed(COPY, top).definition != first


def test_a_value_that_was_read_stays_what_it_is(top, tmp_path):
    """A definition is a value: asked again elsewhere, or later, it is the same."""
    asked = replace(DOCKERFILE, copy=COPY.copy, project=PROJECT.project)
    value = completed(asked, top).definition
    (top / "src" / "main.py").write_text("print(2)\n")
    assert completed(value, tmp_path).definition == value
    assert completed(asked, top).definition != value


def test_a_value_without_a_file_is_read_from_the_current_folder(top, monkeypatch):
    monkeypatch.chdir(top)
    load = ProjectFiles().load
    assert complete(DOCKERFILE, load) == completed(DOCKERFILE, top).definition
    assert complete(Definition(name="x"), load) == Definition(name="x")


def test_a_source_that_is_one_file_counts_by_its_content_alone(top):
    (top / "src" / "other.py").write_text("print(1)\n")
    one, other = (id_of(Definition(copy=(CopyStep(name, "/opt/x"),)), top) for name in ("src/main.py", "src/other.py"))
    assert one == other


def test_a_link_in_the_project_is_followed_where_it_is_named(top):
    (top / "code").symlink_to("src")
    assert id_of(Definition(copy=(CopyStep("code", "/opt/src"),)), top) == id_of(COPY, top)


@pytest.mark.parametrize("name", ["nowhere", "src/nowhere", "src/main.py/x"])
def test_a_source_that_is_missing_is_named(top, name):
    assert faults(Definition(copy=(CopyStep(name, "/x"),)), top)["copy[0].from"].startswith(f"{name}: no such file")


@pytest.mark.parametrize(
    ("name", "rule"), [("run.log", "`*.log` (.dockerignore:1)"), ("data/big", "`data` (.dockerignore:2)")]
)
def test_a_source_that_is_ignored_is_told_with_the_rule_that_took_it_away(top, name, rule, monkeypatch):
    monkeypatch.chdir(top)
    told = faults(Definition(copy=(CopyStep(name, "/x"),)), "")["copy[0].from"]
    assert told == f"{name}: left out by {rule}\ntake it back in with a line after it: !{name}"


def test_an_ignored_folder_is_copied_where_something_in_it_is_not(top):
    found = completed(Definition(copy=(CopyStep("data", "/x"),)), top).definition.copy[0].digest
    (top / "data" / "big").unlink()
    (top / ".dockerignore").unlink()
    assert completed(Definition(copy=(CopyStep("data", "/x"),)), top).definition.copy[0].digest == found


@pytest.mark.parametrize(
    ("definition", "at"),
    [
        (Definition(copy=(CopyStep("out", "/x"),)), "copy[0].from"),
        (Definition(base=DockerfileBase("FROM x", Context("out"))), "base.context"),
        (Definition(project=Project("out")), "project"),
    ],
)
def test_a_link_out_of_the_project_is_refused(top, tmp_path, definition, at):
    (tmp_path / "elsewhere").mkdir()
    (top / "out").symlink_to(tmp_path / "elsewhere")
    assert "leads out of the definition's folder" in faults(definition, top)[at]


def test_nothing_outside_is_even_looked_at(top, monkeypatch):
    """The name of a file outside is told as outside, whether it is there or not."""
    definition = Definition(
        base=DockerfileBase(path="../Dockerfile", context=Context("/etc")),
        copy=(CopyStep("../x", "/x"),),
        project=Project("~/x"),
    )
    monkeypatch.setattr(contents, "read_tree", lambda *_, **__: pytest.fail("read"))
    found = faults(definition, top)
    assert found.keys() == {"base.dockerfile", "base.context", "copy[0].from", "project"}
    assert all("outside the project" in told for told in found.values())


def test_all_that_is_wrong_comes_together(top):
    definition = Definition(
        name="A",
        base=DockerfileBase(path="nowhere/Dockerfile", context=Context("gone")),
        copy=(CopyStep("src", "x"), CopyStep("y", "/y")),
        project=Project("src"),
    )
    found = faults(definition, top)
    assert list(found) == ["base.dockerfile", "base.context", "copy[1].from", "project", "name", "copy[0].to"]
    assert "no such file" in found["base.dockerfile"]
    assert "neither pyproject.toml nor setup.py" in found["project"]


@pytest.mark.parametrize(
    ("text", "what"),
    [("# nothing\n", "Dockerfile:1: no instruction: only comments"), ("FROM x\n\0", "NUL byte"), ("", "file is empty")],
)
def test_what_is_no_dockerfile_is_told_with_its_place(top, text, what):
    (top / "docker" / "Dockerfile").write_text(text)
    assert what in faults(DOCKERFILE, top)["base.dockerfile"]


def test_a_bad_ignore_file_is_told_with_its_line(top):
    (top / ".dockerignore").write_text("ok\n[\n")
    found = faults(replace(DOCKERFILE, copy=COPY.copy), top)
    assert all(".dockerignore:2: no pattern: '['" in found[at] for at in ("base.context", "copy[0].from"))


def test_an_ignore_file_that_cannot_be_read_is_not_taken_for_none(top):
    (top / ".dockerignore").unlink()
    os.mkfifo(top / ".dockerignore")
    assert ".dockerignore: not a regular file" in faults(COPY, top)["copy[0].from"]


@pytest.mark.parametrize("address", ["https://ann:secret@h.example/x.git", "git@h.example:x.git"])
def test_an_address_is_no_folder_and_is_not_shown(top, address):
    told = str(faults(Definition(base=DockerfileBase("FROM x", Context(address))), top))
    assert "an address, not a folder" in told
    assert "secret" not in told


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("FROM x\nRUN y\n", None),
        ("FROM x\nCOPY a /a\n", 2),
        ("FROM x\ncopy --chown=1 \\\n  a /a\n", 2),
        ("FROM x\nCOPY --from=y a /a\n", None),
        ("FROM x\nCOPY <<E /a\nCOPY b /b\nE\n", None),
        ("FROM x\nADD https://h.example/x.tgz /x\n", None),
        ("FROM x\nADD $URL /x\nADD x.tgz /x\n", 3),
        ("FROM x\nRUN --mount=type=cache,target=/c y\n", None),
        ("FROM x\nRUN --mount=type=bind,from=z,target=/c y\n", None),
        ("FROM x\nRUN --mount=target=/c y\n", 2),
        ("FROM x\n# COPY a /a\n", None),
    ],
)
def test_a_dockerfile_that_takes_files_needs_a_context_and_no_other_does(top, text, line):
    """A context that nothing takes from would ask for a new image with every change in it."""
    taken = takes_from_context(text)
    assert (taken and taken.line) == line
    if line is not None:
        told = faults(Definition(base=DockerfileBase(text)), top)["base.dockerfile"]
        assert f":{line}: " in told
        assert 'context = "."' in told
    else:
        assert completed(Definition(base=DockerfileBase(text)), top).definition.base.dockerfile == text


@pytest.mark.parametrize("named", ["context", "copy", "AzureML's"])
def test_what_describes_a_definition_is_no_content_of_it(top, named):
    """Else a new description would build a new image, when the file stands in its own context."""
    says = {
        "context": ("own.toml", '[base]\ndockerfile = "docker/Dockerfile"\ncontext = "."\n'),
        "copy": ("own.toml", 'copy = [{ from = ".", to = "/opt/all" }]\n'),
        "AzureML's": ("own.yml", "build:\n  path: .\n  dockerfile_path: docker/Dockerfile\n"),
    }
    name, text = says[named]
    head = "format = 1\n" if name.endswith("toml") else ""
    equals = " =" if name.endswith("toml") else ":"
    path = top / name
    path.write_text(f'{head}description{equals} "one"\n{text}')
    before = id_of_file(path)
    path.write_text(f'{head}description{equals} "another"\n{text}')
    assert id_of_file(path) == before
    (top / "src/main.py").write_text("print(2)\n")
    assert id_of_file(path) != before


def test_a_definition_below_its_context_is_left_out_there_and_its_namesakes_are_not(top):
    path = top / "own.toml"
    path.write_text('format = 1\n[base]\ndockerfile = "docker/Dockerfile"\ncontext = "src"\n')
    before = id_of_file(path)
    (top / "src/own.toml").write_text("x")
    assert id_of_file(path) != before


def test_a_pyproject_stays_in_what_is_copied(top):
    """It says how the copied project is installed, too."""
    path = top / "pyproject.toml"
    text = '[tool.envbuild]\ncopy = [{ from = ".", to = "/opt/all" }]\n'
    path.write_text(text)
    before = id_of_file(path)
    path.write_text(f"{text}[tool.other]\nx = 1\n")
    assert id_of_file(path) != before


def test_a_dockerfile_that_copies_nothing_is_the_same_wherever_it_stands(tmp_path):
    """`show Dockerfile` and Environment.from_dockerfile would name two images for one text."""
    text = "FROM debian:12\nRUN --mount=type=cache,target=/x true\n"
    ids = set()
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "Dockerfile").write_text(text)
        (tmp_path / name / "beside").write_text(name)
        ids.add(id_of_file(tmp_path / name / "Dockerfile"))
    ids.add(
        identity(definition_material(complete(Definition(base=DockerfileBase(text), python=""), ProjectFiles().load)))
    )
    assert len(ids) == 1


def test_a_dockerfile_that_copies_has_its_folder_as_context(tmp_path):
    (tmp_path / "Dockerfile").write_text("FROM debian:12\nCOPY beside /x\n")
    (tmp_path / "beside").write_text("1")
    before = id_of_file(tmp_path / "Dockerfile")
    (tmp_path / "beside").write_text("2")
    assert id_of_file(tmp_path / "Dockerfile") != before
