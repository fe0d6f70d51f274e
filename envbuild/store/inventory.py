"""`Inventory`: takes a snapshot of a store. It writes nothing, needs no lock and no memo, and works on a read-only disk."""

import json
import os
import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from envbuild.digest import Digest
from envbuild.store.claimfacts import facts_of
from envbuild.store.places import Places
from envbuild.store.snapshot import Blob, Claim, Folder, Snapshot, Stamp

__all__ = ["FOLDERS", "Inventory", "walk_sizes"]

_KIND = re.compile(r"[a-z][a-z0-9-]*")
_HEX = re.compile(r"[0-9a-f]{64}")
_FILE = re.compile(r"([0-9a-f]{64})(\.material)?\.json")
FOLDERS = {"prefix": "prefixes.v1", "bytecode": "bytecode.v1", "tools": "tools.v1"}
"""Folders of folders that can be made again, by the word that names them."""


@dataclass(frozen=True, slots=True)
class _Files:
    """The files of a claim, as a listing has them."""

    stamp: Stamp
    size: int
    used: float


class Inventory:
    """Reads the places of one store."""

    def __init__(self, places: Places) -> None:
        self._places = places

    def take(self) -> Snapshot:
        """Everything. Claims are read before blobs are listed: what a claim of the snapshot names was there before it."""
        claims = {name: self._claim(name, files) for name, files in self._listed().items()}
        blobs = dict(self._blobs())
        folders = dict(self._folders())
        known = sum(t.size for part in (claims.values(), blobs.values(), folders.values()) for t in part)
        total, _ = walk_sizes(self._places.cache)
        return Snapshot(claims=claims, blobs=blobs, folders=folders, other=max(0, total - known))

    def refreshed(self, snapshot: Snapshot) -> Snapshot:
        """The snapshot with all that was claimed, used or dropped since, and the blobs that new claims name."""
        listed = self._listed()
        same = {n: c for n, c in snapshot.claims.items() if n in listed and listed[n].stamp == c.stamp}
        fresh = {name: self._claim(name, files) for name, files in listed.items() if name not in same}
        blobs = dict(snapshot.blobs)
        for digest in {b for claim in fresh.values() for b in claim.blobs}:
            found = self._blob(digest)
            if found is not None:
                blobs[digest] = found
        return replace(snapshot, claims=same | fresh, blobs=blobs)

    def blob_path(self, digest: str) -> Path:
        """Where a blob stands."""
        return self._places.blobs / digest[:2] / digest

    def claim_paths(self, name: str) -> tuple[Path, Path]:
        """The files of a claim, by its name as leases have it: the claim, its material."""
        kind, _, identity = name.partition("/")
        folder = self._places.claims / kind / identity[:2]
        return folder / f"{identity}.json", folder / f"{identity}.material.json"

    def folder_path(self, name: str) -> Path:
        """Where a folder stands, by its name in the snapshot."""
        kind, _, identity = name.partition("/")
        return self._places.cache / ("memo.v1" if kind == "memo" else f"{FOLDERS[kind]}/{identity}")

    def read_blob(self, digest: str) -> bytes:
        """A blob's bytes. OSError where it is not here, ValueError where it is damaged."""
        data = self.blob_path(digest).read_bytes()
        if Digest.of(data).hex != digest:
            raise ValueError("damaged")
        return data

    def read_claim(self, name: str) -> tuple[Any, Any]:
        """A claim's document and its material, each None where it cannot be read or is not what its place says."""
        kind, _, identity = name.partition("/")
        path, beside = self.claim_paths(name)
        document = _json(path)
        fits = (
            isinstance(document, dict) and document.get("kind") == kind and document.get("id") == f"sha256:{identity}"
        )
        material = None
        with suppress(OSError, ValueError):
            data = beside.read_bytes()
            material = json.loads(data) if Digest.of(data).hex == identity else None
        return document if fits else None, material

    def _claim(self, name: str, files: _Files) -> Claim:
        kind, _, identity = name.partition("/")
        document, material = self.read_claim(name)
        facts = facts_of(kind, document.get("value"), material, self.read_blob) if document is not None else None
        claim = Claim(
            kind=kind, id=identity, used=files.used, size=files.size, stamp=files.stamp, readable=facts is not None
        )
        if facts is None:
            return claim
        return replace(
            claim, blobs=facts.blobs, refers=facts.refers, covers=facts.covers, title=facts.title, lasting=facts.lasting
        )

    def _listed(self) -> dict[str, _Files]:
        """The claims' files, by claim."""
        found: dict[str, _Files] = {}
        for kind in _entries(self._places.claims):
            if not _KIND.fullmatch(kind.name):
                continue
            for folder in _entries(kind.path):
                for entry in _entries(folder.path):
                    match = _FILE.fullmatch(entry.name)
                    if match is not None and match[1][:2] == folder.name:
                        _add(found, f"{kind.name}/{match[1]}", entry, material=bool(match[2]))
        return found

    def _blobs(self) -> Iterator[tuple[str, Blob]]:
        for folder in _entries(self._places.blobs):
            for entry in _entries(folder.path):
                if _HEX.fullmatch(entry.name) and entry.name[:2] == folder.name:
                    with suppress(OSError):
                        yield entry.name, _blob_of(entry.stat(follow_symlinks=False))

    def _blob(self, digest: str) -> Blob | None:
        try:
            return _blob_of(self.blob_path(digest).lstat())
        except OSError:
            return None

    def _folders(self) -> Iterator[tuple[str, Folder]]:
        for kind, place in FOLDERS.items():
            for entry in _entries(self._places.cache / place):
                if not entry.name.startswith(".") and entry.is_dir(follow_symlinks=False):
                    size, used = walk_sizes(Path(entry.path))
                    # A run that only reads still counts: it sets the folder's own time.
                    own = entry.stat(follow_symlinks=False).st_mtime
                    yield f"{kind}/{entry.name}", Folder(size, max(used, own) if kind == "tools" else own)
        memo = self.folder_path("memo/v1")
        if memo.is_dir():
            size, used = walk_sizes(memo)
            yield "memo/v1", Folder(size, used)


