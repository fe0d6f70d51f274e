"""If this fails, a package's link leads out of its folder, and what is written through it lands in the user's files."""

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from envbuild.layers.linktarget import stays_below

BELOW = [
    ("bin/a", "b"),
    ("bin/a", "../lib/b"),
    ("a", "lib"),
    ("a/b/c", "../.."),
    ("a/b", "./c"),
    ("a/b", "../a//c"),
    ("a", "."),
]
OUT = [
    ("a", ".."), ("a", "/etc"), ("a", ""), ("bin/a", "../../x"), ("a/b", "../../"), ("a", "b/../../x"), ("a/b", "c/.."),
    ("out", "a/b/c/z/../../../x"), ("a", "./../x"),
]  # fmt: skip


@pytest.mark.parametrize(("path", "target"), BELOW)
def test_links_within_the_folder_are_kept(path, target):
    assert stays_below(path, target)


@pytest.mark.parametrize(("path", "target"), OUT)
def test_links_that_leave_or_could_leave_are_not(path, target):
    assert not stays_below(path, target)


PARTS = st.lists(st.sampled_from(["a", "b", "..", ".", "c"]), min_size=1, max_size=5).map("/".join)
NAMES = st.lists(st.sampled_from(["a", "b", "c"]), min_size=1, max_size=3).map("/".join)


@given(st.lists(st.tuples(NAMES, PARTS), min_size=1, max_size=5))
def test_no_set_of_such_links_leads_out_of_a_real_folder(tmp_path_factory, links):
    root = tmp_path_factory.mktemp("links", numbered=True) / "deep" / "prefix"
    root.mkdir(parents=True)
    for path, target in links:
        place = root / path
        # A package has no paths below its own links, so folders are made as they are.
        if stays_below(path, target) and not os.path.lexists(place) and _is_plain(root, place.parent):
            place.parent.mkdir(parents=True, exist_ok=True)
            place.symlink_to(target)
    for place in root.rglob("*"):
        if place.is_symlink():
            assert Path(os.path.realpath(place)).is_relative_to(root)


def _is_plain(root: Path, folder: Path) -> bool:
    chain = [folder, *folder.parents]
    return not any(one.is_symlink() or one.is_file() for one in chain[: chain.index(root)])
