"""Whatever a file holds, its reader ends with a result or with an error of ours: never a traceback."""

import json
from contextlib import suppress

from hypothesis import example, given, settings
from hypothesis import strategies as st

from envbuild.errors import EnvbuildError
from envbuild.formats.lockfiles.lockdocument import parse
from envbuild.formats.reading import read
from envbuild.normalize import normalize

pieces = st.sampled_from(
    [
        "numpy", "==1.0", "===x y", ">=", ";", " python_version<'3'", "[a]", "[", "@", "https://u:p@h.example/", "x-1-py3-none-any.whl",
        "#sha256=", "a" * 64, "-r ", "-c", "--hash=", "-i ", "--extra-index-url=", "\\", "\n", " ", "#", "'", '"', "${X}", "../",
        "file:", "git+", "http://[", "://", "\x0c", "\u2028", "é", "=", "format = 1\n", "pypi", "[base]\n", "[[index]]\n", "{", "}",
        "name", "url", "true", "1e9", "nan", "1979-05-27", ",", "]", "variables", ".", "debian", "copy", "from",
    ]
)  # fmt: skip
texts = st.lists(pieces, max_size=14).map("".join)


def reads(path, text):
    def load(wanted):
        if wanted != path:
            raise FileNotFoundError(2, "no such file", wanted)
        return text.encode()

    with suppress(EnvbuildError):
        normalize(read(path, load).definition)


@settings(max_examples=300, deadline=None)
@given(texts)
@example("numpy @ http://[x/x-1-py3-none-any.whl#sha256=" + "a" * 64)
@example("http://h.example:99999999/x-1-py3-none-any.whl")
@example("-i http://[::1/simple\nnumpy")
def test_requirements_files(text):
    reads("requirements.txt", text)


@settings(max_examples=300, deadline=None)
@given(texts)
@example("pypi = [[[]], {requirement = 1}]\ncopy = [1]\nindex = 3\nbase = []\ntags = []")
@example("pypi = ['a'] # \n'a.b' = 1\n'' = 2\n[base.debian]\nx = 1")
def test_native_files(text):
    reads("envbuild.toml", "format = 1\n" + text)


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["base", "lock", "artifacts", "x"]), inner)
    ),
    max_leaves=8,
)


@settings(max_examples=200, deadline=None)
@given(values, values)
def test_lock_documents(section, other):
    for document in (other, {"format": 1, "sections": {"linux/amd64": section, "linux/arm64": other}}):
        with suppress(EnvbuildError):
            parse(json.dumps(document).encode(), "x.lock")


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=40))
def test_bytes(data):
    for path in ("requirements.txt", "envbuild.toml"):
        with suppress(EnvbuildError):
            read(path, lambda _: data)
    with suppress(EnvbuildError):
        parse(data, "x.lock")
