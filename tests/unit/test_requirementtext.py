"""A requirement read the short way is the one that `packaging` reads: else two spellings of one meaning were two environments."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from packaging.requirements import InvalidRequirement
from packaging.requirements import Requirement as Pep508
from packaging.utils import canonicalize_name, canonicalize_version
from packaging.version import Version

from envbuild.normalize.requirementtext import requirement_parts

SPACE = st.sampled_from(["", " ", "  ", "\t"])
NUMBER = st.sampled_from(["0", "1", "00", "01", "10", "2026", "0000"])
VERSION = st.lists(NUMBER, min_size=1, max_size=4).map(".".join)
ODD_VERSION = st.sampled_from(["1.0rc1", "1!2.0", "1.0.post1", "v1.0", "1.0-1", "1.0+local", "1.0.dev3", "१"])
OPERATOR = st.sampled_from(["==", "!=", "<=", ">=", "<", ">", "~=", "==="])
NAME = st.sampled_from(["numpy", "Foo_Bar", "a", "ruamel.yaml", "x--y", "-x", "x-", "é", "A1"])
MARKER = st.sampled_from(
    [
        "",
        "; python_version<'3.12'",
        ' ; sys_platform == "linux"',
        ";",
        "; extra == 'X_y'",
        "; os_name in 'a b'",
        "; nope == '1'",
    ]
)


@st.composite
def specifiers(draw):
    version = draw(st.one_of(VERSION, VERSION.map(lambda text: f"{text}.*"), ODD_VERSION))
    return f"{draw(SPACE)}{draw(OPERATOR)}{draw(SPACE)}{version}{draw(SPACE)}"


@st.composite
def lines(draw):
    extras = draw(st.sampled_from(["", "[a]", "[B_c, d.e]", "[ ]", "[a,,b]", "[a,b,A]", "[a b]"]))
    versions = ",".join(draw(st.lists(specifiers(), max_size=3)))
    if draw(st.booleans()) and versions:
        versions = f"({versions})"
    return f"{draw(SPACE)}{draw(NAME)}{draw(SPACE)}{extras}{draw(SPACE)}{versions}{draw(MARKER)}"


def canonical(specifier):
    operator, version = specifier.operator, specifier.version
    if operator == "===":
        return f"==={version}"
    if version.endswith(".*"):
        return f"{operator}{Version(version[:-2])}.*"
    return operator + canonicalize_version(Version(version), strip_trailing_zero=operator != "~=")


@settings(max_examples=3000, deadline=None)
@given(lines())
def test_every_line_is_read_as_packaging_reads_it(text):
    try:
        expected = Pep508(text)
    except InvalidRequirement:
        with pytest.raises(ValueError, match=r"\S"):
            requirement_parts(text)
        return
    found = requirement_parts(text)
    assert found.name == canonicalize_name(expected.name)
    assert found.extras == {canonicalize_name(extra) for extra in expected.extras}
    assert found.specifiers == {canonical(s) for s in expected.specifier}
    assert found.marker == str(expected.marker or "")
    assert found.url == (expected.url or "")


@pytest.mark.parametrize(
    "text",
    [
        "x @ https://h.example/x-1.0-py3-none-any.whl",
        "x[a] @ https://h.example/x.whl ; python_version < '4'",
        "x@file:///x.whl;y",
    ],
)
def test_a_direct_reference_is_read_whole(text):
    assert requirement_parts(text).url == Pep508(text).url
