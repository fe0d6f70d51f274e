"""`.dockerignore` means here what it means to Docker: else an id covers other files than those that are built.

The tables follow the tests of github.com/moby/patternmatcher case by case; tests/integration/test_context_engine.py asks
a real engine.
"""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from envbuild.context import goregexp
from envbuild.context.goregexp import BadExpression, matcher
from envbuild.context.ignorefile import Ignore, read_ignore_file
from envbuild.context.patterns import Pattern, _compiled, clean
from envbuild.errors import InvalidDefinition

WHEEL = "dist/tool.py-2.4.0rc3.dev36+g08acad9-py3-none-any.whl"


def ignore(*lines):
    return read_ignore_file("\n".join(lines).encode(), ".dockerignore")


def by_walking(rules, path):
    """As a walk asks: each folder above first."""
    parts = path.split("/")
    decided, ignored = (), False
    for number in range(1, len(parts) + 1):
        ignored, decided = rules.of("/".join(parts[:number]), decided)
    return ignored


ONE = [
    ("**", "file", True),
    ("**/", "file", True),
    ("**", "dir/file", True),
    ("**/", "dir/file", True),
    ("**/**", "dir/file", True),
    ("dir/**", "dir/file", True),
    ("dir/**", "dir/sub/file", True),
    ("**/dir", "dir", True),
    ("**/dir", "dir/file", True),
    ("**/sub/*", "dir/sub/file", True),
    ("**/sub/**", "dir/sub/third/file", True),
    ("**file", "file", True),
    ("**file", "dir/file", True),
    ("**file", "dir/myfile", True),
    ("**/file", "dir/file", True),
    ("**/file", "dir/myfile", False),
    ("**file", "dir/dir/file", True),
    ("**/file", "dir/dir/file", True),
    ("**/file*", "dir/dir/file", True),
    ("**/file*", "dir/dir/file.txt", True),
    ("**/file*txt", "dir/dir/file.txt", True),
    ("**/file*.txt", "dir/dir/file.txt", True),
    ("**/file*.txt*", "dir/dir/file.txt", True),
    ("**/**/*.txt", "dir/dir/file.txt", True),
    ("**/**/*.txt2", "dir/dir/file.txt", False),
    ("**/*.txt", "file.txt", True),
    ("**/**/*.txt", "file.txt", True),
    ("a**/*.txt", "a/file.txt", True),
    ("a**/*.txt", "a/dir/file.txt", True),
    ("a**/*.txt", "a/dir/dir/file.txt", True),
    ("a/*.txt", "a/dir/file.txt", False),
    ("a/*.txt", "a/file.txt", True),
    ("a/*.txt**", "a/file.txt", True),
    ("a[b-d]e", "ae", False),
    ("a[b-d]e", "ace", True),
    ("a[b-d]e", "aae", False),
    ("a[^b-d]e", "aze", True),
    (".*", ".env", True),
    (".*", "env", False),
    ("abc.def", "abcdef", False),
    ("abc.def", "abc.def", True),
    ("abc.def", "abcZdef", False),
    ("abc?def", "abcZdef", True),
    ("abc?def", "abcdef", False),
    ("a\\\\", "a\\", True),
    ("a\\*b", "a*b", True),
    ("a\\*b", "ab", False),
    ("**/one/two", "one/two", True),
    ("**/one/two", "dir/one/two", True),
    ("**/one/two", "dir/sub/one/two", True),
    ("abc/**", "abc", False),
    ("abc/**", "abc/def", True),
    ("abc/**", "abc/def/ghi", True),
    ("**/.env", ".env", True),
    ("**/.env", "my.env", False),
    ("a(b)c/def", "a(b)c/def", True),
    ("a(b)c/def", "a(b)c/xyz", False),
    ("a.|)$(}+{bc", "a.|)$(}+{bc", True),
    (WHEEL, WHEEL, True),
    ("dist/*.whl", WHEEL, True),
    ("*", "abc", True),
    ("*c", "abc", True),
    ("a*", "ab/c", True),
    ("a*/b", "abc/b", True),
    ("a*/b", "a/c/b", False),
    ("a*b*c*d*e*/f", "axbxcxdxe/f", True),
    ("a*b*c*d*e*/f", "axbxcxdxexxx/f", True),
    ("a*b*c*d*e*/f", "axbxcxdxe/xxx/f", False),
    ("a*b*c*d*e*/f", "axbxcxdxexxx/fff", False),
    ("a*b?c*x", "abxbbxdbxebxczzx", True),
    ("a*b?c*x", "abxbbxdbxebxczzy", False),
    ("ab[c]", "abc", True),
    ("ab[e-g]", "abc", False),
    ("ab[^c]", "abc", False),
    ("ab[^e-g]", "abc", True),
    ("a?b", "a\u2603b", True),
    ("a[^a]b", "a\u2603b", True),
    ("a???b", "a\u2603b", False),
    ("[a-\u03b6]*", "\u03b1", True),
    ("*[a-\u03b6]", "A", False),
    ("a?b", "a/b", False),
    ("a*b", "a/b", False),
    ("[\\]a]", "]", True),
    ("[\\-]", "-", True),
    ("[x\\-]", "x", True),
    ("[x\\-]", "-", True),
    ("[x\\-]", "z", False),
    ("*x", "xxx", True),
    # What brackets do with a star in them: it is Go's expression that decides.
    ("[a*]", "aa]", True),
    ("[a*]", "a", False),
    ("[[:digit:]]", "7", True),
    ("x\\d", "x7", True),
    ("doc\\build", "doc\\build", False),
    ("Dir", "dir", False),
    ("/dir", "dir", True),
    ("dir/", "dir/file", True),
    ("./dir//sub/", "dir/sub/x", True),
    ("dir/../other", "other", True),
    ("..", "dir", False),
    (".", "dir", False),
    ("/", "dir", False),
    ("a\u00a0", "a", True),
    ("caf\u00e9", "cafe\u0301", False),
]  # fmt: skip


