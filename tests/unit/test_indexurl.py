"""One index has one address and one id, however it is written; what may be another place stays another one."""

import string
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from envbuild.definition import Definition, Index, Requirement
from envbuild.errors import InvalidDefinition
from envbuild.formats.pip.reqindexes import index_name
from envbuild.formats.urls import address
from envbuild.ids import definition_material, identity
from envbuild.indexurl import PUBLIC_INDEX, PYPI_URLS, HostNotAscii, index_url, is_pypi
from envbuild.normalize import normalize
from envbuild.normalize.accelerators import indexes_of, torch_index_url

SAME = [
    "https://h.example/team/simple",
    "https://h.example/team/simple/",
    "https://h.example/team/simple//",
    "HTTPS://H.Example/team/simple",
    "https://h.example:443/team/simple/",
    "https://h.example:/team/simple",
    "https://h.example/team/simple?",
    "https://h.example/team/simple#main",
    "https://h.example/./team/x/../simple",
    "https://h.example/%74eam/simple",
    " https://h.example/team/simple\n",
]
OTHERS = [
    "http://h.example/team/simple",
    "https://h.example:8443/team/simple",
    "https://h.example/Team/simple",
    "https://h.example/team",
    "https://h.example/team//simple",
    "https://h.example/team%2Fsimple",
    "https://other.example/team/simple",
    "file:///team/simple",
]


def id_of(url, name="team"):
    return identity(definition_material(normalize(Definition(pypi=(), indexes=(Index(name, url),)))))


@pytest.mark.parametrize("url", SAME)
def test_one_index_has_one_id_however_its_url_is_written(url):
    """Else colleagues who write it otherwise resolve and build the same thing twice."""
    assert index_url(url) == SAME[0]
    assert id_of(url) == id_of(SAME[0])


def test_what_may_be_another_place_has_another_id():
    """Else one index's answer would be given for another's."""
    assert len({id_of(url) for url in [SAME[0], *OTHERS]}) == len(OTHERS) + 1
    assert index_url(f"{SAME[0]}?x=1") == f"{SAME[0]}?x=1"


@pytest.mark.parametrize(
    ("url", "same"),
    [
        ("https://h.example/a%c3%a9/%7euser", "https://h.example/aé/~user"),
        ("https://h.example/e\u0301", "https://h.example/\u00e9"),
        ("file://localhost/srv/wheels/", "file:///srv/wheels"),
        ("file:///srv/my wheels", "file:///srv/my%20wheels"),
        ("https://[::1]:443/s", "https://[::1]/s"),
        ("http://h.example:080/s", "http://h.example/s"),
    ],
)
def test_letters_and_hosts_have_one_form(url, same):
    assert index_url(url) == index_url(same)


letters = st.text(string.ascii_letters + string.digits + "%/.-_~:@?&=é ", max_size=20)


@given(
    st.sampled_from(["http", "HTTPS", "file"]), st.sampled_from(["h.example", "H:443", "h:80", "[::1]", ""]), letters
)
def test_the_one_spelling_is_its_own(scheme, host, rest):
    """An id that changes when a definition is written out and read again is no id."""
    try:
        once = index_url(f"{scheme}://{host}/{rest}")
    except ValueError:
        return
    assert index_url(once) == once
    assert once.isascii()


@pytest.mark.parametrize(
    "url",
    [
        "https://h.example:x/s",
        "https://h.example:99999999/s",
        "https://h:0/s",
        "https://[h/s",
        "http:////A",
        "https:///s",
    ],
)
def test_what_is_no_url_is_told_as_a_fault(url):
    with pytest.raises(ValueError, match=r"."):
        index_url(url)
    with pytest.raises(InvalidDefinition):
        normalize(Definition(indexes=(Index("team", url),)))


# PyPI itself, and names.


