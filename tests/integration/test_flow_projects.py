"""What is found in a folder, what is chosen of a project, and its own package as the last layer: by the real command line."""

import json
from pathlib import Path

import pytest

CHOICES = """
[project.optional-dependencies]
test = ["iniconfig"]
[dependency-groups]
dev = ["idna", { include-group = "more" }]
more = ["packaging"]
"""


@pytest.fixture
def folder(tmp_path):
    path = tmp_path / "my-app"
    path.mkdir()
    return path


@pytest.fixture
def app(folder, python_project):
    """A project that needs six, has an extra and groups, a package and a script of its own."""
    return python_project(folder, dependencies=["six"], more=CHOICES)


def shown(envbuild, *words):
    return envbuild("show", *words, "--json").ok().json


def asked_for(envbuild, *words):
    return [text for text, _ in shown(envbuild, *words)["definition"]["request"]["pypi"]]


# What a folder has.


def test_a_folder_with_everything_says_what_it_took_and_passed_over(warm, folder):
    """Three tools' files in one folder are usual; which of them counts must not be a guess."""
    files = {
        "pyproject.toml": '[project]\nname = "x"\nversion = "1"\ndependencies = ["one"]\n',
        "requirements.in": "six\n",
        "requirements.txt": "six==1.16.0\n",
        "environment.yml": "dependencies:\n- python=3.11\n- pip:\n  - two\n",
        "Dockerfile": "FROM scratch\n",
        "setup.cfg": "",
    }
    for name, text in files.items():
        (folder / name).write_text(text)
    done = warm("show", folder, "--json").ok()
    took = "took environment.yml; passed over pyproject.toml, requirements.txt, Dockerfile, requirements.in"
    assert f"{folder}: {took}" in done.stderr.decode()
    assert done.stderr.decode().count("took ") == 1
    (folder / "environment.yml").unlink()
    (folder / "pyproject.toml").unlink()
    inside = warm("show", ".", "--json", cwd=folder).ok()
    assert b"note: took requirements.txt with requirements.in; passed over Dockerfile\n" in inside.stderr
    assert b"took " not in warm("show", folder / "requirements.txt").ok().stderr


def test_two_of_one_rank_end_the_command_and_both_are_named(warm, folder):
    for name in ("environment.yml", "environment.yaml"):
        (folder / name).write_text("dependencies: [python=3.11]\n")
    for command in ("show", "build", "lock", "probe", "explain", "lint"):
        words = warm.failed(2, command, folder)
        assert "environment.yaml and environment.yml are of one rank" in words


def test_what_would_be_taken_and_cannot_be_read_is_not_passed_over(warm, folder):
    (folder / "requirements.txt").write_text("six\n")
    (folder / "pyproject.toml").write_text("[project\n")
    assert "pyproject.toml:1: not TOML" in warm.failed(2, "show", folder)
    (folder / "envbuild.toml").symlink_to("gone.toml")
    assert "envbuild.toml: no such file" in warm.failed(2, "show", folder)


def test_a_folder_whose_lock_was_not_made_yet_is_told_how(warm, folder):
    (folder / "Pipfile").write_text('[packages]\nsix = "*"\n')
    words = warm.failed(2, "build", folder)
    assert "no definition is in this folder" in words
    assert "pipenv lock" in words


# What is chosen.


def test_extras_and_groups_are_part_of_what_is_asked_for(warm, app):
    """An id that is the same with and without the test tools would be the wrong image for one of the two."""
    assert asked_for(warm, app) == ["six"]
    assert asked_for(warm, app, "--extra", "test") == ["iniconfig", "six"]
    assert asked_for(warm, app, "--group", "dev") == ["idna", "packaging", "six"]
    choices = [(), ("--extra", "test"), ("--group", "dev"), ("--group", "more")]
    assert len({shown(warm, app, *words)["ids"]["request"] for words in choices}) == len(choices)
    both = shown(warm, app, "--group", "DEV", "--extra", "Test", "--group", "more")["ids"]
    assert both == shown(warm, app, "--extra", "test", "--group", "dev")["ids"]


