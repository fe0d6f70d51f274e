"""The lowest layer: what no package brings, and every container needs."""

import gzip
import io
import tarfile

import pytest

from envbuild.digest import Digest
from envbuild.layers.skeleton import layer_of_skeleton
from envbuild.platforms import LINUX_AMD64, Platform


def skeleton(platform=LINUX_AMD64):
    blob = bytearray()
    segment = layer_of_skeleton(platform, blob.extend, layer_id=Digest.of(b"skeleton"))
    return segment, tarfile.TarFile(fileobj=io.BytesIO(gzip.decompress(bytes(blob))))


@pytest.mark.parametrize(
    ("platform", "digest"),
    [
        ("linux/amd64", "sha256:b8cabdc945eaf5a3b22e45896693eb1bcde76d7acb2439837f3c98deef9e1e22"),
        ("linux/arm64", "sha256:8acddad96e9cb68823fe3db9869b1d78250090d344f647d3cf2627f483b7ad13"),
    ],
)
def test_the_skeleton_is_the_same_for_ever(platform, digest):
    """A change here changes every image of the layout: it needs another layout."""
    assert str(skeleton(Platform.parse(platform))[0].blob) == digest


def test_links_of_a_merged_system():
    _, archive = skeleton()
    found = {m.name: m.linkname for m in archive if m.issym()}
    assert {name: found[name] for name in ("bin", "sbin", "lib", "lib64")} == {
        "bin": "usr/bin", "sbin": "usr/sbin", "lib": "usr/lib", "lib64": "usr/lib64",
    }  # fmt: skip
    names = archive.getnames()
    assert all(f"usr/{name}" in names for name in ("bin", "sbin", "lib", "lib64"))
    assert "lib64" not in skeleton(Platform.parse("linux/arm64"))[1].getnames()


def test_every_link_into_the_skeleton_leads_somewhere():
    _, archive = skeleton()
    names = set(archive.getnames())
    for member in archive:
        if member.issym() and not member.linkname.startswith(("/proc", "..")):
            assert member.linkname.removeprefix("/") in names


def test_modes_that_programs_rely_on():
    """A /tmp that is not writable for all breaks every program of a user other than root; so does an unreadable home."""
    segment, archive = skeleton()
    modes = {m.name: m.mode for m in archive}
    expected = {
        "tmp": 0o1777,
        "var/tmp": 0o1777,
        "root": 0o700,
        "home/envbuild": 0o1777,
        "run/lock": 0o1777,
        "usr": 0o755,
    }
    assert {name: modes[name] for name in expected} == expected
    assert {m.path: m.mode for m in segment.table.members if m.path in expected} == expected


def test_users_are_debians_and_envbuild():
    _, archive = skeleton()
    passwd = archive.extractfile("etc/passwd").read().decode().splitlines()
    groups = {
        line.split(":")[0]: line.split(":")[2] for line in archive.extractfile("etc/group").read().decode().splitlines()
    }
    assert passwd[0] == "root:x:0:0:root:/root:/bin/bash"
    assert passwd[-1] == "envbuild:x:1000:1000::/home/envbuild:/bin/bash"
    assert all(line.count(":") == 6 for line in passwd)
    assert {line.split(":")[3] for line in passwd} <= set(groups.values())
    assert (groups["nogroup"], groups["shadow"], groups["envbuild"]) == ("65534", "42", "1000")
    assert archive.getmember("etc/shadow").mode == 0o600
