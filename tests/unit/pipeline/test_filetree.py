"""`ls`, `cat` and `verify` must see what a container sees: upper layers over lower ones, whiteouts, links followed."""

import pytest

from envbuild.errors import UsageError
from envbuild.pipeline.filetree import FileTree


@pytest.fixture
def tree(image_with, blobs):
    lower = {
        "etc": None, "etc/a": b"old", "etc/gone": b"x", "opt": None, "opt/d": None, "opt/d/1": b"1", "opt/d/2": b"2",
        "usr": None, "usr/lib": None, "usr/lib/os": b"os", "lib": ("link", "usr/lib"), "etc/os": ("link", "../usr/lib/os"),
        "etc/abs": ("link", "/lib/os"), "etc/loop": ("link", "loop"), "etc/out": ("link", "../../../../usr/lib/os"),
    }  # fmt: skip
    upper = {"etc/a": b"new", "etc/.wh.gone": b"", "opt/d/.wh..wh..opq": b"", "opt/d/3": b"3"}
    return FileTree(image_with(lower, upper), blobs)


@pytest.mark.parametrize(
    ("path", "content"),
    [
        ("/etc/a", b"new"),
        ("etc/a", b"new"),
        ("etc/os", b"os"),
        ("/etc/abs", b"os"),
        ("/lib/os", b"os"),
        ("/etc/out", b"os"),
        ("/etc/../opt/d/3", b"3"),
    ],
)
def test_a_path_leads_where_a_container_would_go(tree, path, content):
    assert b"".join(tree.read(tree.find(path))) == content


@pytest.mark.parametrize("path", ["/etc/gone", "/opt/d/1", "/nothing", "/etc/loop", "/etc/a/b", "/"])
def test_what_is_not_there_is_said(tree, path):
    with pytest.raises(UsageError):
        tree.find(path)


def test_below_a_folder_stand_its_files_and_no_neighbour_of_a_like_name(tree):
    assert [e.path for e in tree.below("/opt")] == ["opt", "opt/d", "opt/d/3"]


def test_mode_is_printed_as_ls_prints_it(tree):
    assert tree.find("/etc").mode_text == "drwxr-xr-x"
    assert tree.entries["etc/os"].mode_text[0] == "l"
