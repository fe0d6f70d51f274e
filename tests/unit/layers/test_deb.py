"""A Debian package becomes the layer that dpkg's files would be, the same bytes everywhere, or is refused by name."""

import bz2
import gzip
import hashlib
import io
import json
import lzma
import struct
import tarfile
import tracemalloc
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from envbuild.digest import Digest
from envbuild.errors import BuildFailed, EnvbuildError, IntegrityError
from envbuild.layers.deb import layer_of_deb
from envbuild.layers.debtree import image_mode
from envbuild.members import MemberKind

GOLDEN = Path(__file__).parents[2] / "golden" / "deb_layer.json"
LAYER = Digest.of(b"a layer")
CONTROL = "Package: hello\nVersion: 1:2.0-1\nArchitecture: amd64\nDescription: greets\n at length\n"
PACKERS = {
    "tar": bytes,
    "tar.gz": gzip.compress,
    "tar.xz": lzma.compress,
    "tar.bz2": bz2.compress,
}


def entry(name, content=None, *, mode=0o644, kind=tarfile.REGTYPE, target=""):
    info = tarfile.TarInfo(name)
    info.type, info.mode, info.linkname, info.mtime, info.uid = kind, mode, target, 1234567, 33
    if content is not None:
        info.size = len(content)
    return info, content


def folder(name, mode=0o755):
    return entry(name, mode=mode, kind=tarfile.DIRTYPE)


def link(name, target):
    return entry(name, kind=tarfile.SYMTYPE, target=target, mode=0o777)


def hard(name, target):
    return entry(name, kind=tarfile.LNKTYPE, target=target)


def tar(entries):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.GNU_FORMAT) as archive:
        for info, content in entries:
            archive.addfile(info, io.BytesIO(content) if content is not None else None)
    return out.getvalue()


def ar(members):
    out = b"!<arch>\n"
    for name, data in members:
        out += b"%-16s%-12d%-6d%-6d%-8s%-10d`\n" % (name.encode(), 0, 0, 0, b"100644", len(data))
        out += data + b"\n" * (len(data) % 2)
    return out


def deb(entries, *, control=CONTROL, scripts=(), sums=None, form="tar.xz", data=None):
    files = [entry("./control", control.encode())]
    files += [entry(f"./{name}", text.encode()) for name, text in dict(scripts).items()]
    if sums is not None:
        files.append(entry("./md5sums", sums.encode()))
    body = data if data is not None else PACKERS[form](tar(entries))
    return ar(
        [("debian-binary", b"2.0\n"), ("control.tar.gz", gzip.compress(tar(files), mtime=0)), (f"data.{form}", body)]
    )


def made(package):
    blob = bytearray()
    segment = layer_of_deb(io.BytesIO(package), blob.extend, layer_id=LAYER)
    return segment, bytes(blob)


def table(entries, **more):
    return {m.path: m for m in made(deb(entries, **more))[0].table.members}


def refused(entries, **more):
    written = bytearray()
    with pytest.raises(EnvbuildError) as caught:
        layer_of_deb(io.BytesIO(deb(entries, **more)), written.extend, layer_id=LAYER)
    assert not written, "something was written before the package was refused"
    return caught.value


def library(soname, machine=62):
    """A shared library of one segment with a dynamic section of three entries."""
    strings = b"\0" + soname.encode() + b"\0"
    dynamic = struct.pack("<qQqQqQ", 5, 64 + 2 * 56 + 48, 14, 1, 0, 0)
    size = 64 + 2 * 56 + len(dynamic) + len(strings)
    load = struct.pack("<IIQQQQQQ", 1, 5, 0, 0, 0, size, size, 4096)
    dyn = struct.pack("<IIQQQQQQ", 2, 6, 64 + 2 * 56, 64 + 2 * 56, 0, len(dynamic), len(dynamic), 8)
    head = (
        b"\x7fELF\x02\x01\x01"
        + bytes(9)
        + struct.pack("<HHIQQQIHHHHHH", 3, machine, 1, 0, 64, 0, 0, 64, 56, 2, 0, 0, 0)
    )
    return head + load + dyn + dynamic + strings