def test_each_choice_has_a_lock_file_and_an_image_name_of_its_own(warm, app):
    """Under one name the second would overwrite the first."""
    plain = warm("lock", app, "-q").ok().line
    chosen = warm("lock", app, "--extra", "test", "-q").ok().line
    assert (plain, chosen) == (f"{app}/pyproject.envbuild.lock", f"{app}/pyproject+extra-test.envbuild.lock")
    first = warm("build", app, "--locked", "--to", "store", "-q").ok().line
    second = warm("build", app, "--extra", "test", "--locked", "--to", "store", "-q").ok().line
    assert first.startswith("envbuild/my-project:")
    assert second.startswith("envbuild/my-project__extra-test:")
    assert warm("build", chosen, "--to", "store", "-q").ok().line.startswith("envbuild/pyproject__extra-test:")
    assert b"iniconfig" in warm("ls", "envbuild/my-project__extra-test").ok().stdout
    assert b"iniconfig" not in warm("ls", "envbuild/my-project").ok().stdout
    words = warm.failed(3, "build", app, "--group", "dev", "--locked")
    assert f"envbuild lock {app}/pyproject.toml --group dev" in words


def test_a_run_with_a_group_has_its_packages(warm, app):
    code = "import idna, packaging, six; print('all there')"
    run = ("run", "--no-container", "--env", app)
    assert warm(*run, "--group", "dev", "--", "python", "-c", code).ok().line == "all there"
    assert warm(*run, "--", "python", "-c", code).code == 1


def test_a_choice_where_there_is_nothing_to_choose_from_is_refused(warm, folder):
    (folder / "requirements.txt").write_text("six\n")
    assert "no extras and no groups" in warm.failed(2, "build", folder, "--extra", "test")
    assert "not a Python project's" in warm.failed(2, "build", folder, "--project")
    lock = warm("lock", folder, "-q").ok().line
    assert "a lock is complete" in warm.failed(2, "build", lock, "--group", "dev")


# The project's own package.


def test_the_own_package_is_there_in_the_image_and_in_a_run(warm, app):
    built = warm("build", app, "--project", "--to", "store", "-q").ok().line
    name = "envbuild/my-project__project"
    assert built.startswith(f"{name}:")
    assert warm("cat", name, "/opt/env/bin/my-tool").ok().stdout.startswith(b"#!/opt/env/bin/python")
    assert b"/site-packages/my_project/__init__.py" in warm("ls", name, "/opt/env/lib").ok().stdout
    assert b"2 distributions" in warm("verify", name).ok().stderr
    run = ("run", "--no-container", "--env", app, "--project", "--")
    assert warm(*run, "python", "-c", "import my_project, six; print(my_project.__name__)").ok().line == "my_project"
    assert warm(*run, "my-tool").ok().line == "hello from the project"
    assert b"only what it depends on (--project installs it)" in warm("show", app).ok().stderr


def test_the_own_script_runs_in_a_container(warm, app, docker_engine):
    """The image is what is sent elsewhere: there the project's own folder is not."""
    words = ("run", "--container", "--env", app, "--project", "--", "my-tool")
    assert warm(*words, env=docker_engine.env).ok().line == "hello from the project"


def test_a_changed_source_file_makes_one_new_layer_and_nothing_else(warm, app):
    """Code changes many times a day: packages must not be resolved, made or pushed anew for it."""
    words = ("build", app, "--project", "--to", "store", "--json")
    first = warm(*words).ok().json
    again = warm(*words).ok()
    assert (again.json["hit"], again.json["digest"]) == (True, first["digest"])
    assert b"wheel" not in again.stderr
    (app / "src" / "my_project" / "__init__.py").write_text("changed = True\n")
    missed = warm("probe", app, "--project")
    assert (missed.code, b"its own package was not built from its files as they are now" in missed.stderr) == (10, True)
    steps = {step["kind"]: step for step in warm("explain", app, "--project", "--json").ok().json["steps"]}
    assert (steps["request"]["known"], steps["lock"]["known"]) == (True, False)
    assert "own package" in steps["lock"]["what"]
    # No index can be asked: what was resolved is not resolved again, and the backend needs nothing.
    offline = {"HTTPS_PROXY": "http://127.0.0.1:9", "HTTP_PROXY": "http://127.0.0.1:9"}
    changed = warm(*words, env=offline).ok()
    assert b"resolve" not in changed.stderr
    assert changed.json["layers"]["made"] == 1
    assert changed.json["layers"]["reused"] == first["layers"]["made"] + first["layers"]["reused"] - 1
    assert changed.json["ids"]["request"] == first["ids"]["request"]
    assert changed.json["ids"]["definition"] != first["ids"]["definition"]
    assert warm("probe", app, "--project").code == 0


