"""Layers of conda packages are made once, and again only for what they depend on: the package, the prefix, and which Python."""

import gzip
import io
import json
import tarfile

import pytest
from condachannel import PLACEHOLDER, File, package

from envbuild.builders.assemble import Assembler
from envbuild.definition import DebianBase
from envbuild.digest import Digest
from envbuild.errors import BuildFailed
from envbuild.ids import identity, image_material, lock_material
from envbuild.lockfile import Artifact, ArtifactKind, ImageSettings, Lock
from envbuild.pipeline.quiet import Quiet
from envbuild.pipeline.settings import config_of
from envbuild.platforms import LINUX_AMD64
from envbuild.store.blobs import Blobs
from envbuild.store.claims import Claims


def python(version):
    minor = version.rpartition(".")[0]
    return package("python", version, "h0_0_cpython", files={f"bin/python{minor}": File(b"\x7fELF", 0o755)})


LIBRARY = package("libx", "1", files={"lib/libx.so": File(f"{PLACEHOLDER}/lib\0".encode(), 0o755, "binary")})
PURE = package(
    "pure", "1", noarch="python", files={"site-packages/pure.py": File(b"X = 1\n")}, entry_points=["x = pure:y"]
)


class Source:
    """Has the packages that it is given, and counts what it is asked for."""

    def __init__(self, packages):
        self.packages, self.fetched = {built.file: built for built in packages}, []

    def fetch(self, artifacts, into, report):
        for artifact in artifacts:
            self.fetched.append(artifact.name)
            with into.create() as writer:
                writer.write(self.packages[artifact.file].content)
                writer.commit(artifact.digest)


def artifact(built, subdir=""):
    name, version, _ = built.file.rsplit("-", 2)
    return Artifact(
        kind=ArtifactKind.CONDA, name=name, version=version, file=built.file, size=built.size, sha256=built.sha256,
        source=f"conda-forge/{subdir or built.subdir}",
    )  # fmt: skip


def build(root, *packages, subdir=""):
    artifacts = tuple(sorted((artifact(built, subdir) for built in packages), key=lambda a: a.name))
    lock = Lock(platform=LINUX_AMD64, base=DebianBase(), base_artifacts=(), artifacts=artifacts)
    settings, lock_id = ImageSettings(), identity(lock_material(lock))
    config = config_of(lock, settings, lock_id, identity(image_material(lock_id, settings)))
    blobs, source = Blobs(root / "b"), Source(packages)
    image = Assembler(blobs, Claims(root / "c"), lambda: source).build(lock, config, 1, Quiet())
    return image, _files(image, blobs), source.fetched


def _files(image, blobs):
    found = {}
    for layer in json.loads(image.manifest)["layers"]:
        with blobs.open(Digest.parse(layer["digest"])) as stream:
            content = gzip.decompress(stream.read())
        with tarfile.open(fileobj=io.BytesIO(content)) as archive:
            found |= {m.name: archive.extractfile(m).read() for m in archive if m.isfile()}
    return found


def test_the_image_has_the_packages_in_one_prefix(tmp_path):
    _, files, _ = build(tmp_path, python("3.12.1"), LIBRARY, PURE)
    assert files["opt/env/lib/libx.so"].startswith(b"/opt/env/lib\0")
    assert files["opt/env/lib/python3.12/site-packages/pure.py"] == b"X = 1\n"
    assert files["opt/env/bin/x"].startswith(b"#!/opt/env/bin/python3.12\n")
    assert files["opt/env/conda-meta/history"] == b""
    assert "opt/env/lib/python3.12/EXTERNALLY-MANAGED" in files
    assert {path for path in files if path.startswith("opt/env/conda-meta/") and path.endswith(".json")} == {
        "opt/env/conda-meta/libx-1-0.json",
        "opt/env/conda-meta/pure-1-0.json",
        "opt/env/conda-meta/python-3.12.1-h0_0_cpython.json",
    }


def test_another_python_makes_only_the_layers_that_depend_on_it(tmp_path):
    """A library of gigabytes is not compressed again because the interpreter changed."""
    build(tmp_path, python("3.12.1"), LIBRARY, PURE)
    _, files, fetched = build(tmp_path, python("3.13.0"), LIBRARY, PURE)
    assert sorted(fetched) == ["pure", "python"]
    assert "opt/env/lib/python3.13/site-packages/pure.py" in files
    assert "opt/env/lib/python3.12/site-packages/pure.py" not in files


def test_the_image_does_not_hang_on_what_was_built_before(tmp_path):
    fresh, _, _ = build(tmp_path / "fresh", python("3.13.0"), LIBRARY, PURE)
    build(tmp_path / "used", python("3.12.1"), LIBRARY, PURE)
    used, _, _ = build(tmp_path / "used", python("3.13.0"), LIBRARY, PURE)
    assert used.digest == fresh.digest


def test_a_package_for_every_python_that_is_listed_for_one_platform_is_refused(tmp_path):
    """Its layer would be found again for another Python, under an id that does not name one."""
    with pytest.raises(BuildFailed, match="the environment has none"):
        build(tmp_path, python("3.12.1"), PURE, subdir="linux-64")
