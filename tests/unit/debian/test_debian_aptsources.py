"""If these fail, a machine with a Debian mirror is told that it has none, or another distribution is asked."""

import pytest

from envbuild.debian.aptsources import AptSource, DebianMirrors, mirrors, parse_apt_sources

DEB822 = """\
Types: deb deb-src
# URIs: http://old.example/debian
URIs: http://mirror.example/debian/ https://second.example/debian
Suites: bookworm bookworm-updates
Components: main contrib
Signed-By:
 -----BEGIN PGP PUBLIC KEY BLOCK-----
 .
 abc
 -----END PGP PUBLIC KEY BLOCK-----

Types: deb
URIs: http://mirror.example/debian-security
Suites: bookworm-security
Components: main

Types: deb
URIs: http://off.example/debian
Suites: bookworm
Components: main
Enabled: no
"""
ONE_LINE = """\
# deb http://comment.example/debian bookworm main
deb [arch=amd64 signed-by=/usr/share/keyrings/x.gpg] http://mirror.example/debian bookworm main contrib # note
deb-src http://source.example/debian bookworm main
deb http://mirror.example/debian-security bookworm-security main
deb https://vendor.example/linux/debian bookworm stable
deb http://flat.example/repo ./
"""


def test_the_deb822_format_is_read():
    sources = parse_apt_sources("/etc/apt/sources.list.d/debian.sources", DEB822)
    assert AptSource("https://second.example/debian", "bookworm-updates", ("main", "contrib")) in sources
    assert AptSource("http://mirror.example/debian-security", "bookworm-security", ("main",)) in sources
    assert not [s for s in sources if "off.example" in s.uri or "old.example" in s.uri]


def test_the_one_line_format_is_read():
    sources = parse_apt_sources("/etc/apt/sources.list", ONE_LINE)
    assert [(s.uri, s.suite) for s in sources] == [
        ("http://mirror.example/debian", "bookworm"),
        ("http://mirror.example/debian-security", "bookworm-security"),
        ("https://vendor.example/linux/debian", "bookworm"),
        ("http://flat.example/repo", "./"),
    ]


@pytest.mark.parametrize(("name", "text"), [("a.sources", DEB822), ("sources.list", ONE_LINE)])
def test_only_debians_main_archive_is_a_candidate(name, text):
    found = mirrors({}, {name: text})
    assert "http://mirror.example/debian" in found.archive
    assert found.security[0] == "http://mirror.example/debian-security"
    assert not [url for url in (*found.archive, *found.security) if "vendor" in url or "flat" in url]


def test_ubuntus_sources_are_no_candidates():
    assert mirrors({}, {"ubuntu.sources": DEB822.replace("bookworm", "noble")}) == DebianMirrors()


def test_the_settings_decide_where_they_are():
    environ = {
        "ENVBUILD_DEBIAN_MIRROR": "https://own.example/debian/ https://own2.example/deb",
        "ENVBUILD_DEBIAN_SNAPSHOT": "https://snap.example/archive/debian/20260101T000000Z",
    }
    found = mirrors(environ, {"a.sources": DEB822})
    assert found.archive == ("https://own.example/debian", "https://own2.example/deb")
    assert found.security == ("https://own.example/debian-security", "http://mirror.example/debian-security")
    assert found.snapshots == ("https://snap.example/archive/debian/20260101T000000Z",)
    only = mirrors({**environ, "ENVBUILD_DEBIAN_MIRROR_SECURITY": "https://sec.example/s"}, {"a.sources": DEB822})
    assert only.security == ("https://sec.example/s",)


def test_the_security_mirror_is_looked_for_beside_the_archive():
    found = mirrors({}, {"a.list": "deb http://mirror.example/debian trixie main\n"})
    assert found.security == ("http://mirror.example/debian-security",)


def test_a_list_of_mirrors_is_followed_as_cloud_images_have_it():
    files = {
        "/etc/apt/sources.list.d/debian.sources": DEB822.replace(
            "http://mirror.example/debian/", "mirror+file:///etc/apt/mirrors/debian.list"
        ),
        "/etc/apt/mirrors/debian.list": "https://one.example/debian\tpriority:1\nhttps://two.example/debian\n",
    }
    assert mirrors({}, files).archive == (
        "https://one.example/debian",
        "https://two.example/debian",
        "https://second.example/debian",
    )


@pytest.mark.parametrize("text", ["\0\xff", "Types deb\n", " URIs: x\n", "Types: deb\nTypes: deb\n"])
def test_a_file_that_nobody_understands_is_passed_over(text):
    files = {"broken.sources": text, "good.list": "deb http://mirror.example/debian trixie main\n"}
    assert mirrors({}, files).archive == ("http://mirror.example/debian",)


def test_media_that_are_no_urls_are_passed_over():
    assert mirrors({}, {"a.list": "deb cdrom:[Debian GNU/Linux]/ bookworm main\n"}) == DebianMirrors()
