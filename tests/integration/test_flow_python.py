"""Any Python, without conda: locked from a mirror, in images and in direct runs, and never anything of this machine's."""

import json
import re
import shutil
from pathlib import Path

import pytest
from pythonarchives import other_pythons, real_archive, serve_mirror, small_archive, this_python, write_mirror

ASK = "import json, sys; print(json.dumps([sys.version.split()[0], sys.prefix, sys.base_prefix]))"
OTHERS = other_pythons(("3.8", "3.10", "3.12", "3.13", "3.14"))


@pytest.fixture(scope="session")
def archive():
    """The Python that runs the tests, as an archive."""
    return real_archive(this_python())


@pytest.fixture(scope="session")
def mirror(archive, tmp_path_factory):
    """A mirror with it, and with others that run nothing."""
    small = [
        small_archive(version) for version in ("3.8.20", "3.12.8", "3.12.10", "3.15.0rc1") if version != archive.version
    ]
    folder = write_mirror(tmp_path_factory.mktemp("pythons"), [archive, *small])
    with serve_mirror(folder) as served:
        yield served


@pytest.fixture(scope="session")
def other(warm, mirror, archive, tmp_path_factory):
    """A definition of that very release, on a base with another one; its folder is the project."""
    spec = tmp_path_factory.mktemp("any-python") / "envbuild.toml"
    spec.write_text(
        f'format = 1\nname = "any"\npython = "{archive.version}"\npypi = ["six"]\n[base]\ndebian = "{other_suite(archive)}"\n'
    )
    warm("lock", spec, env=mirror.env).ok()
    return spec


def other_suite(archive):
    """A suite whose own Python is not the archive's."""
    return "bookworm" if archive.version != "3.11.2" else "trixie"


def python_of(path):
    """The interpreters of a lock file."""
    sections = json.loads(Path(path).read_bytes())["sections"].values()
    return [a for section in sections for a in section["artifacts"] if a["kind"] == "python"]


def lock_beside(spec):
    return spec.with_name("envbuild.envbuild.lock")


def test_the_lock_names_the_build_and_the_base_has_no_other(other, archive, mirror):
    """Two interpreters in one image would be a guess which one is meant."""
    text = lock_beside(other).read_text()
    (found,) = python_of(lock_beside(other))
    assert (found["version"], found["file"], found["sha256"]) == (archive.version, archive.file, archive.sha256)
    assert "python3.11-minimal" not in text
    assert "libstdc++6" in text


def test_a_direct_run_has_the_locked_interpreter_and_needs_none_on_path(warm, other, archive, mirror):
    """What runs must not depend on which Pythons a machine has."""
    env = {**mirror.env, "PATH": ""}
    done = warm("run", "--env", other, "--no-container", "--", "python", "-c", f"import six; {ASK}", env=env).ok()
    version, prefix, base_prefix = json.loads(done.line)
    store = Path(warm.env["ENVBUILD_HOME"], "cache", "prefixes.v1")
    assert version == archive.version
    assert Path(prefix).parent == Path(base_prefix).parent == store
    assert Path(base_prefix).name == archive.sha256
    assert warm("cache", "verify").code == 0


def test_a_direct_run_recovers_an_interpreter_that_was_pruned(warm, other, archive, mirror):
    """`cache prune` may take it while the environment stays."""
    ask = ("run", "--env", other, "--no-container", "--", "python", "-c", ASK)
    base_prefix = json.loads(warm(*ask, env=mirror.env).ok().line)[2]
    shutil.rmtree(base_prefix)
    assert json.loads(warm(*ask, env=mirror.env).ok().line)[2] == base_prefix


def test_an_image_has_it_and_a_second_build_asks_no_network(warm, other, mirror):
    """The layer is made once; a hit is a hit without any mirror."""
    said = warm("build", other, "--to", "store", "--json", env=mirror.env).ok().json
    settings = ("ENVBUILD_PYTHON_MIRROR", "ENVBUILD_PYTHON_CATALOG", "ENVBUILD_PYPI_INDEX")
    dead = dict.fromkeys(settings, "http://127.0.0.1:9")
    again = warm("build", other, "--to", "store", "--json", env=dead).ok().json
    assert again["digest"] == said["digest"]


@pytest.mark.parametrize("engine", ["docker_engine", "podman"])
def test_an_image_runs(request, warm, other, archive, mirror, engine):
    """The interpreter, its virtual environment and the packages, in a real container."""
    env = {**mirror.env, **request.getfixturevalue(engine).env}
    code = f"import six; {ASK}"
    done = warm("run", "--env", other, "--container", "--", "python", "-c", code, env=env).ok()
    assert json.loads(done.line) == [archive.version, "/opt/env", "/opt/python"]
    verified = warm("verify", other, env=env).ok()
    assert "the interpreter starts" in verified.stderr.decode()


@pytest.mark.skipif(not OTHERS, reason="PATH has no other Python that starts")
@pytest.mark.parametrize("minor", OTHERS)
def test_other_minors_run_too(minor, warm, project, tmp_path):
    """The promise is 3.8 to 3.14: each of those that this machine can make an archive of."""
    made = real_archive(OTHERS[minor])
    spec = project(f'python = "{minor}"\npypi = ["six"]\n[base]\ndebian = "bookworm"', f"py{minor.replace('.', '')}")
    with serve_mirror(write_mirror(tmp_path / "mirror", [made])) as served:
        done = warm(
            "run", "--env", spec, "--no-container", "--", "python", "-c", f"import six; {ASK}", env=served.env
        ).ok()
    assert json.loads(done.line)[0] == made.version


