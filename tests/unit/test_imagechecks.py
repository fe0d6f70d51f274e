"""The consistency checks of images can fail: each finds the one fault that was put into a good image."""

import base64
import copy
import hashlib
import json
import subprocess
import sys
import zlib
from pathlib import Path

import pytest
from imagechecks import CHECKS, Checker

EPOCH = "1970-01-01T00:00:00Z"
ONE = "sha256:" + "1" * 64
LABELS = {"io.envbuild.image": ONE, "io.envbuild.lock": "sha256:" + "2" * 64, "io.envbuild.layout": "1"}
LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
CONFIG = "application/vnd.oci.image.config.v1+json"
NAME = "org.opencontainers.image.ref.name"


def entry(name, kind=b"5", mode=0o755, body=b"", target=b"", time=315619200, uid=0, owner=b"", junk=b""):
    """One tar entry: a header with its sum, and the body padded."""
    start = b"%s%07o\0%07o\x000000000\0%011o\0%011o\0" % (name.ljust(100, b"\0"), mode, uid, len(body), time)
    rest = (
        kind + target.ljust(100, b"\0") + b"ustar\x0000" + owner.ljust(80, b"\0") + bytes(155) + junk.ljust(12, b"\0")
    )
    total = sum(start) + 256 + sum(rest)
    return start + b"%06o\0 " % total + rest + body + bytes(-len(body) % 512)


def folder(name, **more):
    return entry(name, b"5", **{"mode": 0o755, **more})


def file(name, body=b"x", **more):
    return entry(name, b"0", **{"mode": 0o644, "body": body, **more})


def gzipped(plain, header=b"\x1f\x8b\x08\0\0\0\0\0\0\xff"):
    packer = zlib.compressobj(6, zlib.DEFLATED, -15)
    body = packer.compress(plain) + packer.flush()
    return header + body + zlib.crc32(plain).to_bytes(4, "little") + (len(plain) % 2**32).to_bytes(4, "little")


def digest(data):
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


def described(kind, data):
    return {"mediaType": kind, "digest": digest(data), "size": len(data)}


def spelled(value):
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


class Draft:
    """A good image of two layers, to be spoilt: its entries, its documents before they are written, its files after."""

    def __init__(self):
        link = entry(b"lib", b"2", 0o777, target=b"usr/lib")
        self.lower = [folder(b"etc/"), folder(b"usr/"), folder(b"usr/lib/"), file(b"etc/a"), link, file(b"usr/lib/b")]
        self.upper = [folder(b"usr/"), folder(b"usr/lib/"), file(b"usr/lib/c"), file(b"usr/lib/d")]
        self.end = bytes(1024)
        self.pack = gzipped
        self.on_config = self.on_manifest = self.on_index = lambda document: None
        self.spell_config = self.spell_manifest = spelled
        self.on_files = lambda folder, digests: None

    def write(self, place: Path) -> Path:
        blobs = place / "blobs" / "sha256"
        blobs.mkdir(parents=True)

        def kept(kind, data):
            (blobs / digest(data)[7:]).write_bytes(data)
            return described(kind, data)

        plain = [b"".join(self.lower) + bytes(1024), b"".join(self.upper) + self.end]
        layers = [kept(LAYER, gzipped(plain[0])), kept(LAYER, self.pack(plain[1]))]
        config = {
            "architecture": "amd64",
            "os": "linux",
            "created": EPOCH,
            "config": {"Env": ["PATH=/bin", "EMPTY="], "User": "1000:1000", "Labels": dict(LABELS)},
            "rootfs": {"type": "layers", "diff_ids": [digest(p) for p in plain]},
            "history": [{"created": EPOCH, "created_by": "wheels: a 1"} for _ in layers],
        }
        self.on_config(config)
        packed = kept(CONFIG, self.spell_config(config))
        manifest = {
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": packed,
            "layers": layers,
            "annotations": dict(LABELS),
        }
        names = {"config": packed["digest"], "layer": layers[1]["digest"]}
        self.on_manifest(manifest)
        head = kept(MANIFEST, self.spell_manifest(manifest))
        index = {"schemaVersion": 2, "manifests": [{**head, "annotations": {NAME: "demo:1"}}]}
        self.on_index(index)
        (place / "index.json").write_bytes(spelled(index))
        (place / "oci-layout").write_bytes(b'{"imageLayoutVersion":"1.0.0"}')
        self.on_files(place, {"manifest": head["digest"], **names})
        return place


def on(document, change):
    """A fault in one of the documents: `change` gets it before it is written."""
    return lambda draft: setattr(draft, f"on_{document}", change)


def upper(*entries):
    """A fault in the upper layer: these entries as well."""
    return lambda draft: draft.upper.extend(entries)


