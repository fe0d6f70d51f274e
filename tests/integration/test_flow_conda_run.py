"""`envbuild run` and its neighbours over conda packages: in a container and directly, with a Python among them and without."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from condachannel import PLACEHOLDER, File, Served, package, serve, write_channel

SETTING = "ENVBUILD_CHANNEL_CONDA_FORGE"
NOWHERE = {SETTING: "http://127.0.0.1:9/conda-forge", "ENVBUILD_DEBIAN_MIRROR": "http://127.0.0.1:9/debian"}
LARGE = 40
"""Mebibytes of the large package, one a file."""

TOOL = f'#!/bin/sh\necho "{PLACEHOLDER}" "$CONDA_PREFIX" "$MODE" "$SAID" "$@"\n'


def packages():
    """A program that says what it was told, one whose prefix is in binary data, and a large one."""
    return [
        package(
            "tool",
            files={
                "bin/tool": File(TOOL.encode(), 0o755, placeholder="text"),
                "etc/conda/env_vars.d/tool.json": File(b'{"MODE": "fast"}'),
                "etc/conda/activate.d/tool.sh": File(b'export SAID="$(echo script)"\n'),
            },
        ),
        package("shown", files={"share/prefix.bin": File(f"{PLACEHOLDER}\0x".encode(), placeholder="binary")}),
        package("large", files={f"share/large/{n}": File(os.urandom(1 << 20)) for n in range(LARGE)}),
        package("gpu", depends=("__cuda >=12",), files={"bin/gpu": File(b"#!/bin/sh\necho no card\n", 0o755)}),
        package("other", "2.0", files={"bin/other": File(b"#!/bin/sh\necho other\n", 0o755)}),
    ]


@dataclass(frozen=True, slots=True)
class Tools:
    """A definition of these packages, locked and built, in a folder of its own."""

    spec: Path
    channel: Served

    @property
    def env(self) -> dict[str, str]:
        """Where its channel is."""
        return {SETTING: self.channel.url}


@pytest.fixture(scope="session")
def served(tmp_path_factory) -> Iterator[Served]:
    """The channel of these tests."""
    folder = tmp_path_factory.mktemp("served") / "conda-forge"
    write_channel(folder, packages())
    with serve(folder) as found:
        yield found


@pytest.fixture(scope="session")
def toolbox(warm, served, tmp_path_factory) -> Tools:
    """An environment without a Python."""
    spec = tmp_path_factory.mktemp("project") / "environment.yml"
    spec.write_text("name: toolbox\nchannels: [conda-forge]\ndependencies: [tool]\n")
    tools = Tools(spec, served)
    warm("build", spec, "--to", "store", env=tools.env).ok()
    return tools


@dataclass(frozen=True, slots=True)
class Stored:
    """A locked definition, and the variables of a store of the test's own in which its image was built."""

    spec: Path
    env: dict[str, str]
    home: Path

    @property
    def words(self) -> tuple[str, ...]:
        """What runs its tool directly."""
        return ("run", "-q", "--no-container", "--env", str(self.spec), "--", "tool")


@pytest.fixture(scope="session")
def built_store(warm, served, tmp_path_factory) -> Stored:
    """A store with the image of a program and of a large package, whose files it dropped."""
    folder = tmp_path_factory.mktemp("stored")
    spec = folder / "environment.yml"
    spec.write_text("name: stored\nchannels: [conda-forge]\ndependencies: [tool, large]\n")
    env = {SETTING: served.url, "ENVBUILD_HOME": str(folder / "home")}
    warm("lock", spec, env=env).ok()
    warm("build", spec, "--to", "store", env=env).ok()
    return Stored(spec, env, folder / "home")


@pytest.fixture
def stored(built_store, tmp_path) -> Stored:
    """A copy of it."""
    home = tmp_path / "copied-home"
    shutil.copytree(built_store.home, home, symlinks=True)
    return replace(built_store, home=home, env={**built_store.env, "ENVBUILD_HOME": str(home)})


@pytest.fixture
def definition(tmp_path):
    """`definition('conda = ["tool"]')`: an envbuild.toml over the channel, in a folder of its own."""

    def write(*lines, name="tools"):
        folder = tmp_path / name
        folder.mkdir()
        head = ("format = 1", f'name = "{name}"', 'channels = ["conda-forge"]')
        (folder / "envbuild.toml").write_text("\n".join([*head, *lines, ""]))
        return folder / "envbuild.toml"

    return write


