"""Which file of a release a target gets: a wrong one does not import there, and another one each time is another lock."""

import sys
import sysconfig

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.tags import sys_tags
from packaging.version import Version

from envbuild import host
from envbuild.platforms import LINUX_AMD64, Platform
from envbuild.wheelfiles import IndexFile, Target, best_file, release_of, releases, runs_on, tags

BOOKWORM = Target(LINUX_AMD64, "3.11.2", "2.36")
TRIXIE = Target(LINUX_AMD64, "3.13.5", "2.41")
ARM = Target(Platform("linux", "arm64"), "3.11.2", "2.36")
TARGETS = st.sampled_from([BOOKWORM, TRIXIE, ARM, Target(LINUX_AMD64, "3.12.0", "2.17")])


def wheel(tag, build="", **more):
    file = f"pkg-1.0-{build + '-' if build else ''}{tag}.whl"
    return IndexFile(file=file, url=f"https://files.example/{file}", **more)


def spelled(target):
    return {str(tag) for tag in tags(target)}


def chosen(files, target=BOOKWORM):
    found = best_file(files, target)
    return found.file if found else None


# Tags.


@pytest.mark.skipif(sys.platform != "linux" or not host.glibc_version(), reason="the host is no target of ours")
def test_the_hosts_own_tags_are_found_without_asking_the_host():
    """The order is that of packaging, which pip uses: another order would pick another file than pip does."""
    here = Target(
        Platform.parse(f"linux/{host.machine()}"), sysconfig.get_python_version() + ".0", host.glibc_version()
    )
    ours = [str(tag) for tag in tags(here) if "manylinux" in tag.platform]
    theirs = [str(tag) for tag in sys_tags() if "manylinux" in tag.platform]
    assert ours == theirs


@pytest.mark.parametrize(
    ("target", "taken", "refused"),
    [
        (BOOKWORM, "cp311-cp311-manylinux_2_36_x86_64", "cp311-cp311-manylinux_2_37_x86_64"),
        (BOOKWORM, "cp311-cp311-manylinux1_x86_64", "cp311-cp311-musllinux_1_2_x86_64"),
        (BOOKWORM, "cp39-abi3-manylinux2014_x86_64", "cp312-abi3-manylinux2014_x86_64"),
        (BOOKWORM, "py3-none-any", "cp311-cp311-manylinux_2_17_aarch64"),
        (BOOKWORM, "py311-none-any", "cp310-cp310-manylinux_2_17_x86_64"),
        (BOOKWORM, "cp311-none-linux_x86_64", "cp311-cp311d-linux_x86_64"),
        (TRIXIE, "cp313-cp313-manylinux_2_41_x86_64", "cp313-cp313t-manylinux_2_28_x86_64"),
        (ARM, "cp311-cp311-manylinux2014_aarch64", "cp311-cp311-manylinux2010_aarch64"),
    ],
)
def test_a_targets_tags(target, taken, refused):
    assert taken in spelled(target)
    assert refused not in spelled(target)


@given(TARGETS)
def test_every_tag_stands_once(target):
    assert len(spelled(target)) == len(tags(target))


# The file.


@pytest.mark.parametrize(
    ("better", "worse"),
    [
        (wheel("cp311-cp311-manylinux_2_17_x86_64"), wheel("py3-none-any")),
        (wheel("cp311-cp311-manylinux_2_28_x86_64"), wheel("cp311-cp311-manylinux_2_17_x86_64")),
        (wheel("cp311-cp311-manylinux1_x86_64"), wheel("cp311-abi3-manylinux_2_28_x86_64")),
        (wheel("cp311-abi3-manylinux_2_17_x86_64"), wheel("cp39-abi3-manylinux_2_17_x86_64")),
        (wheel("py3-none-any", "10"), wheel("py3-none-any", "9")),
        (wheel("py3-none-any", "1"), wheel("py3-none-any")),
        (wheel("py3-none-any"), wheel("cp311-cp311-manylinux_2_17_x86_64", yanked=True)),
        (wheel("py3-none-any"), wheel("cp311-cp311-manylinux_2_17_x86_64", requires_python="<3.11")),
        (wheel("py3-none-any"), wheel("cp311-cp311-win_amd64")),
    ],
    ids=lambda file: file.file,
)
def test_the_better_of_two_is_taken_in_whatever_order_they_come(better, worse):
    assert chosen([better, worse]) == chosen([worse, better]) == better.file


@pytest.mark.parametrize(
    "file",
    [
        IndexFile(file="pkg-1.0.tar.gz", url="u"),
        IndexFile(file="pkg-1.0.whl", url="u"),
        IndexFile(file="pkg-one-py3-none-any.whl", url="u"),
        wheel("cp310-cp310-manylinux_2_17_x86_64"),
        wheel("py3-none-any", requires_python=">=3.12"),
    ],
    ids=lambda file: file.file,
)
def test_what_does_not_fit_is_not_taken_even_where_nothing_else_is_there(file):
    assert chosen([file]) is None


