"""YAML is read with lines and texts, nothing in it is executed, and no file makes the reader slow."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from envbuild.formats.nodes.yamlnodes import Kind, Map, Scalar, Sequence, YamlFault, parse, plain


def test_a_number_keeps_the_text_that_its_writer_meant():
    """`python: 3.10` must not become Python 3.1."""
    node = parse("python: 3.10\n")
    assert node == Map({"python": Scalar("3.10", Kind.NUMBER, 1)}, {"python": 1}, 1)


def test_every_value_has_its_line():
    node = parse("# c\na:\n  - x\n  - pip:\n      - y\n")
    assert node.keys["a"] == 2
    assert [item.line for item in node.entries["a"].items] == [3, 4]
    assert node.entries["a"].items[1].entries["pip"] == Sequence((Scalar("y", Kind.TEXT, 5),), 5)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        (
            "a: 3.10\nb: [1, yes, ~, 2020-01-01, 'no', \"3\"]\n",
            {"a": 3.1, "b": [1, True, None, "2020-01-01", "no", "3"]},
        ),
        ("a: &x [1]\nb: *x\n", {"a": [1], "b": [1]}),
        ("base: &b {d: 1, e: 1}\nc: {<<: *b, e: 2}\n", {"base": {"d": 1, "e": 1}, "c": {"d": 1, "e": 2}}),
        ("a: |\n  x\n  y\n", {"a": "x\ny\n"}),
        ("", None),
        ("# only a comment\n", None),
        ("a:\n", {"a": None}),
    ],
)
def test_what_yaml_means(text, value):
    assert plain(parse(text)) == value


BOMB = "\n".join(
    ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    + [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 9)]
)


@pytest.mark.parametrize(
    ("text", "line", "what"),
    [
        ("a: 1\nb: 2\na: 3\n", 3, "a: given twice, first in line 1"),
        ("x:\n  a: 1\n  a: 2\n", 3, "a: given twice, first in line 2"),
        ("a:\n\t- b\n", 2, "this is no YAML"),
        ("a: !!python/object/apply:os.system ['true']\n", 1, "the tag"),
        ("a: !secret x\n", 1, "the tag"),
        ("a: 1\n---\nb: 2\n", 2, "another document"),
        ("a: \x00\n", 1, "a character"),
        ("a: {{ x }}\n", 1, "a key must be a word"),
        ("a: {% if x %}\n", 1, "this is no YAML"),
        ("? [a]\n: b\n", 1, "a key must be a word"),
        ("a: *nowhere\n", 1, "undefined alias"),
        ("a: 'open\n", 1, "this is no YAML"),
        ("&a [*a]\n", 1, "nested too deeply"),
        ("[" * 5000, 1, "nested too deeply"),
        ("<<: 3\n", 1, "<<: is for tables"),
        (BOMB, None, "aliases make too much of it"),
    ],
)
def test_what_is_not_safe_or_not_clear_is_refused_with_its_line(text, line, what):
    with pytest.raises(YamlFault) as caught:
        parse(text)
    assert what in caught.value.what
    assert line is None or caught.value.line == line
    assert caught.value.hint


@given(st.text(max_size=200))
def test_any_text_is_read_or_refused(text):
    """Whatever lies in a file, nobody sees a traceback."""
    try:
        plain(parse(text))
    except YamlFault as fault:
        assert fault.line >= 1


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**9), 10**9)
    | st.text(st.characters(codec="ascii", exclude_categories=["C"])),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text("abcxyz", min_size=1), inner, max_size=4),
    max_leaves=20,
)


@given(JSON)
def test_json_is_yaml(value):
    import json

    assert plain(parse(json.dumps(value))) == value
