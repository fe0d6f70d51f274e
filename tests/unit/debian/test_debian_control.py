"""If these fail, a package's fields are read wrongly: a dependency is lost, or a field is forged from a description."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from envbuild.debian.control import parse_stanza, parse_stanzas

NAMES = st.from_regex(r"[A-Z][A-Za-z0-9-]{0,9}", fullmatch=True)
LINES = st.text(st.characters(blacklist_categories=["Cc", "Cs", "Zl", "Zp"]), max_size=20).map(str.strip)


def test_folded_fields_keep_their_lines_and_field_names_have_no_case():
    fields = parse_stanza("Package: a\nDEPENDS: b,\n c (>= 1)\nDescription: x\n Package: evil\n .\n y\n")
    assert fields == {"package": "a", "depends": "b,\nc (>= 1)", "description": "x\nPackage: evil\n.\ny"}


def test_a_comment_in_a_stanza_is_passed_over():
    assert parse_stanza("Types: deb\n# was: URIs: http://old.example\nURIs: http://new.example\n") == {
        "types": "deb",
        "uris": "http://new.example",
    }


@pytest.mark.parametrize("text", [" folded: first\n", "no field\n", ": empty\n", "A: 1\na: 2\n", "two words: x\n"])
def test_what_is_no_stanza_is_refused(text):
    with pytest.raises(ValueError, match=r"."):
        parse_stanza(text)


def test_stanzas_are_divided_by_empty_lines_even_with_spaces_or_several():
    assert list(parse_stanzas("\n\nA: 1\n \t\n\nA: 2\n")) == [{"a": "1"}, {"a": "2"}]


@given(st.dictionaries(NAMES, st.lists(LINES, min_size=1, max_size=3), min_size=1))
def test_what_is_written_is_read(fields):
    fields = {name.lower(): lines for name, lines in fields.items()}
    text = "".join(f"{n}: {first}\n" + "".join(f" .{line}\n" for line in more) for n, (first, *more) in fields.items())
    assert parse_stanza(text) == {
        n: "\n".join([first, *(f".{line}" for line in more)]) for n, (first, *more) in fields.items()
    }