EVERYTHING = [
    folder("./"),
    folder("./bin/"),
    entry("./bin/hello", b"#!/bin/sh\necho hello\n", mode=0o4755),
    hard("./bin/hallo", "./bin/hello"),
    folder("./etc/secret/", 0o750),
    entry("./etc/secret/key", b"key", mode=0o600),
    folder("./lib/x86_64-linux-gnu/"),
    entry("./lib/x86_64-linux-gnu/libhello.so.1.2", library("libhello.so.1")),
    link("./lib/x86_64-linux-gnu/libhello.so.1", "libhello.so.1.2"),
    entry("./usr/share/doc/hello/copyright", b"free\n"),
    entry("./usr/share/doc/hello/changelog.gz", b"long"),
    entry("./usr/share/hello/big", bytes(range(256)) * 6000),
    folder("./var/lib/hello/"),
]


def test_same_package_same_bytes_on_every_machine():
    """A change here gives every user's Debian layers new digests: it needs a new recipe number."""
    sums = "0123456789abcdef0123456789abcdef  bin/hello\nffffffffffffffffffffffffffffffff  usr/share/doc/hello/changelog.gz\n"
    segment, blob = made(deb(EVERYTHING, sums=sums))
    found = {
        "blob": str(segment.blob),
        "diff_id": str(segment.diff_id),
        "table": str(Digest.of(segment.table.to_bytes())),
        "size": segment.size,
    }
    assert found == json.loads(GOLDEN.read_text())
    assert segment.blob == Digest.of(blob)
    assert segment.diff_id == Digest.of(gzip.decompress(blob))


def test_layer_unpacks_to_what_the_table_says():
    segment, blob = made(deb(EVERYTHING))
    with tarfile.open(fileobj=io.BytesIO(gzip.decompress(blob))) as archive:
        inside = {m.name: m for m in archive}
        for member in segment.table.members:
            found = inside[member.path]
            assert (found.mode, found.uid, found.gid) == (member.mode, 0, 0), member.path
            if member.kind is MemberKind.FILE:
                content = archive.extractfile(found).read()
                assert (len(content), hashlib.sha256(content).hexdigest()) == (member.size, member.sha256)


def test_each_entry_can_be_cut_out():
    """Conflicts are solved by leaving single entries out: a wrong offset would give a broken image."""
    segment, blob = made(deb(EVERYTHING))
    for member in segment.table.members:
        if member.kind is MemberKind.DIRECTORY:
            continue
        piece = blob[segment.start + member.offset : segment.start + member.offset + member.length]
        with tarfile.open(fileobj=io.BytesIO(gzip.decompress(piece) + bytes(1024))) as archive:
            assert archive.getnames() == [member.path]


@pytest.mark.parametrize("form", PACKERS)
def test_how_the_package_was_compressed_does_not_matter(form):
    assert made(deb(EVERYTHING, form=form))[1] == made(deb(EVERYTHING))[1]


def test_order_owner_and_time_in_the_package_do_not_matter():
    folders = [e for e in EVERYTHING if e[0].isdir()]
    rest = [e for e in EVERYTHING if not e[0].isdir() and not e[0].islnk()]
    links = [e for e in EVERYTHING if e[0].islnk()]
    assert made(deb([*reversed(folders), *reversed(rest), *links]))[1] == made(deb(EVERYTHING))[1]


def test_files_of_old_and_new_layout_end_in_the_same_place():
    old = [
        folder("./bin"),
        entry("./bin/tool", b"x", mode=0o755),
        folder("./lib64"),
        link("./lib64/ld.so", "/lib/ld.so"),
    ]
    new = [link("./bin", "usr/bin"), entry("./usr/bin/tool", b"x", mode=0o755), link("./usr/lib64/ld.so", "/lib/ld.so")]
    assert made(deb(old))[1] == made(deb([*new, link("./lib64", "usr/lib64")]))[1]


def test_no_layer_replaces_the_links_of_a_merged_system():
    members = table([folder("./lib"), folder("./sbin"), folder("./var/run/"), entry("./var/run/tool/pid", b"1")])
    assert "run/tool/pid" in members
    assert not {"lib", "sbin", "usr/lib", "usr/sbin", "var/run"} & set(members)


