"""A store of a test's own, and images made in it from a few lines."""

import io
import tarfile

import pytest

from envbuild.digest import Digest
from envbuild.layers.encoder import packed
from envbuild.oci import LAYER_GZIP_TYPE, Descriptor, ImageConfig, Layer, image_of
from envbuild.platforms import LINUX_AMD64
from envbuild.store.blobs import Blobs
from envbuild.store.claims import Claims


@pytest.fixture
def blobs(tmp_path):
    return Blobs(tmp_path / "blobs")


@pytest.fixture
def claims(tmp_path):
    return Claims(tmp_path / "claims")


@pytest.fixture
def image_with(blobs):
    """`image_with({path: content or ("link", target) or None for a folder}, ...)`: one mapping a layer, lowest first."""

    def make(*layers, labels=()):
        described = tuple(_layer(blobs, layer, str(number)) for number, layer in enumerate(layers))
        image = image_of(ImageConfig(platform=LINUX_AMD64, labels=labels), described)
        for content in (image.manifest, image.config):
            with blobs.create() as writer:
                writer.write(content)
                writer.commit()
        return image

    return make


def _layer(blobs, files, summary):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for path, what in files.items():
            info = tarfile.TarInfo(path)
            if what is None:
                info.type, info.mode = tarfile.DIRTYPE, 0o755
                archive.addfile(info)
            elif isinstance(what, tuple):
                info.type, info.linkname = tarfile.SYMTYPE, what[1]
                archive.addfile(info)
            else:
                info.size, info.mode = len(what), 0o644
                archive.addfile(info, io.BytesIO(what))
    plain = out.getvalue()
    blob = packed(plain)
    with blobs.create() as writer:
        writer.write(blob)
        digest = writer.commit()
    return Layer(Descriptor(LAYER_GZIP_TYPE, digest, len(blob)), Digest.of(plain), summary)
