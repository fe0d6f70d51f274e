"""Which standalone Python is meant: a wrong choice is another interpreter than was asked for, or one that changes by itself."""

import json
import os

import pytest
from pythonarchives import PythonArchive, listed

from envbuild.definition import DebianBase, Definition
from envbuild.errors import EnvironmentFault, ResolveFailed
from envbuild.lockfile import Artifact, ArtifactKind
from envbuild.pipeline.quiet import Quiet
from envbuild.platforms import LINUX_AMD64, Platform
from envbuild.resolvers.pythoncatalog import PythonBuild, listed_pythons
from envbuild.resolvers.pythons import StandalonePythons, chosen, kept_build

ARM = Platform("linux", "arm64")
VERSIONS = ("3.8.19", "3.8.20", "3.12.9", "3.12.10", "3.12.0", "3.13.1", "3.15.0a7", "3.15.0rc1", "3.14.0", "3.14.1rc1")


def build(version, *, machine="x86_64", day="20250101", base="https://builds.example/releases", sha256=""):
    archive = PythonArchive(version, machine, b"", day)
    return PythonBuild(version=version, machine=machine, url=listed(archive, base)["url"], sha256=sha256)


BUILDS = tuple(build(version) for version in VERSIONS)


class Mirrors:
    """Measures all but what is `absent`; `asked` has the paths."""

    def __init__(self, absent=()):
        self.absent, self.asked = absent, []

    def measure(self, path, places, sha256, report):
        self.asked.append((path, tuple(places), sha256))
        return None if path in self.absent else (sha256 or "a" * 64, 1000)


def resolve(python, *, builds=BUILDS, prefer=(), platform=LINUX_AMD64, mirrors=None, is_own_list=True, **more):
    pythons = StandalonePythons(lambda: builds, mirrors or Mirrors(), is_own_list=is_own_list)
    return pythons.resolve(Definition(python=python, **more), platform, dict(prefer), Quiet())


@pytest.mark.parametrize(
    ("asked", "version"),
    [("3.12", "3.12.10"), ("3.8", "3.8.20"), ("3.12.9", "3.12.9"), ("3.14", "3.14.0"), ("3.15.0rc1", "3.15.0rc1"), ("3.13", "3.13.1")],
)  # fmt: skip
def test_a_minor_is_its_newest_release_and_a_release_is_itself(asked, version):
    """Newest by number, not by letter; a preview only by its own name."""
    assert chosen(BUILDS, asked, "linux/amd64").version == version


@pytest.mark.parametrize(
    ("asked", "what", "hint"),
    [
        ("2.7", "3.8 is the oldest", "3.8, 3.12, 3.13, 3.14"),
        ("3.7", "3.8 is the oldest", "3.11.2 (bookworm), 3.13.5 (trixie)"),
        ("3.7.17", "3.8 is the oldest", "3.8, 3.12, 3.13, 3.14"),
        ("3.10", "no standalone build of Python 3.10 for linux/amd64", "3.8, 3.12, 3.13, 3.14"),
        ("3.12.99", "no standalone build of Python 3.12.99", "of 3.12 there are 3.12.9, 3.12.10, 3.12.0"),
        ("3.15", "previews alone: 3.15.0a7, 3.15.0rc1", 'python = "3.15.0a7"'),
        ("4.0", "no standalone build of Python 4.0", "3.8, 3.12, 3.13, 3.14"),
    ],
)  # fmt: skip
def test_what_there_is_not_is_refused_with_what_there_is(asked, what, hint):
    with pytest.raises(ResolveFailed) as caught:
        chosen(BUILDS, asked, "linux/amd64")
    assert caught.value.at == "python"
    assert what in caught.value.what
    assert hint in caught.value.hint


def test_an_empty_list_says_so():
    with pytest.raises(ResolveFailed) as caught:
        chosen((), "3.12", "linux/amd64")
    assert "none at all" in caught.value.hint


def test_the_artifact_names_its_file_and_its_place_on_every_mirror():
    """From these, and nothing else, another machine must find the same bytes."""
    path = "20250101/cpython-3.12.10+20250101-x86_64-unknown-linux-gnu-install_only_stripped.tar.gz"
    assert resolve("3.12") == Artifact(
        kind=ArtifactKind.PYTHON, name="cpython", version="3.12.10", file=path.partition("/")[2], size=1000,
        sha256="a" * 64, source="python-build-standalone", path=path,
    )  # fmt: skip


def test_a_list_of_ones_own_is_named_by_url():
    """Another machine does not have that list."""
    assert resolve("3.12", is_own_list=False).url == build("3.12.10").url


