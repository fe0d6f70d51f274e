"""Whatever form an environment is written in, it builds and runs; the same meaning is the same image."""

import pytest


@pytest.fixture
def project(tmp_path):
    folder = tmp_path / "project"
    folder.mkdir()
    return folder


def write(path, text):
    path.write_text(text)
    return path


def ids(envbuild, spec):
    return envbuild("show", spec, "--json").ok().json["ids"]


def test_four_forms_of_one_environment_are_one_definition(warm, project):
    """Who moves from one tool's file to another's must not build and store everything again."""
    specs = [
        write(project / "requirements.txt", "six>=1.16\nidna\n"),
        write(project / "environment.yml", "dependencies:\n- python=3.11\n- pip\n- pip:\n  - idna\n  - six >= 1.16\n"),
        write(
            project / "pyproject.toml", '[project]\nname = "x"\nversion = "1"\ndependencies = ["six>=1.16", "idna"]\n'
        ),
        write(project / "envbuild.toml", 'format = 1\npypi = ["idna", "six>=1.16"]\n'),
        write(project / "train.py", '# /// script\n# dependencies = ["Six>=1.16", "idna"]\n# ///\nprint("ran")\n'),
    ]
    assert len({ids(warm, spec)["definition"] for spec in specs}) == 1


def test_a_script_with_a_header_needs_no_other_file(warm, project):
    """One file that a colleague can be sent, and that runs."""
    code = "import sys, six\nprint(six.__name__, sys.argv[1:])\n"
    script = write(project / "train.py", f'# /// script\n# dependencies = ["six"]\n# ///\n{code}')
    assert warm("run", "--no-container", script.name, "--epochs", "3", cwd=project).ok().line == "six ['--epochs', '3']"
    # A spec that is named goes before the header.
    write(project / "requirements.txt", "idna\n")
    done = warm("run", "--no-container", "--env", "requirements.txt", script.name, cwd=project)
    assert (done.code, b"ModuleNotFoundError" in done.stderr) == (1, True)


def test_an_environment_yml_with_python_and_pip_builds_at_once(warm, project):
    spec = write(
        project / "environment.yml",
        "name: Train\nchannels: [conda-forge]\ndependencies:\n- python=3.11\n- pip:\n  - azureml-defaults\n  - six\n"
        "variables:\n  GREETING: hello\n",
    )
    built = warm("build", spec, "--to", "store").ok()
    assert built.line.startswith("envbuild/train:")
    assert b"azureml-defaults is left out" in built.stderr
    said = "import os, six; print(os.environ['GREETING'])"
    assert warm("run", "--no-container", "--env", spec, "--", "python", "-c", said).ok().line == "hello"


@pytest.mark.parametrize(
    ("names", "taken"),
    [
        (("envbuild.toml", "environment.yml", "requirements.txt"), "envbuild.toml"),
        (("environment.yml", "pyproject.toml", "requirements.txt"), "environment.yml"),
        (("pyproject.toml", "requirements.txt"), "pyproject.toml"),
        (("requirements.txt",), "requirements.txt"),
    ],
)
def test_of_a_folder_the_strongest_definition_is_taken(warm, project, names, taken):
    texts = {
        "envbuild.toml": 'format = 1\npypi = ["one"]\n',
        "environment.yml": "dependencies:\n- python=3.11\n- pip:\n  - two\n",
        "pyproject.toml": '[project]\nname = "x"\nversion = "1"\ndependencies = [\n  "three",\n]\n',
        "requirements.txt": "four\n",
    }
    for name in names:
        write(project / name, texts[name])
    assert ids(warm, project)["definition"] == ids(warm, project / taken)["definition"]


def test_a_pyproject_that_only_sets_up_tools_is_passed_over(warm, project):
    write(project / "pyproject.toml", "[tool.ruff]\nline-length = 100\n[tool.envbuild.settings]\ntimeout = 5\n")
    write(project / "requirements.txt", "six\n")
    assert ids(warm, project)["definition"] == ids(warm, project / "requirements.txt")["definition"]


def test_packages_of_azureml_are_kept_where_that_is_asked_for(warm, project):
    """Who still calls the service from a script gets its client; the lock of that choice is another file."""
    spec = write(project / "environment.yml", "dependencies:\n- python=3.11\n- pip:\n  - azureml-core\n  - six\n")
    without = warm("show", spec, "--json").ok()
    assert b"azureml-core is left out" in without.stderr
    kept = warm("show", spec, "--keep-azureml", "--json").ok()
    assert b"left out" not in kept.stderr
    assert kept.json["definition"]["request"]["pypi"] == [["azureml-core", []], ["six", []]]
    plain = write(project / "requirements.txt", "azureml-core\n")
    assert "nothing is left out of this file" in warm.failed(2, "show", plain, "--keep-azureml")