def instead(*entries):
    return lambda draft: setattr(draft, "upper", list(entries))


def attribute(name, value):
    return lambda draft: setattr(draft, name, value)


def files(change):
    return lambda draft: setattr(draft, "on_files", change)


def blob(place, name):
    return place / "blobs" / "sha256" / name[7:]


def overwrite(which, data):
    return files(lambda place, names: blob(place, names[which]).write_bytes(data))


def remove(which):
    return files(lambda place, names: blob(place, names[which]).unlink())


def two_headers(plain):
    return gzipped(plain, b"\x1f\x8b\x08\x08\0\0\0\0\0\xffname\0")


def set_in(*path, value):
    def change(document):
        for step in path[:-1]:
            document = document[step]
        document[path[-1]] = value

    return change


def without(*path):
    def change(document):
        for step in path[:-1]:
            document = document[step]
        del document[path[-1]]

    return change


def long_sum(draft):
    block = bytearray(draft.upper[2])
    block[148:156] = b"000001\0 "
    draft.upper[2] = bytes(block)


DATA = base64.b64encode(b"other").decode()
PAX = entry(b"pax", b"x", 0o644, body=b"17 atime=1234567\n")
DOCKER_LAYER = "application/vnd.docker.image.rootfs.diff.tar.gzip"