@pytest.mark.parametrize(
    "definition",
    [
        {"python": "3.11"}, {"python": "3.11.2"}, {"python": ""},
        {"python": "3.13", "base": DebianBase("trixie")}, {"python": "3.12", "conda": ("python=3.12",)},
    ],
)  # fmt: skip
def test_a_python_that_the_base_or_conda_has_asks_nobody(definition):
    """A machine without a mirror must go on as before."""

    def never():
        raise AssertionError("the list was asked for")

    assert (
        StandalonePythons(never, Mirrors(), is_own_list=True).resolve(
            Definition(**definition), LINUX_AMD64, {}, Quiet()
        )
        is None
    )


def test_the_platform_decides_and_not_this_machine():
    builds = (*BUILDS, build("3.12.9", machine="aarch64"))
    assert resolve("3.12", builds=builds, platform=ARM).file.startswith("cpython-3.12.9+20250101-aarch64")


def test_what_is_locked_stays_the_very_archive():
    """Else a lock changes its interpreter because uv was upgraded, or a newer release came."""
    listed_one, older = build("3.12.9").file, build("3.12.9", day="20240606")
    assert resolve("3.12", prefer={"cpython": listed_one}).file == listed_one
    kept = resolve("3.12", prefer={"cpython": older.file})
    assert (kept.version, kept.path) == ("3.12.9", f"20240606/{older.file}")


def test_what_is_locked_and_gone_is_the_newest_again():
    older = build("3.12.9", day="20240606")
    assert resolve("3.12", prefer={"cpython": older.file}, mirrors=Mirrors({older.path})).version == "3.12.10"


@pytest.mark.parametrize(
    ("asked", "file"),
    [
        ("3.13", build("3.12.9").file), ("3.12.10", build("3.12.9").file), ("3.12", "something.tar.gz"), ("3.12", ""),
        ("3.12", build("3.12.9", machine="aarch64").file), ("3.14", build("3.14.1rc1").file),
    ],
)  # fmt: skip
def test_what_is_locked_is_kept_only_where_it_is_what_is_asked_for(asked, file):
    assert kept_build(BUILDS, asked, file, "x86_64") is None


def test_what_is_listed_and_nowhere_is_told():
    with pytest.raises(ResolveFailed, match=r"is listed for 3\.12, and its file is not there") as caught:
        resolve("3.12", mirrors=Mirrors({build("3.12.10").path}))
    assert "python-mirror" in caught.value.hint


def test_uvs_own_list_has_every_python_that_we_promise():
    """3.8 to 3.14, for both kinds of processor, whatever this machine is; each by an archive that a layer can be made of."""
    found = listed_pythons(os.environ)
    for machine in ("x86_64", "aarch64"):
        minors = {one.minor for one in found if one.machine == machine and not one.release.is_prerelease}
        assert {f"3.{number}" for number in range(8, 15)} <= minors
    assert all(one.file.endswith(".tar.gz") and "-install_only" in one.file for one in found)
    assert len({(one.version, one.machine) for one in found}) == len(found)
    assert list(found) == sorted(found, key=lambda one: (one.release, one.url), reverse=True)


def test_another_list_is_read_by_uv_with_its_sums():
    archive = PythonArchive("3.12.7", "x86_64", b"x")
    entries = {archive.key: listed(archive, "https://user:secret@builds.example/x", sha256="B" * 64)}
    (found,) = listed_pythons(os.environ, json.dumps(entries).encode())
    assert (found.version, found.sha256, found.path) == ("3.12.7", "b" * 64, f"{archive.day}/{archive.file}")
    assert "secret" not in found.url
    assert found.base == "https://builds.example/x"


@pytest.mark.parametrize("text", [b"{", b"[]", b"<html>login</html>", b'{"a": {}}'])
def test_what_is_no_list_is_told_without_our_folders(text):
    with pytest.raises(EnvironmentFault, match="the list of Pythons is none") as caught:
        listed_pythons(os.environ, text)
    assert "envbuild-pythons-" not in str(caught.value)
    assert "download-metadata.json" in caught.value.hint


def test_other_kinds_of_builds_are_passed_over():
    """PyPy, free-threaded builds, other C libraries and archives for developers are no CPython for an image."""
    archive = PythonArchive("3.12.7", "x86_64", b"x")
    entry = listed(archive, "https://builds.example/x")
    full = entry["url"].replace("install_only_stripped.tar.gz", "pgo%2Blto-full.tar.zst")
    others = [
        {"name": "pypy"},
        {"variant": "freethreaded"},
        {"libc": "musl"},
        {"os": "darwin", "libc": "none"},
        {"url": full},
    ]
    others += [{"arch": {"family": "x86_64", "variant": "v3"}}]
    entries = {f"other-{number}": {**entry, **other} for number, other in enumerate(others)}
    assert listed_pythons(os.environ, json.dumps(entries).encode()) == ()
