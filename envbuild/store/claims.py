"""`Claims`: id -> value, each a small file beside the material of its id: `<kind>/ab/ab12....json`, `....material.json`.

A claim may be dropped at any time, so anything unreadable or foreign is a miss. Reading the file is one open and 20 us;
no database could beat that, so none stands in between.
"""

import json
import os
import re
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import cast

from envbuild.canonical import JSON, encode
from envbuild.digest import Digest
from envbuild.store.durable import write_whole, writing
from envbuild.store.leases import Lease

__all__ = ["Claims"]

_KIND = re.compile(r"[a-z][a-z0-9-]*")
_GRAIN = 3600.0
"""Seconds: a claim's time says when it was used last, as exactly as this."""


class Claims:
    """Implements ports.Claims in a folder."""

    def __init__(self, root: Path, lease: Lease | None = None) -> None:
        """What is asked for is held by `lease`, and its file's time says when it was used last."""
        self._root, self._lease = root, lease

    def get(self, kind: str, identity: Digest) -> JSON | None:
        """What is claimed for this id, or None."""
        self._hold(kind, identity)
        return self._value(kind, identity, used=self._lease is not None)

    def put(self, kind: str, identity: Digest, value: JSON, material: JSON) -> None:
        """Claim a value for an id; the material is kept first, and is what the id is the digest of (else ValueError)."""
        spelled = encode(material)
        if Digest.of(spelled) != identity:
            raise ValueError(f"{kind}: {identity} is not the id of this material")
        self._hold(kind, identity)
        claim = encode({"kind": kind, "id": str(identity), "value": value})
        write_whole(self._path(kind, identity, ".material"), spelled)
        write_whole(self._path(kind, identity), claim)

    def material(self, kind: str, identity: Digest) -> JSON | None:
        """The material of an id, or None; never one that is not its."""
        path = self._path(kind, identity, ".material")
        try:
            data = path.read_bytes()
        except OSError:
            return None
        return cast(JSON, json.loads(data)) if Digest.of(data) == identity else None

    def entries(self, kind: str) -> Iterator[tuple[Digest, JSON]]:
        """Every claim of a kind that can be read, by id. Looking through them uses none of them."""
        folder = self._root / _word(kind)
        for path in sorted(folder.glob("[0-9a-f][0-9a-f]/*.json")):
            name = path.name.removesuffix(".json")
            if len(name) == 64 and (value := self._value(kind, Digest(name), used=False)) is not None:
                yield Digest(name), value

    def drop(self, kind: str, identity: Digest) -> None:
        """Take a claim and its material away, if they are here."""
        with writing(self._root):
            self._path(kind, identity).unlink(missing_ok=True)
            self._path(kind, identity, ".material").unlink(missing_ok=True)

    def _value(self, kind: str, identity: Digest, *, used: bool) -> JSON | None:
        found = _read(self._path(kind, identity), used=used)
        if isinstance(found, dict) and found.get("kind") == kind and found.get("id") == str(identity):
            return cast(JSON, found.get("value"))
        return None

    def _hold(self, kind: str, identity: Digest) -> None:
        if self._lease is not None:
            self._lease.hold(f"{_word(kind)}/{identity.hex}")

    def _path(self, kind: str, identity: Digest, part: str = "") -> Path:
        return self._root / _word(kind) / identity.hex[:2] / f"{identity.hex}{part}.json"


def _word(kind: str) -> str:
    if not _KIND.fullmatch(kind):
        raise ValueError(f"not a kind of claim: {kind!r}")
    return kind


def _read(path: Path, *, used: bool) -> object:
    try:
        with path.open("rb") as stream:
            found: object = json.load(stream)
            if used and abs(time.time() - os.fstat(stream.fileno()).st_mtime) > _GRAIN:
                with suppress(OSError):
                    os.utime(path)
    except (OSError, ValueError, RecursionError):
        return None
    return found
