"""A standalone Python (python-build-standalone, `install_only`) becomes a layer below /opt/python.

Its files are compressed once; memory does not grow with the archive, which is unpacked to a temporary file. A link comes
with them: these builds look for certificates in /etc/ssl/cert.pem, where Debian's own programs do not.
"""

import gzip
import io
import tempfile
import zlib
from collections.abc import Callable
from typing import BinaryIO, cast

from envbuild.digest import CHUNK, Digest
from envbuild.errors import BuildFailed, IntegrityError
from envbuild.layers.packedfile import write_packed
from envbuild.layers.pythonplace import fitted_text, is_placed_text
from envbuild.layers.pythontree import PYTHON_HOME, PythonFile, python_files
from envbuild.layers.tarwalk import tar_entries
from envbuild.layers.writer import LayerWriter, ancestors
from envbuild.members import Member, MemberKind, Segment

__all__ = ["layer_of_python"]

_CERTIFICATES = PythonFile("etc/ssl/cert.pem", MemberKind.LINK, 0o777, target="certs/ca-certificates.crt")
_LARGEST = 4 << 30
_IN_MEMORY = 16 << 20
_GZIP = b"\x1f\x8b"


def layer_of_python(stream: BinaryIO, sink: Callable[[bytes], object], *, layer_id: Digest, version: str) -> Segment:
    """Write the layer of the archive in `stream`, a CPython of this version (`3.12.7`), to `sink`.

    Facts of its table: `python`, the version. IntegrityError where the archive is damaged or hostile; BuildFailed where
    it is another kind of archive, or has another Python.
    """
    with tempfile.SpooledTemporaryFile(_IN_MEMORY) as spool:
        archive = cast(BinaryIO, spool)
        files = python_files(tar_entries(archive, _spooled(stream, archive)))
        _check_python(files, version)
        files = [_CERTIFICATES, *files]
        paths = [Member(path=file.path, kind=file.kind, mode=file.mode) for file in files]
        writer = LayerWriter(sink, ancestors(paths))
        for file in files:
            _write(writer, file, archive)
        return writer.finish(layer_id, {"python": version})


def _spooled(stream: BinaryIO, into: BinaryIO) -> int:
    """Unpack, and say how many bytes there are."""
    if stream.read(len(_GZIP)) != _GZIP:
        raise BuildFailed(
            "the archive is not compressed by gzip", hint="a standalone Python is an `install_only` archive: .tar.gz"
        )
    stream.seek(0)
    length = 0
    try:
        with gzip.GzipFile(fileobj=stream, mode="rb") as unpacked:
            while chunk := unpacked.read(CHUNK):
                length += len(chunk)
                if length > _LARGEST:
                    raise IntegrityError(f"the archive unpacks to more than {_LARGEST} bytes")
                into.write(chunk)
    except (OSError, EOFError, zlib.error) as fault:
        raise IntegrityError(f"the archive is damaged: {fault}", hint="fetch it again") from fault
    return length


def _check_python(files: list[PythonFile], version: str) -> None:
    minor = ".".join(version.split(".")[:2])
    needed = (f"{PYTHON_HOME}/bin/python{minor}", f"{PYTHON_HOME}/lib/python{minor}/os.py")
    there = {file.path: file for file in files}
    program = there.get(needed[0])
    if needed[1] not in there or program is None or program.kind is not MemberKind.FILE or program.mode != 0o755:
        raise BuildFailed(
            f"the archive has no Python {minor}: no program python/bin/python{minor} with its library",
            hint="a standalone Python is an `install_only` archive of python-build-standalone",
        )


def _write(writer: LayerWriter, file: PythonFile, archive: BinaryIO) -> None:
    if file.kind is MemberKind.LINK:
        writer.link(file.path, file.target)
        return
    archive.seek(file.offset)
    name = file.path.removeprefix(f"{PYTHON_HOME}/")
    if is_placed_text(name, file.size, archive.read(2)):
        archive.seek(file.offset)
        content = fitted_text(name, archive.read(file.size))
        write_packed(writer, file.path, file.mode, len(content), io.BytesIO(content))
    else:
        archive.seek(file.offset)
        write_packed(writer, file.path, file.mode, file.size, archive)
