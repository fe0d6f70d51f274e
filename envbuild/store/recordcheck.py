"""Records that cannot be read: they are the user's, so that they are told and never touched."""

import json
from collections.abc import Iterator
from pathlib import Path

__all__ = ["torn_records"]


def torn_records(root: Path) -> Iterator[tuple[Path, str]]:
    """Each file of records with lines that are none, and what is wrong with it."""
    for path in sorted(root.glob("*/*.jsonl")):
        try:
            lines = path.read_bytes().split(b"\n")
        except OSError as error:
            yield path, f"cannot be read: {error.strerror}"
            continue
        torn = [number for number, line in enumerate(lines, 1) if line and not _is_record(line)]
        if torn:
            yield path, f"lines that are no records, and are passed over: {', '.join(map(str, torn[:5]))}"


def _is_record(line: bytes) -> bool:
    try:
        return isinstance(json.loads(line), dict)
    except (ValueError, RecursionError):
        return False
