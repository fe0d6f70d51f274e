"""If these fail, every base changes, or a definition gets another Python than it asked for."""

import pytest

from envbuild.debian.baselist import LEFT_OUT, SUITES, base_packages, is_left_out, python_of, suite_of, wants_python
from envbuild.debian.relations import is_package_name, parse_relations
from envbuild.definition import DebianBase, Definition, Requirement
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


def test_each_suite_has_its_python():
    assert (python_of("bookworm"), python_of("trixie")) == ("3.11", "3.13")
    assert suite_of(DebianBase("trixie"), "3.13").archives == ("trixie", "trixie-updates", "trixie-security")


@pytest.mark.parametrize(
    ("base", "python", "what", "hint"),
    [
        (DebianBase("bookworm"), "3.13", "Debian bookworm has Python 3.11, not 3.13", "base.debian = 'trixie'"),
        (DebianBase("trixie"), "3.9", "Debian trixie has Python 3.13, not 3.9", "3.11 (bookworm), 3.13 (trixie)"),
        (DebianBase("jammy"), "3.11", "'jammy' is not served", "bookworm, trixie"),
        (DebianBase("bookworm", 9), "3.11", "version 9 of the list", "Known are 1"),
    ],
)
def test_what_is_not_served_names_what_is(base, python, what, hint):
    with pytest.raises(ResolveFailed) as caught:
        suite_of(base, python)
    assert what in caught.value.what
    assert hint in caught.value.hint


def test_python_is_in_the_base_where_packages_need_it():
    assert wants_python(Definition(pypi=(Requirement("numpy"),)))
    assert not wants_python(Definition(system=("git",), python=""))


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
