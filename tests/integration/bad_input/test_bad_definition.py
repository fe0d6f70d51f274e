"""Definitions that cannot be read: every command says the same of them as a build does (test_bad_items.py)."""

import os

import pytest


@pytest.mark.parametrize("command", ["lock", "probe", "show", "export"])
def test_every_command_tells_the_same_faults(command, refuses):
    refuses(2, ["envbuild.toml:1", "needs a newer envbuild"], files={"envbuild.toml": "format = 2\n"},
            command=(command, "envbuild.toml"))  # fmt: skip


def test_run_tells_them_before_it_looks_for_an_engine(refuses):
    refuses(2, ["envbuild.toml:1"], files={"envbuild.toml": "format = 2\n", "x.py": ""}, command=("run", "x.py"))


def _fifo(folder):
    os.mkfifo(folder / "requirements.txt")


def _loop(folder):
    (folder / "requirements.txt").symlink_to("requirements.txt")


def _dangling(folder):
    (folder / "requirements.txt").symlink_to("nowhere.txt")


NO_FILES = [
    pytest.param(None, "missing.txt", ["missing.txt", "no such file", "current folder"], id="missing"),
    pytest.param(None, "missing.toml", ["missing.toml", "no such file"], id="missing-toml"),
    pytest.param(None, "missing.lock", ["missing.lock", "no such file"], id="missing-lock"),
    pytest.param(None, "there.txt/x", ["there.txt/x", "not a folder"], id="below-a-file"),
    pytest.param(
        None, ".", ["no definition is in this folder", "envbuild.toml or requirements.txt"], id="empty-folder"
    ),
    pytest.param(None, "/dev/zero", ["/dev/zero", "not a regular file", "name a regular, readable file"], id="device"),
    pytest.param(_fifo, "requirements.txt", ["requirements.txt", "not a regular file"], id="fifo"),
    pytest.param(_loop, "requirements.txt", ["requirements.txt", "a loop of symbolic links"], id="loop"),
    pytest.param(_dangling, "requirements.txt", ["requirements.txt", "no such file"], id="dangling"),
    pytest.param(None, "x" * 300, ["the path is too long"], id="long-name"),
    pytest.param(None, "", ["no such file"], id="no-name"),
]


@pytest.mark.parametrize(("prepare", "spec", "said"), NO_FILES)
@pytest.mark.parametrize("command", ["lock", "probe", "show"])
def test_what_is_no_file_is_told_and_nothing_hangs(command, prepare, spec, said, refuses):
    refuses(2, said, files={"there.txt": "numpy\n"}, command=(command, spec), prepare=prepare)
