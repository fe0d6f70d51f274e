"""Sharded repodata (CEP 16): the index of a channel's folder, and the shard that has a package's records. Pure; opens msgpack."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from envbuild.errors import MissingExtra
from envbuild.layers.conda.zstd import inflated

__all__ = ["Records", "ShardIndex", "chosen_forms", "shard_index", "shard_records"]

_LARGEST_INDEX = 256 << 20
_LARGEST_SHARD = 256 << 20
"""Bytes, unpacked."""

Records = dict[str, dict[str, Any]]
"""By a package's file name, what a channel says of it: as in repodata.json."""


@dataclass(frozen=True, slots=True)
class ShardIndex:
    """A folder's packages, each with the sha256 of its shard; URLs are as written, and may be relative to the index's own."""

    shards: Mapping[str, str]
    shards_base_url: str
    base_url: str


def shard_index(data: bytes) -> ShardIndex:
    """The index in repodata_shards.msgpack.zst. ValueError where it is none."""
    document = _unpacked(data, _LARGEST_INDEX)
    info, shards = document.get("info"), document.get("shards")
    if not isinstance(info, dict) or not isinstance(shards, dict):
        raise ValueError("it has no info and shards")  # noqa: TRY004 (every fault of a document is a ValueError)
    places = [info.get(key) or "" for key in ("shards_base_url", "base_url")]
    if not all(isinstance(place, str) for place in places):
        raise ValueError("info: a URL is no text")
    return ShardIndex({_text(name): _hash(value) for name, value in shards.items()}, *places)


def shard_records(data: bytes) -> Records:
    """The records in a shard, without those that were removed. ValueError where it is none."""
    document = _unpacked(data, _LARGEST_SHARD)
    return chosen_forms(
        {section: _section(document.get(section)) for section in ("packages", "packages.conda")},
        {_text(name) for name in document.get("removed") or ()},
    )


def chosen_forms(sections: Mapping[str, Mapping[str, dict[str, Any]]], removed: set[str]) -> Records:
    """Both sections as one: of a package that is there in both forms, the newer one (.conda)."""
    newer = {file: record for file, record in sections.get("packages.conda", {}).items() if file not in removed}
    stems = {file.removesuffix(".conda") for file in newer}
    older = {
        file: record
        for file, record in sections.get("packages", {}).items()
        if file not in removed and file.removesuffix(".tar.bz2") not in stems
    }
    return {**older, **newer}


def _section(value: object) -> dict[str, dict[str, Any]]:
    if value is None:
        return {}
    if not isinstance(value, dict) or not all(isinstance(record, dict) for record in value.values()):
        raise ValueError("its packages are no table of records")
    return {_text(file): _with_text_hashes(record) for file, record in value.items()}


def _with_text_hashes(record: dict[str, Any]) -> dict[str, Any]:
    """Hashes are bytes in a shard, and text in repodata.json."""
    hashes = {key: record[key].hex() for key in ("sha256", "md5") if isinstance(record.get(key), bytes)}
    return {**record, **hashes}


def _hash(value: object) -> str:
    text = value.hex() if isinstance(value, bytes) else str(value).lower()
    if len(text) != 64 or not all(c in "0123456789abcdef" for c in text):
        raise ValueError("a shard's hash is no sha256")
    return text


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise ValueError("a name is no text")  # noqa: TRY004 (every fault of a document is a ValueError)
    return value


def _unpacked(data: bytes, limit: int) -> dict[Any, Any]:
    try:
        import msgpack
    except ModuleNotFoundError:
        raise MissingExtra("conda", "reading a conda channel") from None
    plain = inflated(data, limit=limit)
    try:
        document = msgpack.unpackb(plain, strict_map_key=False)
    except (ValueError, msgpack.exceptions.UnpackException, RecursionError) as error:
        raise ValueError(f"it is no msgpack: {error}") from error
    if not isinstance(document, dict):
        raise ValueError("it is no table")  # noqa: TRY004 (every fault of a document is a ValueError)
    return document
