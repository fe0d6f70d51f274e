"""A definition's conda packages and channels, made one: what holds together, what cannot, what has an order."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from envbuild.definition import Definition
from envbuild.errors import InvalidDefinition
from envbuild.ids import definition_material, identity
from envbuild.matchspec.channel import channel
from envbuild.normalize import normalize
from envbuild.platforms import LINUX_AMD64, Platform

BOTH = (LINUX_AMD64, Platform("linux", "arm64"))


def conda(*specs, platforms=(LINUX_AMD64,)):
    return normalize(Definition(python="", conda=specs, channels=("conda-forge",), platforms=platforms)).conda


def channels(*names, platforms=(LINUX_AMD64,)):
    return normalize(Definition(python="", conda=("x",), channels=names, platforms=platforms)).channels


def fault(**fields):
    with pytest.raises(InvalidDefinition) as caught:
        normalize(Definition(**fields))
    return [(found.at, found.what) for found in caught.value.faults]


@pytest.mark.parametrize(
    ("specs", "one"),
    [
        (("numpy", "NumPy"), ("numpy",)),
        (("numpy=1.26", "numpy 1.26.*"), ("numpy=1.26",)),
        (("numpy>=1", "numpy<2"), ("numpy[version='<2,>=1']",)),
        (("numpy", "numpy=1.26"), ("numpy=1.26",)),
        (("numpy=1.26", "numpy==1.26.4"), ("numpy==1.26.4",)),
        (("numpy=1.26", "conda-forge::numpy"), ("conda-forge::numpy=1.26",)),
        (("numpy=1.26=py*", "numpy 1.26"), ("numpy==1.26[build='py*']",)),
        (("numpy=*=py*", "numpy=*=*_0"), ("numpy[build='*_0']", "numpy[build='py*']")),
        (("conda-forge/noarch::x", "x>=1"), ("conda-forge/noarch::x", "x[version='>=1']")),
        (("scipy", "numpy"), ("numpy", "scipy")),
    ],
)
def test_a_package_that_is_given_twice_is_one_where_it_can_be(specs, one):
    """AzureML kept `numpy` beside `numpy=1.2`, and two files that mean the same had two images."""
    assert conda(*specs) == conda(*reversed(specs)) == conda(*one) == one


@pytest.mark.parametrize(
    "specs",
    [
        ("numpy=1.25", "numpy=1.26"), ("numpy==1.25", "numpy>=1.26"), ("numpy==1.25.1", "numpy=1.26"), ("numpy=1.26=a_0", "numpy=1.26=b_0"),
        ("numpy=1.26=a_0", "numpy=*=b*"), ("conda-forge::numpy", "bioconda::numpy"), ("numpy[sha256=" + "a" * 64 + "]", "numpy[sha256=" + "b" * 64 + "]"),
        ("numpy==1.25", "numpy!=1.25.*"),
    ],
)  # fmt: skip
def test_what_cannot_hold_together_is_told_with_both(specs):
    """AzureML kept both, and conda's solver failed half an hour later."""
    told = fault(conda=specs, channels=("conda-forge",))
    assert [at for at, _ in told] == ["conda[1]"]
    assert "cannot both hold" in told[0][1]
    assert "numpy" in told[0][1].partition(" and ")[0] and "numpy" in told[0][1].partition(" and ")[2]


def test_three_that_exclude_each_other_together_are_told():
    told = fault(conda=("numpy==1|==2", "numpy==2|==3", "numpy==1|==3"), channels=("conda-forge",))
    assert [at for at, _ in told] == ["conda[2]"]
    assert "excludes itself" in told[0][1]


def test_packages_of_two_platforms_stand_beside_each_other():
    """A lock of two platforms has another build, and often another version, for each."""
    specs = ("c/linux-64::numpy==1.26=a_0", "c/linux-aarch64::numpy==1.25=b_0")
    assert conda(*specs, platforms=BOTH) == specs


def test_a_package_for_a_platform_that_is_not_asked_for_is_told():
    """It would never be installed, without a word."""
    assert "linux-aarch64" in fault(conda=("c/linux-aarch64::numpy",), channels=("c",))[0][1]
    assert "osx-64" in fault(conda=("c/osx-64::numpy",), channels=("c",))[0][1]


def test_all_that_are_no_specs_are_told_at_once():
    assert [at for at, _ in fault(conda=("numpy==", "scipy", "-c x"), channels=("./x",))] == [
        "conda[0]",
        "conda[2]",
        "channels[0]",
    ]


