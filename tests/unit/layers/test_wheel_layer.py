"""A wheel's layer as bytes: what registries and caches everywhere rely on never to change."""

import base64
import gzip
import hashlib
import io
import json
import os
import subprocess
import sys
import tarfile
import zlib
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from envbuild.digest import Digest
from envbuild.layers.inflate import crc32
from envbuild.layers.ziparchive import PIECE, WHOLE
from envbuild.members import MemberKind, MemberTable

GOLDEN = Path(__file__).resolve().parents[2] / "golden" / "wheel_layer.json"
SITE = "opt/env/lib/python3.11/site-packages"
ANSWERS = b"".join(b"def answer_%d():\n    return %d\n" % (i, i) for i in range(12))
DEFLATED_ANSWERS = bytes.fromhex(
    "65d0290e8030004451df535482ebbe701942d2222b0a84eb83633a7cfbdc2f75975b3beeda5735cd8b906fbd9e576f5289f2"
    "a126d48886d0205a428be8081da227f48881302046c2889808136226ccc3045ea4c747bf495a3c"
)


def golden_wheel(making) -> bytes:
    """Every way in which a byte gets into a layer, from bytes that no compressor had a hand in."""
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
        "demo-1.0.dist-info/METADATA": b"Metadata-Version: 2.1\nName: demo\nVersion: 1.0\nRequires-Dist: numpy\n",
        "demo-1.0.dist-info/WHEEL": b"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        "demo-1.0.dist-info/entry_points.txt": b"[console_scripts]\ndemo = demo.answers:answer_1\n",
    }
    rows = "".join(f"{name},{making.record_hash(data)},{len(data)}\n" for name, data in files.items())
    files["demo-1.0.dist-info/RECORD"] = f"{rows}demo-1.0.dist-info/RECORD,,\n".encode()
    zipped = [making.Zipped(name.encode(), data, method=0, flags=0x800) for name, data in files.items()]
    zipped[0] = making.Zipped(b"demo/answers.py", ANSWERS, body=DEFLATED_ANSWERS, mode=0o100755)
    return making.zip_of(zipped)


def test_golden_layer(making):
    """If these bytes change, every cached layer and every image that holds a wheel gets another digest."""
    wheel = golden_wheel(making)
    made = making.layer(wheel)
    segment = made.segment
    found = {
        "wheel": hashlib.sha256(wheel).hexdigest(),
        "blob": segment.blob.hex,
        "size": segment.size,
        "diff_id": segment.diff_id.hex,
        "start": segment.start,
        "length": segment.length,
        "table": Digest.of(segment.table.to_bytes()).hex,
    }
    assert found == json.loads(GOLDEN.read_text(encoding="utf-8"))


def check(made) -> None:
    """The segment says of its blob what anybody can see in it."""
    segment, blob = made.segment, made.blob
    plain = gzip.decompress(blob)
    assert (Digest.of(blob), len(blob), Digest.of(plain)) == (segment.blob, segment.size, segment.diff_id)
    assert plain.endswith(bytes(1024))
    members = segment.table.members
    assert [m.path for m in members] == sorted((m.path for m in members), key=str.encode)
    files = {path: entry for path, entry in made.entries.items() if entry[0] != tarfile.DIRTYPE}
    assert {m.path for m in members} == files.keys()
    body = blob[segment.start : segment.start + segment.length]
    at = 0
    for member in members:
        kind, mode, content = files[member.path]
        assert (member.kind, kind) == (MemberKind.FILE, tarfile.REGTYPE)
        assert (member.mode, member.size, member.sha256) == (mode, len(content), hashlib.sha256(content).hexdigest())
        assert member.offset == at
        at += member.length
        entry = gzip.decompress(body[member.offset : at])
        assert made.cut(entry) == {member.path: files[member.path]}
    assert at == segment.length


@pytest.fixture
def layered(making):
    def of(wheel: bytes, **options):
        made = making.layer(wheel, **options)
        made.cut = making.entries_of
        return made

    return of


def test_table_and_blob_agree(making, layered):
    """Entries are cut out of cached layers by the table alone: a wrong offset would put other bytes into an image."""
    check(layered(golden_wheel(making)))


@settings(max_examples=40, deadline=None)
@given(
    st.dictionaries(
        st.text(st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="/\\:."), min_size=1, max_size=60),
        st.binary(max_size=2000) | st.integers(0, 3000).map(bytes),
        max_size=8,
    ),
    st.sampled_from([0, 8]),
)
def test_any_files_any_names(making, files, method):
    """Whatever names and contents a wheel has, its layer holds them and its table finds them."""
    wheel = making.wheel_of({f"demo/{name}": data for name, data in files.items()} | {"demo.py": b""}, method=method)
    made = making.layer(wheel)
    made.cut = making.entries_of
    check(made)
    for name, data in files.items():
        assert made.entries[f"{SITE}/demo/{name}"][2] == data