@pytest.mark.parametrize("url", [*sorted(PYPI_URLS), f"{PUBLIC_INDEX}/", PUBLIC_INDEX.replace("://", "://")])
def test_pypi_written_out_is_pypi(url):
    """A definition that names its default index with its address asks for nothing else than one that does not."""
    assert is_pypi(index_url(url))
    assert normalize(Definition(indexes=(Index("pypi", url),))).indexes == ()
    assert id_of(url, "pypi") == identity(definition_material(normalize(Definition())))


def faults(*indexes):
    with pytest.raises(InvalidDefinition) as caught:
        normalize(Definition(indexes=indexes))
    return [(fault.at, fault.what, fault.hint) for fault in caught.value.faults]


def test_pypi_has_no_other_name():
    [(at, what, hint)] = faults(Index("main", f"{PUBLIC_INDEX}/"))
    assert (at, "pypi itself" in what, 'name = "pypi"' in hint) == ("index[0].url", True, True)


def test_one_address_has_one_name():
    """Two names for one place: which of them a package is pinned to would say nothing."""
    first = Index("a", "https://h.example/s")
    [(at, what, hint)] = faults(first, replace(first, name="b", url="https://H.example:443/s/"))
    assert (at, "'a'" in what, "both" in hint) == ("index[1].url", True, True)


# An accelerator's index.


@pytest.mark.parametrize("name", ["pytorch-cu128", "torch"])
def test_an_accelerators_index_that_is_named_too_is_one_index(name):
    """Both under one name would leave it to chance which of them serves torch."""
    named = Index(name, torch_index_url("pytorch-cu128"), explicit=True, packages=("mine",))
    found = indexes_of(normalize(Definition(accelerator="cu128", indexes=(named,))))
    assert [index.name for index in found] == [name, "pypi"]
    assert {"mine", "torch", "torchvision"} <= set(found[0].packages)


def test_what_is_pinned_elsewhere_does_not_come_from_the_accelerators_index():
    own = Index("team", "https://h.example/s", explicit=True, packages=("torch",))
    found = {
        index.name: index.packages for index in indexes_of(normalize(Definition(accelerator="cpu", indexes=(own,))))
    }
    assert found["team"] == ("torch",)
    assert "torch" not in found["pytorch-cpu"]
    assert "torchvision" in found["pytorch-cpu"]


@pytest.mark.parametrize("host", ["stra\u00dfe.example", "b\u00fccher.example", "fa\u00df.example:8443"])
def test_a_host_of_other_letters_is_refused(host):
    """IDNA 2003 made strasse of stra\u00dfe, which is another host to IDNA 2008: one id would have meant two indexes."""
    for one in (lambda: index_url(f"https://{host}/s"), lambda: address(f"https://{host}/s")):
        with pytest.raises(HostNotAscii, match="xn--"):
            one()
    for definition in (
        Definition(indexes=(Index("team", f"https://{host}/s"),)),
        Definition(pypi=(Requirement(f"x @ https://{host}/x-1-py3-none-any.whl"),)),
        Definition(conda=("x",), channels=(f"https://{host}/c",)),
    ):
        with pytest.raises(InvalidDefinition, match="xn--"):
            normalize(definition)


@pytest.mark.parametrize("path", ["/t/GEHEIM/simple", "/api/t/GEHEIM/team/simple", "/t/GEHEIM", "/%74/GEHEIM/simple"])
@pytest.mark.parametrize("name", ["team", "pypi"])
def test_a_token_in_an_index_s_path_is_refused_and_not_repeated(path, name):
    """Else it stands in the lock, and in the index's name, for everybody who has them."""
    with pytest.raises(InvalidDefinition, match=rf"ENVBUILD_INDEX_{name.upper()}=URL") as caught:
        normalize(Definition(indexes=(Index(name, f"https://h.example{path}"),)))
    assert "GEHEIM" not in str(caught.value)
    assert "geheim" not in index_name(f"https://h.example{path}")


def test_a_path_that_only_looks_so_is_none():
    urls = ["https://h.example/t", "https://h.example/art/x/simple", "https://h.example/t/"]
    assert all(normalize(Definition(indexes=(Index("team", url),))).indexes for url in urls)
