"""A folder on this machine as content: what counts in it, what is refused by name, and that nothing in it can hang us."""

import os
import random
import shutil
import socket
import stat
from pathlib import Path

import pytest

from envbuild.context.ignorefile import NOTHING_IGNORED, read_ignore_file
from envbuild.context.tree import context_digest
from envbuild.errors import InvalidDefinition
from envbuild.sources import contextfiles
from envbuild.sources.contextfiles import Limits, read_tree

ROOT_USER = os.geteuid() == 0


@pytest.fixture
def top(tmp_path) -> Path:
    """A folder with a bit of everything."""
    folder = tmp_path / "project"
    (folder / "src" / "deep").mkdir(parents=True)
    (folder / "empty").mkdir()
    (folder / "src" / "main.py").write_text("print(1)\n")
    (folder / "src" / "deep" / "data.bin").write_bytes(bytes(range(256)))
    (folder / "run.sh").write_text("#!/bin/sh\n")
    (folder / "run.sh").chmod(0o755)
    (folder / "src" / "link").symlink_to("deep/data.bin")
    return folder


def rules(*lines):
    return read_ignore_file("\n".join(lines).encode(), ".dockerignore")


def digest(folder, ignore=NOTHING_IGNORED, below=""):
    return context_digest(read_tree(str(folder), "base.context", ignore, below))


def paths(folder, ignore=NOTHING_IGNORED, below=""):
    return [entry.path.decode() for entry in read_tree(str(folder), "base.context", ignore, below)]


def faults(folder, ignore=NOTHING_IGNORED, below="", **limits):
    with pytest.raises(InvalidDefinition) as caught:
        read_tree(str(folder), "base.context", ignore, below, Limits(**limits))
    return [str(fault) for fault in caught.value.faults]


def test_every_entry_is_there_with_its_kind(top):
    found = {entry.path: entry for entry in read_tree(str(top), "base.context")}
    assert sorted(found) == [
        b"empty", b"run.sh", b"src", b"src/deep", b"src/deep/data.bin", b"src/link", b"src/main.py",
    ]  # fmt: skip
    assert found[b"run.sh"].executable
    assert not found[b"src/main.py"].executable
    assert found[b"src/link"].target == b"deep/data.bin"
    assert found[b"empty"].kind == "folder"
    assert found[b"src/deep/data.bin"].size == 256


def test_where_and_when_and_whose_say_nothing(top, tmp_path):
    """mtime: https://github.com/moby/moby/pull/12031; owner: https://github.com/jupyterhub/repo2docker/issues/508;
    absolute paths: https://github.com/jupyterhub/repo2docker/issues/923."""
    before = digest(top)
    moved = tmp_path / "elsewhere" / "other name"
    shutil.copytree(top, moved, symlinks=True)
    for path in moved.rglob("*"):
        os.utime(path, (1, 1), follow_symlinks=False)
        if not path.is_symlink():
            path.chmod(path.stat().st_mode & 0o700)
        if ROOT_USER:
            os.chown(path, 1234, 1234, follow_symlinks=False)
    assert digest(moved) == before


@pytest.mark.parametrize(
    "change",
    [
        lambda top: (top / "src" / "main.py").write_text("print(2)\n"),
        # Another checkout, other line ends (https://github.com/aws/aws-cdk/issues/14555): what is built is other bytes.
        lambda top: (top / "src" / "main.py").write_bytes(b"print(1)\r\n"),
        lambda top: (top / "src" / "main.py").chmod(0o755),
        lambda top: (top / "src" / "main.py").rename(top / "src" / "Main.py"),
        lambda top: (top / "empty").rmdir(),
        lambda top: (top / "new").mkdir(),
        lambda top: (top / "new").touch(),
        lambda top: ((top / "src" / "link").unlink(), (top / "src" / "link").symlink_to("main.py")),
        lambda top: ((top / "src" / "link").unlink(), shutil.copy(top / "src/deep/data.bin", top / "src" / "link")),
    ],
)
def test_every_change_of_content_is_seen(top, change):
    before = digest(top)
    change(top)
    assert digest(top) != before


def test_the_order_of_a_directory_says_nothing(tmp_path):
    """https://github.com/nextflow-io/nextflow/issues/6112: a walk's order differs between file systems."""
    names = [f"{number}-{'x' * (number % 7)}" for number in range(60)]
    found = set()
    for seed in (1, 2):
        folder = tmp_path / str(seed)
        folder.mkdir()
        for name in random.Random(seed).sample(names, len(names)):
            (folder / name).write_text(name)
        found.add(digest(folder))
    assert len(found) == 1


