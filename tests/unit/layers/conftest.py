"""Archives made by hand: every field of a zip file can be wrong where a test wants it so."""

import base64
import gzip
import hashlib
import io
import struct
import tarfile
import zlib
from dataclasses import dataclass, field
from types import SimpleNamespace

import pytest

from envbuild.digest import Digest
from envbuild.layers.wheel import layer_of_wheel

ID = Digest("1" * 64)


@dataclass
class Zipped:
    """A file in a zip archive; `local` and `central` replace fields of its two headers."""

    name: bytes
    data: bytes = b""
    method: int = 8
    mode: int = 0o100644
    flags: int = 0
    body: bytes | None = None
    descriptor: bytes = b""
    local: dict = field(default_factory=dict)
    central: dict = field(default_factory=dict)
    after: bytes = b""


def deflate(data: bytes) -> bytes:
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    return packer.compress(data) + packer.flush()


def zip_of(files, *, before=b"", gap=b"", tail=b"", comment=b"", end=None, zip64=None):
    """The archive; `end` replaces fields of the end record, `zip64` (a dict) adds a zip64 end record, its fields replaced."""
    out, directory = bytearray(before), bytearray()
    for file in files:
        packed = file.body if file.body is not None else deflate(file.data) if file.method == 8 else file.data
        said = {
            "signature": b"PK\3\4", "flags": file.flags, "method": file.method, "crc": zlib.crc32(file.data),
            "packed": len(packed), "size": len(file.data), "name": file.name, "extra": b"", "comment": b"",
            "attributes": file.mode << 16, "start": len(out), "disk": 0, "made": 0x314,
        }  # fmt: skip
        near, far = {**said, **file.local}, {**said, "signature": b"PK\1\2", **file.central}
        out += struct.pack("<4s5H3L2H", near["signature"], 20, near["flags"], near["method"], 0, 33, near["crc"],
                           near["packed"], near["size"], len(near["name"]), len(near["extra"]))  # fmt: skip
        out += near["name"] + near["extra"] + packed + file.descriptor + file.after
        directory += struct.pack(
            "<4s6H3L5H2L", far["signature"], far["made"], 20, far["flags"], far["method"], 0, 33, far["crc"],
            far["packed"], far["size"], len(far["name"]), len(far["extra"]), len(far["comment"]), far["disk"], 0,
            far["attributes"], far["start"],
        )  # fmt: skip
        directory += far["name"] + far["extra"] + far["comment"]
    out += gap
    fields = {
        "disk": 0,
        "first": 0,
        "here": len(files),
        "count": len(files),
        "size": len(directory),
        "offset": len(out),
    }
    out += directory
    if zip64 is not None:
        long = {**fields, "record": 44, "at": len(out), "disks": 1, **zip64}
        out += struct.pack("<4sQ2H2L4Q", b"PK\6\6", long["record"], 45, 45, long["disk"], long["first"], long["here"],
                           long["count"], long["size"], long["offset"])  # fmt: skip
        out += struct.pack("<4sLQL", b"PK\6\7", 0, long["at"], long["disks"])
    fields |= {"comment": len(comment), **(end or {})}
    out += struct.pack("<4s4H2LH", b"PK\5\6", fields["disk"], fields["first"], fields["here"], fields["count"],
                       fields["size"], fields["offset"], fields["comment"])  # fmt: skip
    return bytes(out) + comment + tail


def record_hash(data: bytes, algorithm: str = "sha256") -> str:
    digest = hashlib.new(algorithm, data).digest()
    return f"{algorithm}={base64.urlsafe_b64encode(digest).rstrip(b'=').decode()}"


def record_row(path: str, data: bytes) -> str:
    quoted = path.replace('"', '""')
    return f'"{quoted}",{record_hash(data)},{len(data)}'


def wheel_of(
    files=None, *, name="demo", version="1.0", purelib="true", wheel_version="1.0", metadata=None, modes=None, **options
):
    """A wheel of these files (str -> bytes). Options: rows (replace RECORD's, by name), record (its whole text), method, and
    those of `zip_of`; extra: more `Zipped`, which RECORD does not list."""
    stem = f"{name}-{version}"
    info = f"{stem}.dist-info"
    files = dict(files or {"demo/__init__.py": b"answer = 42\n"})
    files.setdefault(
        f"{info}/METADATA", metadata or f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n".encode()
    )
    wheel = f"Wheel-Version: {wheel_version}\nGenerator: test\nRoot-Is-Purelib: {purelib}\nTag: py3-none-any\n"
    files.setdefault(f"{info}/WHEEL", wheel.encode())
    rows = {file: record_row(file, data) for file, data in files.items() if data is not None}
    rows[f"{info}/RECORD"] = f"{info}/RECORD,,"
    rows |= options.pop("rows", {})
    record = options.pop("record", "".join(f"{row}\n" for row in rows.values() if row).encode())
    files.setdefault(f"{info}/RECORD", record)
    method, extra = options.pop("method", 8), options.pop("extra", [])
    modes = modes or {}
    zipped = [
        Zipped(file.encode(), data, method=method, mode=modes.get(file, 0o100644), flags=0 if file.isascii() else 0x800)
        for file, data in files.items()
        if data is not None
    ]
    return zip_of([*zipped, *extra], **options)


def layer(wheel: bytes, *, python="3.11", prefix="/opt/env"):
    """The segment, its blob, and the entries of the layer as tarfile reads them: path -> (kind, mode, content)."""
    out: list[bytes] = []
    segment = layer_of_wheel(io.BytesIO(wheel), out.append, layer_id=ID, python=python, prefix=prefix)
    blob = b"".join(out)
    return SimpleNamespace(segment=segment, blob=blob, entries=entries_of(gzip.decompress(blob)))


def entries_of(tar: bytes):
    with tarfile.open(fileobj=io.BytesIO(tar), mode="r:") as archive:
        found = archive.getmembers()
        assert len({m.name for m in found}) == len(found), "a path is in the layer twice"
        return {
            m.name: (m.type, m.mode, archive.extractfile(m).read() if m.isfile() else m.linkname.encode())
            for m in found
        }


@pytest.fixture(scope="session")
def making():
    """What tests make archives and layers with."""
    return SimpleNamespace(
        Zipped=Zipped, deflate=deflate, zip_of=zip_of, wheel_of=wheel_of, record_hash=record_hash, layer=layer,
        entries_of=entries_of, id=ID,
    )  # fmt: skip
