"""Commands, mounts and accounts: what a container is told, before any is started."""

import csv
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from envbuild.errors import UsageError
from envbuild.host import User
from envbuild.runners.accounts import Accounts, accounts_of, with_caller
from envbuild.runners.command import Command, CommandKind
from envbuild.runners.mounts import Mount, mounts_for


def script(path, *arguments):
    return Command(CommandKind.SCRIPT, path, arguments)


def test_the_words_of_a_run_are_those_of_python():
    assert script("train.py", "--epochs", "3").argv("py") == ("py", "train.py", "--epochs", "3")
    assert Command(CommandKind.MODULE, "pytest", ("-q",)).argv("py") == ("py", "-m", "pytest", "-q")
    assert Command(CommandKind.RAW, "pip", ("list",)).argv("py") == ("pip", "list")
    assert script("-").argv("py") == ("py", "-")


def test_a_script_is_never_taken_for_an_option_of_python():
    assert script("-c.py").argv("py") == ("py", "./-c.py")


@pytest.mark.parametrize("words", [("",), ("a\0b",), ("a", "b\0")])
def test_words_no_program_can_be_given_are_refused(words):
    with pytest.raises(UsageError):
        script(*words)


def test_the_folder_alone_is_seen_where_the_script_is_in_it(tmp_path):
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "a.py").touch()
    only = (Mount(str(tmp_path), str(tmp_path), writable=True),)
    for command in (
        script("sub/a.py"),
        script("-"),
        Command(CommandKind.RAW, "/bin/ls"),
        Command(CommandKind.MODULE, "x"),
    ):
        assert mounts_for(tmp_path, command) == only


def test_a_script_that_is_reached_through_links_is_seen_both_as_named_and_as_it_is(tmp_path):
    here, real, named = tmp_path / "here", tmp_path / "real", tmp_path / "named"
    here.mkdir()
    real.mkdir()
    (real / "a.py").touch()
    named.symlink_to(real)
    (here / "a.py").symlink_to(real / "a.py")
    mounts = {m.target: (m.source, m.writable) for m in mounts_for(here, script(str(named / "a.py")))}
    assert mounts == {str(here): (str(here), True), str(named): (str(real), False), str(real): (str(real), False)}
    assert {m.target for m in mounts_for(here, script("a.py"))} == {str(here), str(real)}


def test_a_script_in_a_folder_above_leaves_the_own_folder_writable(tmp_path):
    (tmp_path / "a.py").touch()
    (tmp_path / "here").mkdir()
    above, here = mounts_for(tmp_path / "here", script("../a.py"))
    assert (above.target, above.writable) == (str(tmp_path), False)
    assert (here.target, here.writable) == (str(tmp_path / "here"), True)


def test_a_script_among_the_systems_own_files_comes_alone(tmp_path):
    """Its whole folder would hide the image's programs."""
    found = [m for m in mounts_for(tmp_path, script("/etc/passwd")) if not m.writable]
    assert [(m.source, m.target) for m in found] == [("/etc/passwd", "/etc/passwd")]


@pytest.mark.parametrize(
    "folder", ["/", "/opt", "/opt/env", "/opt/env/lib", "/usr", "/usr/bin", "/etc", "/proc/1", "/var"]
)
def test_a_folder_that_would_hide_the_image_is_refused_with_a_way_on(folder):
    with pytest.raises(UsageError, match="hide") as caught:
        mounts_for(Path(folder), script("-"))
    assert "--no-container" in caught.value.hint


@pytest.mark.parametrize("folder", ["/opt/project", "/srv/x", "/usr/src/app", "/var/lib/x", "/tmp", "/tmp/x"])
def test_an_ordinary_folder_is_not_refused(folder):
    assert mounts_for(Path(folder), script("-"))


def test_a_script_that_is_not_there_is_said_before_anything_starts(tmp_path):
    with pytest.raises(UsageError, match="no such script") as caught:
        mounts_for(tmp_path, script("trian.py"))
    assert caught.value.at == "trian.py"
    assert str(tmp_path) in caught.value.hint


@given(st.text(st.characters(exclude_characters="\0\r\n", codec="utf-8"), min_size=1), st.booleans())
def test_any_path_survives_the_way_to_the_engine(path, writable):
    """Commas and quotes are legal in file names."""
    (fields,) = csv.reader([Mount(path, "/x" + path, writable).option()])
    assert fields[1:3] == [f"source={path}", f"target=/x{path}"]
    assert ("readonly" in fields[3:]) is not writable


IMAGE = Accounts(
    "root:x:0:0:root:/root:/bin/bash\nenvbuild:x:1000:1000::/home/envbuild:/bin/bash\n", "root:x:0:\nada:x:7:\n"
)


def entry(text, number):
    (line,) = [line for line in text.splitlines() if line.split(":")[2] == str(number)]
    return line.split(":")


def test_the_caller_has_one_entry_under_their_own_name_and_the_image_keeps_its_others():
    both = with_caller(IMAGE, User("eve", 1000, 1000, "/x"))
    assert entry(both.passwd, 1000)[:6] == ["eve", "x", "1000", "1000", "eve", "/home/envbuild"]
    assert entry(both.passwd, 0)[0] == "root"
    assert entry(both.group, 1000)[0] == "eve"


@pytest.mark.parametrize("name", ["root", "ada", "a:b", "a\nroot::0:0", "", "4711"])
def test_a_name_that_means_another_or_breaks_the_file_is_not_used(name):
    both = with_caller(IMAGE, User(name, 4711, 4711, ""))
    assert entry(both.passwd, 4711)[0] in {"user4711", "4711"}
    assert entry(both.passwd, 0)[0] == "root"
    assert len(both.passwd.splitlines()) == 3


def test_a_caller_in_the_group_of_root_leaves_that_group_alone():
    assert with_caller(IMAGE, User("eve", 1001, 0, "")).group == IMAGE.group


def test_the_accounts_are_the_images_own(image, store):
    found = accounts_of(image, store)
    assert entry(found.passwd, 1000)[0] == "envbuild"
    assert entry(found.group, 0)[0] == "root"
    assert os.fspath("/nonexistent") in found.passwd
