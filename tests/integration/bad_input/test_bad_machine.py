"""Disks, networks, engines and interruptions that fail: the command says which, and the next one works."""

import dataclasses
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from hashlib import sha256
from types import SimpleNamespace

import pytest

BUILD = ("build", "requirements.txt", "--to", "store")
ROOT = os.getuid() == 0


@pytest.fixture(scope="module")
def built(warm_home, tmp_path_factory):
    """A store with one small image in it, and the project that it is of."""
    folder = tmp_path_factory.mktemp("built")
    (folder / "envbuild.toml").write_text('format = 1\nname = "small"\n')
    home = dataclasses.replace(warm_home, store=folder / "store")
    command = [sys.executable, "-m", "envbuild", "build", str(folder / "envbuild.toml"), "--to", "store"]
    subprocess.run(command, env=home.env, cwd=folder, check=True, capture_output=True, timeout=300)
    return folder


@pytest.fixture
def copied(built, home):
    """A copy of that store as this test's own; its project's file."""
    shutil.copytree(built / "store", home.store)
    return str(built / "envbuild.toml")


def _blobs(home):
    return [path for path in (home.store / "cache/blobs.v1").rglob("*") if path.is_file()]


def _no_half_files(home):
    for path in _blobs(home):
        assert path.name == sha256(path.read_bytes()).hexdigest(), path
    assert [path for path in home.store.rglob("*") if path.is_file() and ".new" in path.parts] == []


# The store's place.


def test_a_relative_home_is_refused(run_cli, told, project):
    result = run_cli(*BUILD, cwd=project({"requirements.txt": "x\n"}), env={"ENVBUILD_HOME": "here"})
    told(result, 5, ["ENVBUILD_HOME: is not absolute: here", "give the whole path"])


def test_a_home_that_is_a_file_is_told(run_cli, told, project, home, no_network):
    home.store.write_text("")
    result = run_cli(*BUILD, cwd=project({"requirements.txt": "x\n"}), env=no_network)
    told(result, 5, [str(home.store), "Not a directory", "ENVBUILD_HOME=FOLDER"])


def test_a_store_that_all_users_may_write_is_refused(run_cli, told, home, copied):
    (home.store / "cache").chmod(0o777)
    told(run_cli("build", copied, "--to", "store"), 5, ["can be written by every user", "chmod o-w"])


@pytest.mark.skipif(not ROOT, reason="needs root to give a folder away")
def test_a_store_of_another_user_is_refused(run_cli, told, home, copied):
    os.chown(home.store / "cache", 65534, 65534)
    told(run_cli("build", copied, "--to", "store"), 5, ["belongs to another user (uid 65534)", "ENVBUILD_HOME=FOLDER"])


def _mounted(folder, *options):
    folder.mkdir(parents=True, exist_ok=True)
    done = subprocess.run(["mount", "-t", "tmpfs", *options, "none", folder], capture_output=True, check=False)
    if done.returncode:
        pytest.skip(f"no file system can be mounted: {done.stderr.decode().strip()}")


@pytest.fixture
def mounted():
    """`mounted(folder, "-o", "size=1m")`: a file system of its own in memory."""
    folders = []

    def mount(folder, *options):
        _mounted(folder, *options)
        folders.append(folder)

    yield mount
    for folder in folders:
        subprocess.run(["umount", "-l", folder], check=True)


def test_a_read_only_home_is_told(run_cli, told, project, home, no_network, mounted):
    mounted(home.store, "-o", "ro")
    result = run_cli(*BUILD, cwd=project({"requirements.txt": "x\n"}), env=no_network)
    told(result, 5, [str(home.store), "Read-only file system", "ENVBUILD_HOME=FOLDER"])


def test_what_a_read_only_store_has_can_still_be_used(run_cli, told, home, copied, mounted):
    mounted(home.store.parent / "upper")
    subprocess.run(["mount", "--bind", home.store, home.store.parent / "upper"], check=True)
    try:
        subprocess.run(["mount", "-o", "remount,ro,bind", home.store.parent / "upper"], check=True)
        env = {"ENVBUILD_HOME": str(home.store.parent / "upper")}
        for command in (("probe", copied), ("build", copied, "--to", "store"), ("ls", copied)):
            told(run_cli(*command, env=env), 0)
    finally:
        subprocess.run(["umount", "-l", home.store.parent / "upper"], check=True)


