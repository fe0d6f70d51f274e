"""A tiny environment that needs no network: three wheels in a folder, a lock that names them, and the words to build it."""

import base64
import hashlib
import io
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from envbuild.definition import DebianBase
from envbuild.digest import Digest
from envbuild.formats.lockfiles.lockdocument import dump
from envbuild.lockfile import Artifact, ArtifactKind, ImageSettings, Lock, LockDocument, LockSection
from envbuild.platforms import LINUX_AMD64

__all__ = ["SmallEnv", "environ", "small_env"]


@dataclass(frozen=True, slots=True)
class SmallEnv:
    """Where its lock is. Two of the same `seed` are the same environment."""

    lock: Path
    wheels: Path

    @property
    def build(self) -> list[str]:
        """The words after `envbuild`."""
        return ["build", str(self.lock), "--to", "store", "--quiet"]


def environ(home: Path, env: Mapping[str, str], wheels: Path) -> dict[str, str]:
    """The variables of a process over the store in `home`, which finds wheels in a folder and nothing anywhere else."""
    passed = {name: env[name] for name in ("PATH", "LANG", "TMPDIR", "LD_LIBRARY_PATH", "PYTHONPATH") if name in env}
    nowhere = {
        "ENVBUILD_PYPI_INDEX": "http://127.0.0.1:9/simple",
        "ENVBUILD_DEBIAN_MIRROR": "http://127.0.0.1:9/debian",
    }
    places = {"ENVBUILD_HOME": str(home), "HOME": str(home.parent), "PIP_FIND_LINKS": str(wheels)}
    quiet = {"PIP_CONFIG_FILE": "/dev/null", "PYTHONDONTWRITEBYTECODE": "1", "DOCKER_HOST": "unix:///nowhere.sock"}
    return {**passed, **nowhere, **places, **quiet}


def small_env(folder: Path, seed: int = 0, size: int = 3000) -> SmallEnv:
    """Write it. Each wheel has a file of about `size` bytes that does not compress."""
    wheels = folder / "wheels"
    wheels.mkdir(parents=True, exist_ok=True)
    artifacts = []
    for name in ("apple", "birch", "cedar"):
        noise = b"".join(hashlib.sha256(f"{seed} {name} {i}".encode()).digest() for i in range(size // 32))
        data = _wheel(name, f"1.{seed}", {f"{name}/__init__.py": b"x = 1\n", f"{name}/data.bin": noise})
        file = f"{name}-1.{seed}-py3-none-any.whl"
        (wheels / file).write_bytes(data)
        digest = hashlib.sha256(data).hexdigest()
        artifacts.append(
            Artifact(
                kind=ArtifactKind.WHEEL, name=name, version=f"1.{seed}", file=file, size=len(data), sha256=digest,
                source="pypi", url=(wheels / file).as_uri(),
            )
        )  # fmt: skip
    lock = Lock(platform=LINUX_AMD64, base=DebianBase(), base_artifacts=(), artifacts=tuple(artifacts))
    section = LockSection(request=Digest.of(b"asked"), lock=lock, settings=ImageSettings())
    path = folder / f"small{seed}.lock"
    path.write_bytes(dump(LockDocument(sections=(section,))))
    return SmallEnv(path, wheels)


def _wheel(name: str, version: str, files: dict[str, bytes]) -> bytes:
    info = f"{name}-{version}.dist-info"
    files = {
        **files,
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n".encode(),
        f"{info}/WHEEL": b"Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    rows = [
        f"{path},sha256={base64.urlsafe_b64encode(hashlib.sha256(c).digest()).rstrip(b'=').decode()},{len(c)}\n"
        for path, c in files.items()
    ]
    files[f"{info}/RECORD"] = ("".join(rows) + f"{info}/RECORD,,\n").encode()
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for path, content in files.items():
            archive.writestr(zipfile.ZipInfo(path, (2020, 1, 1, 0, 0, 0)), content)
    return out.getvalue()