@pytest.mark.parametrize(("pattern", "path", "ignored"), ONE)
def test_a_line_is_about_the_paths_that_it_is_about_to_docker(pattern, path, ignored):
    assert ignore(pattern).of(path)[0] is ignored
    assert by_walking(ignore(pattern), path) is ignored


@pytest.mark.parametrize(
    ("lines", "path", "ignored"),
    [
        (["**", "!util/docker/web"], "util/docker/web/x", False),
        (["**", "!util/docker/web", "util/docker/web/x"], "util/docker/web/x", True),
        (["**", f"!{WHEEL}"], WHEEL, False),
        (["**", "!dist/*.whl"], WHEEL, False),
        (["!a.go", "*.go"], "a.go", True),
        (["*.go", "!a.go"], "a.go", False),
        (["docs", "!docs/README.md"], "docs/README.md", False),
        (["docs/", "!docs/README.md"], "docs/README.md", False),
        (["docs/*", "!docs/README.md"], "docs/README.md", False),
        (["docs", "  !docs/README.md  "], "docs/README.md", False),
        (["docs", "! /docs/README.md"], "docs/README.md", False),
        (["*", "!src/**", "src/secret"], "src/secret/key", True),
        (["# docs"], "# docs", False),
        ([" # docs"], "# docs", True),
        (["docs\r"], "docs", True),
        ([], "anything", False),
        (["", "   ", "\t"], "anything", False),
    ],
)
def test_the_last_line_about_a_path_decides(lines, path, ignored):
    assert ignore(*lines).of(path)[0] is ignored
    assert by_walking(ignore(*lines), path) is ignored


def test_a_byte_order_mark_is_no_part_of_the_first_line():
    assert read_ignore_file(b"\xef\xbb\xbfdocs\n", "x").of("docs")[0]


def test_a_name_that_is_no_text_is_matched_by_its_bytes():
    name = b"caf\xe9".decode("utf-8", "surrogateescape")
    assert read_ignore_file(b"caf\xe9\n", "x").of(name)[0]
    assert ignore("caf?").of(name)[0]


@pytest.mark.parametrize(
    ("line", "kind", "expression"),
    [
        ("*", "regexp", "^[^/]*$"),
        ("file*", "regexp", "^file[^/]*$"),
        ("a*/b", "regexp", "^a[^/]*/b$"),
        ("**", "suffix", None),
        ("**/**", "regexp", "^(.*/)?.*$"),
        ("dir/**", "prefix", None),
        ("**/dir", "suffix", None),
        ("**/sub/*", "regexp", "^(.*/)?sub/[^/]*$"),
        ("**/sub/**", "regexp", "^(.*/)?sub/.*$"),
        ("**file", "suffix", None),
        ("**/**/*.txt", "regexp", r"^(.*/)?(.*/)?[^/]*\.txt$"),
        ("a[b-d]e", "regexp", "^a[b-d]e$"),
        (".*", "regexp", r"^\.[^/]*$"),
        ("abc.def", "exact", None),
        ("a.|)$(}+{bc", "exact", None),
    ],
)
def test_a_pattern_becomes_the_expression_that_mobys_becomes(line, kind, expression):
    found = _compiled(clean(line))
    assert found[1] == kind
    assert expression is None or found[0] == expression