def test_what_is_ignored_counts_for_nothing(top):
    """https://github.com/flyteorg/flyte/issues/6990: ignored files changed the id, too."""
    before = digest(top, rules("*.log", "cache"))
    (top / "src" / "..log").touch()
    (top / "a.log").write_text("x")
    (top / "cache").mkdir()
    (top / "cache" / "x").touch()
    assert digest(top, rules("*.log", "cache", "src/*.log")) == before


def test_the_ignore_file_counts_by_what_it_says_not_by_where_it_is(top):
    """https://github.com/flyteorg/flyte-sdk/pull/799. Lines that leave out the same are the same where it ignores itself."""
    assert digest(top, rules("src")) == digest(top, rules("# other words", "/src/"))
    assert digest(top, rules("src")) != digest(top)


def test_a_folder_that_is_ignored_is_there_where_something_in_it_returns(top):
    assert paths(top, rules("*", "!src/deep/data.bin")) == ["src", "src/deep", "src/deep/data.bin"]


def test_an_ignored_folder_is_not_even_looked_into(top, monkeypatch):
    """Else a folder of a million ignored files costs its walk each time."""
    seen = []
    scandir = os.scandir
    monkeypatch.setattr(contextfiles.os, "scandir", lambda path: (seen.append(path), scandir(path))[1])
    paths(top, rules("src/deep", "empty", "!other/file"))
    assert {path.rpartition(b"/")[2] for path in seen} == {b"project", b"src"}


def test_below_a_folder_paths_start_there_and_rules_do_not(top):
    assert paths(top, NOTHING_IGNORED, "src") == ["deep", "deep/data.bin", "link", "main.py"]
    assert paths(top, rules("src/deep", "src/link"), "src") == ["main.py"]
    assert paths(top, rules("src", "!src/main.py"), "src") == ["main.py"]
    assert paths(top, NOTHING_IGNORED, "src/main.py") == [""]


def test_a_file_alone_is_its_content_whatever_it_is_called(top):
    (top / "copy").write_text("print(1)\n")
    assert digest(top, NOTHING_IGNORED, "copy") == digest(top, NOTHING_IGNORED, "src/main.py")
    assert digest(top, NOTHING_IGNORED, "copy") != digest(top, NOTHING_IGNORED, "run.sh")


def test_names_that_are_no_text_work(tmp_path):
    for name in (b"caf\xe9", b"new\nline", b"-rf", b" ", b"a\\b", "é".encode(), "e\u0301".encode(), b"x" * 255):
        (tmp_path / os.fsdecode(name)).touch()
    assert len(read_tree(str(tmp_path), "base.context")) == 8


def test_links_stay_links_and_loops_do_no_harm(tmp_path):
    (tmp_path / "a").symlink_to("b")
    (tmp_path / "b").symlink_to("a")
    (tmp_path / "self").symlink_to(".")
    (tmp_path / "gone").symlink_to("nowhere")
    assert [entry.kind for entry in read_tree(str(tmp_path), "base.context")] == ["link"] * 4


@pytest.mark.parametrize("target", ["/etc/passwd", "../../secret", "../..", "../src/../../x"])
def test_a_link_out_of_the_folder_is_refused_by_name(top, target):
    (top / "src" / "out").symlink_to(target)
    (fault,) = faults(top)
    assert fault.startswith(f"base.context: src/out: a link to {target}, which lies outside the folder")
    assert ".dockerignore" in fault
    assert paths(top, rules("src/out"))


def test_a_link_that_leaves_the_copied_part_is_refused_though_it_stays_in_the_project(top):
    """In the image it would lead to whatever stands there."""
    (top / "src" / "up").symlink_to("../run.sh")
    assert paths(top)
    assert "lies outside" in faults(top, below="src")[0]


def test_pipes_and_devices_are_refused_by_name_and_never_opened(top):
    os.mkfifo(top / "src" / "pipe")
    found = faults(top)
    assert ["src/pipe: a named pipe" in fault for fault in found] == [True]
    assert paths(top, rules("**/pipe"))
    assert "a named pipe" in faults(top, below="src/pipe")[0]


@pytest.mark.skipif(not ROOT_USER, reason="only root makes devices")
def test_a_device_is_refused(top):
    try:
        os.mknod(top / "null", stat.S_IFCHR | 0o666, os.makedev(1, 3))
    except PermissionError:
        pytest.skip("no devices can be made here")
    assert "null: a device" in faults(top)[0]