FAULTS = {
    "oci-layout of another version": ("layout-file", files(lambda place, _: (place / "oci-layout").write_bytes(b'{"imageLayoutVersion":"2.0.0"}'))),
    "no oci-layout": ("layout-file", files(lambda place, _: (place / "oci-layout").unlink())),
    "no index": ("layout-index", files(lambda place, _: (place / "index.json").unlink())),
    "a stray blob with another name": ("layout-blobs", files(lambda place, _: blob(place, ONE).write_bytes(b"x"))),
    "one name for two images": ("layout-names", on("index", lambda index: index["manifests"].append(copy.deepcopy(index["manifests"][0])))),
    "config in Latin 1": ("json-utf8", attribute("spell_config", lambda c: spelled(c).replace(b"wheels", "wh\xe4ls".encode("latin-1")))),
    "manifest with a byte order mark": ("json-utf8", attribute("spell_manifest", lambda m: b"\xef\xbb\xbf" + spelled(m))),
    "a name twice in the config": ("json-names", attribute("spell_config", lambda c: spelled(c).replace(b'"os":', b'"os":"windows","os":'))),
    "manifest with spaces": ("json-canonical", attribute("spell_manifest", lambda m: json.dumps(m).encode())),
    "a config that is cut": ("json-canonical", attribute("spell_config", lambda c: spelled(c)[:-1])),
    "a digest in capitals": ("descriptor-schema", on("manifest", set_in("config", "digest", value="sha256:" + "A" * 64))),
    "a digest too short": ("descriptor-schema", on("manifest", set_in("layers", 0, "digest", value="sha256:1234"))),
    "a size as text": ("descriptor-schema", on("manifest", set_in("layers", 0, "size", value="12"))),
    "a size below zero": ("descriptor-schema", on("manifest", set_in("layers", 0, "size", value=-1))),
    "no media type of a layer": ("descriptor-schema", on("manifest", without("layers", 1, "mediaType"))),
    "a media type that is none": ("descriptor-schema", on("index", set_in("manifests", 0, "mediaType", value="manifest"))),
    "a platform without os": ("descriptor-schema", on("index", set_in("manifests", 0, "platform", value={"architecture": "amd64"}))),
    "embedded data of something else": ("descriptor-data", on("manifest", set_in("config", "data", value=DATA))),
    "no manifest": ("blob-there", remove("manifest")),
    "no config": ("blob-there", remove("config")),
    "no layer": ("blob-there", remove("layer")),
    "size of the manifest": ("blob-size", on("index", set_in("manifests", 0, "size", value=1))),
    "size of the config": ("blob-size", on("manifest", set_in("config", "size", value=1))),
    "size of a layer": ("blob-size", on("manifest", set_in("layers", 1, "size", value=1))),
    "another manifest under the name": ("blob-digest", overwrite("manifest", b"{}")),
    "another config under the name": ("blob-digest", overwrite("config", b"{}")),
    "another layer under the name": ("blob-digest", overwrite("layer", gzipped(bytes(1024)))),
    "index of schema 1": ("index-schema", on("index", set_in("schemaVersion", value=1))),
    "index without manifests": ("index-schema", on("index", without("manifests"))),
    "index for another processor": ("index-platform", on("index", set_in("manifests", 0, "platform", value={"os": "linux", "architecture": "arm64"}))),
    "manifest of schema 1": ("manifest-schema", on("manifest", set_in("schemaVersion", value=1))),
    "manifest without a config": ("manifest-schema", on("manifest", without("config"))),
    "annotations that are no text": ("manifest-schema", on("manifest", set_in("annotations", "n", value=1))),
    "manifest without its media type": ("manifest-type", on("manifest", without("mediaType"))),
    "a layer of Docker's in an OCI image": ("media-families", on("manifest", set_in("layers", 0, "mediaType", value=DOCKER_LAYER))),
    "a config of another type": ("config-type", on("manifest", set_in("config", "mediaType", value="application/json"))),
    "a layer that says it is not compressed": ("layer-type", on("manifest", set_in("layers", 0, "mediaType", value="application/vnd.oci.image.layer.v1.tar"))),
    "no layers": ("layer-count", on("manifest", set_in("layers", value=[]))),
    "one layer twice": ("layer-twice", on("manifest", lambda m: m["layers"].append(m["layers"][0]))),
    "too many layers": ("layer-count", on("manifest", lambda m: m["layers"].extend(m["layers"][:1] * 124))),
    "config without an os": ("config-schema", on("config", without("os"))),
    "Env that is a mapping": ("config-schema", on("config", set_in("config", "Env", value={"A": "b"}))),
    "a folder that is not absolute": ("config-schema", on("config", set_in("config", "WorkingDir", value="srv"))),
    "a diff id that is no digest": ("config-schema", on("config", set_in("rootfs", "diff_ids", 0, value="sha256:1"))),
    "a date that is none": ("config-schema", on("config", set_in("created", value="yesterday"))),
    "a processor as uname names it": ("config-platform", on("config", set_in("architecture", value="x86_64"))),
    "the time of the build": ("config-created", on("config", set_in("created", value="2026-01-01T00:00:00Z"))),
    "the time of a step": ("config-created", on("config", set_in("history", 0, "created", value="2026-01-01T00:00:00Z"))),
    "rootfs of another type": ("config-rootfs", on("config", set_in("rootfs", "type", value="folders"))),
    "a variable without =": ("config-env", on("config", set_in("config", "Env", 0, value="PATH"))),
    "a variable twice": ("config-env", on("config", set_in("config", "Env", 1, value="PATH=/sbin"))),
    "a user by name": ("config-user", on("config", set_in("config", "User", value="envbuild"))),
    "a label that the manifest has not": ("config-labels", on("manifest", without("annotations", "io.envbuild.lock"))),
    "no label": ("config-labels", on("config", without("config", "Labels", "io.envbuild.image"))),
    "one diff id less": ("diff-id-count", on("config", without("rootfs", "diff_ids", 1))),
    "one step less": ("history-count", on("config", without("history", 1))),
    "a step that says it made no layer": ("history-count", on("config", set_in("history", 0, "empty_layer", value=True))),
    "diff ids in another order": ("diff-id", on("config", lambda c: c["rootfs"]["diff_ids"].reverse())),
    "a file name in the gzip header": ("gzip-header", attribute("pack", two_headers)),
    "a wrong sum in the gzip trailer": ("gzip-stream", attribute("pack", lambda p: gzipped(p)[:-8] + b"\0\0\0\0" + gzipped(p)[-4:])),
    "a layer that is cut off": ("gzip-stream", attribute("pack", lambda p: gzipped(p)[:-20])),
    "bytes after the gzip stream": ("gzip-stream", attribute("pack", lambda p: gzipped(p) + b"rest of something")),
    "a layer that is no gzip": ("gzip-program", attribute("pack", lambda p: p)),
    "a header whose sum is wrong": ("tar-sum", long_sum),
    "a pax record that nothing needs": ("tar-form", instead(folder(b"usr/"), PAX, file(b"usr/x"))),
    "bytes in a header's padding": ("tar-form", upper(file(b"usr/lib/e", junk=b"x"))),
    "no end of the archive": ("tar-whole", attribute("end", b"")),
    "one empty block at the end": ("tar-whole", attribute("end", bytes(512))),
    "padding to 10 KiB": ("tar-whole", attribute("end", bytes(10240))),
    "files that are not sorted": ("tar-order", instead(folder(b"usr/"), file(b"usr/y"), file(b"usr/x"))),
    "a folder after a file": ("tar-order", upper(folder(b"usr/lib/z/"))),
    "folders that are not sorted": ("tar-order", instead(folder(b"usr/"), folder(b"usr/z/"), folder(b"usr/y/"))),
    "a path twice": ("tar-twice", upper(file(b"usr/lib/d"))),
    "an absolute path": ("tar-outside", upper(file(b"/usr/lib/e"))),
    "a path that climbs out": ("tar-outside", upper(file(b"usr/lib/../../../e"))),
    "a path that begins with a dot": ("tar-outside", upper(file(b"./usr/lib/e"))),
    "a file without its folder": ("tar-parent", upper(file(b"usr/share/e"))),
    "a folder without its slash": ("tar-slash", instead(folder(b"usr"), file(b"usr/e"))),
    "a file with a slash": ("tar-slash", upper(file(b"usr/lib/e/"))),
    "the time of the machine": ("tar-time", upper(file(b"usr/lib/e", time=1700000000))),
    "somebody's number": ("tar-owner", upper(file(b"usr/lib/e", uid=1000))),
    "somebody's name": ("tar-owner", upper(file(b"usr/lib/e", owner=b"root"))),
    "a setuid file": ("tar-mode", upper(file(b"usr/lib/e", mode=0o4755))),
    "a file that all may write": ("tar-mode", upper(file(b"usr/lib/e", mode=0o666))),
    "a folder that all may write": ("tar-mode", instead(folder(b"tmp/", mode=0o777))),
    "a device": ("tar-type", upper(entry(b"usr/lib/null", b"3", 0o644))),
    "a pipe": ("tar-type", upper(entry(b"usr/lib/pipe", b"6", 0o644))),
    "a hard link to another layer": ("tar-hardlink", upper(entry(b"usr/lib/e", b"1", 0o644, target=b"etc/a"))),
    "a link out of the image": ("tar-symlink", upper(entry(b"usr/lib/e", b"2", 0o777, target=b"../../../etc/passwd"))),
    "a whiteout with content": ("tar-whiteout", instead(folder(b"etc/"), file(b"etc/.wh.a", b"x"))),
    "a name like a whiteout of a folder's": ("tar-whiteout", instead(folder(b"etc/"), folder(b"etc/.wh.a/"))),
    "a folder where a link is": ("tree-type", instead(folder(b"lib/"), file(b"lib/x"))),
    "a file where a folder is": ("tree-type", instead(file(b"etc"))),
    "through a link": ("tree-link", instead(folder(b"lib/"), file(b"lib/x"))),
    "another mode of a folder": ("tree-mode", instead(folder(b"etc/", mode=0o700), file(b"etc/x"))),
    "a whiteout of nothing": ("tree-whiteout", instead(folder(b"etc/"), file(b"etc/.wh.nothing", b""))),
}  # fmt: skip