def test_hard_links_become_files_wherever_they_lead():
    members = table([entry("./usr/bin/a", b"same", mode=0o755), hard("./bin/b", "./usr/bin/a"), hard("./c/d", "bin/b")])
    assert members["usr/bin/b"].content == members["usr/bin/a"].content == members["c/d"].content


def test_absolute_links_are_kept_as_debian_means_them():
    members = table([link("./usr/bin/editor", "/etc/alternatives/editor"), link("./etc/up", "../../../x")])
    assert members["usr/bin/editor"].target == "/etc/alternatives/editor"
    assert members["etc/up"].target == "../../../x"


def test_documentation_is_left_out_but_licences_stay():
    names = [
        "doc/p/copyright",
        "doc/p/README",
        "doc/p/examples/x",
        "man/man1/p.1.gz",
        "info/p.gz",
        "lintian/o",
        "locale/de/p.mo",
    ]
    members = table([*(entry(f"./usr/share/{name}", b"x") for name in names), link("./usr/share/doc/q", "p")])
    kept = {path for path in members if path.startswith("usr/")}
    assert kept == {"usr/share/doc/p/copyright", "usr/share/doc/q", "usr/share/locale/de/p.mo"}


@pytest.mark.parametrize(
    ("mode", "expected"),
    [(0o644, 0o644), (0o664, 0o644), (0o755, 0o755), (0o4755, 0o755), (0o2755, 0o755), (0o600, 0o600), (0o440, 0o440),
     (0o4754, 0o755), (0o4750, 0o750), (0o444, 0o644), (0o555, 0o755)],
)  # fmt: skip
def test_no_file_gains_rights(mode, expected):
    """Owners are root's in an image: a setuid bit that was somebody else's would become root's."""
    assert image_mode(mode) == expected


def test_directories_are_named_where_empty_or_unusual():
    members = table(
        [folder("./a"), folder("./a/empty"), folder("./a/tmp", 0o1777), folder("./a/mail", 0o2775), entry("./a/f", b"")]
    )
    named = {path: m.mode for path, m in members.items() if m.kind is MemberKind.DIRECTORY}
    assert named == {"a/empty": 0o755, "a/tmp": 0o1777, "a/mail": 0o775}


def test_scanners_see_the_package():
    sums = "0" * 32 + "  bin/tool\n" + "1" * 32 + "  usr/share/man/man1/tool.1.gz\n"
    _, blob = made(deb([entry("./bin/tool", b"x"), entry("./usr/share/man/man1/tool.1.gz", b"x")], sums=sums))
    with tarfile.open(fileobj=io.BytesIO(gzip.decompress(blob))) as archive:
        assert archive.extractfile("var/lib/dpkg/status.d/hello").read() == CONTROL.encode()
        assert archive.extractfile("var/lib/dpkg/status.d/hello.md5sums").read() == ("0" * 32 + "  bin/tool\n").encode()


def test_facts_name_libraries_and_alternatives():
    """Without them the top layer has no linker cache, and ctypes finds nothing."""
    entries = [
        entry("./usr/lib/libhello.so.1.2", library("libhello.so.1")),
        entry("./usr/lib/libplain.so", library("")),
        entry("./usr/lib/libother.so.1", library("libother.so.1", machine=183)),
        entry("./usr/lib/libscript.so", b"GROUP ( libhello.so )"),
        entry("./usr/lib/libcut.so", library("libcut.so")[:90]),
    ]
    script = "#!/bin/sh\nset -e\nupdate-alternatives --install /usr/bin/hi hi /usr/bin/hello 5\n"
    facts = made(deb(entries, scripts={"postinst": script}))[0].table.facts
    assert facts["sonames"] == "libhello.so.1 usr/lib/libhello.so.1.2\nlibplain.so usr/lib/libplain.so"
    assert facts["alternatives"] == "/usr/bin/hi hi /usr/bin/hello 5"
    assert (facts["package"], facts["version"], facts["architecture"]) == ("hello", "1:2.0-1", "amd64")