@pytest.mark.parametrize(
    ("python", "words"),
    [
        ("3.7", ["3.8 is the oldest", "3.8, ", "3.12"]),
        ("2.7", ["3.8 is the oldest"]),
        ("3.12.99", ["no standalone build of Python 3.12.99", "3.12.10, 3.12.8"]),
        ("3.10", ["no standalone build of Python 3.10", "3.11.2 (bookworm)"]),
        ("3.15", ["previews alone", "3.15.0rc1"]),
    ],
)
def test_what_cannot_be_had_is_refused_before_anything_is_resolved(cold, mirror, project, python, words):
    """A wrong index, a wrong Debian mirror: neither is asked before the version is known to be there."""
    spec = project(f'python = "{python}"\npypi = ["no-such-package-anywhere"]')
    dead = {"ENVBUILD_PYPI_INDEX": "http://127.0.0.1:9", "ENVBUILD_DEBIAN_MIRROR": "http://127.0.0.1:9"}
    said = cold.failed(3, "lock", spec, env={**mirror.env, **dead})
    for word in words:
        assert word in said
    assert "127.0.0.1:9" not in said


def test_a_lock_keeps_its_interpreter_until_it_is_asked_for_a_newer_one(warm, project, tmp_path):
    """A package that is added must not bring another interpreter with it."""
    spec, folder = project('python = "3.12"\npypi = []', "keeps"), tmp_path / "mirror"
    with serve_mirror(write_mirror(folder, [small_archive("3.12.8")])) as served:
        warm("lock", spec, env=served.env).ok()
        write_mirror(folder, [small_archive("3.12.8"), small_archive("3.12.10"), small_archive("3.13.9")])

        def locked(*options):
            warm("lock", spec, *options, env=served.env).ok()
            return python_of(lock_beside(spec))[0]["version"]

        spec.write_text(spec.read_text().replace("pypi = []", 'pypi = ["six"]'))
        assert locked() == "3.12.8"
        assert locked("--upgrade-base") == "3.12.8"
        assert locked("-P", "six") == "3.12.8"
        assert locked("-P", "cpython") == "3.12.10"


def test_another_machine_builds_the_lock_from_its_own_mirror(cold, other, archive, mirror, tmp_path):
    """A lock names bytes, never places: any mirror that has them will do."""
    with serve_mirror(write_mirror(tmp_path / "elsewhere", [archive], sums="")) as served:
        cold("build", lock_beside(other), "--to", "store", env={"ENVBUILD_PYTHON_MIRROR": served.url}).ok()
        assert any(archive.file in path for path in served.requests)


def test_other_bytes_and_none_at_all(cold, other, archive, tmp_path):
    """Exit 6 where somebody replaced the archive, 3 where it is gone."""
    bad = write_mirror(tmp_path / "bad", [archive])
    (bad / archive.day / archive.file).write_bytes(bytes(len(archive.content)))
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty" / "pythons.json").write_text("{}")
    with serve_mirror(bad) as served:
        said = cold.failed(6, "build", lock_beside(other), "--to", "store", env=served.env)
        assert "not the file that was locked" in said
    spec = other.parent / "gone.envbuild.lock"
    spec.write_text(re.sub(r',"url":"[^"]*"', "", lock_beside(other).read_text()))
    with serve_mirror(tmp_path / "empty") as served:
        said = cold.failed(3, "build", spec, "--to", "store", env=served.env)
        assert "not there any more" in said


def test_the_projects_own_package_is_built_by_the_locked_interpreter(warm, mirror, archive, python_project, tmp_path):
    """Built by another one it may be a wheel that the environment cannot use; PATH decides nothing."""
    folder = python_project(tmp_path / "own", more=f'requires-python = "=={archive.version}"')
    backend = folder / "build_backend" / "in_tree.py"
    backend.write_text(
        f"import sys\nassert sys.base_prefix.endswith({archive.sha256!r}), sys.base_prefix\n{backend.read_text()}"
    )
    (folder / "envbuild.toml").write_text(
        f'format = 1\nname = "own"\npython = "{archive.version}"\nproject = "."\n[base]\ndebian = "{other_suite(archive)}"\n'
    )
    done = warm("run", "--env", folder / "envbuild.toml", "--no-container", "--", "my-tool", env=mirror.env).ok()
    assert done.line == "hello from the project"


def test_condas_python_beneath_wheels_is_the_other_way(warm, channel, project):
    """`conda = ["python"]` with `pypi`: conda's interpreter, the wheels in its prefix, and no standalone build beside it."""
    spec = project('conda = ["python"]\npypi = ["six"]', "condas-python")
    env = {"ENVBUILD_CHANNEL_CONDA_FORGE": channel.url, "ENVBUILD_PYTHON_MIRROR": "http://127.0.0.1:9"}
    warm("lock", spec, env=env).ok()
    text = lock_beside(spec).read_text()
    assert python_of(lock_beside(spec)) == []
    assert '"kind":"conda","name":"python"' in text
    done = warm("run", "--env", spec, "--no-container", "--", "python", "-c", f"import six; {ASK}", env=env).ok()
    _, prefix, base_prefix = json.loads(done.line)
    assert prefix == base_prefix
