"""The machine's shared libraries as conda packages: `openssl`, `libffi`, `libstdcxx`, with the names conda-forge gives them."""

import re
import ssl
import subprocess
import zipfile
from collections.abc import Iterable, Iterator
from pathlib import Path

from condachannel import elf
from condachannel.packages import CondaPackage, File, package

PACKAGE_OF = {
    "libbz2": "bzip2",
    "libcrypt": "libxcrypt",
    "libcrypto": "openssl",
    "libexpat": "libexpat",
    "libffi": "libffi",
    "libgcc_s": "libgcc",
    "liblzma": "liblzma",
    "libncursesw": "ncurses",
    "libpanelw": "ncurses",
    "libreadline": "readline",
    "libsqlite3": "libsqlite",
    "libssl": "openssl",
    "libstdc++": "libstdcxx",
    "libtinfo": "ncurses",
    "libuuid": "libuuid",
    "libz": "libzlib",
}
"""Which package brings a library, by the part of its name before `.so`."""

SUITE, GLIBC = "bookworm", 36
"""Where the packages must run: the suite of an image that names none, and the minor version of its glibc 2."""

_OF_COMPILER = {"libgcc_s": "libgcc-s1", "libstdc++": "libstdc++6"}
"""Debian's package of each."""

OF_GLIBC = {"libc", "libm", "libdl", "libpthread", "librt", "libutil", "libresolv", "ld-linux-x86-64"}
"""What the image's C library brings: `__glibc` in a package's needs."""


def stem(library: str) -> str:
    """`libssl` of `libssl.so.3`."""
    return library.partition(".so")[0]


def needs(contents: Iterable[bytes]) -> set[str]:
    """The libraries beyond glibc that these files name."""
    return {name for content in contents for name in elf.needed(content) if stem(name) not in OF_GLIBC}


def glibc_need(contents: Iterable[bytes]) -> str:
    """The dependency on the C library, as conda-forge writes it. 2.17 where they ask for less."""
    return f"__glibc >=2.{max([17, *map(elf.glibc, contents)])},<3.0.a0"


def found(files: Iterable[Path]) -> dict[str, Path]:
    """Where the machine's loader finds each library that these files need, theirs included."""
    shown = subprocess.run(["ldd", *map(str, files)], capture_output=True, text=True, check=False).stdout
    lines = re.finditer(r"^\s+(\S+) => (/\S+) ", shown, re.MULTILINE)
    return {line[1]: Path(line[2]).resolve() for line in lines}


def of_compiler(wheels: Iterable[Path], folder: Path) -> dict[str, Path]:
    """Where libgcc and libstdc++ are, which the modules in these wheels need: the machine's, or those of the image's suite."""
    folder.mkdir()
    for number, content in enumerate(_modules(wheels)):
        if {stem(name) for name in needs([content])} & set(_OF_COMPILER):
            (folder / str(number)).write_bytes(content)
    places = {name: place for name, place in found(folder.iterdir()).items() if stem(name) in _OF_COMPILER}
    if max(elf.glibc(place.read_bytes()) for place in places.values()) > GLIBC:
        return _of_suite(folder)
    return places


def _of_suite(folder: Path) -> dict[str, Path]:
    """Debian's own, from its packages, which apt downloads and does not install: the machine's are too new for the image."""
    for place in ("lists/partial", "cache/archives/partial"):
        (folder / place).mkdir(parents=True)
    options = [f"Dir::State::Lists={folder / 'lists'}", f"Dir::Cache={folder / 'cache'}", "APT::Sandbox::User=root"]
    apt = ["apt-get", "-qq", *(word for option in options for word in ("-o", option))]
    subprocess.run([*apt, "update"], check=True, capture_output=True)
    names = [f"{name}/{SUITE}" for name in _OF_COMPILER.values()]
    subprocess.run([*apt, "download", *names], check=True, capture_output=True, cwd=folder)
    for deb in folder.glob("*.deb"):
        subprocess.run(["dpkg-deb", "--extract", str(deb), str(folder / "root")], check=True)
    places = {place.name: place.resolve() for place in (folder / "root").glob("**/*.so.*")}
    return {name: place for name, place in places.items() if stem(name) in _OF_COMPILER and name.count(".") == 2}


def _modules(wheels: Iterable[Path]) -> Iterator[bytes]:
    for wheel in wheels:
        with zipfile.ZipFile(wheel) as archive:
            yield from (archive.read(name) for name in archive.namelist() if name.endswith(".so"))


def library_packages(places: dict[str, Path]) -> list[CondaPackage]:
    """A package for each name in PACKAGE_OF that has a library among these places."""
    by_package: dict[str, dict[str, Path]] = {}
    for soname, place in sorted(places.items()):
        if stem(soname) in PACKAGE_OF:
            by_package.setdefault(PACKAGE_OF[stem(soname)], {})[soname] = place
    return [_package(name, found) for name, found in sorted(by_package.items())]


def _package(name: str, places: dict[str, Path]) -> CondaPackage:
    files: dict[str, File] = {}
    for soname, place in places.items():
        files[f"lib/{place.name}"] = File(place.read_bytes(), 0o755)
        if soname != place.name:
            files[f"lib/{soname}"] = File(link=place.name)
    contents = [file.content for file in files.values()]
    own = {PACKAGE_OF[stem(soname)] for soname in needs(contents) if stem(soname) in PACKAGE_OF} - {name}
    depends = [glibc_need(contents), *sorted(own)]
    return package(name, _version(name, places), "h5eac0de_0", files=files, depends=depends)


def _version(name: str, places: dict[str, Path]) -> str:
    if name == "openssl":
        return ssl.OPENSSL_VERSION.split()[1]
    return next(iter(places.values())).name.partition(".so.")[2] or "1"
