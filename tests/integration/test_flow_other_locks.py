"""`envbuild lock`, `build` and `run` from another tool's lock: what stands in it is installed, and nothing is resolved."""

import os
import subprocess
import sys

import pytest
from uv import find_uv_bin


@pytest.fixture
def no_resolver(tmp_path):
    """An environment in which uv is there and fails: whatever would be resolved ends with an error."""
    module = tmp_path / "no-resolver" / "uv"
    module.mkdir(parents=True)
    program = module / "uv"
    program.write_text("#!/bin/sh\necho 'error: a resolver was started' >&2\nexit 2\n")
    program.chmod(0o755)
    (module / "__init__.py").write_text(f"def find_uv_bin():\n    return {str(program)!r}\n")
    return {"PYTHONPATH": str(module.parent)}


@pytest.fixture
def locked(tmp_path, pypi_server, make_wheel):
    """A project with a uv.lock that pins alpha 1.0, where the index has a newer one by now."""
    folder = tmp_path / "project"
    folder.mkdir()
    code = {"alpha/__init__.py": "import beta\nsaid = 'alpha 1.0 with beta ' + beta.version\n"}
    make_wheel(
        "alpha", "1.0", code, requires=["beta", "late ; python_full_version < '3.11.3'"], folder=pypi_server.folder
    )
    make_wheel("beta", "1.0", {"beta/__init__.py": "version = '1.0'\n"}, folder=pypi_server.folder)
    make_wheel("late", "1.0", folder=pypi_server.folder)
    make_wheel("tool", "1.0", folder=pypi_server.folder)
    (folder / "pyproject.toml").write_text(
        '[project]\nname = "web"\nversion = "1"\nrequires-python = ">=3.11"\ndependencies = ["alpha"]\n'
        '[build-system]\nrequires = ["hatchling"]\nbuild-backend = "hatchling.build"\n'
        '[dependency-groups]\ndev = ["tool"]\n[tool.envbuild.variables]\nGREETING = "hello"\n'
        f'[[tool.uv.index]]\nname = "here"\nurl = "{pypi_server.url}"\ndefault = true\n'
    )
    _uv(folder, tmp_path, "lock")
    make_wheel("alpha", "2.0", {"alpha/__init__.py": "said = 'alpha 2.0'\n"}, folder=pypi_server.folder)
    return folder


def _uv(folder, tmp_path, *words):
    environ = {key: value for key, value in os.environ.items() if not key.startswith(("UV_", "PIP_"))}
    environ |= {
        "UV_CACHE_DIR": str(tmp_path / "uv-cache"),
        "XDG_CONFIG_HOME": str(tmp_path),
        "XDG_CONFIG_DIRS": str(tmp_path),
    }
    argv = [find_uv_bin(), *words, "--python", sys.executable, "--no-python-downloads"]
    subprocess.run(argv, cwd=folder, env=environ, capture_output=True, check=True)


def test_a_uv_lock_is_built_and_run_as_it_is(warm, locked, no_resolver):
    """Somebody tested these versions; a newer one on the index must not come in with a build."""
    said = "import os, alpha; print(alpha.said, os.environ['GREETING'])"
    built = warm("build", "uv.lock", "--to", "store", cwd=locked, env=no_resolver).ok()
    assert b"the project's own package is not installed" in built.stderr
    done = warm("run", "--no-container", "--env", "uv.lock", "--", "python", "-c", said, cwd=locked, env=no_resolver)
    assert done.ok().line == "alpha 1.0 with beta 1.0 hello"
    # What is only said to be possible otherwise: from the project alone the newest is resolved, which this machine cannot.
    words = warm.failed(3, "build", "pyproject.toml", "--to", "store", cwd=locked, env=no_resolver)
    assert "a resolver was started" in words


def test_a_lock_of_ours_is_made_of_a_uv_lock_and_serves_it(warm, locked, no_resolver):
    warm("lock", "uv.lock", cwd=locked, env=no_resolver).ok()
    text = (locked / "uv.envbuild.lock").read_text()
    assert '"name":"late"' in text.replace(" ", "")
    warm("build", "uv.lock", "--locked", "--to", "store", cwd=locked, env=no_resolver).ok()
    # The release of the base's Python decides about `late`; the group is another definition.
    more = warm("lock", "uv.lock", "--group", "dev", "--lock", "dev.lock", cwd=locked, env=no_resolver).ok()
    assert b"tool" in more.stdout + more.stderr


def test_exports_of_one_lock_are_one_image(warm, locked, no_resolver, tmp_path):
    """uv.lock for one's own work, hashed requirements for the company's other tools: one image in the store."""
    for form, name in (("requirements-txt", "requirements.txt"), ("pylock.toml", "pylock.toml")):
        _uv(
            locked,
            tmp_path,
            "export",
            "--frozen",
            "--no-dev",
            "--no-emit-project",
            "--emit-index-url",
            "--format",
            form,
            "-o",
            name,
        )
    specs = ("uv.lock", "pylock.toml")
    shown = [warm("show", spec, "--json", cwd=locked, env=no_resolver).ok().json["ids"] for spec in specs]
    assert shown[0]["definition"] == shown[1]["definition"]
    locks = [
        warm("lock", spec, "--lock", f"{spec}.ours", "--json", cwd=locked).ok().json
        for spec in (*specs, "requirements.txt")
    ]
    assert len({str(one["ids"]) for one in locks}) == 1


def test_a_file_that_was_replaced_on_the_index_is_refused(warm, locked, make_wheel, pypi_server, no_resolver):
    make_wheel("beta", "1.0", {"beta/__init__.py": "version = 'evil'\n"}, folder=pypi_server.folder)
    words = warm.failed(6, "build", "uv.lock", "--to", "store", cwd=locked, env=no_resolver)
    assert "beta-1.0-py3-none-any.whl: its sha256 is" in words


def test_what_is_wrong_in_a_lock_is_an_error_of_the_definition(warm, locked):
    lock = locked / "uv.lock"
    lock.write_text(lock.read_text().replace("version = 1\n", "version = 9\n", 1))
    assert "uv.lock of version 9 needs a newer envbuild" in warm.failed(2, "build", "uv.lock", cwd=locked)
    assert "there is no extra 'gpu'" in warm.failed(
        2, "lock", "pylock.toml", "--extra", "gpu", cwd=_with_pylock(locked)
    )


def _with_pylock(folder):
    (folder / "pylock.toml").write_text('lock-version = "1.0"\ncreated-by = "by hand"\npackages = []\n')
    return folder
