"""Whatever another tool's lock holds, its reader ends with a result or with an error of ours: never a traceback."""

import copy
import json
import tomllib
from contextlib import suppress
from pathlib import Path

import tomlkit
from hypothesis import given, settings
from hypothesis import strategies as st

from envbuild.errors import EnvbuildError
from envbuild.formats.reading import read
from envbuild.formats.selection import Selection
from envbuild.normalize import normalize

LOCKS = Path(__file__).resolve().parents[2] / "locks"
NAMES = (
    "plain/uv/uv.lock",
    "forks/pylock/pylock.toml",
    "plain/poetry/poetry.lock",
    "forks/poetry-1.8/poetry.lock",
    "plain/pipenv/Pipfile.lock",
)
FILES = {name: {path.name: path.read_text() for path in (LOCKS / name).parent.iterdir()} for name in NAMES}
DOCUMENTS = {
    name: (json if name.endswith("Pipfile.lock") else tomllib).loads(FILES[name][Path(name).name]) for name in NAMES
}

odd = st.sampled_from(
    [
        0, -1, 10**30, 1.5, True, "", "x", "=", "==1", "../x", "git+https://h.example/x", "https://h.example/x-1-py3-none-any.whl",
        "https://u:p@h.example/", "http://[", "python_version <", "extra == 'x'", "(" * 300, "sha256:" + "a" * 64, "sha256:x",
        "md5:" + "a" * 32, "^1", "1||2", "*", "é", "\u2028", [], [[]], [1], ["x"], [{}], {}, {"url": 1}, {"x": [{}]}, {"type": 1},
    ]
)  # fmt: skip


def places(value, path=()):
    yield path
    for key, inner in value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ():
        yield from places(inner, (*path, key))


PLACES = {name: [path for path in places(DOCUMENTS[name]) if path] for name in NAMES}


def changed(document, changes):
    document = copy.deepcopy(document)
    for path, value in changes:
        with suppress(KeyError, IndexError, TypeError):
            inner = document
            for key in path[:-1]:
                inner = inner[key]
            inner[path[-1]] = copy.deepcopy(value)
    return document


def reads(files, name, selection):
    def load(path):
        if path not in files:
            raise FileNotFoundError(2, "no such file", path)
        return files[path].encode("utf-8", "replace")

    with suppress(EnvbuildError):
        read(name, load, finish=normalize, selection=selection)


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_a_lock_with_other_values_in_it(data):
    name = data.draw(st.sampled_from(NAMES))
    changes = data.draw(st.lists(st.tuples(st.sampled_from(PLACES[name]), odd), min_size=1, max_size=3))
    document = changed(DOCUMENTS[name], changes)
    lock = Path(name).name
    text = json.dumps(document, indent=4) if lock == "Pipfile.lock" else tomlkit.dumps(document)
    groups = () if "pylock" in name else ("dev",)
    reads({**FILES[name], lock: text}, lock, Selection(groups=groups))


@settings(max_examples=100, deadline=None)
@given(st.data())
def test_a_project_with_other_values_beside_its_lock(data):
    name = data.draw(st.sampled_from(NAMES))
    beside = "Pipfile" if "Pipfile" in name else "pyproject.toml"
    document = tomllib.loads(FILES[name][beside])
    path = data.draw(st.sampled_from([path for path in places(document) if path]))
    text = tomlkit.dumps(changed(document, [(path, data.draw(odd))]))
    groups = () if "pylock" in name else ("dev",)
    reads({**FILES[name], beside: text}, Path(name).name, Selection(groups=groups))


@settings(max_examples=100, deadline=None)
@given(st.data())
def test_a_lock_that_was_cut_or_spliced(data):
    name = data.draw(st.sampled_from(NAMES))
    lock = Path(name).name
    lines = FILES[name][lock].split("\n")
    start, end = sorted(data.draw(st.lists(st.integers(0, len(lines)), min_size=2, max_size=2)))
    reads({**FILES[name], lock: "\n".join(lines[:start] + lines[end:])}, lock, Selection())