@pytest.fixture(params=["directly", "docker_engine", "containerd_engine", "podman"])
def way(request) -> tuple[tuple[str, ...], dict[str, str]]:
    """Options and variables of each way to run."""
    if request.param == "directly":
        return ("--no-container",), {}
    return ("--container",), dict(request.getfixturevalue(request.param).env)


def told(done) -> list[str]:
    """The words of the tool."""
    return done.ok().line.split(" ")


def test_an_environment_of_programs_alone_runs_them(warm, toolbox, way):
    """No Python is needed where nobody asked for one: `run -- PROGRAM` works with command line tools."""
    options, env = way
    words = told(warm("run", "-q", *options, "--env", toolbox.spec, "--", "tool", "a", env=toolbox.env | env))
    assert words[0] == words[1]
    assert (words[0] == "/opt/env") is (options == ("--container",))
    assert words[2:] == ["fast", "", "a"]


def test_a_script_without_a_python_is_told_so_and_nothing_is_made(cold, toolbox):
    """Not an engine's words about a missing file, after minutes of building."""
    (cold.folder / "x.py").write_text("print(1)")
    for words in (("x.py",), ("-m", "x")):
        said = cold.failed(2, "run", "--env", toolbox.spec, *words, env=toolbox.env)
        assert "no Python" in said
        assert "run -- PROGRAM" in said


def test_activate_runs_scripts_first(warm, served, definition, way):
    """What a package does at activation beyond plain exports is done where the definition asks for it, in either way."""
    options, env = way
    spec = definition('conda = ["tool"]', "activate = true", 'variables = {MODE = "asked"}')
    words = told(warm("run", "-q", *options, "--env", spec, "--", "tool", "a", "b", env={SETTING: served.url, **env}))
    assert words[2:] == ["asked", "script", "a", "b"]


def test_an_image_with_activate_starts_so_by_itself(warm, served, definition, docker_engine):
    """`docker run` of a colleague who has no envbuild does the same."""
    spec = definition('conda = ["tool"]', "activate = true", name="activated")
    env = {SETTING: served.url, **docker_engine.env}
    reference = warm("build", spec, env=env).ok().line
    try:
        words = docker_engine("run", "--rm", reference, "tool", "a b").stdout.strip().split(" ", 4)
    finally:
        docker_engine("image", "rm", "--force", reference)
    assert words == ["/opt/env", "/opt/env", "fast", "script", "a b"]


def test_programs_for_a_graphics_card_run_and_the_missing_driver_is_said(warm, served, definition):
    """`__cuda` is the definition's word; that this very machine has no driver is worth a line, and no refusal."""
    spec = definition('conda = ["gpu"]', 'virtual-packages = {__cuda = "12.4"}', name="card")
    done = warm("run", "--no-container", "--env", spec, "--", "gpu", env={SETTING: served.url}).ok()
    assert done.line == "no card"
    has_driver = any(Path(folder, "libcuda.so.1").exists() for folder in ("/usr/lib/x86_64-linux-gnu", "/usr/lib64"))
    assert ("gpu: made for an NVIDIA driver" in done.stderr.decode()) is not has_driver


def test_without_activate_the_script_is_named(warm, served, definition):
    """A user must hear that something of `conda activate` is left out, and how to have it."""
    spec = definition('conda = ["tool", "other"]')
    done = warm("run", "--no-container", "--env", spec, "--", "tool", env={SETTING: served.url}).ok()
    assert "tool.sh" in done.stderr.decode()
    assert "activate = true" in done.stderr.decode()


