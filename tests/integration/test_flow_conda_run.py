"""`envbuild run` and its neighbours over conda packages: in a container and directly, with a Python among them and without."""

import os
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
        package("large", files={f"share/large/{n}": File(os.urandom(1 << 20)) for n in range(40)}),
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


def test_a_package_that_became_a_layer_is_fetched_again_by_its_hash(cold, definition, tmp_path):
    """A build drops package files; a direct run after it needs them once more, and takes no others than the lock's."""
    folder = tmp_path / "channel" / "conda-forge"
    write_channel(folder, packages()[:1])
    spec = definition('conda = ["tool"]')
    with serve(folder) as channel:
        env = {SETTING: channel.url}
        cold("build", spec, "--to", "store", env=env).ok()
        before = channel.count("tool-1.0-0.conda")
        cold("run", "-q", "--no-container", "--env", spec, "--", "tool", env=env).ok()
        assert channel.count("tool-1.0-0.conda") > before
        changed = replace(packages()[0], content=package("tool", files={"bin/tool": File(b"#!/bin/sh\n")}).content)
        write_channel(folder, [changed])
        other = {**cold.env, "ENVBUILD_HOME": str(tmp_path / "other")}
        words = cold.failed(6, "run", "--no-container", "--env", spec, "--", "tool", env={**other, **env})
        assert "not the file that was locked" in words


def _running(envbuild, spec, env, home):
    command = [sys.executable, "-m", "envbuild", "run", "-q", "--no-container", "--env", str(spec), "--", "tool"]
    return subprocess.Popen(
        command, env={**envbuild.env, **env, "ENVBUILD_HOME": str(home)}, cwd=envbuild.folder,
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip


def test_two_processes_that_need_it_at_once_make_it_once(cold, served, definition, tmp_path):
    """Array jobs start together: each gets a whole environment."""
    spec = definition('conda = ["tool", "large"]')
    env = {SETTING: served.url}
    cold("lock", spec, env=env).ok()
    home = tmp_path / "shared-home"
    processes = [_running(cold, spec, env, home) for _ in range(3)]
    outputs = [process.communicate(timeout=120) for process in processes]
    assert [process.returncode for process in processes] == [0, 0, 0], outputs
    assert len({out for out, _ in outputs}) == 1
    made = [p.name for p in (home / "cache" / "prefixes.v1").iterdir() if not p.name.startswith(".")]
    assert len(made) == 1


def test_a_making_that_was_killed_is_no_environment(cold, served, definition, tmp_path):
    """A job that ran out of time leaves half a folder behind: the next one makes it anew."""
    spec = definition('conda = ["tool", "large"]')
    env = {SETTING: served.url}
    cold("lock", spec, env=env).ok()
    home = tmp_path / "killed-home"
    process = _running(cold, spec, env, home)
    prefixes = home / "cache" / "prefixes.v1"
    until = time.monotonic() + 60
    while process.poll() is None and not list(prefixes.glob(".*.new/share/large")) and time.monotonic() < until:
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    again = cold("run", "-q", "--no-container", "--env", spec, "--", "tool", env={**env, "ENVBUILD_HOME": str(home)})
    prefix = Path(told(again)[0])
    assert len(list((prefix / "share" / "large").iterdir())) == 40
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


def test_what_is_damaged_is_found_and_made_again(cold, served, definition):
    """A direct run never starts from half an environment that a disk or a tidy-up left."""
    spec = definition('conda = ["tool"]')
    env = {SETTING: served.url}
    cold("build", spec, "--to", "store", env=env).ok()
    prefix = Path(told(cold("run", "-q", "--no-container", "--env", spec, "--", "tool", env=env))[0])
    (prefix / "conda-meta" / "history").unlink()
    assert cold("cache", "verify").code == 6
    assert "removed; the next run makes it again" in cold("cache", "verify", "--repair").ok().stdout.decode()
    assert not prefix.exists()
    cold("run", "-q", "--no-container", "--env", spec, "--", "tool", env=env).ok()
    cold("cache", "verify").ok()


def test_prune_takes_package_files_that_are_layers(cold, served, definition):
    """A direct run leaves its packages for the next one; `cache prune` takes those whose layer is there."""
    spec = definition('conda = ["tool", "large"]')
    env = {SETTING: served.url}
    cold("build", spec, "--to", "store", env=env).ok()
    cold("run", "-q", "--no-container", "--env", spec, "--", "tool", env=env).ok()
    freed = cold("cache", "prune", "--older-than", "0d", "--json").ok().json
    assert freed["freed"] > 20 << 20
