"""Headers that steer a client: challenges, links to the next page, how much of an upload is there."""

import re
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from envbuild.registry.challenge import Challenge, parse_challenges
from envbuild.registry.links import next_page
from envbuild.registry.session import Reply
from envbuild.registry.uploads import _received

TOKEN = st.text(string.ascii_letters + string.digits + "-_.", min_size=1, max_size=12)
VALUE = st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=30)


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("", ()),
        ("Basic", (Challenge("basic", {}),)),
        ('Basic realm="a, b"', (Challenge("basic", {"realm": "a, b"}),)),
        ("Bearer realm=https://auth.example/token,service=x",
         (Challenge("bearer", {"realm": "https://auth.example/token", "service": "x"}),)),
        ('Bearer realm="https://a/t?x=1",service="s",scope="repository:a:pull,push repository:b:pull"',
         (Challenge("bearer", {"realm": "https://a/t?x=1", "service": "s",
                               "scope": "repository:a:pull,push repository:b:pull"}),)),
        ('Basic realm="r", Bearer realm="t" , service = "s"',
         (Challenge("basic", {"realm": "r"}), Challenge("bearer", {"realm": "t", "service": "s"}))),
        (r'Bearer realm="a \"b\" \\c"', (Challenge("bearer", {"realm": 'a "b" \\c'}),)),
        ('BEARER Realm="x",ERROR="insufficient_scope"',
         (Challenge("bearer", {"realm": "x", "error": "insufficient_scope"}),)),
        ("Negotiate, Basic realm=x", (Challenge("negotiate", {}), Challenge("basic", {"realm": "x"}))),
    ],
)  # fmt: skip
def test_challenges_are_read_as_written(header, expected):
    assert parse_challenges(header) == expected


@given(st.lists(st.tuples(TOKEN, st.dictionaries(TOKEN.map(str.lower), VALUE, min_size=1, max_size=3)), max_size=3))
def test_what_is_written_by_the_rules_is_read_back(challenges):
    def quoted(value):
        return '"' + re.sub(r'(["\\])', r"\\\1", value) + '"'

    header = ", ".join(
        f"{scheme} {', '.join(f'{name}={quoted(value)}' for name, value in parameters.items())}"
        for scheme, parameters in challenges
    )
    assert parse_challenges(header) == tuple(Challenge(s.lower(), p) for s, p in challenges)


@given(st.text(max_size=200) | st.text('Bearer realm=",\\ x', max_size=200))
def test_no_header_breaks_the_reading(text):
    parse_challenges(text)
    next_page({"link": text})


@pytest.mark.parametrize(
    ("link", "expected"),
    [
        ('</v2/a/tags/list?last=b&n=2>; rel="next"', "/v2/a/tags/list?last=b&n=2"),
        ("</x>; rel=next", "/x"),
        ('</x>;rel="prev next"', "/x"),
        ('</first>; rel="first", </n,ext>; title="a, b"; rel="next"', "/n,ext"),
        ('</x>; rel="prev"', ""),
        ('</x>; rel="nextish"', ""),
        ("", ""),
        ("nonsense", ""),
    ],
)
def test_the_next_page_is_what_the_link_says(link, expected):
    assert next_page({"link": link}) == expected


@given(st.integers(2, 10**15))
def test_the_end_of_a_range_is_inclusive_so_that_no_byte_is_sent_twice_or_left_out(size):
    for written in (f"0-{size - 1}", f"bytes=0-{size - 1}"):
        assert _received(Reply(202, {"range": written}, b"", "")) == size


@pytest.mark.parametrize(
    ("written", "expected"), [("0-0", 0), ("", None), ("1-5", None), ("0--1", None), ("0-x", None), ("0-9" * 40, None)]
)
def test_a_range_that_says_nothing_is_not_guessed_from(written, expected):
    assert _received(Reply(202, {"range": written}, b"", "")) == expected
