"""Is an image what its lock says? Its layers are read, and its interpreter is started where something can start it."""

import base64
import csv
import io
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from envbuild.errors import BuildFailed, EngineFault
from envbuild.lockfile import ArtifactKind, Lock
from envbuild.oci import Image
from envbuild.pipeline.filetree import FileTree
from envbuild.ports import OpensBlobs

__all__ = ["START_CHECK", "Verified", "verify"]

START_CHECK = (
    "import sys, importlib.metadata as m\n"
    "print(sys.version.split()[0], *sorted({f\"{d.metadata['Name']}=={d.version}\" for d in m.distributions()}))"
)
"""A program that prints the interpreter's version and the distributions that it finds."""

_SITE = "opt/env/lib/python{minor}/site-packages"


@dataclass(frozen=True, slots=True, kw_only=True)
class Verified:
    """What was found: all faults, how many files were compared, and whether the interpreter was started."""

    faults: tuple[str, ...]
    distributions: int
    checked: int
    started: bool
    why_not_started: str = ""

    @property
    def ok(self) -> bool:
        """Whether nothing was found wrong."""
        return not self.faults

    @property
    def summary(self) -> str:
        """One line for people."""
        start = "the interpreter starts" if self.started else f"not started: {self.why_not_started}"
        verdict = "ok" if self.ok else f"{len(self.faults)} faults"
        return f"{verdict}: {self.distributions} distributions, {self.checked} files compared with RECORD; {start}"


def verify(
    image: Image, lock: Lock, blobs: OpensBlobs, start: Callable[[Sequence[str]], str] | None, why_not: str
) -> Verified:
    """Compare an image with its lock. `start` runs a command in a container of it and gives what it prints."""
    if lock.interpreter is None:
        tree = FileTree(image, blobs)
        return Verified(
            faults=(), distributions=0, checked=len(tree.entries), started=False, why_not_started="it has no Python"
        )
    site = _SITE.format(minor=lock.interpreter.minor)
    tree = FileTree(image, blobs, hashed=True, keep=lambda p: p.startswith(site) and p.endswith(".dist-info/RECORD"))
    faults, distributions, checked = _read_layers(tree, lock, site)
    if start is not None:
        try:
            faults += _started(start, lock)
        except BuildFailed as failure:
            faults.append(failure.what)
        except EngineFault as fault:
            start, why_not = None, fault.what
    return Verified(
        faults=tuple(faults),
        distributions=distributions,
        checked=checked,
        started=start is not None,
        why_not_started=why_not,
    )


def _read_layers(tree: FileTree, lock: Lock, site: str) -> tuple[list[str], int, int]:
    records = {path.split("/")[-2].lower(): path for path in tree.kept}
    faults: list[str] = []
    # Where two distributions claim one path, the file that stands there answers to one of them.
    claims: dict[str, list[tuple[str, str]]] = defaultdict(list)
    wheels = lock.of_kind(ArtifactKind.WHEEL)
    for artifact in wheels:
        key = next((k for k in records if _matches(k, artifact.name, artifact.version)), None)
        if key is None:
            faults.append(f"{artifact.name} {artifact.version} is in the lock and not in the image")
            continue
        for path, digest, _size in csv.reader(io.StringIO(tree.kept[records[key]].decode())):
            claims[_place(f"{site}/{path}")].append((artifact.name, digest))
    for place in sorted(claims):
        faults += _compare(tree, place, claims[place])
    return faults, len(wheels), len(claims)


def _matches(folder: str, name: str, version: str) -> bool:
    found_name, _, found_version = folder.removesuffix(".dist-info").partition("-")
    return found_name.replace("_", "-").replace(".", "-") == name and found_version == version.lower().replace("-", "_")


def _place(path: str) -> str:
    parts: list[str] = []
    for part in path.split("/"):
        parts = parts[:-1] if part == ".." else [*parts, part]
    return "/".join(parts)


def _compare(tree: FileTree, place: str, claims: list[tuple[str, str]]) -> list[str]:
    names = " and ".join(name for name, _ in claims)
    entry = tree.entries.get(place)
    if entry is None:
        return [f"/{place} of {names} is missing"]
    if not all(digest for _, digest in claims):
        return []
    actual = "sha256=" + base64.urlsafe_b64encode(bytes.fromhex(entry.sha256)).rstrip(b"=").decode()
    return [] if actual in {digest for _, digest in claims} else [f"/{place} of {names} is not what RECORD says"]


def _started(start: Callable[[Sequence[str]], str], lock: Lock) -> list[str]:
    interpreter = lock.interpreter
    if interpreter is None:
        return []
    version, *found = start(["/opt/env/bin/python", "-c", START_CHECK]).split()
    seen = {n.lower().replace("_", "-").replace(".", "-") for n in (f.partition("==")[0] for f in found)}
    faults = (
        [] if version == interpreter.version else [f"the interpreter is {version}, the lock says {interpreter.version}"]
    )
    faults += [
        f"{a.name} is not found by the interpreter" for a in lock.of_kind(ArtifactKind.WHEEL) if a.name not in seen
    ]
    return faults
