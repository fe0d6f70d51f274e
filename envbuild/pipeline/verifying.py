"""Is an image what its lock says? Its layers are read, and its interpreter is started where something can start it."""

import base64
import csv
import io
import json
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

_CONDA_META = "opt/env/conda-meta/"
_ANY = ""
"""A record that says no hash."""

_Claims = dict[str, list[tuple[str, str]]]
"""Per path who has it, and its sha256 in hex. Where two claim one path, the file that stands there answers to one of them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verified:
    """What was found: all faults, how many files were compared, and whether the interpreter was started."""

    faults: tuple[str, ...]
    distributions: int
    checked: int
    started: bool
    why_not_started: str = ""
    conda: int = 0
    """conda packages, which have their own records."""

    @property
    def ok(self) -> bool:
        """Whether nothing was found wrong."""
        return not self.faults

    @property
    def summary(self) -> str:
        """One line for people."""
        start = "the interpreter starts" if self.started else f"not started: {self.why_not_started}"
        verdict = "ok" if self.ok else f"{len(self.faults)} faults"
        if not self.conda:
            return f"{verdict}: {self.distributions} distributions, {self.checked} files compared with RECORD; {start}"
        found = f"{self.conda} conda packages, {self.distributions} distributions beside them"
        return f"{verdict}: {found}, {self.checked} files compared with their records; {start}"


def verify(
    image: Image, lock: Lock, blobs: OpensBlobs, start: Callable[[Sequence[str]], str] | None, why_not: str
) -> Verified:
    """Compare an image with its lock. `start` runs a command in a container of it and gives what it prints."""
    if lock.interpreter is None and not lock.has_conda:
        tree = FileTree(image, blobs)
        return Verified(
            faults=(), distributions=0, checked=len(tree.entries), started=False, why_not_started="it has no Python"
        )
    site = f"opt/env/{lock.interpreter.site_packages}" if lock.interpreter else ""
    tree = FileTree(image, blobs, hashed=True, keep=lambda path: _is_record(path, site))
    claims: _Claims = defaultdict(list)
    faults = _conda_claims(tree, lock, claims) + _wheel_claims(tree, lock, site, claims)
    for place in sorted(claims):
        faults += _compare(tree, place, claims[place])
    if lock.interpreter is None:
        start, why_not = None, "it has no Python"
    if start is not None:
        try:
            faults += _started(start, lock)
        except BuildFailed as failure:
            faults.append(failure.what)
        except EngineFault as fault:
            start, why_not = None, fault.what
    return Verified(
        faults=tuple(faults),
        distributions=len(lock.of_kind(ArtifactKind.WHEEL)),
        checked=len(claims),
        started=start is not None,
        why_not_started=why_not,
        conda=len(lock.of_kind(ArtifactKind.CONDA)),
    )


def _is_record(path: str, site: str) -> bool:
    if path.startswith(_CONDA_META):
        return path.endswith(".json")
    return bool(site) and path.startswith(site) and path.endswith(".dist-info/RECORD")


def _conda_claims(tree: FileTree, lock: Lock, claims: _Claims) -> list[str]:
    """What the records in conda-meta say, as conda's own tools keep them."""
    faults = []
    for artifact in lock.of_kind(ArtifactKind.CONDA):
        stem = artifact.file.removesuffix(".conda").removesuffix(".tar.bz2")
        record = tree.kept.get(f"{_CONDA_META}{stem}.json")
        if record is None:
            faults.append(f"{artifact.name} {artifact.version} is in the lock and not in the image")
            continue
        try:
            for row in json.loads(record)["paths_data"]["paths"]:
                linked = row["path_type"] == "softlink"
                digest = _ANY if linked else row.get("sha256_in_prefix") or row.get("sha256") or _ANY
                claims[f"opt/env/{row['_path']}"].append((artifact.name, digest))
        except (ValueError, KeyError, TypeError):
            faults.append(f"/{_CONDA_META}{stem}.json is no record of a package")
    return faults


def _wheel_claims(tree: FileTree, lock: Lock, site: str, claims: _Claims) -> list[str]:
    records = {path.split("/")[-2].lower(): path for path in tree.kept if not path.startswith(_CONDA_META)}
    faults = []
    for artifact in lock.of_kind(ArtifactKind.WHEEL):
        key = next((k for k in records if _matches(k, artifact.name, artifact.version)), None)
        if key is None:
            faults.append(f"{artifact.name} {artifact.version} is in the lock and not in the image")
            continue
        try:
            for path, digest, _size in csv.reader(io.StringIO(tree.kept[records[key]].decode())):
                claims[_place(f"{site}/{path}")].append((artifact.name, _hex(digest)))
        except ValueError:
            faults.append(f"/{records[key]} is no record of a package")
    return faults


def _hex(digest: str) -> str:
    """Of a RECORD's `sha256=<base64>`; of another hash nothing, since the tree has none to compare it with."""
    algorithm, _, text = digest.partition("=")
    return base64.urlsafe_b64decode(f"{text}==").hex() if algorithm == "sha256" else _ANY


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
    digests = {digest for _, digest in claims}
    return [] if _ANY in digests or entry.sha256 in digests else [f"/{place} of {names} is not what its record says"]


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
