"""Builds one image from fixed bytes and prints the digests of it, of a wheel's layer and of a Debian package's layer, as JSON.

Needs Python and what making layers imports, nothing else, so that it runs in any interpreter and on any CPU. Its packages
are made without a compressor and without zipfile and tarfile, whose output may differ from one version to the next.

The wheel `demo` and the Debian package `hello` are those of the golden vectors of their layers. Where digests change on
purpose: `python tests/integration/golden_digests.py >tests/golden/image.json`.
"""

import base64
import hashlib
import json
import struct
import sys
import tempfile
import zlib
from pathlib import Path

from envbuild.builders.assemble import Assembler
from envbuild.builders.layerids import artifact_material
from envbuild.definition import DebianBase
from envbuild.digest import Digest
from envbuild.ids import identity, image_material, lock_material
from envbuild.lockfile import Artifact, ArtifactKind, ImageSettings, Interpreter, Lock
from envbuild.pipeline.quiet import Quiet
from envbuild.pipeline.settings import config_of
from envbuild.platforms import LINUX_AMD64
from envbuild.store.blobs import Blobs
from envbuild.store.claims import Claims

ANSWERS = b"".join(b"def answer_%d():\n    return %d\n" % (i, i) for i in range(12))
DEFLATED_ANSWERS = bytes.fromhex(
    "65d0290e8030004451df535482ebbe701942d2222b0a84eb83633a7cfbdc2f75975b3beeda5735cd8b906fbd9e576f5289f2"
    "a126d48886d0205a428be8081da227f48881302046c2889808136226ccc3045ea4c747bf495a3c"
)
SETTINGS = ImageSettings(variables=(("GREETING", "grüß dich"),), workdir="/srv", entrypoint=("python", "-m", "demo"))


def zipped(files, packed):
    """A zip archive of stored files; `packed` has those that are deflated: name -> (deflated bytes, mode)."""
    out, directory = b"", b""
    for name, data in files.items():
        body, mode = packed.get(name, (data, 0o100644))
        method, path = 8 if name in packed else 0, name.encode()
        sizes = (zlib.crc32(data), len(body), len(data), len(path))
        directory += struct.pack("<4s6H3L5H2L", b"PK\1\2", 0x314, 20, 0x800 * (name not in packed), method, 0, 33, *sizes,
                                 0, 0, 0, 0, mode << 16, len(out)) + path  # fmt: skip
        out += struct.pack("<4s5H3L2H", b"PK\3\4", 20, 0x800 * (name not in packed), method, 0, 33, *sizes, 0)
        out += path + body
    count = len(files)
    return out + directory + struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, count, count, len(directory), len(out), 0)


