"""If these fail, a hostile or stale mirror gets its packages into an image, or a good one is not used."""

import pytest

from envbuild.debian.baselist import SUITES
from envbuild.errors import EnvironmentFault, IntegrityError
from envbuild.lockfile import Artifact, ArtifactKind
from envbuild.platforms import LINUX_AMD64, Platform

BOOKWORM = SUITES["bookworm"]
ARCHIVE = "http://mirror.example/debian"
SECURITY = "http://mirror.example/debian-security"
INDEX = "main/binary-amd64/Packages.xz"


def artifact(source="debian:bookworm", path="pool/main/o/openssl/openssl_3.0-1_amd64.deb", name="openssl"):
    return Artifact(
        kind=ArtifactKind.DEB,
        name=name,
        version="3.0-1",
        file=path.rpartition("/")[2],
        size=1,
        sha256="0" * 64,
        source=source,
        path=path,
    )


def test_the_three_suites_are_one_universe(site, mirror_of):
    universe = mirror_of(site).universe(BOOKWORM, LINUX_AMD64)
    assert [p.source for p in universe.candidates("openssl")] == ["debian:bookworm-security", "debian:bookworm"]
    assert [p.version for p in universe.candidates("tzdata")] == ["2026a", "2025b"]


def test_indexes_are_read_by_hash_and_once(site, mirror_of):
    mirror_of(site).universe(BOOKWORM, LINUX_AMD64)
    assert sum("/by-hash/SHA256/" in url for url in site.asked) == 3
    site.asked.clear()
    mirror_of(site).universe(BOOKWORM, LINUX_AMD64)
    assert sorted(url.rpartition("/")[2] for url in site.asked) == ["InRelease"] * 3


def test_a_damaged_index_in_the_store_is_read_again(site, mirror_of, tmp_path):
    mirror_of(site).universe(BOOKWORM, LINUX_AMD64)
    kept = [p for p in (tmp_path / "blobs").rglob("*") if p.is_file()]
    assert kept
    for path in kept:
        path.chmod(0o644)
        path.write_bytes(b"damaged")
    assert mirror_of(site).universe(BOOKWORM, LINUX_AMD64).candidates("openssl")


def test_a_mirror_without_by_hash_and_with_gzip_only_is_served(site, mirror_of, stanza):
    site.publish("bookworm", [stanza("bash")], compress=".gz", Acquire_By_Hash="no")
    del_by_hash(site)
    assert mirror_of(site).universe(BOOKWORM, LINUX_AMD64).candidates("bash")


def del_by_hash(site):
    for url in [u for u in site.pages if "/by-hash/" in u and "/dists/bookworm/" in u]:
        del site.pages[url]


def test_a_missing_by_hash_file_falls_back_to_the_plain_one(site, mirror_of):
    del_by_hash(site)
    assert mirror_of(site).universe(BOOKWORM, LINUX_AMD64).candidates("openssl")


@pytest.mark.parametrize("archive", BOOKWORM.archives)
def test_a_release_signed_by_an_unknown_key_is_refused(site, mirror_of, other_key, archive):
    site.publish(archive, [], key=other_key)
    with pytest.raises(IntegrityError, match="not signed by a Debian archive key") as caught:
        mirror_of(site).universe(BOOKWORM, LINUX_AMD64)
    assert caught.value.at.endswith(f", {archive}")
    assert caught.value.at.startswith("http://mirror.example/debian")


def test_a_release_that_was_changed_after_signing_is_refused(site, mirror_of):
    url = f"{ARCHIVE}/dists/bookworm/InRelease"
    site.pages[url] = site.pages[url].replace(b"Acquire-By-Hash: yes", b"Acquire-By-Hash: no")
    with pytest.raises(IntegrityError):
        mirror_of(site).universe(BOOKWORM, LINUX_AMD64)


def test_an_expired_security_suite_is_refused(site, mirror_of):
    site.publish("bookworm-security", [], Valid_Until="Sun, 01 Mar 2026 11:59:00 UTC")
    with pytest.raises(IntegrityError, match="valid until"):
        mirror_of(site).universe(BOOKWORM, LINUX_AMD64)


def test_a_suite_without_an_end_is_served(site, mirror_of, stanza):
    site.publish("bookworm", [stanza("bash")], drop=("Valid-Until",))
    assert mirror_of(site).universe(BOOKWORM, LINUX_AMD64).candidates("bash")


def test_a_signed_release_of_another_suite_is_refused(site, mirror_of):
    """A replay: it is Debian's, and signed, and not what was asked for."""
    site.publish("trixie", [])
    site.pages[f"{ARCHIVE}/dists/bookworm/InRelease"] = site.pages[f"{ARCHIVE}/dists/trixie/InRelease"]
    with pytest.raises(IntegrityError, match="asked for bookworm, got trixie"):
        mirror_of(site).universe(BOOKWORM, LINUX_AMD64)


