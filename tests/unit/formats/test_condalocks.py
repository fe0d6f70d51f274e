"""Locks of conda packages: conda-lock.yml, pixi.lock and conda's explicit files, taken as they are, never resolved again.

Names and hashes are invented; the forms are those that conda-lock 4, pixi (rattler_lock) and conda write.
"""

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from envbuild.definition import Definition, Requirement
from envbuild.errors import InvalidDefinition, UsageError
from envbuild.formats.kinds import is_envbuild_lock, reader_of
from envbuild.formats.selection import Selection
from envbuild.formats.sourcefile import ReadRequest
from envbuild.indexurl import PUBLIC_INDEX, PYPI_FILES
from envbuild.normalize import normalize
from envbuild.platforms import LINUX_AMD64, Platform

ARM64 = Platform("linux", "arm64")
FORGE = "https://conda.anaconda.org/conda-forge"
FILES = f"{PYPI_FILES}/aa/bb"


def sha(letter):
    return letter * 64


def spec(folder, name, version, build, letter, ending="conda"):
    short = version.removesuffix(".0")
    return (
        f"conda-forge/{folder}::{name}=={short}={build}[fn='{name}-{version}-{build}.{ending}',sha256='{sha(letter)}']"
    )


PYTHON = spec("linux-64", "python", "3.11.6", "h1_0_cpython", "a")
PYTHON_ARM = spec("linux-aarch64", "python", "3.11.6", "h2_0_cpython", "b")
TZDATA = spec("noarch", "tzdata", "2024a", "h0_0", "c")
NUMPY = spec("linux-64", "numpy", "1.26.0", "py311h1_0", "d", "tar.bz2")
SIX = Requirement("six==1.16", (f"sha256:{sha('e')}",))


def read(name, text, *, sel=None, finish=normalize, **others):
    documents = {name: text, **{key.replace("_", "."): body for key, body in others.items()}}

    def load(path):
        if path not in documents:
            raise FileNotFoundError(2, "No such file", path)
        return documents[path].encode()

    asked = ReadRequest(name="folder", finish=finish, selection=sel or Selection())
    return reader_of(name)(name, load, asked)


def faults(name, text, **more):
    with pytest.raises(InvalidDefinition) as caught:
        read(name, text, **more)
    return [(fault.at, fault.what) for fault in caught.value.faults]


def entry(name, version, build, folder, platform, letter, *, category="main", ending="conda"):
    return f"""\
- name: {name}
  version: {version}
  manager: conda
  platform: {platform}
  dependencies: {{__glibc: '>=2.17'}}
  url: {FORGE}/{folder}/{name}-{version}-{build}.{ending}
  hash:
    md5: {"0a" * 16}
    sha256: {sha(letter)}
  category: {category}
  optional: {str(category != "main").lower()}
"""


def pip(name, version, platform, letter, url=None, category="main"):
    return f"""\
- name: {name}
  version: {version}
  manager: pip
  platform: {platform}
  dependencies: {{}}
  url: {url or f"{FILES}/{name}-{version}-py3-none-any.whl"}
  hash:
    sha256: {sha(letter)}
  category: {category}
  optional: false
"""


HEAD = """\
version: 1
metadata:
  content_hash:
    linux-64: 0abc
  channels:
  - url: conda-forge
    used_env_vars: []
  platforms: [linux-64]
  sources: [environment.yml]
package:
"""
X86 = (
    entry("python", "3.11.6", "h1_0_cpython", "linux-64", "linux-64", "a")
    + entry("tzdata", "2024a", "h0_0", "noarch", "linux-64", "c")
    + entry("numpy", "1.26.0", "py311h1_0", "linux-64", "linux-64", "d", ending="tar.bz2")
    + pip("six", "1.16.0", "linux-64", "e")
)
ARM = (
    entry("python", "3.11.6", "h2_0_cpython", "linux-aarch64", "linux-aarch64", "b")
    + entry("tzdata", "2024a", "h0_0", "noarch", "linux-aarch64", "c")
    + pip("six", "1.16.0", "linux-aarch64", "e")
)
CONDA_LOCK = HEAD + X86

