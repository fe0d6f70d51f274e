"""The image is a function of the lock: nothing that a store built before may show in it."""

import base64
import hashlib
import io
import zipfile

from envbuild.builders.assemble import Assembler
from envbuild.definition import DebianBase
from envbuild.ids import identity, image_material, lock_material
from envbuild.lockfile import Artifact, ArtifactKind, ImageSettings, Lock
from envbuild.pipeline.quiet import Quiet
from envbuild.pipeline.settings import config_of
from envbuild.platforms import LINUX_AMD64
from envbuild.store.blobs import Blobs
from envbuild.store.claims import Claims


def wheel(name, files, requires=()):
    info = f"{name}-1.0.dist-info"
    needs = "".join(f"Requires-Dist: {r}\n" for r in requires)
    files = {
        **files,
        f"{info}/WHEEL": b"Wheel-Version: 1.0\nGenerator: x\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n{needs}".encode(),
    }
    rows = [
        f"{path},sha256={base64.urlsafe_b64encode(hashlib.sha256(c).digest()).rstrip(b'=').decode()},{len(c)}\n"
        for path, c in files.items()
    ]
    files[f"{info}/RECORD"] = ("".join(rows) + f"{info}/RECORD,,\n").encode()
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for path, content in files.items():
            archive.writestr(path, content)
    return out.getvalue()


WHEELS = {
    "a": wheel("a", {"shared/x.py": b"A"}, ["c; extra == 'more'"]),
    "b": wheel("b", {"shared/x.py": b"B"}),
    "c": wheel("c", {"c.py": b"c"}),
}


class Source:
    """Has the wheels above."""

    def fetch(self, artifacts, into, report):
        for artifact in artifacts:
            with into.create() as writer:
                writer.write(WHEELS[artifact.name])
                writer.commit(artifact.digest)


def artifact(name):
    data = WHEELS[name]
    return Artifact(
        kind=ArtifactKind.WHEEL,
        name=name,
        version="1.0",
        file=f"{name}-1.0-py3-none-any.whl",
        size=len(data),
        sha256=hashlib.sha256(data).hexdigest(),
        source="pypi",
    )


def build(root, *names):
    lock = Lock(
        platform=LINUX_AMD64, base=DebianBase(), base_artifacts=(), artifacts=tuple(artifact(name) for name in names)
    )
    settings, lock_id = ImageSettings(), identity(lock_material(lock))
    config = config_of(lock, settings, lock_id, identity(image_material(lock_id, settings)))
    return Assembler(Blobs(root / "b"), Claims(root / "c"), Source).build(lock, config, 1, Quiet())


def test_who_wins_a_conflict_does_not_hang_on_what_was_built_before(tmp_path):
    """`a` wins over `b` only where `c`, which it needs, is there too: the top layer of {a, b} must not serve {a, b, c}."""
    fresh = build(tmp_path / "fresh", "a", "b", "c")
    build(tmp_path / "used", "a", "b")
    assert build(tmp_path / "used", "a", "b", "c").digest == fresh.digest