def test_a_bare_machine_is_enough_for_the_environments_own_python(warm, channel, definition, tmp_path):
    """Directly too: neither a Python nor anything of the user's is found on PATH, and conda's Python runs all the same."""
    spec = definition(f'conda = ["python={sys.version_info[0]}.{sys.version_info[1]}", "six"]', name="bare")
    (tmp_path / "x.py").write_text("import sys, six, ssl\nprint(sys.prefix == sys.base_prefix, six.__file__)\n")
    (tmp_path / "bin").mkdir()
    env = {SETTING: channel.url, "PATH": str(tmp_path / "bin"), "PYTHONPATH": "", "HOME": str(tmp_path / "nobody")}
    line = warm("run", "-q", "--no-container", "--env", spec, tmp_path / "x.py", env=env).ok().line
    same, place = line.split(" ", 1)
    assert same == "True"
    assert "/prefixes.v1/" in place


def test_the_second_run_needs_no_channel(cold, definition, tmp_path):
    """Once it is made, a direct run asks nobody: the machine may be offline."""
    folder = tmp_path / "channel" / "conda-forge"
    write_channel(folder, packages()[:1])
    spec = definition('conda = ["tool"]')
    with serve(folder) as channel:
        env = {SETTING: channel.url}
        cold("run", "-q", "--no-container", "--env", spec, "--", "tool", env=env).ok()
        fetched = channel.count("tool-1.0-0.conda")
    assert fetched >= 1
    assert told(cold("run", "-q", "--no-container", "--env", spec, "--", "tool", env=env))[2] == "fast"


def test_a_package_that_became_a_layer_is_fetched_again_by_its_hash(warm, stored, served, tmp_path):
    """A build drops package files; a direct run after it needs them once more, and takes no others than the lock's."""
    folder = tmp_path / "channel" / "conda-forge"
    changed = [package(name, files={"share/changed": File(b"changed")}) for name in ("tool", "large")]
    write_channel(folder, changed)
    with serve(folder) as other:
        said = warm.failed(6, *stored.words, env={**stored.env, SETTING: other.url})
    assert "not the file that was locked" in said
    before = served.count("tool-1.0-0.conda")
    warm(*stored.words, env=stored.env).ok()
    assert served.count("tool-1.0-0.conda") > before


