"""`Check`: every byte of every blob hashed, every claim held against its material and against the blobs that it names.

It only looks: a read-only store is checked as well, and what is damaged stays where it is, as evidence. Nobody uses it
meanwhile, since reading checks too; the stamps by which reading saves that work are forgotten for what is damaged.
"""

import json
import os
import sqlite3
from collections.abc import Callable, Collection, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from envbuild.digest import Digest
from envbuild.errors import EnvbuildError
from envbuild.ids import identity, lock_material
from envbuild.lockfile import LockDocument
from envbuild.members import LayerClaim, MemberTable
from envbuild.oci import parse_image
from envbuild.ports import Reporter
from envbuild.store.inventory import Inventory
from envbuild.store.places import Places
from envbuild.store.recordcheck import torn_records
from envbuild.store.snapshot import Claim, Snapshot, Stamp

__all__ = ["Check", "Checked", "Finding"]

_STAGE = "check"
_CONDA_MARK = "conda-meta/history"
_MARKS = ("pyvenv.cfg", _CONDA_MARK, ".envbuild-python")
"""What a virtual environment has, a conda environment, and a standalone Python."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong. `subject`: `blob/<hex>`, a claim's or folder's name, `memo`, or a record's path."""

    subject: str
    what: str
    note: bool = False
    """Nothing is lost by it, and nothing has to be done."""

    @property
    def kind(self) -> str:
        """`blob`, a kind of claim, `prefix`, `memo`, `record`."""
        return self.subject.partition("/")[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """All findings, and how much was looked at."""

    snapshot: Snapshot
    findings: tuple[Finding, ...]
    blobs: int
    size: int
    claims: int

    @property
    def faults(self) -> tuple[Finding, ...]:
        """The findings that are no mere notes."""
        return tuple(f for f in self.findings if not f.note)


class Check:
    """Of one store. `read_lock` parses a lock document (its bytes, where they stand)."""

    def __init__(self, places: Places, read_lock: Callable[[bytes, str], LockDocument]) -> None:
        self._places, self._read_lock = places, read_lock
        self._inventory = Inventory(places)

    def run(self, report: Reporter, known: Collection[Stamp] = ()) -> Checked:
        """Look at everything; what cannot be read is a finding. Blobs with `known` stamps were hashed just before."""
        snapshot = self._inventory.take()
        bad = self._bad_blobs([b for b, blob in snapshot.blobs.items() if blob.stamp not in known], snapshot, report)
        self._snapshot, self._bad = snapshot, bad
        findings = [Finding(f"blob/{blob}", what) for blob, what in bad.items()]
        for _, claim in sorted(snapshot.claims.items()):
            findings += [f for f in self._claim(claim) if f.note or self._still(claim)]
        findings += self._prefixes()
        findings += self._memo()
        findings += [Finding(f"record/{path}", what, note=True) for path, what in torn_records(self._places.records)]
        return Checked(
            snapshot=snapshot,
            findings=tuple(findings),
            blobs=len(snapshot.blobs),
            size=sum(blob.size for blob in snapshot.blobs.values()),
            claims=len(snapshot.claims),
        )

    def _bad_blobs(self, names: list[str], snapshot: Snapshot, report: Reporter) -> dict[str, str]:
        """The damaged ones, by digest, and what is wrong with each."""
        largest_first = sorted(names, key=lambda b: -snapshot.blobs[b].size)
        report.begin(_STAGE, sum(snapshot.blobs[b].size for b in names))
        with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
            found = dict(zip(largest_first, pool.map(lambda b: self._hashed(b, report), largest_first), strict=True))
        report.end(_STAGE)
        return {blob: what for blob, what in sorted(found.items()) if what}

    def _hashed(self, blob: str, report: Reporter) -> str:
        path = self._inventory.blob_path(blob)
        try:
            with _opened(path) as stream:
                found = Digest.of_stream(stream)
                size = stream.tell()
        except FileNotFoundError:
            # Collected meanwhile; whoever needs it is asked later.
            return ""
        except OSError as error:
            return f"cannot be read: {error.strerror}"
        report.advance(_STAGE, size)
        return "" if found.hex == blob else f"its {size} bytes are {found}"

    def _claim(self, claim: Claim) -> Iterator[Finding]:
        document, material = self._inventory.read_claim(claim.name)
        if document is None:
            if not self._inventory.claim_paths(claim.name)[0].exists():
                yield Finding(claim.name, "was never finished: `envbuild cache prune` removes it", note=True)
            else:
                yield Finding(claim.name, "cannot be read, or is another one's")
            return
        if material is None:
            yield Finding(claim.name, "its material is missing or damaged")
        looks = {"image": self._image, "layer": self._layer, "document": self._document}
        looks |= {"lock": self._points, "locked": self._points, "name": self._name}
        look = looks.get(claim.kind)
        if look is None:
            return
        try:
            what = look(claim, document.get("value"))
        except (KeyError, TypeError, ValueError, AttributeError, EnvbuildError) as error:
            what = f"says what cannot be: {type(error).__name__}"
        if what:
            yield Finding(claim.name, what)

    def _image(self, claim: Claim, value: Any) -> str:
        manifest, config = Digest.parse(value["manifest"]), Digest.parse(value["config"])
        for part, digest in (("manifest", manifest), ("config", config)):
            if state := self._state(digest.hex):
                return f"its {part} {digest} is {state}"
        image = parse_image(self._inventory.read_blob(manifest.hex), self._inventory.read_blob(config.hex))
        if json.loads(image.manifest)["config"]["digest"] != str(config):
            return "its manifest has another config"
        states = [(layer, self._state(layer.descriptor.digest.hex, layer.descriptor.size)) for layer in image.layers]
        wrong = [f"{layer.descriptor.digest} ({layer.summary}) is {state}" for layer, state in states if state]
        return f"of its {len(image.layers)} layers, {'; '.join(wrong)}" if wrong else ""

    def _layer(self, claim: Claim, value: Any) -> str:
        layer = LayerClaim.from_json(Digest(claim.id), value)
        if state := self._state(layer.blob.hex, layer.size):
            return f"its blob {layer.blob} is {state}"
        if state := self._state(layer.table.hex):
            return f"its member table {layer.table} is {state}"
        members = MemberTable.from_json(json.loads(self._inventory.read_blob(layer.table.hex))).members
        if not 0 <= layer.start <= layer.start + layer.length <= layer.size:
            return "its segment is not within its blob"
        beyond = [m.path for m in members if m.offset < 0 or m.offset + m.length > layer.length]
        return f"its table has /{beyond[0]} beyond the end of the layer" if beyond else ""

    def _document(self, claim: Claim, value: Any) -> str:
        digest = next(iter(claim.blobs), "")
        if digest not in self._snapshot.blobs:
            # The facts of a lock file that stands elsewhere.
            return ""
        if state := self._state(digest):
            return f"its lock document is {state}"
        parsed = self._read_lock(self._inventory.read_blob(digest), f"lock {digest[:12]}")
        locks = {str(s.lock.platform): str(identity(lock_material(s.lock))) for s in parsed.sections}
        told = {platform: section["lock"] for platform, section in value["sections"].items()}
        return "" if told == locks else "does not say what its lock document says"

    def _points(self, claim: Claim, value: Any) -> str:
        digest = Digest.parse(value["document"])
        if state := self._state(digest.hex):
            return f"its lock document {digest} is {state}"
        parsed = self._read_lock(self._inventory.read_blob(digest.hex), f"lock {digest.short}")
        known = {s.request.hex for s in parsed.sections}
        if claim.kind == "locked":
            known = {identity(lock_material(s.lock)).hex for s in parsed.sections}
        return "" if claim.id in known else f"its lock document {digest} is of something else"

    def _name(self, claim: Claim, value: Any) -> str:
        image = self._snapshot.claims.get(f"image/{Digest.parse(value['image']).hex}")
        return "" if image is not None and image.readable else f"means an image that is not here: {value['image']}"

    def _state(self, blob: str, size: int | None = None) -> str:
        """What is wrong with a blob; nothing where nothing is."""
        if blob in self._bad:
            return "damaged"
        if blob in self._snapshot.blobs:
            found = self._snapshot.blobs[blob].size
        else:
            try:
                # It may have come after the listing.
                found = self._inventory.blob_path(blob).stat().st_size
            except OSError:
                return "missing"
        return "" if size is None or found == size else f"of {found} bytes, not {size}"

    def _still(self, claim: Claim) -> bool:
        """Whether the claim is as it was: a prune may have taken it away, and then its blobs."""
        with suppress(OSError):
            return self._inventory.claim_paths(claim.name)[0].lstat().st_ino == claim.stamp[0]
        return False

    def _prefixes(self) -> Iterator[Finding]:
        for name in sorted(self._snapshot.folders):
            if name.startswith("prefix/"):
                folder = self._inventory.folder_path(name)
                if not any((folder / mark).is_file() for mark in _MARKS):
                    marks = ", ".join(_MARKS)
                    yield Finding(name, f"an environment to run directly is not whole: it has none of {marks}")
                elif (folder / _CONDA_MARK).is_file():
                    yield from self._conda_prefix(name, folder)
                elif not os.access(folder / "bin" / "python", os.X_OK):
                    target = folder / "bin" / "python"
                    yield Finding(name, f"its interpreter is gone: {target.resolve()}")

    def _conda_prefix(self, name: str, folder: Path) -> Iterator[Finding]:
        """It has a Python of its own, or none."""
        for record in sorted(folder.glob("conda-meta/python-[0-9]*.json")):
            if not os.access(folder / "bin" / "python", os.X_OK):
                yield Finding(name, f"its interpreter is gone, which {record.stem} had")

    def _memo(self) -> Iterator[Finding]:
        database = self._places.memo / "cache.db"
        if not database.is_file():
            return
        # Where nobody has it open, SQLite would make files of its own to read it.
        how = "mode=ro" if database.with_name("cache.db-wal").exists() else "immutable=1"
        try:
            with sqlite3.connect(f"{database.as_uri()}?{how}", uri=True, timeout=5) as connection:
                said = connection.execute("pragma quick_check(1)").fetchone()
            connection.close()
        except sqlite3.OperationalError:
            # Busy, or on a disk that takes no writes: it says nothing about the content.
            return
        except sqlite3.DatabaseError as error:
            said = (str(error),)
        if said != ("ok",):
            yield Finding("memo", f"the memo is damaged: {said[0]}")


def _opened(path: Path) -> BinaryIO:
    """A regular file, not followed through a link."""
    return os.fdopen(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK), "rb")
