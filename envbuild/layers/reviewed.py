"""Debian packages whose maintainer scripts were read one by one: why an image does without running them.

Read as they are in bookworm and trixie. `Review` says why, and holds what the top layer adds in the script's place, on the
terms of a fresh installation with every question answered by its default.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

__all__ = ["Review", "review"]

_BYTE_CODE = "compiles byte code, which an image of this layout has none of"
_UPGRADE = "does something only when an older version is upgraded"
_SKELETON = "makes users, directories and links that the skeleton has"
_CACHE = "makes a cache that only speeds programs up"
_LINKS = "makes alternatives, and tests that always come out the same"
_EMPTY = "makes a configuration file without content"


@dataclass(frozen=True, slots=True)
class Review:
    """Why a package works without its scripts; copies (from, to), links (path, target) and files of the top layer.

    Paths have no leading slash; a copy or link is made only where its source or target is in the image.
    """

    why: str
    copies: tuple[tuple[str, str], ...] = ()
    links: tuple[tuple[str, str], ...] = ()
    files: tuple[tuple[str, str], ...] = ()
    alternatives: tuple[str, ...] = ()


def review(package: str) -> Review | None:
    """What is known of a package's scripts, or None where they were not read."""
    if found := _REVIEWS.get(package):
        return found
    return next((entry for pattern, entry in _PATTERNS.items() if re.fullmatch(pattern, package)), None)


_LZMA = " ".join(
    ["/usr/bin/lzma lzma /usr/bin/xz 20", "/usr/bin/unlzma unlzma /usr/bin/unxz"]
    + [f"/usr/bin/lz{n} lz{n} /usr/bin/xz{n}" for n in ("cat", "more", "less", "diff", "cmp", "grep", "egrep", "fgrep")]
)

_REVIEWS: Mapping[str, Review] = {
    "adduser": Review(_UPGRADE),
    "base-files": Review(
        _SKELETON,
        copies=tuple(
            (f"usr/share/base-files/{source}", target)
            for source, target in (
                ("profile", "etc/profile"),
                ("motd", "etc/motd"),
                ("dot.profile", "root/.profile"),
                ("dot.bashrc", "root/.bashrc"),
            )
        ),
        links=(("etc/dpkg/origins/default", "debian"),),
    ),
    "base-passwd": Review(_SKELETON),
    "bash": Review("makes /bin/sh where there is none; dash brings it"),
    "binutils": Review(_UPGRADE),
    "ca-certificates": Review("collects the certificates into one file, as the top layer does"),
    "ca-certificates-java": Review("imports the certificates into Java's key store, as the top layer does"),
    "coreutils": Review(_UPGRADE),
    "dash": Review("takes /bin/sh over by diversions; the package itself brings the link"),
    "debconf": Review("starts a protocol for questions that nobody is asked"),
    "debianutils": Review("lists login shells in /etc/shells, as the top layer does, and makes alternatives"),
    "dpkg": Review("looks for faults of older versions"),
    "fontconfig": Review(_CACHE),
    "fontconfig-config": Review(
        "links configuration that was asked for; the default is slight hinting",
        links=(("etc/fonts/conf.d/10-hinting-slight.conf", "/usr/share/fontconfig/conf.avail/10-hinting-slight.conf"),),
    ),
    "git": Review(_UPGRADE),
    "gzip": Review("mends a diversion that an older zutils may have left; nothing was there before"),
    "hicolor-icon-theme": Review(_CACHE),
    "init-system-helpers": Review(_UPGRADE),
    "iproute2": Review("gives a program capabilities, which files in an image do not carry"),
    "java-common": Review("makes empty files for system-wide preferences, which Java does without"),
    "less": Review(_LINKS),
    "libc-bin": Review(
        "runs ldconfig, whose cache the top layer has",
        copies=(("usr/share/libc-bin/nsswitch.conf", "etc/nsswitch.conf"),),
    ),
    "libc6": Review("checks the kernel, and restarts services after an upgrade"),
    "libgcrypt20": Review(_UPGRADE),
    "libgdk-pixbuf-2.0-0": Review("lists loaders of further formats; PNG and JPEG are built in"),
    "libglib2.0-0": Review("compiles settings of desktop programs and lists modules; the library works without"),
    "libglib2.0-0t64": Review("compiles settings of desktop programs and lists modules; the library works without"),
    "libgssapi-krb5-2": Review(_UPGRADE),
    "libpam-modules": Review(_EMPTY),
    "libpam-runtime": Review("configures logins, and nobody logs in to a container"),
    "libpam0g": Review(_UPGRADE),
    "libpaper1": Review("notes a paper size; programs fall back on their own"),
    "libreadline8t64": Review("guards an upgrade of the file layout"),
    "libsensors5": Review(_UPGRADE),
    "libwrap0": Review(_EMPTY),
    "locales": Review("generates the locales that were chosen, and none is by default; C.UTF-8 is part of libc-bin"),
    "login.defs": Review(_UPGRADE),
    "mariadb-common": Review(_LINKS, alternatives=("/etc/mysql/my.cnf my.cnf /etc/mysql/mariadb.cnf 500",)),
    "mysql-common": Review(_LINKS),
    "netbase": Review(
        "writes three small files where there are none; engines write /etc/hosts themselves",
        files=(
            ("etc/hosts", "127.0.0.1\tlocalhost\n::1\t\tlocalhost ip6-localhost ip6-loopback\n"),
            ("etc/networks", "default\t\t0.0.0.0\nloopback\t127.0.0.0\nlink-local\t169.254.0.0\n"),
        ),
    ),
    "openssh-client": Review("makes a group that shields ssh-agent from other programs of its user"),
    "openssl": Review(_UPGRADE),
    "passwd": Review(_SKELETON),
    "perl": Review(_UPGRADE),
    "pkg-config": Review(_UPGRADE),
    "pkgconf": Review(_UPGRADE),
    "pkgconf-bin": Review("makes an empty directory"),
    "procps": Review("applies kernel settings of the host, and alternatives that its package has no files for"),
    "python3": Review(_BYTE_CODE),
    "r-base-core": Review(
        "writes its settings with the paper size", copies=(("usr/lib/R/etc/Renviron.ucf", "etc/R/Renviron"),)
    ),
    "readline-common": Review("copies a default", copies=(("usr/share/readline/inputrc", "etc/inputrc"),)),
    "shared-mime-info": Review("compiles a table of file types for desktop programs"),
    "tzdata": Review(
        "sets the time zone that was chosen; the default is UTC",
        links=(("etc/localtime", "/usr/share/zoneinfo/Etc/UTC"),),
        files=(("etc/timezone", "Etc/UTC\n"),),
    ),
    "ucf": Review("makes the files in which it notes others' changes"),
    "unixodbc-common": Review(_EMPTY, files=(("etc/odbcinst.ini", ""),)),
    "util-linux": Review(_LINKS),
    "xz-utils": Review(_LINKS, alternatives=(_LZMA,)),
}

_PATTERNS: Mapping[str, Review] = {
    r"libpython3\.\d+-minimal": Review("writes a settings file whose lines are all comments"),
    r"openjdk-\d+-jre-headless": Review("makes alternatives, and empty files for preferences"),
    r"postgresql-client-\d+": Review("makes alternatives of manuals"),
    r"python3\.\d+(-minimal|-venv)?": Review(_BYTE_CODE),
    r"python3-(distutils|lib2to3|minimal)": Review(_BYTE_CODE),
}
