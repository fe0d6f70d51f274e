"""What maintainer scripts would have made: without it a base of packages has no TLS, no time zone, no awk."""

import base64
import hashlib
import struct

import pytest

from envbuild.layers.alternatives import Alternative, links
from envbuild.layers.certificates import bundle, java_key_store
from envbuild.layers.imagetree import ImageTree
from envbuild.layers.ldsocache import ld_so_cache
from envbuild.layers.systemfiles import system_files
from envbuild.members import Member, MemberKind, MemberTable
from envbuild.platforms import LINUX_AMD64


def package(name, files=(), symlinks=(), **facts):
    members = [Member(path=path, kind=MemberKind.FILE, mode=0o644) for path in files]
    members += [
        Member(path=path, kind=MemberKind.LINK, mode=0o777, target=target) for path, target in dict(symlinks).items()
    ]
    return MemberTable(tuple(sorted(members, key=lambda m: m.path)), {"package": name, **facts})


def made(*tables, contents=None):
    read = (contents or {}).get
    return {file.path: file for file in system_files(tables, lambda path: read(path, b""), LINUX_AMD64)}


def test_certificates_become_one_file_each_ended_by_a_line():
    folder = "usr/share/ca-certificates/mozilla"
    contents = {f"{folder}/B.crt": b"BBB", f"{folder}/A.crt": b"AAA\n"}
    files = made(package("ca-certificates", [*contents, f"{folder}/README"]), contents=contents)
    assert files["etc/ssl/certs/ca-certificates.crt"].content == b"AAA\nBBB\n" == bundle([b"AAA\n", b"BBB"])
    assert files["etc/ca-certificates.conf"].content == b"mozilla/A.crt\nmozilla/B.crt\n"
    assert "etc/ssl/certs/java/cacerts" not in files


def test_java_trusts_the_same_authorities():
    """Read back as java.security.KeyStore's JKS provider does."""
    pem = b"-----BEGIN CERTIFICATE-----\n" + base64.encodebytes(b"der bytes") + b"-----END CERTIFICATE-----\n"
    path = "usr/share/ca-certificates/mozilla/Root_CA.crt"
    tables = (
        package("ca-certificates", [path]),
        package("ca-certificates-java", ["usr/share/ca-certificates-java/x.jar"]),
    )
    store = made(*tables, contents={path: pem})["etc/ssl/certs/java/cacerts"].content
    assert store == java_key_store({"debian:Root_CA.pem": pem})
    assert struct.unpack_from(">III", store) == (0xFEEDFEED, 2, 1)
    assert b"\x00\x12debian:root_ca.pem" in store
    assert b"\x00\x05X.509\x00\x00\x00\x09der bytes" in store
    assert store[-20:] == hashlib.sha1("changeit".encode("utf-16-be") + b"Mighty Aphrodite" + store[:-20]).digest()


def test_time_zone_and_shells_and_defaults():
    contents = {
        "usr/share/debianutils/shells": b"# /etc/shells: valid login shells\n/bin/sh\n",
        "usr/share/debianutils/shells.d/bash": b"/bin/bash\n",
        "usr/share/debianutils/shells.d/dash": b"/usr/bin/dash\n",
        "usr/share/base-files/profile": b"PATH=...\n",
        "usr/share/libc-bin/nsswitch.conf": b"hosts: files dns\n",
    }
    files = made(
        package("tzdata", ["usr/share/zoneinfo/Etc/UTC"]),
        package("debianutils", [path for path in contents if "shells" in path]),
        package("base-files", ["usr/share/base-files/profile"]),
        package("libc-bin", ["usr/share/libc-bin/nsswitch.conf"]),
        contents=contents,
    )
    assert files["etc/localtime"].target == "/usr/share/zoneinfo/Etc/UTC"
    assert files["etc/timezone"].content == b"Etc/UTC\n"
    shells = b"/bin/sh\n/bin/bash\n/usr/bin/bash\n/bin/dash\n/usr/bin/dash\n"
    assert files["etc/shells"].content == b"# /etc/shells: valid login shells\n" + shells
    assert files["etc/profile"].content == b"PATH=...\n"
    assert files["etc/nsswitch.conf"].content == b"hosts: files dns\n"