PIXI = f"""\
version: 6
environments:
  default:
    channels:
    - url: {FORGE}/
    indexes:
    - {PUBLIC_INDEX}
    packages:
      linux-64:
      - conda: {FORGE}/linux-64/python-3.11.6-h1_0_cpython.conda
      - conda: {FORGE}/noarch/tzdata-2024a-h0_0.conda
      - conda: {FORGE}/linux-64/numpy-1.26.0-py311h1_0.tar.bz2
      - pypi: {FILES}/six-1.16.0-py3-none-any.whl
packages:
- conda: {FORGE}/linux-64/python-3.11.6-h1_0_cpython.conda
  sha256: {sha("a")}
  md5: {"0a" * 16}
  depends:
  - __glibc >=2.17
  license: Python-2.0
  size: 1
- conda: {FORGE}/noarch/tzdata-2024a-h0_0.conda
  sha256: {sha("c")}
- conda: {FORGE}/linux-64/numpy-1.26.0-py311h1_0.tar.bz2
  sha256: {sha("d")}
- pypi: {FILES}/six-1.16.0-py3-none-any.whl
  name: six
  version: 1.16.0
  sha256: {sha("e")}
  requires_python: '>=2.7'
"""


def as_version_5(text):
    """As pixi wrote it before: each package with its kind, name, version and url."""
    written = text.replace("version: 6", "version: 5", 1).partition("packages:\n- conda")
    rows = []
    for line in ("- conda" + written[2]).split("\n"):
        kind, _, url = line.removeprefix("- ").partition(": ")
        if line.startswith("- "):
            file = url.rpartition("/")[2].removesuffix(".conda").removesuffix(".tar.bz2")
            name, version, build = file.split("-")[:3]
            rows += [f"- kind: {kind}", f"  name: {name}", f"  version: {version}", f"  url: {url}"]
            rows += [f"  build: {build}"] if kind == "conda" else []
        elif not line.startswith(("  name", "  version")):
            rows.append(line)
    return written[0] + "packages:\n" + "\n".join(rows)


EXPLICIT = f"""\
# Generated by conda-lock.
# platform: linux-64
# input_hash: 0123
@EXPLICIT
{FORGE}/linux-64/python-3.11.6-h1_0_cpython.conda#sha256:{sha("a")}
{FORGE}/noarch/tzdata-2024a-h0_0.conda#{sha("c")}
{FORGE}/linux-64/numpy-1.26.0-py311h1_0.tar.bz2#{sha("d")}
# pip six @ {FILES}/six-1.16.0-py3-none-any.whl --hash=sha256:{sha("e")}
"""

WHOLE = normalize(
    Definition(
        name="folder",
        python="3.11",
        conda=(NUMPY, PYTHON, TZDATA),
        channels=("conda-forge",),
        no_deps=True,
        pypi=(SIX,),
    )
)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("conda-lock.yml", CONDA_LOCK),
        ("train.conda-lock.yml", CONDA_LOCK),
        ("pixi.lock", PIXI),
        ("pixi.lock", as_version_5(PIXI)),
        ("pixi.lock", as_version_5(PIXI).replace("version: 5", "version: 4", 1)),
        ("pixi.lock", PIXI.replace("version: 6", "version: 7\nplatforms:\n- name: linux-64", 1)),
        ("explicit.txt", EXPLICIT),
        ("conda-linux-64.lock", EXPLICIT),
    ],
)
def test_locks_of_the_same_packages_are_the_same_definition(name, text):
    """Whichever tool a team locks with, the image is one: each package's file and hash is in it, and nothing else is."""
    reading = read(name, text)
    assert reading.definition == WHOLE
    assert reading.logins == ()
    assert reading.files == (name,)
    assert not is_envbuild_lock(name)


def test_a_lock_of_ours_is_still_one_of_ours():
    assert is_envbuild_lock("envbuild.lock") and is_envbuild_lock("conda.lock") and is_envbuild_lock("conda-train.lock")


def test_platforms_that_agree_are_one_definition():
    """A lock of both machines builds for both; what is for one of them alone has its folder in it."""
    reading = read("conda-lock.yml", HEAD + X86 + ARM)
    assert reading.definition.platforms == (LINUX_AMD64, ARM64)
    assert set(reading.definition.conda) == {PYTHON, PYTHON_ARM, TZDATA, NUMPY}
    assert reading.definition.pypi == (SIX,)