def test_sockets_are_passed_over(top, monkeypatch):
    """Programs that run leave them, and they hold nothing."""
    before = digest(top)
    monkeypatch.chdir(top)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind("agent.sock")
        assert digest(top) == before


def denied(monkeypatch, name, call):
    """As for a user who may not: root may everything."""
    real = getattr(os, call)

    def refuse(path, *arguments, **named):
        if isinstance(path, bytes) and path.endswith(name):
            raise PermissionError(13, "Permission denied", path)
        return real(path, *arguments, **named)

    monkeypatch.setattr(contextfiles.os, call, refuse)


def test_what_may_not_be_read_is_named(top, monkeypatch):
    denied(monkeypatch, b"main.py", "open")
    denied(monkeypatch, b"deep", "scandir")
    (top / "src" / "link").unlink()
    assert [fault.partition("\n")[0] for fault in faults(top)] == ["base.context: src/deep: permission denied"]
    assert [fault.partition("\n")[0] for fault in faults(top, rules("src/deep"))] == [
        "base.context: src/main.py: permission denied"
    ]
    assert paths(top, rules("src/deep", "src/main.py"))


def test_what_may_not_be_read_and_is_ignored_hurts_nobody(top, monkeypatch):
    denied(monkeypatch, b"deep", "scandir")
    assert paths(top, rules("src/deep", "!src/deep/data.bin", "src/link"))


def test_too_much_is_told_with_its_size_and_where_it_is(top):
    (top / "weights").mkdir()
    with (top / "weights" / "model.bin").open("wb") as stream:
        stream.truncate(50 << 30)
    (fault,) = faults(top)
    assert "50.0 GiB in 5 files; at most 10.0 GiB" in fault
    assert "weights 50.0 GiB" in fault
    assert paths(top, rules("weights"))


def test_too_many_files_are_told(top):
    assert "more than 3 files" in faults(top, files=3)[0]
    assert len(read_tree(str(top), "x", limits=Limits(files=4))) == 7


@pytest.mark.parametrize("times", [1, 9])
def test_a_file_that_changes_while_it_is_read_is_read_again_and_then_told(top, monkeypatch, times):
    """https://github.com/flyteorg/flytekit/pull/3246: an id for content that never was."""
    left = [times]
    read = os.read

    def growing(descriptor, size):
        data = read(descriptor, size)
        if left[0] and data.startswith(b"print"):
            left[0] -= 1
            with (top / "src" / "main.py").open("a") as stream:
                stream.write("#")
        return data

    monkeypatch.setattr(contextfiles.os, "read", growing)
    if times == 1:
        found = digest(top)
        monkeypatch.undo()
        assert found == digest(top)
    else:
        assert "src/main.py: changes while it is read" in faults(top)[0]


def test_a_file_that_goes_away_while_the_folder_is_read_is_told(top, monkeypatch):
    real = os.open

    def gone(path, *arguments):
        if path.endswith(b"main.py"):
            (top / "src" / "main.py").unlink(missing_ok=True)
        return real(path, *arguments)

    monkeypatch.setattr(contextfiles.os, "open", gone)
    assert "src/main.py: no longer there" in faults(top)[0]


def test_a_file_that_becomes_a_link_is_not_followed(top, monkeypatch, tmp_path):
    (tmp_path / "secret").write_text("secret")
    real = os.open

    def swapped(path, *arguments):
        if path.endswith(b"main.py"):
            (top / "src" / "main.py").unlink()
            (top / "src" / "main.py").symlink_to(tmp_path / "secret")
        return real(path, *arguments)

    monkeypatch.setattr(contextfiles.os, "open", swapped)
    assert "src/main.py: no longer there" in faults(top)[0]


def test_a_folder_that_is_not_there_is_named(tmp_path):
    assert "nowhere: no such file or folder" in faults(tmp_path / "nowhere")[0]


def test_many_faults_are_told_in_few_lines(tmp_path):
    for number in range(50):
        (tmp_path / f"l{number}").symlink_to("/x")
    found = faults(tmp_path)
    assert len(found) == 11
    assert "40 more" in found[-1]


def test_a_name_that_steers_a_terminal_is_shown_as_an_escape(tmp_path):
    (tmp_path / "a\x1b[2J").symlink_to("/x")
    assert "a\\x1b[2J: a link" in faults(tmp_path)[0]