@pytest.mark.parametrize("method", [0, 8])
@pytest.mark.parametrize("size", [WHOLE - 1, WHOLE, WHOLE + 1, 5 * PIECE + 3, 6 * PIECE])
def test_large_files(making, layered, method, size):
    """Files that come in pieces end up as those that come whole."""
    data = hashlib.shake_128(b"x").digest(size // 2) + bytes(size - size // 2)
    made = layered(making.wheel_of({"demo/large.bin": data, "demo/z.py": b"z"}, method=method))
    check(made)
    assert made.entries[f"{SITE}/demo/large.bin"][2] == data


def test_directories_come_first_and_all_are_there(making):
    """Some unpackers make missing folders with mode 0600, or refuse the layer."""
    entries = making.layer(golden_wheel(making)).entries
    kinds = [kind for kind, _, _ in entries.values()]
    folders = [path for path, entry in entries.items() if entry[0] == tarfile.DIRTYPE]
    assert kinds == sorted(kinds, key=lambda kind: kind != tarfile.DIRTYPE)
    for path in entries:
        parent = path.rpartition("/")[0]
        assert not parent or parent in folders[: folders.index(path) if path in folders else None]
    assert all(entries[path][1] == 0o755 for path in folders)


def test_no_byte_of_a_body_is_changed(making):
    """The promise of splicing: the compressed bytes of the wheel are in the layer as they are."""
    data = ANSWERS * 30
    packed = making.deflate(data)
    assert packed in making.layer(making.wheel_of({"demo/a.py": data})).blob


def test_python_and_prefix_decide_paths(making):
    """An environment of another Python, or elsewhere, finds its packages where it looks."""
    entries = making.layer(making.wheel_of(), python="3.13", prefix="/srv/py").entries
    assert "srv/py/lib/python3.13/site-packages/demo/__init__.py" in entries


def test_order_in_the_archive_does_not_matter_to_files(making):
    """The same files give the same entries, however the archive was put together."""
    files = {f"demo/{name}.py": name.encode() for name in "bca"}
    one, other = (making.layer(making.wheel_of(dict(order))) for order in (files.items(), reversed(files.items())))
    paths = [[m.path for m in made.segment.table.members] for made in (one, other)]
    assert paths[0] == paths[1]


SCRIPT = """
import io, os, sys
from envbuild.digest import Digest
from envbuild.layers.wheel import layer_of_wheel
os.umask(int(sys.argv[2], 8))
with open(sys.argv[1], "rb") as stream:
    segment = layer_of_wheel(stream, lambda data: None, layer_id=Digest("1" * 64), python="3.11")
print(segment.blob, segment.diff_id, Digest.of(segment.table.to_bytes()))
"""


def test_the_machine_does_not_matter(making, tmp_path):
    """Another hash seed, umask, folder, locale and time zone: the same digests, else no two machines share a layer."""
    path = tmp_path / "demo.whl"
    path.write_bytes(golden_wheel(making))
    found = set()
    for seed, umask, locale, zone in [
        ("0", "022", "C", "UTC"),
        ("7", "077", "C.UTF-8", "Asia/Tokyo"),
        ("99", "0", "POSIX", ""),
    ]:
        settings = {"PYTHONHASHSEED": seed, "LC_ALL": locale, "TZ": zone, "PYTHONPATH": os.pathsep.join(sys.path)}
        folder = tmp_path / seed
        folder.mkdir()
        command = [sys.executable, "-c", SCRIPT, str(path), umask]
        found.add(subprocess.run(command, env=settings, cwd=folder, check=True, capture_output=True, text=True).stdout)
    assert len(found) == 1
    golden = json.loads(GOLDEN.read_text(encoding="utf-8"))
    assert found.pop().startswith(f"sha256:{golden['blob']} sha256:{golden['diff_id']} ")


MEASURE = """
import resource, sys
from envbuild.digest import Digest
from envbuild.layers.wheel import layer_of_wheel
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
with open(sys.argv[1], "rb") as stream:
    segment = layer_of_wheel(stream, lambda data: None, layer_id=Digest("1" * 64), python="3.11")
after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print((after - before) // 1024, max(m.size for m in segment.table.members))
"""


@pytest.mark.skipif(sys.platform == "win32", reason="resource is a Unix module")
@pytest.mark.parametrize("kind", ["deflated", "stored", "script"])
def test_memory_does_not_grow_with_a_file(making, tmp_path, kind):
    """A machine learning wheel holds files larger than a laptop's memory."""
    size = 300 << 20
    name = b"demo-1.0.data/scripts/large" if kind == "script" else b"demo/large.bin"
    path = tmp_path / "demo.whl"
    path.write_bytes(wheel_with_zeros(making, name, size, method=0 if kind == "stored" else 8))
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-c", MEASURE, str(path)]
    done = subprocess.run(command, env=environment, check=True, capture_output=True, text=True)
    grown, largest = map(int, done.stdout.split())
    assert largest == size
    assert grown < 64


def wheel_with_zeros(making, name: bytes, size: int, method: int) -> bytes:
    """A wheel with one file of zeros, made without ever holding more than its packed form."""
    chunk, hasher, checksum = bytes(1 << 20), hashlib.sha256(), 0
    packer = zlib.compressobj(1, zlib.DEFLATED, -15)
    body = bytearray()
    for _ in range(size >> 20):
        hasher.update(chunk)
        checksum = crc32(chunk, checksum)
        body += packer.compress(chunk) if method == 8 else chunk
    body += packer.flush() if method == 8 else b""
    said = {"size": size, "crc": checksum}
    large = making.Zipped(name, method=method, body=bytes(body), local=said, central=said)
    row = f"{name.decode()},{hash_row(hasher.digest())},{size}"
    return making.wheel_of({"demo.py": b""}, rows={"large": row}, extra=[large])


def hash_row(digest: bytes) -> str:
    return f"sha256={base64.urlsafe_b64encode(digest).rstrip(b'=').decode()}"


def test_tables_survive_storage(making):
    """A cached table must come back as it was."""
    table = making.layer(golden_wheel(making)).segment.table
    assert MemberTable.from_json(json.loads(table.to_bytes())) == table
    assert json.load(io.BytesIO(table.to_bytes()))["format"] == 1