def test_a_package_of_an_index_that_one_platform_has_alone_has_a_marker():
    reading = read("conda-lock.yml", HEAD + X86 + ARM.replace("1.16.0", "1.15.0"))
    texts = [requirement.text for requirement in reading.definition.pypi]
    assert texts == ['six==1.15; platform_machine == "aarch64"', 'six==1.16; platform_machine == "x86_64"']


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda arm: arm.replace("2024a", "2024b"), "noarch"),
        (lambda arm: arm + entry("wheel", "0.42", "h0_0", "noarch", "linux-aarch64", "f"), "noarch"),
        (lambda arm: arm.replace("3.11.6", "3.12.1"), "Python is 3.12"),
    ],
)
def test_a_platform_that_differs_in_what_is_for_all_is_left_out_and_said(change, why):
    """A noarch package is for every platform of a definition: what one of them has not must not get into its image."""
    reading = read("conda-lock.yml", HEAD + X86 + change(ARM))
    assert reading.definition == WHOLE
    assert any("linux-aarch64 is left out" in notice and why in notice for notice in reading.notices)


def test_platforms_that_no_image_is_made_for_are_passed_over():
    mac = entry("python", "3.11.6", "h3_0_cpython", "osx-arm64", "osx-arm64", "f").replace(
        f"    sha256: {sha('f')}\n", ""
    )
    reading = read("conda-lock.yml", HEAD + X86 + mac)
    assert reading.definition == WHOLE
    assert any("osx-arm64" in notice for notice in reading.notices)
    assert "osx-arm64 alone" in faults("conda-lock.yml", HEAD + mac)[0][1]


def test_what_is_for_developers_is_taken_when_it_is_chosen():
    """conda-lock installs dev unasked; an image that runs has no use for it."""
    text = CONDA_LOCK + entry("pytest", "8", "h0_0", "noarch", "linux-64", "f", category="dev")
    reading = read("conda-lock.yml", text)
    assert reading.definition == WHOLE
    assert any("dev" in notice for notice in reading.notices)
    more = read("conda-lock.yml", text, sel=Selection(groups=("dev",)))
    assert set(more.definition.conda) - set(WHOLE.conda) == {spec("noarch", "pytest", "8", "h0_0", "f")}
    assert "docs" in faults("conda-lock.yml", text, sel=Selection(groups=("docs",)))[0][1]


def test_the_environment_of_a_pixi_lock_is_chosen():
    more = PIXI.replace("packages:\n- conda", f"  cuda:\n    channels: [{{url: conda-forge}}]\n    packages:\n      linux-64:\n      - conda: {FORGE}/noarch/tzdata-2024a-h0_0.conda\npackages:\n- conda", 1)  # fmt: skip
    reading = read("pixi.lock", more)
    assert reading.definition == WHOLE
    assert any("default is taken" in notice and "cuda" in notice for notice in reading.notices)
    assert read("pixi.lock", more, sel=Selection(groups=("cuda",))).definition.conda == (TZDATA,)
    assert "none named gpu" in faults("pixi.lock", more, sel=Selection(groups=("gpu",)))[0][1]


def test_logins_are_taken_out_and_kept_apart():
    """A token that a lock's URLs carry is in no definition; the build has it all the same."""
    text = CONDA_LOCK.replace("url: conda-forge", "url: https://h.example/t/geheim/forge").replace(
        FORGE, "https://h.example/t/geheim/forge"
    )
    reading = read("conda-lock.yml", text)
    assert reading.logins == (("h.example", "token:geheim"),)
    assert "geheim" not in repr(reading.definition) + repr(reading.notices)
    assert reading.definition.channels == ("https://h.example/forge",)
    other = EXPLICIT.replace(f"{FORGE}/linux-64/python", "https://u:geheim@h.example/c/linux-64/python")
    reading = read("explicit.txt", other)
    assert reading.logins == (("h.example", "u:geheim"),)
    assert reading.definition.channels == ("https://h.example/c", "conda-forge")


def test_a_wheel_from_elsewhere_keeps_its_place():
    """It is on no index that is known: the file is named by its URL."""
    url = "https://h.example/w/own-1.0-py3-none-any.whl"
    reading = read("conda-lock.yml", CONDA_LOCK + pip("own", "1.0", "linux-64", "f", url))
    assert Requirement(f"own @ {url}", (f"sha256:{sha('f')}",)) in reading.definition.pypi


def test_a_package_of_an_index_that_pixi_names_is_pinned_to_it():
    text = PIXI.replace(PUBLIC_INDEX, "https://h.example/simple").replace(FILES, "https://h.example/files")
    definition = read("pixi.lock", text).definition
    assert definition.pypi == (SIX,)
    assert [index.url for index in definition.indexes] == ["https://h.example/simple"]