def test_a_yanked_file_is_taken_where_its_release_has_no_other():
    assert chosen([wheel("py3-none-any", yanked=True)]) == "pkg-1.0-py3-none-any.whl"


FILES = st.lists(
    st.builds(
        wheel,
        st.sampled_from(
            [
                "py3-none-any",
                "py2.py3-none-any",
                "cp311-cp311-manylinux_2_17_x86_64.manylinux2014_x86_64",
                "cp311-cp311-manylinux_2_28_aarch64",
                "cp313-cp313-manylinux_2_40_x86_64",
                "cp39-abi3-manylinux_2_34_x86_64",
                "cp312-cp312-win_amd64",
                "cp311-cp311-musllinux_1_2_x86_64",
                "cp38-cp38-linux_x86_64",
            ]
        ),
        st.sampled_from(["", "1", "2a"]),
        yanked=st.booleans(),
        requires_python=st.sampled_from(["", ">=3.8", ">=3.12", "nonsense"]),
    ),
    unique_by=lambda file: file.file,
)


@given(FILES, TARGETS, st.randoms())
def test_the_order_of_an_index_decides_nothing(files, target, random):
    """Else a mirror that sorts in another way would give another lock."""
    shuffled = list(files)
    random.shuffle(shuffled)
    assert best_file(shuffled, target) == best_file(files, target)


@given(FILES, TARGETS)
def test_the_chosen_file_fits_and_is_chosen_again_without_the_others(files, target):
    found = best_file(files, target)
    if found is None:
        assert all(best_file([file], target) is None for file in files)
    else:
        assert found in files
        assert best_file([found], target) == found


@given(FILES, TARGETS)
def test_a_file_that_does_not_fit_changes_nothing(files, target):
    fitting = [file for file in files if best_file([file], target)]
    assert best_file(files, target) == best_file(fitting, target)


# Names and versions.


@pytest.mark.parametrize(
    ("file", "name", "version"),
    [
        ("numpy-2.4.6-cp311-cp311-manylinux_2_28_x86_64.whl", "numpy", "2.4.6"),
        ("Pillow-10.0-py3-none-any.whl", "pillow", "10.0"),
        ("zope.interface-5.0-py3-none-any.whl", "zope-interface", "5.0"),
        ("typing_extensions-4.1.tar.gz", "typing-extensions", "4.1"),
        ("zope-interface-5.0.zip", "zope.interface", "5.0"),
        ("jaraco.text-3.0.0rc1.tar.bz2", "jaraco-text", "3.0rc1"),
        ("torch-2.5.1+cu128-cp311-cp311-linux_x86_64.whl", "torch", "2.5.1+cu128"),
        ("pkg-1!2.0.post1.tar.gz", "pkg", "1!2.0.post1"),
    ],
)
def test_the_version_that_a_file_name_tells(file, name, version):
    assert release_of(file, name) == Version(version)


@pytest.mark.parametrize(
    ("file", "name"),
    [
        ("numpy-2.4.6-cp311-cp311-linux_x86_64.whl", "num"),
        ("numpy-stl-3.0.tar.gz", "numpy"),
        ("pkg-2004d.tar.gz", "pkg"),
        ("pkg-1.0.exe", "pkg"),
        ("pkg.whl", "pkg"),
        ("", "pkg"),
    ],
)
def test_a_file_of_another_package_or_without_a_version_is_of_no_release(file, name):
    """numpy-stl's files must never be taken for a numpy of version `stl-3.0`."""
    assert release_of(file, name) is None


def test_releases_put_together_what_is_spelled_differently():
    files = [IndexFile(file=f, url="u") for f in ("pkg-1.0.tar.gz", "pkg-1.0.0-py3-none-any.whl", "pkg-x.zip")]
    assert {str(v): [f.file for f in group] for v, group in releases(files, "pkg").items()} == {
        "1.0": ["pkg-1.0.tar.gz", "pkg-1.0.0-py3-none-any.whl"]
    }


@pytest.mark.parametrize(
    ("requires", "python", "taken"),
    [
        ("", "3.11.2", True),
        (">=3.11", "3.11.2", True),
        (">=3.11.3", "3.11.2", False),
        ("!=3.11.*,>=3.8", "3.11.2", False),
        (">=3.8,<4", "3.14.0rc1", True),
        ("not a specifier", "3.11.2", True),
    ],
)
def test_requires_python(requires, python, taken):
    assert runs_on(requires, python) is taken