HOSTILE = {
    "absolute": [entry("/etc/passwd", b"x")],
    "parent": [entry("./../etc/passwd", b"x")],
    "parent inside": [entry("./usr/../../etc/passwd", b"x")],
    "parent at the end": [folder("./usr/..")],
    "dot inside": [entry("./usr/./bin/x", b"x")],
    "double slash": [entry("./usr//bin/x", b"x")],
    "no name": [entry("./", b"x")],
    "through a link": [link("./opt/a", "/etc"), entry("./opt/a/passwd", b"x")],
    "through a link, later": [entry("./opt/a/passwd", b"x"), link("./opt/a", "/etc")],
    "below a file": [entry("./opt/a", b"x"), entry("./opt/a/b", b"x")],
    "usr is a link": [link("./usr", "/tmp")],
    "usr/bin is a link": [link("./usr/bin", "/tmp")],
    "etc is a file": [entry("./etc", b"x")],
    "lib is a file": [entry("./lib", b"x")],
    "hard link out": [hard("./opt/shadow", "/etc/shadow")],
    "hard link up": [hard("./opt/shadow", "../etc/shadow")],
    "hard link to nothing": [hard("./opt/shadow", "./etc/shadow")],
    "hard link to a link": [link("./opt/a", "/etc/shadow"), hard("./opt/b", "./opt/a")],
    "hard link to what comes later": [hard("./opt/b", "./opt/a"), entry("./opt/a", b"x")],
    "hard link to itself": [hard("./opt/b", "./opt/b")],
    "empty link": [link("./opt/a", "")],
    "whiteout": [entry("./etc/.wh.passwd", b"")],
    "opaque folder": [entry("./etc/.wh..wh..opq", b"")],
    "whiteout folder": [entry("./.wh.etc/x", b"")],
    "newline": [entry("./opt/a\nb", b"x")],
    "escape": [entry("./opt/\x1b[2J", b"x")],
    "character device": [entry("./dev/mem", kind=tarfile.CHRTYPE)],
    "block device": [entry("./dev/sda", kind=tarfile.BLKTYPE)],
    "fifo": [entry("./opt/pipe", kind=tarfile.FIFOTYPE)],
    "unknown type": [entry("./opt/x", kind=b"Z")],
}  # fmt: skip


@pytest.mark.parametrize("case", HOSTILE)
def test_hostile_packages_are_refused(case):
    fault = refused(HOSTILE[case])
    assert isinstance(fault, IntegrityError)
    assert fault.at == "hello 1:2.0-1"


def test_a_device_is_named():
    assert "./dev/mem is a character device" in str(refused([entry("./dev/mem", kind=tarfile.CHRTYPE)]))


def _patched(raw, at, value):
    """A header field replaced, and the checksum made right again."""
    block = bytearray(raw)
    block[at : at + len(value)] = value
    block[148:156] = b" " * 8
    block[148:156] = b"%06o\0 " % sum(block[:512])
    return bytes(block)


ONE = tar([entry("./opt/x", b"content")])
BROKEN = {
    "checksum": ONE[:10] + b"!" + ONE[11:],
    "no end": ONE[:1024],
    "cut in the content": ONE[:600],
    "size beyond the end": _patched(ONE, 124, b"%011o\0" % 99999),
    "negative size": _patched(ONE, 124, b"\xff" * 12),
    "size in base 256": _patched(ONE, 124, b"\x80" + (2**80).to_bytes(11, "big")),
    "size that is no number": _patched(ONE, 124, b"0x000000010\0"),
    "folder with content": _patched(ONE, 156, b"5"),
    "link with content": _patched(ONE, 156, b"2"),
    "sparse": _patched(ONE, 156, b"S"),
    "pax": _patched(ONE, 156, b"x"),
    "data behind the end": tar([entry("./opt/x", b"")])[: 512 * 3] + ONE,
    "long name of no length": _patched(_patched(ONE, 124, b"%011o\0" % 0), 156, b"L"),
    "long name of nobody": _patched(tar([entry("./opt/x", b"y" * 512)]), 156, b"L"),
    "empty": b"",
    "not a tar": b"x" * 2048,
}


@pytest.mark.parametrize("case", BROKEN)
def test_broken_archives_are_refused(case):
    assert isinstance(refused([], data=BROKEN[case], form="tar"), IntegrityError)


