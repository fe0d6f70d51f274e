"""Two indexes: the first that has a package gives it, whatever the other has; nothing falls back in silence."""

import pytest

from envbuild.definition import Index
from envbuild.errors import EnvironmentFault, ResolveFailed


@pytest.fixture(autouse=True)
def ours(lab, other_index):
    """What the private index has, before any attack."""
    other_index.wheel("ours", "1.0", content="ours")
    lab.urls["private"] = other_index.url


def places(found):
    return {name: (a.version, a.source) for name, a in found.items()}


@pytest.mark.parametrize("version", ["0.9", "1.0", "1.0.post1", "2.0", "99.0"])
@pytest.mark.parametrize("speaks", ["json", "html"])
@pytest.mark.parametrize("asked", ["ours", "ours>=0.5", "wants-ours"])
def test_a_package_of_the_same_name_elsewhere_never_wins(lab, index, other_index, private, version, speaks, asked):
    """Whatever version, whatever form, asked for or needed by another: 30 of the scenarios."""
    index.speaks = other_index.speaks = speaks
    index.wheel("ours", version, content="theirs")
    index.wheel("wants-ours", "1.0", ["ours"])
    assert places(lab.resolve(asked, indexes=(private,)))["ours"] == ("1.0", "private")


def test_a_range_that_only_the_other_index_meets_is_refused(lab, index, private):
    index.wheel("ours", "2.0", content="theirs")
    with pytest.raises(ResolveFailed):
        lab.resolve("ours>=2", indexes=(private,))


def test_same_version_other_bytes(lab, index, other_index, private):
    theirs = index.wheel("ours", "1.0", content="theirs")
    assert lab.resolve("ours==1.0", indexes=(private,))["ours"].sha256 != theirs


def test_yanked_here_is_not_replaced_from_there(lab, index, other_index, private):
    other_index.files["ours"][0]["yanked"] = "leaked a key"
    index.wheel("ours", "1.0", content="theirs")
    with pytest.raises(ResolveFailed):
        lab.resolve("ours", indexes=(private,))
    assert places(lab.resolve("ours==1.0", indexes=(private,)))["ours"] == ("1.0", "private")


def test_no_wheel_here_is_not_replaced_from_there(lab, index, other_index, private):
    other_index.files["ours"].clear()
    other_index.sdist("ours", "1.0")
    index.wheel("ours", "1.0", content="theirs")
    with pytest.raises(ResolveFailed, match="ours"):
        lab.resolve("ours", indexes=(private,))


@pytest.mark.parametrize("status", [401, 403, 500, 502, 503, 504])
def test_a_private_index_that_fails_is_a_failure_and_no_reason_to_ask_the_next(
    lab, index, other_index, private, status
):
    other_index.status = status
    index.wheel("ours", "1.0", content="theirs")
    with pytest.raises(EnvironmentFault):
        lab.resolve("ours", indexes=(private,))


def test_a_private_index_that_is_not_there_at_all(lab, index, tmp_path):
    index.wheel("ours", "1.0", content="theirs")
    for url in ("http://127.0.0.1:9/simple", (tmp_path / "unmounted").as_uri()):
        lab.urls["private"] = url
        with pytest.raises(EnvironmentFault):
            lab.resolve("ours", indexes=(Index("private", url),))


def test_a_login_page_is_no_answer(lab, index, other_index, private):
    other_index.answer = lambda path: (200, "text/html", b"<form action='/login'><input name=user></form>")
    index.wheel("ours", "1.0", content="theirs")
    with pytest.raises(EnvironmentFault, match="no package index"):
        lab.resolve("ours", indexes=(private,))


def test_what_the_first_does_not_have_comes_from_the_next(lab, index, private):
    index.wheel("numpy", "1.0")
    assert places(lab.resolve("ours", "numpy", indexes=(private,))) == {
        "ours": ("1.0", "private"),
        "numpy": ("1.0", "pypi"),
    }


def test_the_order_of_the_definition_decides(lab, index, private):
    index.wheel("ours", "0.5", content="theirs")
    assert places(lab.resolve("ours", indexes=(Index("pypi"), private)))["ours"] == ("0.5", "pypi")


@pytest.mark.parametrize("explicit", [True, False])
@pytest.mark.parametrize("asked", ["ours", "wants-ours", "wants-wants"])
def test_a_pinned_package_comes_from_its_index_however_it_is_needed(lab, index, other_index, asked, explicit):
    """uv pins only what the request itself names; what others need must be pinned too."""
    index.wheel("ours", "9.0", content="theirs")
    index.wheel("wants-ours", "1.0", ["ours"])
    index.wheel("wants-wants", "1.0", ["wants-ours"])
    pinned = Index("private", other_index.url, explicit=explicit, packages=("ours",))
    found = places(lab.resolve(asked, indexes=(Index("pypi"), pinned)))
    assert found["ours"] == ("1.0", "private")


def test_a_pinned_package_that_only_its_index_has_is_found_when_others_need_it(lab, index, other_index):
    index.wheel("wants-ours", "1.0", ["ours"])
    pinned = Index("private", other_index.url, explicit=True, packages=("ours",))
    assert places(lab.resolve("wants-ours", indexes=(pinned,)))["ours"] == ("1.0", "private")


def test_an_explicit_index_gives_only_what_is_pinned_to_it(lab, index, other_index):
    other_index.wheel("numpy", "9.0")
    index.wheel("numpy", "1.0")
    pinned = Index("private", other_index.url, explicit=True, packages=("ours",))
    found = places(lab.resolve("ours", "numpy", indexes=(pinned,)))
    assert found == {"ours": ("1.0", "private"), "numpy": ("1.0", "pypi")}
    assert not other_index.asked_for("numpy")


def test_a_pin_that_nothing_needs_brings_nothing_in(lab, index, other_index):
    """The newest `asked` no longer needs it: what was named on the way must not stay."""
    other_index.wheel("ours", "2.0", ["numpy<1"])
    for version, needs in (("1.0", ["ours"]), ("2.0", [])):
        index.wheel("asked", version, needs)
    index.wheel("numpy", "1.0")
    pinned = Index("private", other_index.url, explicit=True, packages=("ours",))
    assert places(lab.resolve("asked", "numpy", indexes=(pinned,))) == {
        "asked": ("2.0", "pypi"),
        "numpy": ("1.0", "pypi"),
    }


def test_the_machine_may_serve_an_index_elsewhere_under_the_same_name(lab, index, other_index):
    """A mirror gives the same lock: the source is the definition's name for it."""
    named = Index("private", "https://packages.example.org/simple")
    assert places(lab.resolve("ours", indexes=(named,))) == {"ours": ("1.0", "private")}