def test_the_project_that_pixi_installs_is_left_out_and_said():
    text = PIXI.replace(
        "packages:\n- conda", "packages:\n- pypi: ./\n  name: own\n  version: '1'\n  editable: true\n- conda", 1
    )
    text = text.replace("      - pypi:", "      - pypi: ./\n      - pypi:", 1)
    reading = read("pixi.lock", text)
    assert reading.definition == WHOLE
    assert any("own package is not installed" in notice for notice in reading.notices)


SOURCE = "channels: [conda-forge]\ndependencies: [python=3.11, 'numpy>=1.26']\n"


def test_a_lock_that_answers_the_environment_beside_it_is_taken_without_a_word():
    reading = read("conda-lock.yml", CONDA_LOCK, environment_yml=SOURCE)
    assert (reading.notices, reading.files) == ((), ("conda-lock.yml", "environment.yml"))
    assert read("conda-lock.yml", CONDA_LOCK).absent == ("environment.yml",)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda text: text.replace("1.26", "2"), "it lacks numpy>=2"),
        (lambda text: text.replace("]\n", ", scipy]\n"), "scipy"),
        (lambda text: text.replace("conda-forge", "bioconda"), "its channels are conda-forge"),
    ],
)
def test_a_lock_that_is_older_than_what_it_was_made_from_is_told(change, said):
    """Else somebody adds a package, builds, and looks for it in the image."""
    notices = read("conda-lock.yml", CONDA_LOCK, environment_yml=change(SOURCE)).notices
    assert [said in notice and "older than environment.yml" in notice for notice in notices] == [True]


def test_a_broken_environment_beside_a_lock_keeps_nobody_from_the_lock():
    assert read("conda-lock.yml", CONDA_LOCK, environment_yml="dependencies: [}").definition == WHOLE


LOCKS = {"conda-lock.yml": CONDA_LOCK, "pixi.lock": PIXI, "conda-linux-64.lock": EXPLICIT}


TZ = f"{FORGE}/noarch/tzdata-2024a-h0_0.conda"


@pytest.mark.parametrize(
    ("name", "old", "new", "place", "what"),
    [
        ("conda-lock.yml", f"    md5: {'0a' * 16}\n    sha256: {sha('c')}\n", "    sha256: ''\n", "name: tzdata", "no hash"),
        ("conda-lock.yml", sha("c"), "c", "name: tzdata", "64 hex digits"),
        ("conda-lock.yml", "version: 1\n", "version: 2\n", "version: 2", "needs a newer envbuild"),
        ("conda-lock.yml", "package:\n", "package:\n<<<<<<< HEAD\n", "<<<<<<<", "conflict marks"),
        ("conda-lock.yml", "package:\n", "package:\n- []\n", "- []", "expected a table"),
        ("conda-lock.yml", "  manager: pip\n", "", "name: six", "manager missing"),
        ("conda-lock.yml", "name: numpy", "name: scipy", "name: scipy", "its file is another"),
        ("conda-lock.yml", "version: 1.26.0", "version: 1.26.1", "name: numpy", "its file is another"),
        ("conda-lock.yml", "/linux-64/numpy", "/osx-64/numpy", "name: numpy", "is for osx-64"),
        ("conda-lock.yml", "/linux-64/numpy", "/numpy", "name: numpy", "no platform's folder"),
        ("conda-lock.yml", "manager: pip", "manager: npm", "name: six", "'npm' installs nothing"),
        ("conda-lock.yml", "py3-none-any.whl", "x.tar.gz", "name: six", "has no wheel"),
        ("conda-lock.yml", "  - url: conda-forge\n", "  - url: ./mine\n", "./mine", "folder of one machine"),
        ("conda-lock.yml", "platforms: [linux-64]", "platforms: [", "\npackage:", "no YAML"),
        ("pixi.lock", f"  sha256: {sha('c')}\n", "", f"\n- conda: {TZ}", "tzdata has no hash"),
        ("pixi.lock", f"  sha256: {sha('c')}\n", "  md5: 0a\n", f"\n- conda: {TZ}", "32 hex digits"),
        ("pixi.lock", "version: 6", "version: 8", "version: 8", "needs a newer envbuild"),
        ("pixi.lock", "version: 6", "version: 3", "version: 3", "version 3 is not read"),
        ("pixi.lock", "version: 6", "<<<<<<< ours\nversion: 6", "<<<<<<<", "conflict marks"),
        ("pixi.lock", f"\n- conda: {TZ}\n", "\n- conda: x\n", f"      - conda: {TZ}", "not among the lock's packages"),
        ("pixi.lock", "/tzdata-2024a-h0_0.conda", "/tzdata", "\n- conda: " + TZ.replace("-2024a-h0_0.conda", ""), "whole URL"),
        ("pixi.lock", f"conda: {TZ}", "conda: ./tz", "\n- conda: ./tz", "built from its sources"),
        ("pixi.lock", f"pypi: {PYPI_FILES}", "pypi: git+https://h.example", "\n- pypi", "VCS"),
        ("conda-linux-64.lock", f"#{sha('c')}", "", TZ, "tzdata has no hash"),
        ("conda-linux-64.lock", f"#{sha('c')}", "#" + "0" * 31, TZ, "tzdata has no hash"),
        ("conda-linux-64.lock", f" --hash=sha256:{sha('e')}", "", "# pip", "without a sha256"),
        ("conda-linux-64.lock", TZ, "tzdata-2024a-h0_0.conda", "tzdata", "whole URL"),
    ],
)  # fmt: skip
def test_what_is_wrong_in_a_lock_is_told_where_it_stands(name, old, new, place, what):
    """Else a user looks for one bad entry among thousands of lines."""
    assert old in LOCKS[name]
    text = LOCKS[name].replace(old, new)
    # The line of what comes behind the line break, where the place begins with one.
    line = text.count("\n", 0, text.index(place) + place.startswith("\n")) + 1
    assert [(at, what in said) for at, said in faults(name, text)] == [(f"{name}:{line}", True)]