def test_what_a_package_brings_is_not_made_again():
    assert "etc/localtime" not in made(package("tzdata", ["usr/share/zoneinfo/Etc/UTC", "etc/localtime"]))


def test_the_best_alternative_wins_and_takes_its_slaves():
    mawk = "/usr/bin/awk awk /usr/bin/mawk 5 /usr/bin/nawk nawk /usr/bin/mawk /usr/share/man/awk.1.gz awk.1.gz /usr/share/man/m.gz"
    gawk = "/usr/bin/awk awk /usr/bin/gawk 10"
    both = package("mawk", ["usr/bin/mawk"], alternatives=mawk), package("gawk", ["usr/bin/gawk"], alternatives=gawk)
    assert made(both[0])["etc/alternatives/awk"].target == "/usr/bin/mawk"
    assert made(both[0])["usr/bin/nawk"].target == "/etc/alternatives/nawk"
    assert "etc/alternatives/awk.1.gz" not in made(both[0]), "its manual is not in the image"
    for order in (both, both[::-1]):
        assert made(*order)["etc/alternatives/awk"].target == "/usr/bin/gawk"
        assert "usr/bin/nawk" not in made(*order)


def test_alternatives_whose_program_is_missing_are_passed_over():
    found = links(
        [Alternative("/usr/bin/x", "x", "/usr/bin/gone", 9), Alternative("/usr/bin/x", "x", "/bin/here", 1)],
        "/bin/here".__eq__,
    )
    assert found == {"etc/alternatives/x": "/bin/here", "usr/bin/x": "/etc/alternatives/x"}


@pytest.mark.parametrize(
    "words",
    [
        "/a n /b",
        "/a n /b high",
        "a n /b 1",
        "/a n b 1",
        "/a n/m /b 1",
        "/../etc/x n /b 1",
        "/a n /$x 1",
        "/a n /b 1 /s",
    ],
)
def test_calls_that_are_no_alternative_are_not_taken_for_one(words):
    assert Alternative.of_arguments(words.split()) is None


def test_libraries_are_listed_as_ldconfig_lists_them():
    """By their own name, and by the link for compilers; an alternative's link counts; a foreign link does not."""
    folder = "usr/lib/x86_64-linux-gnu"
    sonames = {"libz.so.1.2": "libz.so.1", "libLLVM.so.19.1": "libLLVM.so.19.1", "blas/libblas.so.3": "libblas.so.3"}
    tables = [
        package(
            "libs",
            [*(f"{folder}/{name}" for name in sonames), "etc/ld.so.conf", f"{folder}/libtext.so"],
            {
                f"{folder}/libz.so.1": "libz.so.1.2",
                f"{folder}/libz.so": "libz.so.1",
                f"{folder}/libLLVM-19.so": "libLLVM.so.19.1",
                f"{folder}/libgone.so": "libgone.so.1",
            },
            sonames="\n".join(f"{soname} {folder}/{name}" for name, soname in sonames.items()),
            alternatives=f"/{folder}/libblas.so.3 libblas.so.3-x /{folder}/blas/libblas.so.3 10",
        )
    ]
    place = "/lib/x86_64-linux-gnu"
    expected = [(name, f"{place}/{name}") for name in ("libz.so.1", "libz.so", "libblas.so.3", "libLLVM.so.19.1")]
    assert made(*tables)["etc/ld.so.cache"].content == ld_so_cache(expected, LINUX_AMD64)


def test_links_are_followed_as_the_kernel_does():
    tree = ImageTree(
        [package("x", ["usr/bin/real", "run/pid"], {"usr/bin/a": "../../bin/b", "usr/bin/b": "real", "usr/bin/l": "/usr/bin/l",
                                                   "etc/up": "../../../usr/bin/real", "opt/d": "/usr"})]
    )  # fmt: skip
    assert tree.resolve("/bin/a") == "usr/bin/real"
    assert tree.resolve("/opt/d/bin/b") == "usr/bin/real"
    assert tree.resolve("/etc/up") == "usr/bin/real"
    assert tree.resolve("/var/run/pid") == "run/pid"
    assert tree.resolve("/usr/bin") == "usr/bin"
    assert not tree.exists("/usr/bin/l"), "a link to itself leads nowhere"
    assert not tree.exists("/usr/bin/gone")