@pytest.mark.parametrize(
    "line",
    [
        "!", "! ", "!/", "[", "[]a]", "[-]", "[x-]", "[-x]", "\\", "[a-b-c]", "[^", "[^bc", "a[", "[b-a]", "[Local-Only]",
        "[[:nothing:]]", "a?\\q",
    ],
)  # fmt: skip
def test_a_line_that_docker_refuses_is_named_with_its_place(line):
    with pytest.raises(InvalidDefinition) as caught:
        ignore("docs", line, "x")
    (fault,) = caught.value.faults
    assert fault.at == ".dockerignore:2"
    assert "no pattern" in fault.what


def test_all_bad_lines_are_named_together():
    with pytest.raises(InvalidDefinition) as caught:
        ignore("[", "a", "!", "x" * 70_000)
    assert [fault.at.rpartition(":")[2] for fault in caught.value.faults] == ["1", "3", "4"]


def test_an_ignore_file_of_some_size_is_taken_for_another_file():
    with pytest.raises(InvalidDefinition, match="1 MiB"):
        read_ignore_file(b"x\n" * (1 << 20), "x")


@pytest.mark.parametrize(
    ("lines", "path", "rule"),
    [
        (["*.log"], "a.log", "`*.log` (.dockerignore:1)"),
        (["# x", "*", "!src", "src/a"], "src/a/b", "`src/a` (.dockerignore:4)"),
        (["*", "!src"], "src/a", ""),
        (["*", "!src"], "other/a", "`*` (.dockerignore:1)"),
    ],
)
def test_the_line_that_took_a_file_away_can_be_named(lines, path, rule):
    """Else a user searches for why their file is not there."""
    assert ignore(*lines).rule(path) == rule


@pytest.mark.parametrize(
    ("lines", "folder", "entered"),
    [
        (["node_modules"], "node_modules", False),
        (["node_modules", "!src/x"], "node_modules", False),
        (["node_modules", "!node_modules/one/x"], "node_modules", True),
        (["node_modules", "!node_modules/one/x"], "node_modules/one", True),
        (["node_modules", "!node_modules/one/x"], "node_modules/two", False),
        (["*", "!src/**"], "src", True),
        (["*", "!src/**"], "data", False),
        (["*", "!**/*.py"], "data", True),
    ],
)
def test_an_ignored_folder_is_entered_only_where_something_in_it_may_return(lines, folder, entered):
    """Else a folder of a million ignored files costs as much as one that is sent, or an exception is lost."""
    assert ignore(*lines).may_return_below(folder) is entered


parts = st.sampled_from(["a", "b", "ab", "*", "**", "?", "a*", "[ab]", "**a", "\\a", "*b*"])
lines = st.tuples(st.sampled_from(["", "!"]), st.lists(parts, min_size=1, max_size=3).map("/".join)).map("".join)
paths = st.lists(st.sampled_from(["a", "b", "ab", "ba", "c"]), min_size=1, max_size=4).map("/".join)


@given(st.lists(lines, max_size=4), paths)
def test_walking_down_and_asking_at_once_are_the_same_without_exceptions(patterns, path):
    """With exceptions Docker's two ways differ in rare cases; the walk's is the one that counts."""
    rules = ignore(*(line.removeprefix("!") for line in patterns))
    assert by_walking(rules, path) is rules.of(path)[0]


def test_then_lets_the_later_rules_decide():
    both = ignore("!keep").then(ignore("keep"))
    assert both.of("keep")[0]
    assert Ignore().then(ignore("a")).of("a")[0]


def python_and_stepwise(pattern):
    """The two engines for one pattern."""
    nodes = goregexp._Parser(_compiled(pattern)[0]).nodes()
    compiled = re.compile("".join(map(goregexp._python, nodes)), re.ASCII)
    return (lambda text: compiled.search(text) is not None), goregexp._stepwise(nodes)


atoms = st.sampled_from(
    ["a", "b", "/", "*", "**", "**/", "?", "[ab]", "[^a]", "\\*", "\\b", "\\w", ".", "^", "\n", "\u00e9"]
)
texts = st.text(st.sampled_from("ab/*.\n\u00e9 "), max_size=8)


@given(st.lists(atoms, min_size=1, max_size=7).map("".join), texts)
def test_both_engines_say_the_same(pattern, text):
    """One is quick for usual patterns, the other for any: a user must not be able to tell."""
    fast, sure = python_and_stepwise(pattern)
    assert fast(text) == sure(text)


def test_no_pattern_takes_for_ever():
    """A cloned project's ignore file must not hang whoever looks at it: with backtracking this is 2**40 steps and more."""
    pattern = Pattern.read("**/a/" * 8 + "*a*a*a*b", "x:1")
    assert not pattern.matches("a/" * 200 + "a" * 200)


@pytest.mark.parametrize("expression", ["^\\pL$", "^\\Qx$", "^[a$", "^[b-a]$", "^a\\", "^\\8$"])
def test_what_go_refuses_or_nobody_means_is_refused(expression):
    with pytest.raises(BadExpression):
        matcher(expression)