def _add(found: dict[str, _Files], name: str, entry: "os.DirEntry[str]", *, material: bool) -> None:
    try:
        stat = entry.stat(follow_symlinks=False)
    except OSError:
        return
    before = found.get(name)
    size = stat.st_size + (before.size if before else 0)
    if material and before is not None:
        found[name] = replace(before, size=size)
    else:
        found[name] = _Files(_stamp(stat), size, stat.st_mtime)


def walk_sizes(root: Path) -> tuple[int, float]:
    """Bytes of all files beneath a folder, each once whatever names it has, and the latest of their times."""
    total, latest = 0, 0.0
    seen: set[tuple[int, int]] = set()
    folders = [str(root)]
    while folders:
        for entry in _entries(folders.pop()):
            with suppress(OSError):
                if entry.is_dir(follow_symlinks=False):
                    folders.append(entry.path)
                    continue
                stat = entry.stat(follow_symlinks=False)
                if stat.st_nlink > 1:
                    if (stat.st_dev, stat.st_ino) in seen:
                        continue
                    seen.add((stat.st_dev, stat.st_ino))
                total += stat.st_size
                latest = max(latest, stat.st_mtime)
    return total, latest


def _entries(folder: str | Path) -> "list[os.DirEntry[str]]":
    """What is in a folder; nothing where it is none or has just gone."""
    try:
        with os.scandir(folder) as entries:
            return list(entries)
    except OSError:
        return []


def _stamp(stat: os.stat_result) -> Stamp:
    return stat.st_ino, stat.st_mtime_ns, stat.st_size


def _blob_of(stat: os.stat_result) -> Blob:
    return Blob(stat.st_size, stat.st_mtime, _stamp(stat))


def _json(path: Path) -> Mapping[str, Any] | None:
    try:
        return json.loads(path.read_bytes())  # type: ignore[no-any-return]
    except (OSError, ValueError, RecursionError):
        return None
