"""Poetry's constraints mean what Poetry's documentation says: a wrong one picks the wrong of two locked versions."""

import pytest

from envbuild.formats.otherlocks.poetryversions import allows, python_marker, specifier_sets

TABLE = [
    ("^1.2.3", ["1.2.3", "1.9", "1.10.0"], ["1.2.2", "2.0", "2.0.1"]),
    ("^1", ["1.0", "1.9.9"], ["2", "0.9"]),
    ("^0.2.3", ["0.2.3", "0.2.9"], ["0.3.0", "0.2.2"]),
    ("^0.0.3", ["0.0.3"], ["0.0.4"]),
    ("^0.0", ["0.0.1"], ["0.1"]),
    ("^0", ["0.9"], ["1.0"]),
    ("~1.2.3", ["1.2.3", "1.2.9"], ["1.3", "1.2.2"]),
    ("~1.2", ["1.2", "1.2.9"], ["1.3"]),
    ("~1", ["1.0", "1.9"], ["2.0"]),
    ("~=1.2", ["1.2", "1.9"], ["2.0"]),
    ("1.2.*", ["1.2", "1.2.7"], ["1.3"]),
    ("*", ["0.1", "99"], []),
    ("", ["0.1"], []),
    ("1.2", ["1.2", "1.2.0"], ["1.2.1"]),
    ("==1.2", ["1.2"], ["1.3"]),
    (">=1.2,<1.4,!=1.3.1", ["1.2", "1.3"], ["1.4", "1.3.1"]),
    (">= 1.2 < 1.4", ["1.2", "1.3.9"], ["1.4"]),
    ("<2.0 || >=3.1", ["1.9", "3.1"], ["2.0", "3.0"]),
    ("^1.0|^3", ["1.5", "3.5"], ["2.0"]),
]


@pytest.mark.parametrize(("constraint", "inside", "outside"), TABLE)
def test_a_constraint_takes_these_and_not_those(constraint, inside, outside):
    assert [version for version in [*inside, *outside] if allows(constraint, version)] == inside


def test_a_constraint_on_python_is_a_marker():
    assert python_marker("<3.12") == '(python_full_version < "3.12")'
    assert python_marker("~3.11 || ^4") == (
        '(python_full_version < "3.12" and python_full_version >= "3.11")'
        ' or (python_full_version < "5" and python_full_version >= "4")'
    )
    assert python_marker("*") == ""


@pytest.mark.parametrize("text", [">=", "one", "^x", "1.2 &", ">=1,,<2 ?"])
def test_what_is_no_constraint_is_said_to_be_none_and_excludes_nothing(text):
    with pytest.raises(ValueError, match="is no version constraint"):
        specifier_sets(text)
    assert allows(text, "1.0")