def wheel(name, files, *, requires="", packed=None):
    """A wheel of these files, version 1.0."""
    info, needs = f"{name}-1.0.dist-info", f"Requires-Dist: {requires}\n" if requires else ""
    content = {
        **files,
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n{needs}".encode(),
        f"{info}/WHEEL": b"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    if name == "demo":
        content[f"{info}/entry_points.txt"] = b"[console_scripts]\ndemo = demo.answers:answer_1\n"
    hashes = {n: base64.urlsafe_b64encode(hashlib.sha256(d).digest()).rstrip(b"=").decode() for n, d in content.items()}
    rows = "".join(f"{n},sha256={hashes[n]},{len(data)}\n" for n, data in content.items())
    content[f"{info}/RECORD"] = f"{rows}{info}/RECORD,,\n".encode()
    return zipped(content, packed or {})


def demo_wheel():
    """Every way in which a byte gets into a layer."""
    files = {
        "demo/answers.py": ANSWERS,
        "demo/__init__.py": b"",
        "demo/table.bin": bytes(range(256)) * (6 << 10),
        "demo/zeros.bin": bytes(100_000) + b"end",
        "demo/" + "folder/" * 20 + "deep.txt": b"deep",
        "demo/" + "n" * 120: b"long",
        "demo/ü.txt": b"umlaut",
        "demo-1.0.data/scripts/tool": b"#!python\nprint(1)\n",
        "demo-1.0.data/data/share/demo.conf": b"[demo]\n",
    }
    return wheel("demo", files, requires="numpy", packed={"demo/answers.py": (DEFLATED_ANSWERS, 0o100755)})


def tarred(entries):
    """A ustar archive of (name, mode, type flag, content or link target)."""
    out = b""
    for name, mode, flag, content in entries:
        data, target = (content, b"") if flag == b"0" else (b"", content)
        numbers = b"%07o\0%07o\0%07o\0%011o\0%011o\0" % (mode, 33, 0, len(data), 1234567)
        fields = (name.encode(), numbers, b" " * 8, flag, target, b"ustar\00000")
        head = struct.pack("100s48s8ss100s8s247x", *fields)
        out += head[:148] + b"%06o\0 " % sum(head) + head[156:] + data + bytes(-len(data) % 512)
    return out + bytes(1024)


def folder(name, mode=0o755):
    return name, mode, b"5", b""


def file(name, content, mode=0o644):
    return name, mode, b"0", content


def link(name, target):
    return name, 0o777, b"2", target.encode()


def deb(control, entries, scripts=()):
    """A Debian package whose members are not compressed; `scripts` are (name, content) of further control files."""
    control_tar = tarred([file("./control", control.encode()), *(file(f"./{n}", text.encode()) for n, text in scripts)])
    out = b"!<arch>\n"
    for name, data in ((b"debian-binary", b"2.0\n"), (b"control.tar", control_tar), (b"data.tar", tarred(entries))):
        out += b"%-16s%-12d%-6d%-6d%-8s%-10d`\n" % (name, 0, 0, 0, b"100644", len(data)) + data
    return out


def small_deb(name, version, entries, scripts=()):
    control = f"Package: {name}\nVersion: {version}\nArchitecture: amd64\nDescription: {name}\n"
    return deb(control, [file(f"./usr/share/doc/{name}/copyright", b"free\n"), *entries], scripts)


def library(soname):
    """A shared library of one segment with a dynamic section of three entries, for x86-64."""
    strings = b"\0" + soname.encode() + b"\0"
    dynamic = struct.pack("<qQqQqQ", 5, 64 + 2 * 56 + 48, 14, 1, 0, 0)
    size = 64 + 2 * 56 + len(dynamic) + len(strings)
    load = struct.pack("<IIQQQQQQ", 1, 5, 0, 0, 0, size, size, 4096)
    dyn = struct.pack("<IIQQQQQQ", 2, 6, 64 + 2 * 56, 64 + 2 * 56, 0, len(dynamic), len(dynamic), 8)
    numbers = struct.pack("<HHIQQQIHHHHHH", 3, 62, 1, 0, 64, 0, 0, 64, 56, 2, 0, 0, 0)
    return b"\x7fELF\x02\x01\x01" + bytes(9) + numbers + load + dyn + dynamic + strings


def hello_deb():
    """Every kind of entry that a package has."""
    sums = (
        "0123456789abcdef0123456789abcdef  bin/hello\n"
        "ffffffffffffffffffffffffffffffff  usr/share/doc/hello/changelog.gz\n"
    )
    entries = [
        folder("./"),
        folder("./bin/"),
        file("./bin/hello", b"#!/bin/sh\necho hello\n", 0o4755),
        ("./bin/hallo", 0o644, b"1", b"./bin/hello"),
        folder("./etc/secret/", 0o750),
        file("./etc/secret/key", b"key", 0o600),
        folder("./lib/x86_64-linux-gnu/"),
        file("./lib/x86_64-linux-gnu/libhello.so.1.2", library("libhello.so.1")),
        link("./lib/x86_64-linux-gnu/libhello.so.1", "libhello.so.1.2"),
        file("./usr/share/doc/hello/copyright", b"free\n"),
        file("./usr/share/doc/hello/changelog.gz", b"long"),
        file("./usr/share/hello/big", bytes(range(256)) * 6000),
        folder("./var/lib/hello/"),
    ]
    control = "Package: hello\nVersion: 1:2.0-1\nArchitecture: amd64\nDescription: greets\n at length\n"
    return deb(control, entries, [("md5sums", sums)])


def base_debs():
    """What the top layer makes files of, and so many small packages that some share layers."""
    conf = [file("./etc/ld.so.conf", b"include /etc/ld.so.conf.d/*.conf\n")]
    conf += [file("./etc/ld.so.conf.d/lib.conf", b"/usr/local/lib\n/lib/x86_64-linux-gnu\n")]
    libc = [file("./lib/x86_64-linux-gnu/libc.so.6", library("libc.so.6"), 0o755), *conf]
    pem = b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"
    certificates = [file(f"./usr/share/ca-certificates/test/{name}.crt", pem) for name in ("Ämtlich", "b", "A")]
    shells = [file("./usr/share/debianutils/shells", b"# /etc/shells\n")]
    pager = "#!/bin/sh\nset -e\nupdate-alternatives --install /usr/bin/pager pager /usr/bin/less 77\n"
    found = [
        ("libc6", "2.36-9+deb12u1", libc),
        ("python3.11-minimal", "3.11.2-6", [file("./usr/bin/python3.11", b"\x7fELF", 0o755)]),
        ("ca-certificates", "20230311", certificates),
        ("debianutils", "5.7-0.5", shells),
        ("dash", "0.5.12-2", [file("./usr/share/debianutils/shells.d/dash", b"/usr/bin/dash\n")]),
        ("less", "590-2", [file("./usr/bin/less", b"less", 0o755)], [("postinst", pager)]),
        *((f"base-{n}", "1.0", [file(f"./usr/lib/base/{n}", b"%d" % n)]) for n in range(9)),
    ]
    return [(name, version, small_deb(name, version, entries, *scripts)) for name, version, entries, *scripts in found]


def words(count):
    """Text of this many words: what a compressor finds matches of every length and distance in, over many windows."""
    choices = hashlib.shake_128(b"choices").digest(count)
    known = [hashlib.shake_128(b"word %d" % n).hexdigest(1 + n % 7).encode() for n in range(256)]
    return b" ".join(known[a & b] for a, b in zip(choices, choices[1:] + b"\xff", strict=True))


def system_debs():
    """More than the layers that system packages may have, and one with work for the encoder."""
    names = [f"system-{n}" for n in range(8)]
    small = [(n, "2.0", small_deb(n, "2.0", [file(f"./usr/lib/system/{n}", n.encode() * 99)])) for n in names]
    text = small_deb("text", "3.0", [file("./usr/share/text/words", words(120_000))])
    return [("hello", "1:2.0-1", hello_deb()), ("text", "3.0", text), *small]


def wheels():
    """More than the layers that wheels may have; one large enough for its own; two that disagree on a file."""
    noise = hashlib.shake_128(b"noise").digest(200_000)
    found = [("demo", demo_wheel()), ("large", wheel("large", {"large/noise.bin": noise}))]
    found += [("alpha", wheel("alpha", {"shared/__init__.py": b"alpha\n", "same.py": b"1\n"}, requires="beta"))]
    found += [("beta", wheel("beta", {"shared/__init__.py": b"beta\n", "same.py": b"1\n"}))]
    found += [(f"small-{n}", wheel(f"small_{n}", {f"small_{n}.py": b"x = %d\n" % n})) for n in range(60)]
    return [(name, "1.0", data) for name, data in found]


class FixedSource:
    """Implements ports.ArtifactSource: the packages that were made here."""

    def __init__(self):
        self.files = {}

    def artifacts(self, kind, packages):
        """The packages (name, version, bytes) as a lock names them."""
        return tuple(sorted(self._artifact(kind, *package) for package in packages))

    def _artifact(self, kind, name, version, data):
        digest = Digest.of(data)
        self.files[digest.hex] = data
        if kind is ArtifactKind.WHEEL:
            file, source = f"{name.replace('-', '_')}-{version}-py3-none-any.whl", "pypi"
        else:
            file, source = f"{name}_{version.rpartition(':')[2]}_amd64.deb", "debian:bookworm"
        return Artifact(
            kind=kind, name=name, version=version, file=file, size=len(data), sha256=digest.hex, source=source
        )

    def fetch(self, artifacts, into, report):
        """Put them into the store."""
        for artifact in artifacts:
            with into.create() as writer:
                writer.write(self.files[artifact.sha256])
                writer.commit(artifact.digest)


def golden_digests(folder):
    """The digests by name, from a build in an empty folder."""
    source = FixedSource()
    lock = Lock(
        platform=LINUX_AMD64,
        base=DebianBase(),
        base_artifacts=source.artifacts(ArtifactKind.DEB, base_debs()),
        artifacts=source.artifacts(ArtifactKind.DEB, system_debs()) + source.artifacts(ArtifactKind.WHEEL, wheels()),
    )
    lock_id = identity(lock_material(lock))
    image_id = identity(image_material(lock_id, SETTINGS))
    assembler = Assembler(Blobs(folder / "blobs"), Claims(folder / "claims"), lambda: source)
    image = assembler.build(lock, config_of(lock, SETTINGS, lock_id, image_id), SETTINGS.layout, Quiet())
    found = {
        "lock": str(lock_id),
        "image": str(image_id),
        "manifest": str(image.digest),
        "config": str(image.config_digest),
        "layers": len(image.layers),
    }
    for name in ("demo", "hello"):
        artifact = next(a for a in lock.artifacts if a.name == name)
        segment = assembler.cache.find(
            artifact_material(artifact, Interpreter("3.11.2", "/usr/bin/python3.11"), SETTINGS.layout)
        )
        found[f"{artifact.kind.value} layer"] = {"blob": str(segment.blob), "diff": str(segment.diff_id)}
    return found


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as place:
        json.dump(golden_digests(Path(place)), sys.stdout, indent=2)
        sys.stdout.write("\n")
