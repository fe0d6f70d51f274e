"""Faults that only the normalized definition shows are told with the file and line where they stand."""

import pytest

from envbuild.errors import InvalidDefinition
from envbuild.formats.reading import read
from envbuild.normalize import normalize, unserved


def _meant(definition):
    normal = normalize(definition)
    if faults := unserved(normal):
        raise InvalidDefinition(faults)
    return normal


def _faults(path, files):
    with pytest.raises(InvalidDefinition) as refused:
        read(path, lambda name: files[name].encode(), finish=_meant)
    return [(fault.at, fault.what.partition(":")[0]) for fault in refused.value.faults]


def test_every_fault_of_a_toml_has_its_line_and_all_are_told_together():
    text = """format = 1
name = "../x"
pypi = ["numpy>>1"]
system = [
  "git",
  "a;b",
]
foo = 1
[[index]]
name = "a"
url = "ftp://h/x"
[variables]
1x = "1"
"""
    assert _faults("a.toml", {"a.toml": text}) == [
        ("a.toml:2", "name"),
        ("a.toml:3", "pypi[0]"),
        ("a.toml:6", "system[1]"),
        ("a.toml:8", "foo"),
        ("a.toml:11", "index[0].url"),
        ("a.toml:13", "variables.1x"),
    ]


def test_a_field_of_the_wrong_type_has_one_fault_alone():
    assert _faults("a.toml", {"a.toml": "format = 1\nlayout = true\nuser = 3\n"}) == [
        ("a.toml:2", "layout"),
        ("a.toml:3", "user"),
    ]


def test_an_included_file_is_named_for_the_requirement_in_it():
    files = {"r.txt": "numpy\n-r more.txt\n", "more.txt": "\nb @ https://h/b-1-py3-none-any.whl\nb>2\n"}
    assert [at for at, _ in _faults("r.txt", files)] == ["more.txt:3"]


def test_what_is_meant_is_what_is_read():
    definition = read("a.toml", lambda _: b'format = 1\npypi = ["NumPy"]\n', finish=_meant).definition
    assert [r.text for r in definition.pypi] == ["numpy"]
    assert definition.name == "a"
