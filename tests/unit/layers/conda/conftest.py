"""`made`: a package of the tests' channel as a layer of ours, and what is in it."""

import gzip
import io
import json
import tarfile
from types import SimpleNamespace

import pytest
from condachannel import package

from envbuild.digest import Digest
from envbuild.layers.conda.condaarchive import open_conda_archive
from envbuild.layers.conda.condalayer import layer_of_conda
from envbuild.layers.conda.place import CondaPlace

PYTHON = CondaPlace(prefix="/opt/env", python="3.12", site_packages="lib/python3.12/site-packages")
LAYER = Digest.of(b"a layer")


def made(built, *, place=PYTHON, file=""):
    """The segment, its blob, and its entries as tarfile reads them: path below the prefix -> (kind, mode, content or target)."""
    blob = bytearray()
    segment = layer_of_conda(
        io.BytesIO(built.content), blob.extend, layer_id=LAYER, file=file or built.file, place=place
    )
    folder = f"{place.prefix.lstrip('/')}/"
    return SimpleNamespace(segment=segment, blob=bytes(blob), entries=entries_of(bytes(blob), folder))


def entries_of(blob, folder):
    with tarfile.open(fileobj=io.BytesIO(gzip.decompress(blob)), mode="r:") as archive:
        found = archive.getmembers()
        assert len({m.name for m in found}) == len(found), "a path is in the layer twice"
        assert all(folder.startswith(f"{m.name}/") or m.name.startswith(folder) for m in found)
        return {
            m.name.removeprefix(folder): (
                m.type,
                m.mode,
                archive.extractfile(m).read() if m.isfile() else m.linkname.encode(),
            )
            for m in found
            if not m.isdir()
        }


def document(built, name):
    """A file of info/, as it is in the package."""
    with open_conda_archive(io.BytesIO(built.content), built.file) as archive:
        return archive.documents[name]


def with_rows(change, *arguments, **options):
    """A package whose paths.json `change` was applied to: a function of the rows by path."""
    record = json.loads(document(package(*arguments, **options), "paths.json"))
    change({row["_path"]: row for row in record["paths"]}, record)
    info = {**options.pop("info", {}), "paths.json": json.dumps(record).encode()}
    return package(*arguments, **options, info=info)


@pytest.fixture(scope="session")
def conda():
    """What these tests make packages and layers with."""
    return SimpleNamespace(made=made, document=document, with_rows=with_rows, place=PYTHON, layer_id=LAYER)