def test_a_lock_file_serves_whatever_the_code_is(warm, app):
    """A lock that every commit makes stale would be written by every commit."""
    lock = warm("lock", app, "--project", "-q").ok().line
    text = (app / "pyproject.envbuild.lock").read_text()
    assert lock == f"{app}/pyproject.envbuild.lock"
    assert '"my-project"' not in text
    for code in ("one = 1\n", "two = 2\n"):
        (app / "src" / "my_project" / "__init__.py").write_text(code)
        done = warm("build", app, "--project", "--locked", "--to", "store").ok()
        assert b"does not fit" not in done.stderr
    assert warm("lock", app, "--project", "--check").code == 0
    assert (app / "pyproject.envbuild.lock").read_text() == text
    assert warm("export", app, "--project", "--format", "requirements").ok().stdout.count(b"==") == 1


def test_a_store_that_lost_the_wheel_builds_it_again(warm, app):
    """Whatever is in the store can be made again; what it is made of is in the folder."""
    words = ("build", app, "--project", "--to", "store", "--json")
    first = warm(*words).ok().json
    claims = Path(warm.env["ENVBUILD_HOME"]) / "cache" / "claims.v1" / "wheel"
    for claim in claims.glob("*/*.json"):
        claim.unlink()
    again = warm(*words).ok()
    assert b"built my_project-1.0-py3-none-any.whl" in again.stderr
    assert again.json["digest"] == first["digest"]


def test_what_is_no_part_of_the_package_changes_nothing(warm, app):
    """A run leaves caches, and a lock is written beside the definition: the next build must be a hit."""
    words = ("build", app, "--project", "--to", "store", "--json")
    first = warm(*words).ok().json
    for name in ("src/my_project/__pycache__/x.pyc", ".venv/bin/python", ".git/HEAD", "dist/old.whl"):
        (app / name).parent.mkdir(parents=True, exist_ok=True)
        (app / name).write_text("x")
    warm("lock", app, "-q").ok()
    again = warm(*words).ok().json
    assert (again["hit"], again["digest"]) == (True, first["digest"])


def test_an_envbuild_toml_can_say_the_same(warm, app):
    written = shown(warm, app, "--project")
    toml = warm("show", app, "--project", "--toml", "-q").ok().stdout
    (app / "envbuild.toml").write_bytes(toml)
    # The new file is itself a file of the project, so the content is another one; what is asked for beside it is not.
    found = shown(warm, app / "envbuild.toml")
    assert found["ids"]["request"] == written["ids"]["request"]
    assert warm("build", app, "--to", "store", "-q").ok().line.startswith("envbuild/my-project:")
    run = ("run", "--no-container", "--env", app, "--", "my-tool")
    assert warm(*run).ok().line == "hello from the project"


def test_a_package_that_needs_more_than_was_locked_is_told(warm, folder, python_project):
    """`import` would fail in the image, in the middle of a run."""
    python_project(folder, dependencies=["six"], undeclared=["idna>=3"])
    words = warm.failed(3, "build", folder, "--project", "--to", "store")
    assert "needs packages that are not locked" in words
    assert "idna>=3" in words


def test_a_build_that_fails_is_exit_4_with_its_last_words(warm, app):
    backend = app / "build_backend" / "in_tree.py"
    backend.write_text("raise SystemExit('the compiler is not here')\n")
    words = warm.failed(4, "build", app, "--project", "--to", "store")
    assert "its wheel cannot be built" in words
    assert "the compiler is not here" in words


def test_another_store_gives_the_same_image(warm, cold, app, tmp_path):
    """Two machines that build one content must end with one digest."""
    words = ("build", app, "--project", "--to", "store", "--json")
    here = warm(*words).ok().json
    there = json.loads(cold(*words).ok().stdout)
    assert (there["digest"], there["ids"]) == (here["digest"], here["ids"])
