"""The prefix in a package's files is replaced as rattler does it, however their content comes in pieces."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from envbuild.errors import IntegrityError
from envbuild.layers.conda.placeholders import FileMode, Placeholder, PrefixTooLong, replaced

OLD, NEW = "/placehold/placehold", "/opt/env"
LONG = f"{OLD}/{'deep/' * 30}bin"


def patched(content, mode, *, old=OLD, new=NEW, cuts=()):
    ends = sorted({cut % (len(content) + 1) for cut in cuts} | {len(content)})
    starts = [0, *ends[:-1]]
    pieces = [content[start:end] for start, end in zip(starts, ends, strict=True)]
    return b"".join(replaced(pieces, Placeholder(old, FileMode(mode)), new))


def rattlers_binary(content, old, new):
    """rattler's own steps (copy_and_replace_cstring_placeholder), on the whole content."""
    out = b""
    while (found := content.find(old)) >= 0:
        out += content[:found]
        end = content.find(b"\0", found)
        end = len(content) if end < 0 else end
        out += content[found:end].replace(old, new).ljust(end - found, b"\0")
        content = content[end:]
    return out + content


# Few letters, so that whole and half placeholders, NULs and neighbours are common.
PARTS = st.sampled_from([b"\0", b"ab", b"aab", b"a", b"b", b"/x", b"aabaab", b"#!", b"\n", b"\xff"])
CONTENT = st.lists(PARTS, max_size=30).map(b"".join)
CUTS = st.lists(st.integers(0, 200), max_size=8)


@given(CONTENT, CUTS, st.sampled_from(["N", "NNN"]))
def test_binaries_are_patched_as_rattler_does_it_in_any_pieces(content, cuts, new):
    made = patched(content, "binary", old="aab", new=new, cuts=cuts)
    assert made == rattlers_binary(content, b"aab", new.encode())
    assert len(made) == len(content), "what stands behind the string has moved"


@given(CONTENT, CUTS)
def test_a_patched_file_has_nothing_left_to_patch(content, cuts):
    for mode in ("text", "binary"):
        once = patched(content, mode, old="aab", new="NN", cuts=cuts)
        assert b"aab" not in once
        assert patched(once, mode, old="aab", new="NN") == once


@given(CONTENT, CUTS)
def test_a_prefix_of_equal_length_leads_there_and_back(content, cuts):
    there = patched(content, "binary", old="aab", new="NNN", cuts=cuts)
    assert patched(there, "binary", old="NNN", new="aab") == content


@given(CONTENT.filter(lambda content: not content.startswith(b"#!")), CUTS)
def test_texts_have_every_occurrence_replaced_in_any_pieces(content, cuts):
    assert patched(content, "text", old="aab", new="/n", cuts=cuts) == content.replace(b"aab", b"/n")


@given(CONTENT, CUTS)
def test_a_script_is_the_same_in_any_pieces(content, cuts):
    script = b"#!/aab/bin/x\n" + content
    assert patched(script, "text", old="aab", new="/n", cuts=cuts) == patched(script, "text", old="aab", new="/n")


@pytest.mark.parametrize(
    ("line", "new", "expected"),
    [
        (f"#!{OLD}/bin/python", NEW, f"#!{NEW}/bin/python"),
        (f"#!{LONG}/perl -w", NEW, "#!/usr/bin/env perl -w"),
        (f"#!{LONG}/python3.12 -E", NEW, f"#!/bin/sh\n'''exec' \"{LONG.replace(OLD, NEW)}/python3.12\" -E \"$0\" \"$@\" #'''"),
        (f"#!{LONG}/python3.12.1", NEW, "#!/usr/bin/env python3.12.1"),
        (f"#!{OLD}/bin/perl", "/my env", "#!/usr/bin/env perl"),
        (f"#!{OLD}/bin/python", "/my env", "#!/bin/sh\n'''exec' \"/my env/bin/python\" \"$0\" \"$@\" #'''"),
        ("#!/usr/bin/python", "/my env", "#!/usr/bin/python"),
        ("#!" + "no path " * 30, NEW, "#!" + "no path " * 30),
    ],
)  # fmt: skip
def test_first_lines_that_linux_would_not_run_are_led_through_env_or_sh(line, new, expected):
    assert patched(f"{line}\nrest {OLD}\n".encode(), "text", new=new).decode() == f"{expected}\nrest {new}\n"


def test_a_first_line_of_127_bytes_stays_and_one_more_does_not():
    for more, stays in ((0, True), (1, False)):
        line = f"#!{OLD}/{'e' * (127 + more - len(f'#!{NEW}/'))}"
        assert patched(f"{line}\n".encode(), "text").startswith(f"#!{NEW}/e".encode()) is stays


def test_a_script_without_a_line_feed_is_its_first_line():
    assert patched(f"#!{OLD}/sh".encode(), "text") == f"#!{NEW}/sh".encode()


def test_a_prefix_longer_than_the_placeholder_is_refused_for_binaries_and_fits_texts():
    long = OLD + "/longer"
    with pytest.raises(PrefixTooLong, match=r"27 bytes.*room for 20"):
        patched(b"nothing of it", "binary", new=long)
    assert patched(OLD.encode(), "text", new=long) == long.encode()


def test_a_first_line_without_end_does_not_fill_the_memory():
    endless = (b"#!" if number == 0 else b"x" * 65536 for number in range(1 << 20))
    with pytest.raises(IntegrityError, match="has no end"):
        list(replaced(endless, Placeholder(OLD, FileMode.TEXT), NEW))
