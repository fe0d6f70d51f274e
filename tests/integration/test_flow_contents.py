"""Dockerfiles, contexts, copied files and projects on the command line: by content, whatever was seen before."""

import pytest


@pytest.fixture
def project(tmp_path):
    folder = tmp_path / "project"
    for path, text in {
        "envbuild.toml": 'format = 1\npypi = ["six"]\ncopy = [{ from = "src", to = "/opt/src" }]\n'
        '[base]\ndockerfile = "Dockerfile"\ncontext = "."\narguments = { A = "1" }\n',
        "Dockerfile": "FROM debian:12\nCOPY . /srv\n",
        ".dockerignore": "*.log\n",
        "src/main.py": "print(1)\n",
    }.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text)
    return folder


def definition_id(warm, spec, **options):
    return warm("show", spec, "--json", **options).ok().json["ids"]["definition"]


CHANGES = [
    ("Dockerfile", "FROM debian:12 \nCOPY . /srv\n", True),
    ("src/main.py", "print(2)\n", True),
    ("new", "", True),
    (".dockerignore", "# nothing\n", True),
    ("Dockerfile.dockerignore", "src\n", True),
    ("run.log", "x", False),
    ("lockfiles/other.lock", "x", False),
]


@pytest.mark.parametrize(("path", "text", "seen"), CHANGES)
def test_a_change_is_seen_though_the_definition_was_seen_before(warm, project, path, text, seen):
    """A definition is remembered by its file; what it names must not be remembered with it."""
    (project / "lockfiles").mkdir()
    spec = project / "envbuild.toml"
    before = definition_id(warm, spec)
    assert definition_id(warm, spec) == before
    (project / path).write_text(text)
    assert (definition_id(warm, spec) != before) is seen


def test_it_is_the_same_from_any_folder_and_as_a_toml(warm, project, tmp_path):
    """Who moves the project, or writes it in full, must not build again."""
    before = definition_id(warm, "envbuild.toml", cwd=project)
    assert definition_id(warm, "project/envbuild.toml", cwd=tmp_path) == before
    full = warm("show", "envbuild.toml", "--toml", cwd=project).ok().stdout
    (project / ".dockerignore").write_text("*.log\n")
    (project / "envbuild.toml").write_bytes(full)
    shown = warm("show", "envbuild.toml", "--toml", cwd=project).ok().stdout
    assert shown == full


def test_a_dockerfile_alone_is_a_definition(warm, project):
    shown = warm("show", project / "Dockerfile", "--toml").ok().stdout.decode()
    assert 'name = "project"' in shown
    assert '[base]\ndockerfile = "Dockerfile"\ncontext = "."\n' in shown


def test_what_nothing_builds_yet_is_shown_and_refused_when_it_is_to_be_built(warm, project):
    words = warm.failed(2, "build", "envbuild.toml", cwd=project)
    assert "envbuild.toml:5: base.dockerfile: no builder serves this key yet" in words
    assert "envbuild.toml:3: copy: no builder serves this key yet" in words


def test_all_that_is_wrong_is_told_at_once_with_lines(warm, project):
    (project / "link").symlink_to("/etc/passwd")
    (project / "envbuild.toml").write_text(
        'format = 1\nproject = "src"\ncopy = [\n  { from = "a.log", to = "/x" },\n  { from = "../y", to = "/y" },\n]\n'
        '[base]\ndockerfile = "Nowhere"\ncontext = "."\narguments = { HTTP_PROXY = "http://ann:hush@p.example" }\n'
    )
    (project / "a.log").touch()
    words = warm.failed(2, "show", "envbuild.toml", cwd=project)
    assert "envbuild.toml:2: project: src: no Python project" in words
    assert "envbuild.toml:3: copy[0].from: a.log: left out by `*.log` (.dockerignore:1)" in words
    assert "copy[1].from: '../y' lies outside the project" in words
    assert "envbuild.toml:8: base.dockerfile: Nowhere: no such file" in words
    assert "envbuild.toml:9: base.context: link: a link to /etc/passwd" in words
    assert "envbuild.toml:10: base.arguments.HTTP_PROXY: a proxy is the machine's" in words
    assert "hush" not in words


def test_a_context_that_nothing_says_is_never_guessed(warm, project):
    """Else every file beside a Dockerfile would be part of the id unasked."""
    (project / "envbuild.toml").write_text('format = 1\n[base]\ndockerfile = "Dockerfile"\n')
    words = warm.failed(2, "show", "envbuild.toml", cwd=project)
    assert "envbuild.toml:3: base.dockerfile: Dockerfile:2: COPY takes files from a build context" in words
    (project / "Dockerfile").write_text("FROM debian:12\n")
    before = definition_id(warm, "envbuild.toml", cwd=project)
    (project / "src" / "main.py").write_text("print(3)\n")
    assert definition_id(warm, "envbuild.toml", cwd=project) == before


def test_what_cannot_be_read_any_more_is_told_though_it_was_seen_before(warm, project):
    """Else the id of what once was there would be shown for what is there now."""
    definition_id(warm, "envbuild.toml", cwd=project)
    (project / "src" / "out").symlink_to("/etc/passwd")
    words = warm.failed(2, "show", "envbuild.toml", cwd=project)
    assert "copy[0].from: out: a link to /etc/passwd" in words
    assert "base.context: src/out: a link to /etc/passwd" in words
