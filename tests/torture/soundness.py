"""What must hold of a store at any time, checked with nothing of envbuild's: bytes are what their names say."""

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

__all__ = ["Checker", "acknowledged_lost", "leftovers", "wrong"]

_MAKING = ".new"


class Checker:
    """Finds what is wrong in a store; a file that has not changed since it was read last is not read again."""

    def __init__(self, home: Path) -> None:
        self._home = home
        self._good: dict[str, tuple[int, int, int]] = {}

    def wrong(self) -> list[str]:
        """Faults, in words: visible blobs, materials, claims and records that are not whole."""
        return [fault for path in self._fresh() for fault in _faults_of(path)]

    def _fresh(self) -> Iterator[Path]:
        cache, data = self._home / "cache", self._home / "data"
        for root in (cache / "blobs.v1", cache / "claims.v1", data / "records.v1"):
            for path in sorted(root.rglob("*")):
                if _MAKING in path.parts or not path.is_file():
                    continue
                found = path.stat()
                seen = (found.st_ino, found.st_mtime_ns, found.st_size)
                if self._good.get(str(path)) != seen:
                    self._good[str(path)] = seen
                    yield path


def wrong(home: Path) -> list[str]:
    """All faults of a store."""
    return Checker(home).wrong()


def _faults_of(path: Path) -> Iterator[str]:
    data = path.read_bytes()
    digest = hashlib.sha256(data).hexdigest()
    if "blobs.v1" in path.parts:
        if digest != path.name:
            yield f"blob {path.name[:12]} has {len(data)} bytes of {digest[:12]}"
    elif path.name.endswith(".material.json"):
        if digest != path.name.partition(".")[0]:
            yield f"material {path.name[:12]} has {len(data)} bytes of {digest[:12]}"
    elif path.suffix == ".json":
        claim = _json(data)
        if not isinstance(claim, dict) or claim.get("id") != f"sha256:{path.stem}":
            yield f"claim {path.parent.parent.name}/{path.stem[:12]} has {len(data)} bytes: {data[:40]!r}"
    elif path.suffix == ".jsonl":
        # The last line alone may be torn, and is then passed over.
        yield from (f"record {path.name}: {line[:40]!r}" for line in data.split(b"\n")[:-1] if _json(line) is None)


def acknowledged_lost(home: Path, acknowledged: list[str]) -> list[str]:
    """What a writer said was done and is not there: `blob HEX`, `claim KIND/HEX`, `record N`, `image HEX`."""
    cache, data = home / "cache", home / "data"
    lines = [
        _json(line) for p in sorted((data / "records.v1").rglob("*.jsonl")) for line in p.read_bytes().split(b"\n")
    ]
    records = {line.get("n") for line in lines if isinstance(line, dict)}
    lost = []
    for word in acknowledged:
        what, _, name = word.partition(" ")
        if what == "blob" and not _blob(cache, name).is_file():
            lost.append(word)
        elif what == "claim":
            lost += [f"{word}: {why}" for why in _claim_faults(cache, *name.split("/"))]
        elif what == "image":
            lost += [f"{word}: {why}" for why in _image_faults(cache, name)]
        elif what == "record" and int(name) not in records:
            lost.append(word)
    return lost


def _blob(cache: Path, name: str) -> Path:
    return cache / "blobs.v1" / name[:2] / name


def _claim_faults(cache: Path, kind: str, name: str) -> Iterator[str]:
    path = cache / "claims.v1" / kind / name[:2] / f"{name}.json"
    if not path.is_file() or not path.with_name(f"{name}.material.json").is_file():
        yield "is not there"
        return
    claim = _json(path.read_bytes()) or {}
    for digest in (str(v).removeprefix("sha256:") for v in claim.get("value", {}).values()):
        if not _blob(cache, digest).is_file():
            yield f"names the blob {digest[:12]}, which is not there"


def _image_faults(cache: Path, name: str) -> Iterator[str]:
    path = cache / "claims.v1" / "image" / name[:2] / f"{name}.json"
    if not path.is_file():
        yield "is not there"
        return
    value = (_json(path.read_bytes()) or {}).get("value", {})
    manifest = _blob(cache, str(value.get("manifest")).removeprefix("sha256:"))
    parts = _json(manifest.read_bytes()) if manifest.is_file() else None
    if not isinstance(parts, dict):
        yield "its manifest is not there"
        return
    for part in (parts["config"], *parts["layers"]):
        if not _blob(cache, part["digest"].removeprefix("sha256:")).is_file():
            yield f"its part {part['digest'][7:19]} is not there"


def leftovers(home: Path) -> list[str]:
    """Files of writers that are dead: unfinished ones, folders set aside, leases."""
    found = [p for p in (home / "cache").rglob("*") if p.is_file() or p.name.startswith(".gone-")]
    return sorted(
        str(p.relative_to(home))
        for p in found
        if _MAKING in p.parts or p.name.startswith(".gone-") or "leases" in p.parts
    )


def _json(data: bytes) -> Any:
    try:
        return json.loads(data)
    except ValueError:
        return None
