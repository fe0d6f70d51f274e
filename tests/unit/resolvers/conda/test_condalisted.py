"""Another tool's lock: its files are taken as they are, checked by what the lock says, and no index is read."""

import hashlib

import pytest

from envbuild.errors import IntegrityError, ResolveFailed
from envbuild.platforms import LINUX_AMD64, Platform

BOTH = (LINUX_AMD64, Platform("linux", "arm64"))


def named(shelf, where, file, **hashes) -> str:
    """The spec of a file, as the readers of locks make it."""
    name, version, build = file.removesuffix(".conda").rsplit("-", 2)
    sha256 = hashlib.sha256(shelf.contents[f"{where}/{file}"]).hexdigest()
    given = hashes or {"sha256": sha256}
    more = ",".join(f"{key}='{value}'" for key, value in given.items())
    return f"{where}::{name}=={version}={build}[fn='{file}',{more}]"


def test_files_are_taken_as_they_are_and_no_index_is_read(shelf):
    """What does not go together is the other tool's affair: only what is listed is installed."""
    x = shelf.add("forge/linux-64", "x", depends=["not-there >=9"])
    tz = shelf.add("forge/noarch", "tz")
    specs = [named(shelf, "forge/linux-64", x), named(shelf, "forge/noarch", tz)]
    found = shelf.artifacts(*specs, no_deps=True)
    assert [(a.name, a.version, a.file, a.source) for a in found] == [
        ("tz", "1.0", tz, "forge/noarch"),
        ("x", "1.0", x, "forge/linux-64"),
    ]
    assert [a.size for a in found] == [len(shelf.contents[f"forge/{p}"]) for p in (f"noarch/{tz}", f"linux-64/{x}")]
    assert shelf.orders == []
    assert not shelf.report.notices


def test_only_this_platforms_files_are_taken(shelf):
    specs = [
        named(shelf, f"forge/{subdir}", shelf.add(f"forge/{subdir}", "x", build=build))
        for subdir, build in (("linux-64", "a"), ("linux-aarch64", "b"))
    ]
    for platform, build in zip(BOTH, "ab", strict=True):
        found = shelf.artifacts(*specs, platform=platform, platforms=BOTH, no_deps=True)
        assert [a.file for a in found] == [f"x-1.0-{build}.conda"]


def test_a_file_known_by_md5_alone_is_checked_and_locked_by_sha256(shelf):
    file = shelf.add("forge/linux-64", "x")
    content = shelf.contents[f"forge/linux-64/{file}"]
    (artifact,) = shelf.artifacts(
        named(shelf, "forge/linux-64", file, md5=hashlib.md5(content).hexdigest()), no_deps=True
    )
    assert artifact.sha256 == hashlib.sha256(content).hexdigest()
    assert artifact.size == len(content)
    assert any("md5" in notice and file in notice for notice in shelf.report.notices)


def test_a_file_with_another_md5_is_refused(shelf):
    file = shelf.add("forge/linux-64", "x")
    with pytest.raises(IntegrityError) as caught:
        shelf.artifacts(named(shelf, "forge/linux-64", file, md5="0" * 32), no_deps=True)
    assert file in caught.value.at


def test_a_listed_file_that_is_gone_is_named(shelf):
    file = shelf.add("forge/linux-64", "x")
    spec = named(shelf, "forge/linux-64", file)
    shelf.contents.clear()
    with pytest.raises(ResolveFailed) as caught:
        shelf.artifacts(spec, no_deps=True)
    assert file in caught.value.what


@pytest.mark.parametrize("spec", ["x", "x=1.0", "forge/linux-64::x==1.0=0"])
def test_a_complete_list_of_an_indexs_packages_says_nothing_of_condas(shelf, spec):
    """`no-deps` beside specs that name no file: these are solved as ever, with what they depend on."""
    shelf.add("forge/linux-64", "x", depends=["y"])
    shelf.add("forge/linux-64", "y")
    assert shelf.files(spec, no_deps=True) == ["forge/linux-64/x-1.0-0.conda", "forge/linux-64/y-1.0-0.conda"]