def test_an_index_that_the_release_does_not_name_is_refused_and_not_kept(site, mirror_of, tmp_path):
    del_by_hash(site)
    site.pages[f"{ARCHIVE}/dists/bookworm/{INDEX}"] += b"more"
    with pytest.raises(IntegrityError, match="signed Release") as caught:
        mirror_of(site).universe(BOOKWORM, LINUX_AMD64)
    assert caught.value.at == f"{ARCHIVE}/dists/bookworm/{INDEX}"
    assert not [p for p in (tmp_path / "blobs").rglob("*") if p.is_file() and p.read_bytes().endswith(b"more")]


def test_another_distribution_is_passed_over_for_the_next_candidate(site, mirror_of):
    site.publish("bookworm", [], base="http://vendor.example/linux", Origin="Vendor")
    mirror = mirror_of(site, archive=("http://vendor.example/linux", "http://empty.example/x", ARCHIVE))
    assert mirror.universe(BOOKWORM, LINUX_AMD64).candidates("openssl")


def test_a_candidate_that_cannot_be_reached_is_passed_over(site, mirror_of):
    def read(url):
        if "down.example" in url:
            raise EnvironmentFault("the connection was refused", at="down.example")
        return site.read(url)

    mirror = mirror_of(site, archive=("http://down.example/debian", ARCHIVE), read=read)
    assert mirror.universe(BOOKWORM, LINUX_AMD64).candidates("openssl")


def test_without_a_debian_mirror_the_setting_is_named(site, mirror_of):
    site.publish("bookworm", [], base="http://u:secret@ubuntu.example/ubuntu", Origin="Ubuntu")
    with pytest.raises(EnvironmentFault) as caught:
        mirror_of(site, archive=("http://u:secret@ubuntu.example/ubuntu",)).universe(BOOKWORM, LINUX_AMD64)
    assert "http://ubuntu.example/ubuntu: Origin is Ubuntu" in caught.value.what
    assert "ENVBUILD_DEBIAN_MIRROR " in caught.value.hint
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("security", [(), ("http://other.example/debian-security",)])
def test_no_base_is_made_without_the_security_suite(site, mirror_of, security):
    with pytest.raises(EnvironmentFault, match="no Debian mirror with bookworm-security") as caught:
        mirror_of(site, security=security).universe(BOOKWORM, LINUX_AMD64)
    assert "ENVBUILD_DEBIAN_MIRROR_SECURITY" in caught.value.hint


def test_an_architecture_that_a_mirror_lacks_is_said(site, mirror_of):
    with pytest.raises(EnvironmentFault, match="no packages for linux/arm64"):
        mirror_of(site).universe(BOOKWORM, Platform("linux", "arm64"))


def test_a_package_is_looked_for_at_the_mirrors_then_in_snapshots(site, mirror_of):
    snapshot = "https://snap.example/archive/debian/20260101T000000Z"
    mirror = mirror_of(site, archive=(ARCHIVE, "file:///mnt/debian"), snapshots=(snapshot,))
    path = "pool/main/g/gcc-12/libstdc++6_12.2.0-14+deb12u1_amd64.deb"
    quoted = "pool/main/g/gcc-12/libstdc%2B%2B6_12.2.0-14%2Bdeb12u1_amd64.deb"
    assert mirror.url_of(artifact(path=path)) == (
        f"{ARCHIVE}/{quoted}",
        f"file:///mnt/debian/{path}",
        f"{snapshot}/{quoted}",
    )
    assert site.asked == []


def test_a_security_package_is_looked_for_where_a_point_release_puts_it(site, mirror_of):
    snapshot = "https://snap.example/archive/debian/20260101T000000Z"
    found = mirror_of(site, snapshots=(snapshot,)).url_of(
        artifact("debian:bookworm-security", "pool/updates/main/o/openssl/openssl_3.0-1_amd64.deb")
    )
    assert found[:2] == (
        f"{SECURITY}/pool/updates/main/o/openssl/openssl_3.0-1_amd64.deb",
        f"{ARCHIVE}/pool/main/o/openssl/openssl_3.0-1_amd64.deb",
    )
    assert found[2].startswith("https://snap.example/archive/debian-security/20260101T000000Z/pool/updates/")


def test_what_is_no_debian_package_has_no_place_here(site, mirror_of):
    assert mirror_of(site).url_of(artifact("pypi")) == ()
    assert mirror_of(site).version_now(artifact("pypi")) is None


def test_the_version_there_now_is_told_for_a_package_that_is_gone(site, mirror_of):
    mirror = mirror_of(site)
    assert mirror.version_now(artifact()) == "3.0-1+deb12u1"
    assert (
        mirror.version_now(artifact("debian:bookworm-updates", "pool/main/t/tzdata/tzdata_1_all.deb", "tzdata"))
        == "2026a"
    )
    assert mirror.version_now(artifact(name="gone")) is None
    assert mirror_of(site, archive=()).version_now(artifact()) is None