def _running(envbuild, stored):
    return subprocess.Popen(
        [sys.executable, "-m", "envbuild", *stored.words],
        env={**envbuild.env, **stored.env},
        cwd=envbuild.folder,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def test_processes_that_need_it_at_once_make_it_once(warm, stored):
    """Array jobs start together: each gets a whole environment."""
    processes = [_running(warm, stored) for _ in range(3)]
    outputs = [process.communicate(timeout=120) for process in processes]
    assert [process.returncode for process in processes] == [0, 0, 0], outputs
    assert len({out for out, _ in outputs}) == 1
    made = [p.name for p in (stored.home / "cache" / "prefixes.v1").iterdir() if not p.name.startswith(".")]
    assert len(made) == 1


def test_a_making_that_was_killed_is_no_environment(warm, stored):
    """A job that ran out of time leaves half a folder behind: the next one makes it anew."""
    process = _running(warm, stored)
    prefixes = stored.home / "cache" / "prefixes.v1"
    until = time.monotonic() + 60
    while process.poll() is None and not list(prefixes.glob(".*.new/share/large")) and time.monotonic() < until:
        time.sleep(0.005)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    prefix = Path(told(warm(*stored.words, env=stored.env))[0])
    assert len(list((prefix / "share" / "large").iterdir())) == LARGE
    assert [p.name for p in prefixes.iterdir() if p.name.endswith(".new")] == []


def test_a_store_in_too_long_a_place_is_told_with_the_setting(cold, served, definition, tmp_path):
    """conda's packages take a path of some length; what to move is said, not a truncated path written into a library."""
    spec = definition('conda = ["shown"]')
    env = {SETTING: served.url, "ENVBUILD_HOME": str(tmp_path / ("x" * 100) / ("y" * 100))}
    words = cold.failed(5, "run", "--no-container", "--env", spec, "--", "true", env=env)
    assert "ENVBUILD_HOME" in words
    assert "shown" in words


def test_the_look_commands_know_conda(warm, toolbox, definition):
    """verify, ls, cat, explain, diff and the cache's check say of conda packages what they say of others."""
    spec, env = toolbox.spec, toolbox.env
    said = warm("verify", spec, env=env).ok().stderr.decode()
    assert "1 conda packages" in said
    assert "/opt/env/bin/tool" in warm("ls", spec, "/opt/env/bin", env=env).ok().stdout.decode()
    assert warm("cat", spec, "/opt/env/bin/tool", env=env).ok().stdout.startswith(b'#!/bin/sh\necho "/opt/env"')
    assert "hit" in warm("explain", spec, env=env).ok().stdout.decode()
    assert warm("probe", spec, env=env).ok().line.startswith("envbuild/toolbox")
    other = definition('conda = ["tool", "other"]', name="more")
    warm("lock", other, env=env).ok()
    assert "other 2.0" in warm("diff", spec, other, env=env).stdout.decode()
    shown = warm("show", spec, env=env).ok().stdout.decode()
    assert '"tool"' in shown


def test_a_cache_repository_gives_an_image_with_the_packages_variables(cold, warm, toolbox, registry):
    """What packages set is known only from their files: an image that has it must not be refused as a forgery."""
    cache = f"{registry.host}/team/cache"
    warm("lock", toolbox.spec, env=toolbox.env).ok()
    first = warm("build", toolbox.spec, "--to", "store", "--cache", cache, "--json", env=toolbox.env).ok().json
    lock = cold.folder / "environment.envbuild.lock"
    shutil.copyfile(toolbox.spec.with_name(lock.name), lock)
    said = cold("build", lock, "--to", "store", "--cache", cache, "--json", env=NOWHERE).ok().json
    assert said["digest"] == first["digest"]
    archive = cold("build", lock, "--to", "oci:layout", env=NOWHERE).ok().line.removeprefix("oci:").partition(":")[0]
    blobs = Path(cold.folder, archive, "blobs", "sha256")
    manifest = json.loads((blobs / first["digest"].removeprefix("sha256:")).read_bytes())
    config = json.loads((blobs / manifest["config"]["digest"].removeprefix("sha256:")).read_bytes())
    assert {"MODE=fast", "CONDA_PREFIX=/opt/env"} <= set(config["config"]["Env"])
    assert not [entry for entry in config["config"]["Env"] if entry.startswith("VIRTUAL_ENV=")]


def test_what_is_damaged_is_found_and_made_again(warm, stored):
    """A direct run never starts from half an environment that a disk or a tidy-up left."""
    prefix = Path(told(warm(*stored.words, env=stored.env))[0])
    (prefix / "conda-meta" / "history").unlink()
    assert warm("cache", "verify", env=stored.env).code == 6
    said = warm("cache", "verify", "--repair", env=stored.env).ok().stdout.decode()
    assert "removed; the next run makes it again" in said
    assert not prefix.exists()
    warm(*stored.words, env=stored.env).ok()
    warm("cache", "verify", env=stored.env).ok()


def test_a_damaged_layer_is_made_again_of_its_package(warm, stored):
    """The package was dropped when it became a layer: repair fetches it again."""
    blobs = sorted((stored.home / "cache" / "blobs.v1").rglob("*"), key=lambda p: -p.stat().st_size)
    blobs[0].chmod(0o644)
    with blobs[0].open("r+b") as blob:
        blob.seek(1000)
        blob.write(b"damage")
    assert warm("cache", "verify", env=stored.env).code == 6
    warm("cache", "verify", "--repair", env=stored.env).ok()
    warm("cache", "verify", env=stored.env).ok()
    warm("verify", stored.spec, env=stored.env).ok()


def test_prune_takes_package_files_that_are_layers(warm, stored):
    """A direct run leaves its packages for the next one; `cache prune` takes those whose layer is there."""
    warm(*stored.words, env=stored.env).ok()
    # What is used in these minutes stays, whatever the rules are.
    _make_older(stored.home, 7200)
    gone = warm("cache", "prune", "--json", env=stored.env).ok().json["blobs"]
    document = json.loads(stored.spec.with_name("environment.envbuild.lock").read_bytes())
    artifacts = document["sections"]["linux/amd64"]["artifacts"]
    assert {f"sha256:{artifact['sha256']}" for artifact in artifacts} <= set(gone)
    assert told(warm(*stored.words, env={**stored.env, SETTING: "http://127.0.0.1:9/gone"}))[2] == "fast"


def _make_older(home, seconds):
    for path in home.rglob("*"):
        if not path.is_symlink():
            when = path.stat().st_mtime - seconds
            os.utime(path, (when, when))