def test_a_good_image_has_no_findings(tmp_path):
    """Else every image of the suite would fail, and nobody would look."""
    assert Checker().layout(Draft().write(tmp_path / "good")) == []


def test_a_whiteout_and_a_hard_link_within_a_layer_are_good(tmp_path):
    """What the specification allows is no finding, though envbuild writes neither."""
    draft = Draft()
    hidden, linked = file(b"etc/.wh.a", b""), entry(b"etc/y", b"1", 0o644, target=b"etc/x")
    draft.upper = [folder(b"etc/"), hidden, file(b"etc/x"), linked]
    assert Checker().layout(draft.write(tmp_path / "good")) == []


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_found_by_its_own_check(fault, tmp_path):
    """A check that cannot fail lets a broken image through."""
    check, spoil = FAULTS[fault]
    draft = Draft()
    spoil(draft)
    found = Checker().layout(draft.write(tmp_path / "spoilt"))
    assert check in {finding.check for finding in found}, found


def test_every_check_has_a_fault():
    """No check is there for show."""
    assert set(CHECKS) == {check for check, _ in FAULTS.values()}


def test_a_layer_checked_before_is_not_believed_by_its_name(tmp_path):
    """Whoever damages a layer after its first check is found out by the second."""
    checker = Checker()
    assert checker.layout(Draft().write(tmp_path / "good")) == []
    draft = Draft()
    draft.on_files = lambda place, names: blob(place, names["layer"]).write_bytes(gzipped(bytes(1024)))
    assert "blob-digest" in {finding.check for finding in checker.layout(draft.write(tmp_path / "spoilt"))}


def test_by_hand_on_a_folder(tmp_path):
    """`python -m imagechecks LAYOUT` says what is wrong, and ends with 1."""
    draft = Draft()
    draft.upper.append(file(b"usr/lib/e", mode=0o4755))
    done = subprocess.run(
        [sys.executable, "-m", "imagechecks", draft.write(tmp_path / "spoilt")],
        env={"PYTHONPATH": str(Path(__file__).resolve().parents[1])},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (1, "")
    assert done.stdout.endswith("tar-mode: index.json manifests[0] layer 1 usr/lib/e: 4755\n1 images, 1 findings\n")
