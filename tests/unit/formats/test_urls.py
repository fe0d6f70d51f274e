"""What URLs may hold of secrets: shown nowhere, and part of no definition."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from envbuild.definition import Definition, Index
from envbuild.errors import InvalidDefinition
from envbuild.formats.reading import read
from envbuild.formats.urls import redacted
from envbuild.normalize import normalize


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("no URL in it: a@b /t/x ?y=z", "no URL in it: a@b /t/x ?y=z"),
        ("https://h.example/simple", "https://h.example/simple"),
        ("-i https://u:CANARY@h.example/simple -r x", "-i https://***@h.example/simple -r x"),
        ("https://u:CAN/ARY@h.example/x", "https://***@h.example/x"),
        ("https://u:CAN@ARY@h.example/x", "https://***@h.example/x"),
        ("['https://h.example/t/CANARY/team', 'x']", "['https://h.example/t/***/team', 'x']"),
        ("https://h.example/conda/t/CANARY", "https://h.example/conda/t/***"),
        ('"https://h.example/x.whl?sv=1&sig=CANARY=="', '"https://h.example/x.whl?sv=***&sig=***"'),
        ("https://h.example/x?CANARY#sha256=1", "https://h.example/x?***#sha256=1"),
        ("https://a:CANARY@b.example/t/CANARY/x?t=CANARY", "https://***@b.example/t/***/x?t=***"),
    ],
)
def test_what_a_url_holds_of_secrets_is_not_shown(text, shown):
    assert redacted(text) == shown


secrets = st.text(st.sampled_from("abZ09._~%+-"), min_size=1, max_size=12).map(lambda text: f"CANARY{text}")


@given(secrets, st.text(st.sampled_from("ab ?@&='\n"), max_size=9), st.text(st.sampled_from("ab '\n"), max_size=9))
def test_no_secret_of_a_url_is_in_what_is_shown_and_showing_it_again_changes_nothing(secret, before, after):
    for url in (
        f"https://u:{secret}@h.example/x",
        f"https://h.example/t/{secret}/x",
        f"https://h.example/x?a={secret}",
    ):
        shown = redacted(f"{before} {url} {after}")
        assert secret not in shown
        assert redacted(shown) == shown


QUERY = "https://h.example/simple?token=CANARY"


@pytest.mark.parametrize(
    ("path", "text", "line"),
    [
        ("requirements.txt", f"six\n--index-url {QUERY}\n", 2),
        ("requirements.txt", f"--extra-index-url {QUERY}\nsix\n", 1),
        ("environment.yml", f"dependencies:\n- python=3.11\n- pip:\n  - six\n  - -i {QUERY}\n", 5),
        ("envbuild.toml", f'format = 1\n[[index]]\nname = "own"\nurl = "{QUERY}"\n', 4),
        (
            "pyproject.toml",
            f'[project]\nname = "x"\nversion = "1"\n[[tool.uv.index]]\nname = "own"\nurl = "{QUERY}"\n',
            6,
        ),
    ],
)
def test_an_index_with_a_query_is_refused_in_its_line_and_the_query_not_shown(path, text, line):
    """A token in it would stand in every lock and every id."""
    files = {path: text.encode()}

    def load(name):
        if name not in files:
            raise FileNotFoundError(2, "No such file or directory", name)
        return files[name]

    with pytest.raises(InvalidDefinition) as refused:
        read(path, load, finish=normalize)
    assert [fault.at for fault in refused.value.faults] == [f"{path}:{line}"]
    assert "a URL with a query may carry a token" in str(refused.value)
    assert "CANARY" not in str(refused.value)


def test_a_value_with_such_an_index_is_refused_too():
    with pytest.raises(InvalidDefinition) as refused:
        normalize(Definition(indexes=(Index("own", QUERY),)))
    assert refused.value.at == "index[0].url"
    assert "CANARY" not in str(refused.value)


def test_the_example_of_a_hint_stays_readable():
    """`http://***@HOST:PORT` would not tell what to write."""
    assert redacted("ENVBUILD_PROXY=http://USER:PASSWORD@HOST:PORT") == "ENVBUILD_PROXY=http://USER:PASSWORD@HOST:PORT"
    assert "s3cret" not in redacted("http://USER:PASSWORD@h.example/@http://u:s3cret@h.example")
