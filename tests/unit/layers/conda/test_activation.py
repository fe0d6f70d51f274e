"""If this fails, a program in the image lacks a variable that `conda activate` sets, or has one that it does not set."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from envbuild.errors import IntegrityError
from envbuild.layers.conda.activation import Unread, activation, activation_facts
from envbuild.layers.conda.shellexports import PREFIX_VARIABLE, UnreadableScript, exports
from envbuild.members import MemberKind

FOLDER_TESTED = """#!/bin/sh
# Store existing values
if [ -n "${PROJ_DATA:-}" ]; then
    export _CONDA_SET_PROJ_DATA=$PROJ_DATA
fi

if [ -d "${CONDA_PREFIX}/share/proj" ]; then
  export "PROJ_DATA=${CONDA_PREFIX}/share/proj"
elif [ -d "${CONDA_PREFIX}/Library/share/proj" ]; then
  export PROJ_DATA="${CONDA_PREFIX}/Library/share/proj"
fi
if [ -f "${CONDA_PREFIX}/share/proj/all.csv" ]; then
  export PROJ_NETWORK="OFF"
else
  export PROJ_NETWORK="ON"
fi
"""
READ = {
    "backup and export": (
        "export SCHEMA_DIR_CONDA_BACKUP=${SCHEMA_DIR:-}\nexport SCHEMA_DIR=$CONDA_PREFIX/share/schemas\n",
        {"SCHEMA_DIR": "$CONDA_PREFIX/share/schemas"},
    ),
    "tests of folders": (FOLDER_TESTED, {"PROJ_DATA": "$CONDA_PREFIX/share/proj", "PROJ_NETWORK": "ON"}),
    "a folder that is not there": (
        'export D=$CONDA_PREFIX/lib/plugins\nif [[ ! -d "$D" ]]; then\n  unset D\nfi\nexport E=UTF-8\n',
        {"E": "UTF-8"},
    ),
    "a test of a default": ('if [ "${JIT+x}" ] ; then\n  export JIT_BACKUP="${JIT}"\nfi\nexport JIT=1\n', {"JIT": "1"}),
    "quotes": ("export A='one two' B=\"three $CONDA_PREFIX\"\nC=x\nexport C\n", {"A": "one two", "B": "three $CONDA_PREFIX", "C": "x"}),
    "branches in branches": (
        'if test -z "${X}"; then if [ -d $CONDA_PREFIX/share/proj ]; then export Y=1; else export Y=2; fi; else export Y=3; fi',
        {"Y": "1"},
    ),
    "an empty script": ("", {}),
    "a file is no folder": (
        "if [ -d $CONDA_PREFIX/share/file ]; then export A=1; fi\nif [ -f $CONDA_PREFIX/share ]; then export B=1; fi",
        {},
    ),
    "a file is a file": (
        "if [ -f $CONDA_PREFIX/share/file ]; then export C=1; fi\nif [ -e $CONDA_PREFIX/share ]; then export D=1; fi",
        {"C": "1", "D": "1"},
    ),
    "set and empty": ("A=\nexport B=${A-b} C=${A+c} D=${A:-d} E=${A:+e} F=${G-f} H=${G+h}", {"C": "c", "D": "d", "F": "f"}),
    "words": ("export A=x=y; export B=a:b,c%d+e@f; export C=${A}z$A", {"A": "x=y", "B": "a:b,c%d+e@f", "C": "x=yzx=y"}),
    "a comment behind": ("export A=1 # and\nexport B=2 # ünï\n", {"A": "1", "B": "2"}),
    "negations": ('if ! [ ! "a" ]; then export A=1; fi\nif [ ! "" = "" ]; then export B=1; else export B=2; fi', {"A": "1", "B": "2"}),
    "what a command is given is read first": ("export A=1\nexport B=$A\nexport C=2 D=$C", {"A": "1", "B": "1", "C": "2"}),
    "one word alone": ('if [ -n ]; then export A=1; fi\nif [ "" ]; then export B=1; fi', {"A": "1"}),
}  # fmt: skip
NOT_READ = {
    "a command": "mkdir -p $CONDA_PREFIX/x",
    "a substitution": "export A=$(uname -s)",
    "an old substitution": "export A=`uname`",
    "a variable of every place": "export PATH=$CONDA_PREFIX/x:$PATH",
    "reading one": "export A=$HOME/x",
    "a path outside": "if [ -d /etc/x ]; then export A=1; fi",
    "a path that climbs out": 'if [ -d "$CONDA_PREFIX/../x" ]; then export A=1; fi',
    "a function": "f() {\nexport A=1\n}\nf",
    "a loop": "for x in a b; do export A=$x; done",
    "a source": ". $CONDA_PREFIX/x.sh",
    "a replacement": "export A=${CONDA_PREFIX// /%20}",
    "an addition": "export A+=x",
    "a pattern": "export A=*.txt",
    "a home": "export A=~/x",
    "a dollar that is a letter": "export A='$CONDA_PREFIX/x'",
    "a command behind a test": '[ -n "$A" ] && export A=1',
    "a pipe": "export A=1 | cat",
    "an if without its end": "if [ -n x ]; then export A=1",
    "in a branch that is not taken": 'if [ -n "" ]; then rm -rf x; fi',
    "the prefix itself": "export CONDA_PREFIX=/x",
    "an arithmetic": "export A=$((1+1))",
    "a redirection": "export A=1 > x",
    "a command in quotes of its own": 'export "A=$(id)"',
    "a variable of every place in quotes": 'export "PATH=/x"',
    "the prefix in quotes": 'export "CONDA_PREFIX=/x"',
    "what conda says of itself": "export A=$CONDA_SHLVL",
    "what the shell says of itself": 'if [ "$OSTYPE" = linux-gnu ]; then export A=1; fi',
    "a number of the shell's": "export A=$RANDOM",
    "a value that is split": "if [ -n $A ]; then export B=1; fi",
    "a value as a pattern": "if [[ a == $A ]]; then export B=1; fi",
    "a comment that goes on": "# comment \\\nexport A=1",
    "a quote that goes on": "export A='a\\\nb'",
    "a line of Windows": "export A=a\r\nexport B=b\r\n",
    "a form feed": "export A=a\x0cexport B=2",
    "a home in a default": "export A=${B:-~/x}",
    "an escape in a default": "export A=${B:-a\\b}",
    "an escape": "export A=a\\ b",
    "no then": "if [ a ]; export A=1; fi",
    "then twice": "if [ a ]; then then export A=1; fi",
    "else twice": "if [ a ]; then export A=1; else export A=2; else export A=3; fi",
    "an empty branch": "if [ a ]; then fi",
    "a fi too many": "export A=1; fi",
    "a then alone": "then",
    "an empty command": ";;",
    "a link that is tested": 'if [ -d "$CONDA_PREFIX/share/link" ]; then export A=1; fi',
    "a word behind fi": "if [ a ]; then export A=1; fi export B=1",
    "braces": "export A={a,b}",
    "a read-only one": "readonly A=1",
    "an assignment for a command": "A=1 true",
    "a flag": "export -n A",
    "an operator alone between two brackets": "if [[ -n ]]; then export A=1; fi",
    "a NUL behind a quoted #": 'export A="#\0"',
    "other letters": 'export A="ü"',
    "the kind of terminal": "export A=$TERM",
    "a value without end": "export A=aaaaaaaaaaaaaaaa\n" + "A=$A$A\n" * 40,
}
PATHS = {
    "share": MemberKind.DIRECTORY,
    "share/proj": MemberKind.DIRECTORY,
    "share/schemas": MemberKind.DIRECTORY,
    "share/file": MemberKind.FILE,
    "share/link": MemberKind.LINK,
}


@pytest.mark.parametrize(("script", "variables"), READ.values(), ids=READ)
def test_a_script_of_exports_is_read(script, variables):
    assert exports(script, PATHS, {}) == variables


@pytest.mark.parametrize("script", NOT_READ.values(), ids=NOT_READ)
def test_a_script_that_does_more_is_never_half_read(script):
    with pytest.raises(UnreadableScript):
        exports(script, PATHS, {})


@pytest.mark.skipif(shutil.which("bash") is None, reason="bash says what a script means")
@pytest.mark.parametrize("script", [script for script, _ in READ.values()], ids=READ)
def test_bash_sets_the_same(script, tmp_path):
    for path, kind in PATHS.items():
        if kind is MemberKind.DIRECTORY:
            (tmp_path / path).mkdir(parents=True, exist_ok=True)
    (tmp_path / "share/file").write_text("")
    (tmp_path / "script.sh").write_text(script)
    command = f"set -a; . {tmp_path}/script.sh; env -0"
    said = subprocess.run(
        ["bash", "--norc", "-c", command], env={"CONDA_PREFIX": str(tmp_path)}, capture_output=True, check=True
    ).stdout.decode()
    theirs = dict(pair.split("=", 1) for pair in said.split("\0") if pair)
    ours = exports(script, PATHS, {})
    assert {name: theirs.get(name) for name in ours} == {
        name: value.replace(PREFIX_VARIABLE, str(tmp_path)) for name, value in ours.items()
    }
    ambient = {"CONDA_PREFIX", "PWD", "SHLVL", "_", "OLDPWD"}
    assert {name for name, value in theirs.items() if value} - ambient == set(ours)


@given(st.text(alphabet="abAB=$\"'{}[]()|;\n \\-:!#/`*&", max_size=60))
def test_no_script_breaks_the_reader(script):
    try:
        assert all(exports(script, PATHS, {}).values())
    except UnreadableScript as unreadable:
        assert isinstance(unreadable.line, str)


def test_packages_variables_come_before_their_scripts_in_the_order_of_file_names():
    one = activation_facts(
        {
            "etc/conda/env_vars.d/b.json": b'{"A": "from b", "GONE": "***unset***"}',
            "etc/conda/env_vars.d/a.json": b'{"A": "from a", "DATA": "/opt/env/share/data"}',
            "etc/conda/activate.d/20.sh": b"export A=$A-20\n",
            "etc/conda/activate.d/20.fish": b"nothing for bash",
            "lib/other": b"export B=1",
        },
        "/opt/env",
    )
    other = activation_facts({"etc/conda/activate.d/10.sh": b"export A=$A-10\n"}, "/opt/env")
    found = activation([("one", one), ("other", other)], PATHS)
    assert dict(found.variables) == {"A": "from b-10-20", "DATA": "$CONDA_PREFIX/share/data"}
    assert found.at("/srv/env") == {"A": "from b-10-20", "DATA": "/srv/env/share/data"}


def test_a_script_that_is_not_read_is_named_and_the_others_are_read():
    facts = activation_facts(
        {"etc/conda/activate.d/a.sh": b"export A=1\n", "etc/conda/activate.d/b.sh": b"# B\nexport B=$(id)\n"},
        "/opt/env",
    )
    found = activation([("tool", facts)], PATHS)
    assert found.variables == (("A", "1"),)
    assert found.unread == (Unread("tool", "b.sh", "export B=$(id)"),)


def test_a_reviewed_script_gives_what_its_reviewer_wrote_down():
    text = 'if test -n "${XML_CATALOG_FILES:-}"; then\n  XML_CATALOG_FILES+=" "\nfi\nx="file://${CONDA_PREFIX// /%20}/etc/xml/catalog file:///etc/xml/catalog"\nexport XML_CATALOG_FILES+="$x"\n'
    facts = activation_facts({"etc/conda/activate.d/libxml2_activate.sh": text.encode()}, "/opt/env")
    found = activation([("libxml2", facts)], PATHS)
    assert found.at("/p") == {"XML_CATALOG_FILES": "file:///p/etc/xml/catalog file:///etc/xml/catalog"}
    assert not found.unread


def test_a_script_of_a_reviewed_name_with_other_words_is_read_as_any_other():
    facts = {"activate-scripts": json.dumps({"libxml2_activate.sh": 'export XML_CATALOG_FILES="${CONDA_PREFIX}/etc/xml/catalog"\n'})}  # fmt: skip
    assert dict(activation([("libxml2", facts)], PATHS).variables) == {
        "XML_CATALOG_FILES": "$CONDA_PREFIX/etc/xml/catalog"
    }


@pytest.mark.parametrize(
    "content",
    [
        b"{",
        b"[]",
        b'{"A": 1}',
        b"\xff",
        b'{"A=B": "x"}',
        b'{"": "x"}',
        b'{"A": "x\\u0000"}',
        b'{"A": "\\ud800"}',
        b"[" * 200_000,
    ],
    ids=["cut", "a list", "a number", "no UTF-8", "a name with =", "no name", "NUL", "half a pair", "deep"],
)
def test_variables_that_are_none_are_refused_with_their_file(content):
    with pytest.raises(IntegrityError) as refused:
        activation_facts({"etc/conda/env_vars.d/x.json": content}, "/opt/env")
    assert refused.value.at == "etc/conda/env_vars.d/x.json"


def test_what_every_place_has_of_its_own_is_no_packages():
    """Else a package's PATH hides the image's programs, in spite of what the definition says."""
    facts = activation_facts({"etc/conda/env_vars.d/x.json": b'{"PATH": "/x", "A": "1", "HOME": "/y"}'}, "/opt/env")
    found = activation([("tool", facts)], PATHS)
    assert found.variables == (("A", "1"),)
    assert [(one.package, one.line) for one in found.unread] == [("tool", "HOME"), ("tool", "PATH")]


def test_a_package_without_activation_has_no_such_facts():
    assert activation_facts({"bin/tool": b"x"}, "/opt/env") == {}
    assert Path(PREFIX_VARIABLE).name == "$CONDA_PREFIX"