def test_names_of_gnu_tar_that_do_not_fit_are_read():
    long = "usr/share/" + "x" * 150
    members = table([entry(f"./{long}", b"1"), link("./usr/share/l", f"/{long}"), link(f"./{long}l", f"/{long}")])
    assert members[long].size == 1
    assert members["usr/share/l"].target == members[f"{long}l"].target == f"/{long}"


def test_two_files_in_one_place_are_named():
    fault = refused([entry("./lib/x", b"1"), entry("./usr/lib/x", b"2")])
    assert isinstance(fault, BuildFailed)
    assert "/usr/lib/x" in str(fault)


def test_a_file_that_comes_twice_alike_is_one():
    assert table([folder("./lib"), link("./lib/x", "y"), folder("./usr/lib"), link("./usr/lib/x", "y")])["usr/lib/x"]


@pytest.mark.parametrize(
    ("package", "word"),
    [
        (b"", "no ar archive"),
        (b"!<arch>\n", "debian-binary"),
        (b"PK\x03\x04", "no ar archive"),
        (ar([("debian-binary", b"3.0\n")]), "format 2"),
        (ar([("debian-binary", b"2.0\n")]), "control.tar"),
        (ar([("debian-binary", b"2.0\n"), ("data.tar", b"")]), "control.tar"),
        (deb([], control="Version: 1\n"), "Package"),
        (deb([], control=CONTROL.replace("hello", "../x")), "Package"),
        (deb(EVERYTHING)[:-3000], "fetch the package again"),
        (deb([], data=b"\xfd7zXZ\0damaged"), "data.tar.xz is damaged"),
        (deb([], data=b"not gzip", form="tar.gz"), "data.tar.gz is damaged"),
    ],
)  # fmt: skip
def test_what_is_no_package_is_said(package, word):
    with pytest.raises(IntegrityError, match=word.replace(".", r"\.")):
        made(package)


def test_a_compression_that_is_not_read_is_named():
    with pytest.raises(BuildFailed, match=r"data\.tar\.zst.*\n.*dpkg-deb -Zxz"):
        made(deb([], data=b"(\xb5/\xfd", form="tar.zst"))


def test_members_with_an_underscore_are_skipped():
    """deb(5) lets packages carry more, as signatures, before the data."""
    package = deb([entry("./opt/x", b"1")])
    signature = ar([("_gpgorigin", b"odd")]).removeprefix(b"!<arch>\n")
    at = package.index(b"control.tar.gz")
    assert made(package[:at] + signature + package[at:])[1] == made(package)[1]


def test_a_package_that_needs_its_script_is_named():
    fault = refused([], scripts={"postinst": "#!/bin/sh\nset -e\nadduser --system hello\n"})
    assert isinstance(fault, BuildFailed)
    assert fault.at == "hello 1:2.0-1"
    assert "postinst runs `adduser --system hello`" in str(fault)


def test_a_name_that_is_not_utf8_is_named():
    raw = tar([entry("./opt/caf\udce9", b"x")])
    assert "not UTF-8" in str(refused([], data=raw, form="tar"))


@given(st.data())
@settings(max_examples=150, deadline=None)
def test_damage_anywhere_is_an_error_of_ours_or_harmless(data):
    """A damaged download must never end in a traceback."""
    package = bytearray(deb([entry("./usr/bin/x", b"x" * 700, mode=0o755), link("./usr/bin/y", "x")], form="tar"))
    for _ in range(data.draw(st.integers(1, 4))):
        package[data.draw(st.integers(0, len(package) - 1))] = data.draw(st.integers(0, 255))
    del package[data.draw(st.integers(len(package) // 2, len(package))) :]
    try:
        made(bytes(package))
    except EnvbuildError as fault:
        assert str(fault)


def test_memory_does_not_grow_with_the_package():
    big = deb([entry("./opt/big", bytes(80 << 20))])
    tracemalloc.start()
    try:
        layer_of_deb(io.BytesIO(big), lambda _: None, layer_id=LAYER)
        assert tracemalloc.get_traced_memory()[1] < 48 << 20
    finally:
        tracemalloc.stop()
