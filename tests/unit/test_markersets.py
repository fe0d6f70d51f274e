"""Markers as sets: what a lock says for other machines and Pythons must neither be lost nor installed."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from packaging.markers import Marker

from envbuild.markersets import MarkerSets, marker_environment
from envbuild.platforms import LINUX_AMD64, MACHINES, Platform

ATOMS = (
    "python_version < '3.12'",
    "python_version == '3.11'",
    "python_full_version >= '3.11.4'",
    "python_full_version < '3.11.2'",
    "python_full_version != '3.11.3'",
    "'3.11.9' > python_full_version",
    "implementation_version <= '3.11.6'",
    "sys_platform == 'win32'",
    "sys_platform in 'linux darwin'",
    "platform_machine == 'x86_64'",
    "platform_machine not in 'aarch64 arm64'",
    "platform_system == 'Linux'",
    "platform_python_implementation != 'PyPy'",
    "platform_release >= '6'",
    "extra == 'docs'",
)
RELEASES = range(12)


def joined(parts):
    return st.tuples(parts, st.sampled_from(("and", "or")), parts).map(lambda p: f"({p[0]}) {p[1]} {p[2]}")


markers = st.recursive(st.sampled_from(ATOMS), joined, max_leaves=8)


def holds(text, machine, patch):
    return not text or Marker(text).evaluate(marker_environment(machine, f"3.11.{patch}"))


def everywhere(text):
    return [holds(text, machine, patch) for machine in MACHINES for patch in RELEASES]


@settings(max_examples=300)
@given(markers)
def test_the_text_of_a_set_holds_exactly_where_the_marker_did(marker):
    sets = MarkerSets("3.11", [marker])
    found = sets.of(marker)
    if not found:
        assert not any(everywhere(marker))
    else:
        assert everywhere(sets.text(found)) == everywhere(marker)


@settings(max_examples=200)
@given(markers, markers)
def test_sets_are_put_together_as_markers_are(one, other):
    sets = MarkerSets("3.11", [one, other])
    assert sets.of(one) & sets.of(other) == sets.of(f"({one}) and ({other})")
    assert sets.of(one) | sets.of(other) == sets.of(f"({one}) or ({other})")


@settings(max_examples=200)
@given(markers, markers)
def test_two_spellings_of_one_meaning_have_one_text(one, other):
    """Else the locks of two tools, which spell markers differently, would be two images."""
    sets = MarkerSets("3.11", [one, other])
    left, right = f"({one}) or ({other})", f"({other}) or ({one}) and ({one})"
    assert sets.text(sets.of(left)) == sets.text(sets.of(right))
    assert MarkerSets("3.11", [left]).text(MarkerSets("3.11", [left]).of(left)) == sets.text(sets.of(left))


@pytest.mark.parametrize(
    ("marker", "text"),
    [
        ("sys_platform == 'linux' and python_version >= '3.8'", ""),
        ("python_full_version < '3.11.3'", 'python_full_version < "3.11.3"'),
        ("python_full_version == '3.11.3'", 'python_full_version >= "3.11.3" and python_full_version < "3.11.4"'),
        ("platform_machine == 'aarch64'", 'platform_machine == "aarch64"'),
        (
            "platform_machine == 'x86_64' and python_full_version != '3.11.1'",
            'platform_machine == "x86_64" and (python_full_version < "3.11.1" or python_full_version >= "3.11.2")',
        ),
    ],
)
def test_what_every_image_has_is_left_out_of_the_text(marker, text):
    sets = MarkerSets("3.11", [marker])
    assert sets.text(sets.of(marker)) == text


def test_a_release_that_is_not_allowed_is_not_told_apart():
    """Poetry writes the project's own Python into each marker, uv into none: both mean the same."""
    sets = MarkerSets("3.11", ["python_full_version >= '3.11.4'"], ">=3.11.4")
    assert sets.text(sets.of("python_full_version >= '3.11.4'")) == ""


def test_the_environments_of_a_platform_are_those_of_its_machine():
    sets = MarkerSets("3.11", [])
    arm = Platform.parse("linux/arm64")
    assert sets.on([arm]) == sets.of("platform_machine == 'aarch64'")
    assert sets.on([arm, LINUX_AMD64]) == sets.all


def test_several_extras_at_once_decide_what_extra_means():
    sets = MarkerSets("3.11", [])
    chosen = {"docs", "gpu"}.__contains__
    assert sets.of("extra == 'docs' and 'gpu' == extra", chosen) == sets.all
    assert sets.of("extra != 'docs' or extra == \"x\"", chosen) == 0
    assert sets.of("extra == 'docs'") == 0


def test_what_is_chosen_of_a_pylock_decides_its_markers():
    sets = MarkerSets("3.11", [], extras=["docs"], groups=["dev"])
    assert sets.of("'docs' in extras and 'dev' in dependency_groups") == sets.all
    assert sets.of("'other' in extras or 'docs' not in extras") == 0


@pytest.mark.parametrize("text", ["nonsense", "python_version >", "(sys_platform == 'linux'", "a == 'b'", "and", "()"])
def test_what_is_no_marker_is_said_to_be_none(text):
    with pytest.raises(ValueError, match=r"."):
        MarkerSets("3.11", []).of(text)


def test_brackets_without_end_are_bounded():
    """A lock that somebody crafted must not end the program with its stack."""
    with pytest.raises(ValueError, match="nested"):
        MarkerSets("3.11", []).of("(" * 50_000)


@settings(max_examples=100)
@given(markers, st.sampled_from(RELEASES))
def test_one_release_leaves_the_machine_alone_open(marker, patch):
    """`python = "3.11.9"` knows its release: a requirement must not stand in the lock with a marker that asks for it again."""
    sets = MarkerSets(f"3.11.{patch}", [marker])
    found = sets.of(marker)
    text = sets.text(found)
    here = [holds(marker, machine, patch) for machine in MACHINES]
    assert "python_full_version" not in text
    assert here == ([holds(text, machine, patch) for machine in MACHINES] if found else [False, False])