@pytest.mark.parametrize("size", ["64k", "1m", "12m", "28m", "44m"])
def test_a_full_disk_is_told_and_leaves_no_half_file(size, run_cli, told, project, home, mounted):
    mounted(home.store, "-o", f"size={size},mode=700")
    folder = project({"envbuild.toml": 'format = 1\npython = "3.11"\n'})
    result = run_cli("build", "envbuild.toml", "--to", "store", cwd=folder)
    told(result, 5, [str(home.store), "the disk is full", "free some space"])
    _no_half_files(home)


@pytest.mark.parametrize("to", ["archive:{}/x.tar", "oci:{}/x"])
def test_a_full_disk_for_the_result_is_told(to, run_cli, told, tmp_path, home, copied, mounted):
    mounted(tmp_path / "small", "-o", "size=1m")
    result = run_cli("build", copied, "--to", to.format(tmp_path / "small"))
    told(result, 5, [str(tmp_path / "small"), "No space left on device", "has room"])
    assert not (tmp_path / "small/x.tar").exists()
    assert not (tmp_path / "small/x/index.json").exists()


PLACES = [
    ("oci:/dev/null", 2, ["/dev/null: cannot be a folder of images"]),
    ("archive:/nowhere/x.tar", 5, ["/nowhere/x.tar: cannot be written", "name a place that exists"]),
    ("archive:/", 2, ["is to be a file, and this is a folder"]),
]


@pytest.mark.parametrize(("to", "code", "said"), PLACES)
def test_a_place_that_cannot_be_written_is_told(to, code, said, run_cli, told, copied):
    told(run_cli("build", copied, "--to", to), code, said)


def test_a_lock_that_cannot_be_written_is_told(run_cli, told, project, mounted):
    folder = project()
    mounted(folder / "ro", "-o", "ro")
    folder.joinpath("envbuild.toml").write_text("format = 1\n")
    result = run_cli("lock", "envbuild.toml", "--lock", "ro/x.lock", cwd=folder)
    told(result, 5, ["ro/x.lock: cannot be written: Read-only file system", "name another place"])


# A store that was damaged: the next command works.


def _cut(path):
    path.chmod(0o644)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def _empty(path):
    path.chmod(0o644)
    path.write_bytes(b"")


def _flip(path):
    path.chmod(0o644)
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


@pytest.mark.parametrize("damage", [_cut, _empty, _flip])
def test_damaged_blobs_are_found_and_the_next_build_heals_them(damage, run_cli, told, home, copied):
    for path in _blobs(home):
        damage(path)
    first = run_cli("build", copied, "--to", "archive:image.tar")
    assert first.code in (0, 6), first.stderr
    told(first, first.code, ["was removed; run this again"] if first.code else [])
    for _ in range(200):
        result = run_cli("build", copied, "--to", "archive:image.tar")
        if result.code != 6:
            break
        told(result, 6, ["a blob is damaged", "it was removed; run this again"])
    told(result, 0)


def test_a_damaged_blob_takes_one_more_run_at_most(run_cli, told, home, copied):
    told(run_cli("build", copied, "--to", "oci:whole"), 0)
    whole = home.store.parent / "cwd/whole/blobs/sha256"
    layer = max(whole.iterdir(), key=lambda path: path.stat().st_size).name
    _flip(home.store / "cache/blobs.v1" / layer[:2] / layer)
    first = run_cli("build", copied, "--to", "archive:image.tar")
    told(first, 6, ["a blob is damaged", "run this again"])
    told(run_cli("build", copied, "--to", "archive:image.tar"), 0)


@pytest.mark.parametrize("damage", [_cut, _empty, lambda path: path.write_text("[1]"), lambda path: path.unlink()])
def test_damaged_claims_are_misses(damage, run_cli, told, home, copied):
    before = run_cli("build", copied, "--to", "store")
    for path in [p for p in (home.store / "cache/claims.v1").rglob("*.json") if p.is_file()]:
        damage(path)
    after = run_cli("build", copied, "--to", "store")
    told(after, 0)
    assert after.stdout == before.stdout


def test_a_garbage_memo_changes_nothing(run_cli, told, home, copied):
    memo = home.store / "cache/memo.v1"
    files = [path for path in memo.rglob("*") if path.is_file()]
    for path in files:
        path.write_bytes(b"garbage" * 1000)
    if not files:
        memo.mkdir(exist_ok=True)
        (memo / "cache.db").write_bytes(b"garbage" * 1000)
    told(run_cli("build", copied, "--to", "archive:image.tar"), 0)


# Locks.


@pytest.fixture
def lock(built, home, run_cli):
    """The text of a real lock."""
    file = home.path / "whole.lock"
    result = run_cli("lock", str(built / "envbuild.toml"), "--lock", str(file))
    assert result.code == 0, result.stderr
    return file.read_text()