BY_MD5 = {
    "conda-lock.yml": CONDA_LOCK.replace(f"    sha256: {sha('c')}\n", ""),
    "pixi.lock": PIXI.replace(f"  sha256: {sha('c')}\n", f"  md5: {'0A' * 16}\n"),
    "conda-linux-64.lock": EXPLICIT.replace(f"#{sha('c')}", "#" + "0a" * 16),
}


@pytest.mark.parametrize("name", BY_MD5)
def test_a_package_with_an_md5_alone_is_taken_and_said(name):
    """Locks of before conda had sha256 are still built; that the hash proves little is told."""
    reading = read(name, BY_MD5[name])
    old = TZDATA.replace(f"sha256='{sha('c')}'", f"md5='{'0a' * 16}'")
    assert reading.definition == normalize(replace(WHOLE, conda=(NUMPY, PYTHON, old)))
    assert ["tzdata: an md5 alone in the lock" in notice for notice in reading.notices] == [True]


def test_a_platform_that_is_left_out_has_no_word_to_say_about_its_hashes():
    other = entry("python", "3.11.6", "h2_0_cpython", "linux-aarch64", "linux-aarch64", "b").replace(
        f"    sha256: {sha('b')}\n", ""
    )
    reading = read("conda-lock.yml", HEAD + X86 + other)
    assert reading.definition == WHOLE
    assert not any("md5" in notice for notice in reading.notices)


@pytest.mark.parametrize("name", ["conda-lock.yml", "pixi.lock"])
@pytest.mark.parametrize(
    "text", ["", "\n", "a: 1\n", "- a\n", "version: x\n", "version: 1\npackage: []\n", "version: 6\npackages: []\n"]
)
def test_what_is_no_lock_is_told(name, text):
    assert faults(name, text)


def test_a_lock_that_is_not_there_is_told():
    with pytest.raises(UsageError, match="no such file"):
        reader_of("pixi.lock")("pixi.lock", lambda path: (Path(path) / "nowhere").read_bytes(), ReadRequest())


@given(st.data())
def test_a_lock_that_lost_a_part_is_read_or_refused(data):
    """A cut download or a bad merge ends in words, never in a traceback."""
    name = data.draw(st.sampled_from(sorted(LOCKS)))
    lines = LOCKS[name].split("\n")
    cut = data.draw(st.sets(st.integers(0, len(lines) - 1), min_size=1, max_size=3))
    text = "\n".join(line for number, line in enumerate(lines) if number not in cut)
    try:
        definition = read(name, text).definition
    except InvalidDefinition as invalid:
        assert all(fault.at.startswith(name) for fault in invalid.faults)
    else:
        assert definition == normalize(definition)


@given(st.permutations(X86.split("- name: ")[1:]))
def test_the_order_of_a_locks_packages_says_nothing(parts):
    text = HEAD + "".join(f"- name: {part}" for part in parts)
    assert replace(read("conda-lock.yml", text).definition, name="folder") == WHOLE