@pytest.mark.parametrize(
    ("given", "one"),
    [
        (("conda-forge", "https://conda.anaconda.org/conda-forge/", "bioconda"), ("conda-forge", "bioconda")),
        (("bioconda", "conda-forge"), ("bioconda", "conda-forge")),
        (("conda-forge", "nodefaults"), ("conda-forge",)),
        (("conda-forge", "defaults"), ("conda-forge", "defaults")),
        (("conda-forge/linux-64",), ("conda-forge",)),
        (("conda-forge/noarch",), ("conda-forge/noarch",)),
        (("https://h.example/c/", "https://H.example/c"), ("https://h.example/c",)),
    ],
)
def test_channels_keep_their_order_and_stand_there_once(given, one):
    """The first that has a package gives it: another order may be other packages."""
    assert channels(*given) == channels(*one) == one


def test_a_platform_behind_a_channel_stays_where_it_leaves_something_out():
    assert channels("conda-forge/linux-64", platforms=BOTH) == ("conda-forge/linux-64",)


@pytest.mark.parametrize("url", ["https://u:geheim@h.example/c", "https://conda.anaconda.org/t/geheim/c"])
def test_a_login_in_a_channel_is_refused_and_not_repeated(url):
    """It would be in the id, the lock and the log of everybody who builds."""
    told = fault(conda=("x",), channels=(url,))
    assert told[0][0] == "channels[0]"
    assert "geheim" not in str(told)


SPECS = st.lists(
    st.sampled_from(
        ["numpy", "numpy>=1.2", "numpy<3", "numpy=1.26", "numpy==1.26.4", "numpy=*=py*", "numpy=*=*_0", "conda-forge::numpy", "scipy",
         "scipy=1.11=h_0", "conda-forge/noarch::scipy", "numpy 1.25|1.26.*", "numpy[build_number='>=1']"]
    ),
    max_size=6,
)  # fmt: skip


@given(SPECS, st.randoms(use_true_random=False))
def test_the_order_of_specs_says_nothing(specs, random):
    """Nor how often they stand there: the id is the same, or the same is refused."""
    shuffled = random.sample(specs, len(specs)) + specs[:1]
    try:
        one = normalize(Definition(python="", conda=tuple(specs)))
    except InvalidDefinition:
        with pytest.raises(InvalidDefinition):
            normalize(Definition(python="", conda=tuple(shuffled)))
        return
    other = normalize(Definition(python="", conda=tuple(shuffled)))
    assert identity(definition_material(other)) == identity(definition_material(one))
    assert normalize(one) == one


def test_a_python_beside_conda_packages_is_condas():
    """Said in either place it is one environment; the definition's own word is the default's, too, so conda's spec goes first."""
    beside = normalize(Definition(python="3.12", conda=("numpy",)))
    among = normalize(Definition(python="", conda=("python=3.12", "numpy")))
    assert beside == among
    assert normalize(Definition(conda=("python=3.12", "numpy"))) == among
    assert normalize(Definition(python="", conda=("numpy",))).conda == ("numpy",)


def test_without_a_channel_conda_forge_is_meant():
    assert normalize(Definition(conda=("numpy",))) == normalize(Definition(conda=("numpy",), channels=("conda-forge",)))
    assert normalize(Definition(conda=("numpy",), channels=("nodefaults",))).channels == ("conda-forge",)
    assert normalize(Definition()).channels == ()


@pytest.mark.parametrize("name", ["defaults", "nodefaults", "local", "pkgs/main", "a%20b", "a//b"])
def test_a_url_whose_name_would_say_something_else_stays_a_url(name):
    """`defaults` is several channels of another host, and `nodefaults` none: packages would come from elsewhere."""
    url = f"https://conda.anaconda.org/{name}"
    assert channels(url) == channels(*channels(url)) == (url,)


WORDS = st.sampled_from(
    ["https://conda.anaconda.org", "http://CONDA.anaconda.org:80", "https://repo.anaconda.com", "https://h.example", "file://", "conda-forge",
     "defaults", "nodefaults", "local", "pkgs", "main", "noarch", "linux-64", "LINUX-64", "linux-aarch64", "label", "a%20b", "%61", "..", ".", "", "t", "~x"]
)  # fmt: skip


@given(st.lists(WORDS, min_size=1, max_size=5).map("/".join))
def test_a_channel_s_one_spelling_is_its_own(text):
    """Else the definition in a lock would not be the one that was locked."""
    try:
        given = channel(text)
    except ValueError:
        return
    assert channel(str(given)) == given
    found = channels(text)
    if found:
        assert channels(*found) == found


def test_a_package_that_is_asked_for_in_many_ways_is_told_once():
    """Each is compared with each other: thousands of them took minutes."""
    told = fault(conda=tuple(f"numpy>={n}" for n in range(2000)), channels=("conda-forge",))
    assert [at for at, _ in told] == ["conda[32]"]
    assert "2000 ways" in told[0][1]