def _other_digit(text):
    at = text.index('"size":') + len('"size":')
    return f"{text[:at]}{(int(text[at]) % 9) + 1}{text[at + 1 :]}"


LOCKS = [
    ("cut", lambda text: text[: len(text) // 2], 2, ["x.lock:", "not a lock", "envbuild lock"]),
    ("empty", lambda text: "", 2, ["x.lock", "not a lock"]),
    ("no-json", lambda text: "numpy==1\n", 2, ["x.lock:1", "not a lock"]),
    ("list", lambda text: "[]", 2, ["x.lock", "not a lock"]),
    ("merge", lambda text: f"<<<<<<< HEAD\n{text}", 2, ["x.lock:1", "a merge left its conflict marks", "git checkout"]),
    ("format", lambda text: text.replace('"format": 1', '"format": 2'), 2, ["format 2 needs a newer envbuild", "upgrade"]),
    ("field", lambda text: text.replace('"format": 1', '"x": 1, "format": 1'), 2, ["x: unknown field"]),
    ("platform", lambda text: text.replace("linux/amd64", "linux/sparc"), 2, ["unknown platform 'linux/sparc'"]),
    ("edited", _other_digit, 6, ["x.lock", "was changed by hand", "restore the file from version control"]),
    ("leaves", lambda text: text.replace('"file":"', '"file":"../../', 1), 2, ["is no file name"]),
    ("nul", lambda text: f"{text}\0", 2, ["x.lock"]),
    ("deep", lambda text: "[" * 100_000, 2, ["x.lock"]),
]  # fmt: skip


@pytest.mark.parametrize(("change", "code", "said"), [row[1:] for row in LOCKS], ids=[row[0] for row in LOCKS])
def test_a_bad_lock_is_told_before_any_request(change, code, said, lock, tmp_path, refuses, home):
    shutil.rmtree(home.store)
    refuses(code, said, files={"x.lock": change(lock)}, command=("build", "x.lock", "--to", "store"))


def test_a_lock_of_another_definition_is_stale(lock, run_cli, told, project, no_network):
    folder = project({"envbuild.toml": 'format = 1\nsystem = ["git"]\n', "envbuild.envbuild.lock": lock})
    result = run_cli("build", "envbuild.toml", "--locked", cwd=folder, env=no_network)
    told(
        result, 3, ["envbuild.envbuild.lock", "does not answer what envbuild.toml asks", "envbuild lock envbuild.toml"]
    )


def test_a_platform_that_a_lock_lacks(lock, run_cli, told, project, no_network):
    folder = project({"x.lock": lock})
    result = run_cli("build", "x.lock", "--platform", "linux/arm64", cwd=folder, env=no_network)
    told(result, 2, ["x.lock: the lock has no section for linux/arm64", "it has linux/amd64"])


# What Debian has not.

NOT_THERE = [
    ('system = ["libgomp9"]', ["there is no package libgomp9", "Did you mean libgomp1"]),
    ('system = ["libgomp1=1.2-3"]', ["libgomp1 1.2-3 is not in the mirror", "There now: 12"]),
    ('python = "2.7"\npypi = ["six"]', ["no standalone build of Python 2.7", "3.13.5 (trixie)"]),
    ('[base]\ndebian = "sid"', ["'sid' is not served", "Served are bookworm, trixie"]),
]


@pytest.mark.parametrize(("text", "said"), NOT_THERE)
def test_what_debian_has_not_is_told_with_what_it_has(text, said, run_cli, told, project):
    folder = project({"envbuild.toml": f"format = 1\n{text}\n"})
    told(run_cli("build", "envbuild.toml", "--to", "store", cwd=folder), 3, said)


# Engines.


def _engine_rows(folder, closed_port):
    dead = folder / "dead.sock"
    with socket.socket(socket.AF_UNIX) as one:
        one.bind(str(dead))
    return {
        "absent": (f"unix://{folder}/none.sock", "no docker engine runs"),
        "dead": (f"unix://{dead}", "no docker engine runs"),
        "tcp": (f"tcp://127.0.0.1:{closed_port}", "the docker engine does not answer"),
        "words": ("nonsense://x", "nonsense"),
    }


@pytest.mark.parametrize("kind", ["absent", "dead", "tcp", "words"])
def test_an_engine_that_does_not_run_is_told_with_what_works_without(
    kind, run_cli, told, tmp_path, copied, closed_port
):
    address, said = _engine_rows(tmp_path, closed_port)[kind]
    result = run_cli("build", copied, "--to", "docker", env={"DOCKER_HOST": address})
    told(result, 5, [said, "--to store, --to oci:DIR, --to archive:FILE"])


@pytest.mark.parametrize("engine", ["docker", "podman"])
def test_an_engine_whose_client_is_absent_is_told(engine, run_cli, told, tmp_path, copied):
    empty = tmp_path / "bin"
    empty.mkdir()
    result = run_cli("build", copied, "--to", engine, env={"PATH": str(empty), "DOCKER_HOST": "tcp://127.0.0.1:9"})
    told(result, 5, [engine, "--to store, --to oci:DIR, --to archive:FILE"])


@pytest.fixture
def powerless(home):
    """`powerless("build", ...)`: envbuild as a process that file modes bind, root or not."""
    prefix = ["setpriv", "--bounding-set=-dac_override,-dac_read_search", "--inh-caps=-all"] if ROOT else []

    def run(*arguments, cwd, env=None):
        command = [*prefix, sys.executable, "-m", "envbuild", *map(str, arguments)]
        done = subprocess.run(
            command, env={**home.env, **(env or {})}, cwd=cwd, capture_output=True, text=True, check=False
        )
        return SimpleNamespace(code=done.returncode, stdout=done.stdout, stderr=done.stderr)

    return run


@pytest.mark.skipif(not ROOT, reason="needs root to give a socket away")
def test_a_socket_that_is_closed_to_the_user_is_told(told, powerless, copied, tmp_path):
    closed = tmp_path / "engine.sock"
    with socket.socket(socket.AF_UNIX) as engine:
        engine.bind(str(closed))
        engine.listen()
        closed.chmod(0o600)
        os.chown(closed, 65534, 65534)
        result = powerless("build", copied, "--to", "docker", cwd=tmp_path, env={"DOCKER_HOST": f"unix://{closed}"})
    told(result, 5, [str(closed), "may not", "--to store, --to oci:DIR, --to archive:FILE"])


def test_an_unreadable_definition_is_told_with_the_way_on(told, powerless, project):
    folder = project({"requirements.txt": "numpy\n"})
    (folder / "requirements.txt").chmod(0)
    told(powerless(*BUILD, cwd=folder), 2, ["requirements.txt: permission denied", "chmod u+r"])


def test_a_store_that_cannot_be_read_is_told(told, powerless, home, copied, tmp_path):
    (home.store / "cache").chmod(0)
    told(powerless("build", copied, "--to", "store", cwd=tmp_path), 5, [str(home.store / "cache")])


# Interruptions.


@pytest.fixture
def silent():
    """The URL of a server that takes connections and never answers."""
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen(50)
        yield f"http://127.0.0.1:{server.getsockname()[1]}"


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
@pytest.mark.parametrize("waits_for", ["ENVBUILD_DEBIAN_MIRROR", "ENVBUILD_PYPI_INDEX"])
def test_an_interrupted_build_ends_at_once(number, code, waits_for, silent, home, project, tree_of):
    folder = project({"requirements.txt": "idna\n"})
    before = tree_of(folder)
    process = subprocess.Popen(
        [sys.executable, "-m", "envbuild", *BUILD],
        env={**home.env, waits_for: f"{silent}/x"},
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    time.sleep(3)
    assert process.poll() is None, process.communicate()
    process.send_signal(number)
    started = time.monotonic()
    stdout, stderr = process.communicate(timeout=30)
    assert process.returncode == code, stderr
    assert time.monotonic() - started < 10
    assert "Traceback" not in stderr
    assert stdout == ""
    assert tree_of(folder) == before
    _no_half_files(home)


# Output that nobody takes.


def _with_stdout(built, home, command, shell):
    words = " ".join([sys.executable, "-m", "envbuild", *command])
    return subprocess.run(
        ["bash", "-c", f"set -o pipefail; {words} {shell}"],
        env=home.env,
        cwd=built,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize(
    "command",
    [("show", "envbuild.toml"), ("ls", "envbuild.toml"), ("--help",), ("cat", "envbuild.toml", "usr/bin/bash")],
)
@pytest.mark.parametrize(("shell", "code"), [("| head -c 0", 0), (">&-", 0), ("> /dev/full", 5)])
def test_output_that_is_closed_or_full_is_no_traceback(command, shell, code, built, home, copied):
    done = _with_stdout(built, home, command, shell)
    assert done.returncode == code, done.stderr
    assert "Traceback" not in done.stderr
    assert "Exception ignored" not in done.stderr
    assert "a bug of" not in done.stderr
