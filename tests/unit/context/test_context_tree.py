"""A folder's digest: the same wherever and whenever the folder is read, another one for every other content.

tests/golden/context.json has folders and their digests, so that others can check their own implementation.
"""

import hashlib
import json
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from envbuild.context.tree import SCHEMA, ContextEntry, context_digest, links_out

GOLDEN = json.loads((Path(__file__).resolve().parents[2] / "golden" / "context.json").read_bytes())


def entry(row):
    path = bytes.fromhex(row["path-hex"])
    if row["kind"] == "file":
        content = bytes.fromhex(row["content-hex"])
        return ContextEntry(path, "file", row["executable"], b"", hashlib.sha256(content).hexdigest(), len(content))
    return ContextEntry(path, row["kind"], target=bytes.fromhex(row.get("target-hex", "")))


def file(path, content=b"x", *, executable=False):
    return ContextEntry(path, "file", executable, b"", hashlib.sha256(content).hexdigest(), len(content))


def link(path, target):
    return ContextEntry(path, "link", target=target)


def folder(path):
    return ContextEntry(path, "folder")


def by_the_documentation(rows):
    """Written again from the docstring alone, as somebody else would."""

    def field(data):
        return str(len(data)).encode() + b":" + data

    out = field(SCHEMA.encode())
    for row in sorted(rows, key=lambda row: bytes.fromhex(row["path-hex"])):
        content = hashlib.sha256(bytes.fromhex(row.get("content-hex", ""))).hexdigest().encode()
        out += field(bytes.fromhex(row["path-hex"])) + field(row["kind"].encode())
        out += field(b"x" if row.get("executable") else b"")
        out += field({"file": content, "link": bytes.fromhex(row.get("target-hex", "")), "folder": b""}[row["kind"]])
    return f"sha256:{hashlib.sha256(out).hexdigest()}"


@pytest.mark.parametrize("name", GOLDEN)
def test_a_digest_is_what_it_was(name):
    """Else every image built from such a folder is lost to its users."""
    assert str(context_digest(map(entry, GOLDEN[name]["entries"]))) == GOLDEN[name]["digest"]


@pytest.mark.parametrize("name", GOLDEN)
def test_the_documentation_is_enough_to_make_the_same_digest(name):
    assert by_the_documentation(GOLDEN[name]["entries"]) == GOLDEN[name]["digest"]


def test_no_two_golden_folders_share_a_digest():
    """They differ in one thing each: a mode bit, an empty folder, a name's Unicode form."""
    assert len({vector["digest"] for vector in GOLDEN.values()}) == len(GOLDEN)


names = st.binary(min_size=1, max_size=3).filter(lambda b: not {0, 47} & set(b) and b not in (b".", b".."))
paths = st.lists(names, min_size=1, max_size=3).map(b"/".join)
entries = st.one_of(
    st.builds(file, paths, st.binary(max_size=3), executable=st.booleans()),
    st.builds(folder, paths),
    st.builds(link, paths, names),
)
trees = st.lists(entries, max_size=6, unique_by=lambda e: e.path)


@given(trees, st.randoms())
def test_the_order_in_which_a_file_system_lists_says_nothing(tree, rng):
    """https://github.com/nextflow-io/nextflow/issues/6112 (seen on ZFS)."""
    other = rng.sample(tree, len(tree))
    assert context_digest(other) == context_digest(tree)


@settings(max_examples=200)
@given(trees, trees)
def test_two_folders_have_one_digest_only_where_they_are_alike(one, other):
    """Names, kinds and contents that run together must not be taken for each other."""
    assert (context_digest(one) == context_digest(other)) == (set(one) == set(other))


@pytest.mark.parametrize(
    "change",
    [{"path": b"b"}, {"executable": True}, {"sha256": "0" * 64}, {"kind": "link", "target": b"x", "sha256": ""}],
)
def test_every_part_of_an_entry_counts(change):
    """flytekit ignored the executable bit (research: pitfall 24)."""
    assert context_digest([replace(file(b"a"), **change)]) != context_digest([file(b"a")])


def test_the_size_is_said_by_the_content_already():
    assert context_digest([replace(file(b"a"), size=99)]) == context_digest([file(b"a")])


@pytest.mark.parametrize(
    "bad",
    [
        [file(b"/a")],
        [file(b"a/")],
        [file(b"a//b")],
        [file(b"../a")],
        [file(b"a\0")],
        [folder(b"")],
        [file(b"a"), link(b"a", b"b")],
        [replace(file(b"a"), sha256="")],
        [link(b"a", b"")],
    ],
)
def test_what_can_be_in_no_folder_has_no_digest(bad):
    with pytest.raises(ValueError, match=r"path|not what a"):
        context_digest(bad)


@pytest.mark.parametrize(
    ("tree", "out"),
    [
        ([link(b"a", b"b")], []),
        ([link(b"a", b"/etc/passwd")], [b"a"]),
        ([link(b"a", b"..")], [b"a"]),
        ([link(b"d/a", b"../b")], []),
        ([link(b"d/a", b"../../b")], [b"d/a"]),
        ([link(b"d/a", b"./x/../../b")], []),
        # By its text the second stays inside; but `deep/d` is the top folder's `x`, and one above that is outside.
        ([folder(b"x"), link(b"deep/d", b"../x"), link(b"l", b"deep/d/../../y")], [b"l"]),
        ([link(b"l", b"gone/../../y")], [b"l"]),
        ([link(b"a", b"b"), link(b"b", b"a")], []),
        ([link(b"a", b"a/a/a")], []),
        ([link(b"a", b"b"), link(b"b", b"/x")], [b"a", b"b"]),
        ([link(b"a", b"../" + b"x/" * 2000)], [b"a"]),
    ],
)
def test_a_link_that_leads_out_is_found(tree, out):
    """Else a build would take in what no one sees in the folder; loops and links to nothing do no harm."""
    assert [entry.path for entry in links_out(tree)] == out
