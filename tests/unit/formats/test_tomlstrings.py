"""The lines of a TOML file's strings: what is pointed at is the string itself, not a word like it in a comment."""

import tomllib
from collections.abc import Iterator

from hypothesis import given, settings
from hypothesis import strategies as st

from envbuild.formats.toml.tomlstrings import strings_in

KEYS = st.sampled_from(["a", "b", "c-d", '"e f"', "'g'"])
WORDS = st.text("ab#=[]{},.\"'\\\n ", max_size=6)
STRINGS = st.one_of(
    WORDS.map(lambda text: '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'),
    WORDS.map(lambda text: "'" + text.replace("'", "").replace("\n", "") + "'"),
    WORDS.map(lambda text: '"""\n' + text.replace("\\", "\\\\").replace('"', '\\"') + '"""'),
    WORDS.map(lambda text: "'''" + text.replace("'", "") + "'''"),
)
OTHERS = st.sampled_from(["1", "true", "2026-01-01T00:00:00Z", "1.5e3", "[]", "{}"])


def lists(items: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    between = st.sampled_from([", ", ",\n  ", ', # "no" ]\n'])
    return st.tuples(st.lists(items, max_size=3), between).map(lambda made: f"[{made[1].join(made[0])}\n]")


def tables(items: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    pairs = st.dictionaries(KEYS, items, max_size=3)
    return pairs.map(lambda made: "{" + ", ".join(f"{key} = {value}" for key, value in made.items()) + "}")


VALUES = st.recursive(st.one_of(STRINGS, OTHERS), lambda inner: st.one_of(lists(inner), tables(inner)), max_leaves=6)
TABLES = st.dictionaries(KEYS, VALUES, max_size=3)


def written(root: dict[str, str], named: dict[str, dict[str, str]]) -> str:
    rows = [f"{key} = {value} # '''" for key, value in root.items()]
    for name, table in named.items():
        rows += [f"[t.{name}]", *(f"{key} = {value}" for key, value in table.items())]
    return "\n".join(rows) + "\n"


def strings(value: object, key: str = "") -> Iterator[tuple[str, str]]:
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from strings(inner, f"{key}.{name}".lstrip("."))
    elif isinstance(value, list):
        for inner in value:
            yield from strings(inner, key)
    elif isinstance(value, str):
        yield key, value


@settings(deadline=None)
@given(TABLES, st.dictionaries(KEYS, TABLES, max_size=2))
def test_it_finds_the_strings_that_tomllib_finds_under_their_keys(root, named):
    text = written(root, named)
    try:
        document = tomllib.loads(text)
    except ValueError:
        return
    found = list(strings_in(text))
    assert sorted((key, value) for key, value, _ in found) == sorted(strings(document))
    rows = text.split("\n")
    assert all(rows[line - 1].count('"') + rows[line - 1].count("'") for _, _, line in found)


def test_headers_and_dotted_keys_are_one_key():
    text = '[[tool.uv.index]]\nname = "a"\n[tool . "x y"]\na.b = "c" # "d"\ne = {f.g = ["h"]}\n'
    assert list(strings_in(text)) == [
        ("tool.uv.index.name", "a", 2),
        ("tool.x y.a.b", "c", 4),
        ("tool.x y.e.f.g", "h", 5),
    ]
