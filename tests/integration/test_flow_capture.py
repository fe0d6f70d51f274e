"""From an environment that works to an image with the same in it, by the command line."""

import asyncio
import json
import subprocess
import sys

import pytest
import rattler
from environments import Made

from envbuild.definition import SUITE_PYTHONS


@pytest.fixture(scope="module")
def venv(warm, tmp_path_factory):
    """A virtual environment as a user has one: packages of the index by name, and what they need."""
    if f"{sys.version_info[0]}.{sys.version_info[1]}" not in SUITE_PYTHONS.values():
        pytest.skip("no base has this Python")
    folder = tmp_path_factory.mktemp("user") / "Serving" / ".venv"
    subprocess.run([sys.executable, "-m", "venv", folder], check=True, capture_output=True)
    install = [folder / "bin/python", "-m", "pip", "install", "-q", "requests==2.31.0", "six==1.16.0"]
    subprocess.run(install, check=True, capture_output=True, env=warm.env)
    return folder


def test_what_is_built_of_a_captured_environment_has_the_same_versions(warm, venv, tmp_path):
    """The promise of capture: it worked there, so it works in the image."""
    file = tmp_path / "envbuild.toml"
    done = warm("capture", venv, "-o", file).ok()
    assert done.line == str(file)
    assert b"left behind" in done.stderr
    frozen = subprocess.run([venv / "bin/python", "-m", "pip", "freeze"], check=True, capture_output=True, text=True)
    reference = warm("build", file, "--to", "store").ok().line
    assert reference.startswith("envbuild/serving:")
    exported = warm("export", file, "--format", "requirements").ok().stdout.decode()
    built = {line.split()[0] for line in exported.splitlines() if "==" in line}
    assert built == {line for line in frozen.stdout.splitlines() if "==" in line}
    assert len(built) == 6


def test_the_active_environment_is_captured_to_stdout(warm, venv):
    done = warm("capture", env={"VIRTUAL_ENV": str(venv)}).ok()
    assert done.stdout.startswith(b'format = 1\nname = "serving"\n')
    assert b'"six==1.16"' in done.stdout
    said = warm("capture", venv, "--quiet").ok()
    assert (said.stdout, said.stderr) == (done.stdout, b"")


def test_a_file_is_replaced_only_where_that_is_asked_for(warm, venv, tmp_path):
    """A definition that somebody wrote by hand must not be lost."""
    file = tmp_path / "envbuild.toml"
    file.write_text("by hand")
    assert "--force" in warm.failed(2, "capture", venv, "-o", file)
    assert file.read_text() == "by hand"
    warm("capture", venv, "-o", file, "--force").ok()
    assert "six" in file.read_text()


def test_json_has_the_definition_and_what_was_left_behind(warm, tmp_path):
    made = Made.venv(tmp_path / "made")
    made.dist("six", "1.16.0")
    url = {"url": "https://me:secret@git.example/a", "vcs_info": {"vcs": "git", "commit_id": "c" * 40}}
    made.dist("mine", "0.3", url=url)
    done = warm("capture", made.path, "--json").ok()
    assert b"secret" not in done.stdout + done.stderr
    said = json.loads(done.stdout)
    assert (said["schema"], said["name"], said["prefix"], said["path"]) == (1, "made", str(made.path), "")
    assert '"six==1.16"' in said["toml"]
    (left,) = said["left_behind"]
    assert (left["name"], left["version"], left["reason"]) == ("mine", "0.3", "vcs")
    assert left["origin"] == f"git+https://git.example/a@{'c' * 40}"


def test_a_conda_environment_is_captured_by_its_name_without_conda(warm, tmp_path):
    made = Made.conda(tmp_path / "conda/envs/train")
    made.python_by_conda(requested_spec="python=3.11")
    made.dist("six", "1.16.0")
    conda = {"CONDA_EXE": str(tmp_path / "conda/bin/conda")}
    done = warm("capture", "train", env=conda).ok()
    assert (b'name = "train"' in done.stdout, b"conda" in done.stdout) == (True, False)
    assert b"bzip2" not in done.stdout
    assert "conda's are train" in warm.failed(2, "capture", "typo", env=conda)


def test_names_in_an_environment_s_files_cannot_steer_the_terminal(warm, tmp_path):
    made = Made.venv(tmp_path / "made")
    made.dist("x", url={"url": "file:///\x1b[2J\u202e", "dir_info": {"editable": True}})
    done = warm("capture", made.path).ok()
    assert b"\x1b" not in done.stderr
    assert "\u202e" not in done.stderr.decode()


async def _installed(served, prefix, cache):
    """What `conda create python numpy pip` makes, by rattler."""
    specs = [f"python={sys.version_info[0]}.{sys.version_info[1]}", "numpy", "pip"]
    records = await rattler.solve(
        sources=[served.url],
        specs=[rattler.MatchSpec(text) for text in specs],
        gateway=rattler.Gateway(cache_dir=cache / "gateway"),
        platforms=["linux-64", "noarch"],
        virtual_packages=[
            rattler.GenericVirtualPackage(
                rattler.PackageName("__glibc"), rattler.Version("2.36"), rattler.BuildString("0")
            )
        ],
    )
    await rattler.install(records, prefix, cache_dir=cache / "packages", show_progress=False)
    return {f"{record.name.normalized} {record.version} {record.build}" for record in records}


def test_a_conda_environment_and_its_image_have_the_same_packages(warm, channel, tmp_path):
    """The promise of from_existing_conda_environment: the builds that worked there, with what pip put beside them."""
    prefix, cache = tmp_path / "conda/envs/train", tmp_path / "cache"
    there = asyncio.run(_installed(channel, prefix, cache))
    install = ["-m", "pip", "install", "-q", "--no-deps", "patsy==0.5.6", "six==1.16.0"]
    subprocess.run([prefix / "bin/python", *install], check=True, capture_output=True, env=warm.env)
    at = {"CONDA_CHANNEL_ALIAS": channel.alias, "CONDA_EXE": str(tmp_path / "conda/bin/conda")}
    file = tmp_path / "envbuild.toml"
    said = warm("capture", "train", "--ask-channels", "-o", file, env=at).ok().stderr.decode()
    assert "no more" not in said
    warm("lock", file, env=at).ok()
    document = json.loads(file.with_name("envbuild.envbuild.lock").read_bytes())
    artifacts = document["sections"]["linux/amd64"]["artifacts"]
    files = {f"{name} {version} {build}" for name, version, build in map(_parts, _of(artifacts, "conda"))}
    assert files == there
    assert {f"{a['name']} {a['version']}" for a in artifacts if a["kind"] == "wheel"} == {"patsy 0.5.6", "six 1.16.0"}
    assert warm("build", file, "--to", "store", "--locked", env=at).ok().line.startswith("envbuild/train:")
    imported = "import numpy, patsy, six; print(numpy.__version__, patsy.__version__, six.__version__)"
    own = subprocess.run([prefix / "bin/python", "-c", imported], check=True, capture_output=True)
    assert (
        warm("run", "--env", file, "--no-container", "--", "python", "-c", imported, env=at).ok().stdout == own.stdout
    )


def _of(artifacts, kind):
    return [artifact["file"] for artifact in artifacts if artifact["kind"] == kind]


def _parts(file):
    """Name, version and build in the name of a package's file."""
    return file.removesuffix(".conda").removesuffix(".tar.bz2").rsplit("-", 2)
