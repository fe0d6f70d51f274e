"""If these fail, every base changes, or a definition gets another Python than it asked for."""

import pytest

from envbuild.debian.baselist import LEFT_OUT, SUITES, base_packages, is_left_out, own_python, suite_of
from envbuild.debian.relations import is_package_name, parse_relations
from envbuild.definition import SUITE_RELEASES, DebianBase, Definition, ImageBase, Requirement
from envbuild.errors import ResolveFailed


def test_list_1_is_what_it_was_when_it_was_released():
    """A list never changes: locks say `list 1` and mean this one."""
    plain = (
        "base-files bash ca-certificates coreutils dash findutils grep gzip hostname libc-bin libc6 media-types "
        "ncurses-base netbase sed tar tzdata"
    )
    for_wheels = "libatomic1 libgcc-s1 libstdc++6 zlib1g"
    for suite, python in [("bookworm", "python3 python3.11 python3-distutils"), ("trixie", "python3 python3.13")]:
        assert base_packages(SUITES[suite], 1, python=False) == tuple(sorted(plain.split()))
        assert base_packages(SUITES[suite], 1, python=True) == tuple(sorted(f"{plain} {for_wheels} {python}".split()))
        assert base_packages(SUITES[suite], 1, python=True, wheels=True) == base_packages(SUITES[suite], 1, python=True)
        assert base_packages(SUITES[suite], 1, python=False, wheels=True) == tuple(
            sorted(f"{plain} {for_wheels}".split())
        )


def test_each_suite_has_its_python():
    assert {name: suite.python for name, suite in SUITES.items()} == {"bookworm": "3.11", "trixie": "3.13"}
    assert {name: suite.python_release for name, suite in SUITES.items()} == SUITE_RELEASES
    assert suite_of(DebianBase("trixie")).archives == ("trixie", "trixie-updates", "trixie-security")


@pytest.mark.parametrize(
    ("base", "what", "hint"),
    [
        (DebianBase("jammy"), "'jammy' is not served", "bookworm, trixie"),
        (DebianBase("bookworm", 9), "version 9 of the list", "Known are 1"),
    ],
)
def test_what_is_not_served_names_what_is(base, what, hint):
    with pytest.raises(ResolveFailed) as caught:
        suite_of(base)
    assert what in caught.value.what
    assert hint in caught.value.hint


NUMPY = (Requirement("numpy"),)


@pytest.mark.parametrize(
    ("definition", "python"),
    [
        (Definition(python="3.11"), "3.11"),
        (Definition(python="3.11", pypi=NUMPY), "3.11"),
        (Definition(python="3.11.2"), "3.11"),
        (Definition(python="", pypi=NUMPY), "3.11"),
        (Definition(python="3.13", base=DebianBase("trixie")), "3.13"),
        (Definition(python="3.13.5", base=DebianBase("trixie")), "3.13"),
        (Definition(python=""), ""),
        (Definition(system=("git",), python=""), ""),
        (Definition(python="3.11.9"), ""),
        (Definition(python="3.12"), ""),
        (Definition(python="3.13"), ""),
        (Definition(python="3.11", base=DebianBase("trixie")), ""),
        (Definition(python="3.13.9", base=DebianBase("trixie"), pypi=NUMPY), ""),
        (Definition(python="3.11", conda=("python=3.11",)), ""),
        (Definition(python="", conda=("python",), pypi=NUMPY), ""),
        (Definition(python="3.11", base=ImageBase("debian:12")), ""),
    ],
)
def test_the_suites_own_python_serves_what_it_is_and_nothing_else(definition, python):
    """A definition that got the suite's Python for another one would run on a version that nobody asked for."""
    assert own_python(definition) == python


@pytest.mark.parametrize(
    ("dependent", "dependency", "left_out"),
    [
        ("tzdata", "debconf (>= 0.5) | debconf-2.0", True),
        ("debconf-utils", "debconf (= 1.5.82)", False),
        ("ca-certificates", "openssl (>= 1.1.1)", True),
        ("ssl-cert", "openssl (>= 0.9.8g-9)", False),
        ("grep", "dpkg (>= 1.15.4) | install-info", True),
        ("dpkg-dev", "dpkg (>= 1.20)", False),
        ("bash", "libc6", False),
    ],
)
def test_only_what_maintainer_scripts_alone_need_is_left_out(dependent, dependency, left_out):
    (group,) = parse_relations(dependency)
    assert is_left_out(dependent, group) is left_out


def test_every_entry_of_the_table_has_a_reason_and_none_is_there_twice():
    assert all(entry.reason and is_package_name(entry.dependency) for entry in LEFT_OUT)
    assert len({(e.dependent, e.dependency) for e in LEFT_OUT}) == len(LEFT_OUT)
