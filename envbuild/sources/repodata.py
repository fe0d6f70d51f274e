"""repodata.json (CEP 36) as a whole file: read once, and from then on by package.

The file of a large channel has hundreds of megabytes, of which a solve needs a few hundred packages. So one pass finds where
each package's records stand, and what is kept is the file with that table.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from envbuild.sources.shards import Records, chosen_forms

__all__ = ["RepodataTable", "read_records", "repodata_table"]

_SECTIONS = ("packages", "packages.conda")
_SPACE = re.compile(r"[ \t\r\n]*")
_SCHEMA = 1

_Place = tuple[str, int, int]


@dataclass(frozen=True, slots=True)
class RepodataTable:
    """Where in the file the records of each package stand: bytes from and to, by section."""

    places: Mapping[str, tuple[_Place, ...]]
    base_url: str
    removed: frozenset[str]

    def dump(self) -> bytes:
        """As `parse` reads it."""
        document = {
            "schema": _SCHEMA,
            "places": self.places,
            "base_url": self.base_url,
            "removed": sorted(self.removed),
        }
        return json.dumps(document, separators=(",", ":")).encode()

    @classmethod
    def parse(cls, data: bytes) -> "RepodataTable":
        """What `dump` wrote. ValueError for anything else."""
        document = json.loads(data)
        if not isinstance(document, dict) or document.get("schema") != _SCHEMA:
            raise ValueError("no table of repodata")
        places = {name: tuple((s, a, b) for s, a, b in found) for name, found in document["places"].items()}
        return cls(places, document["base_url"], frozenset(document["removed"]))


def repodata_table(data: bytes) -> RepodataTable:
    """The table of a repodata.json. ValueError where that is none."""
    scan, found = _Scan(data.decode("utf-8")), _Found()
    others: dict[str, Any] = {}
    try:
        for key in scan.table():
            if key in _SECTIONS:
                for name, first, last in scan.runs():
                    found.add(name, key, *scan.in_bytes(first, last))
            else:
                value = scan.value()
                others |= {key: value} if key in ("info", "removed") else {}
    except RecursionError:
        raise ValueError("tables within tables without end") from None
    scan.end()
    info, removed = others.get("info", {}), others.get("removed", [])
    if not isinstance(info, dict) or not isinstance(removed, list) or not isinstance(info.get("base_url") or "", str):
        raise ValueError("info or removed are wrong")  # noqa: TRY004 (every fault of a document is a ValueError)
    return RepodataTable(found.places, info.get("base_url") or "", frozenset(map(str, removed)))


def read_records(path: Path, table: RepodataTable, name: str) -> Records:
    """A package's records in the file that the table is of. ValueError or OSError where it is another file."""
    sections: dict[str, dict[str, Any]] = {section: {} for section in _SECTIONS}
    with path.open("rb") as stream:
        for section, start, end in table.places.get(name, ()):
            stream.seek(start)
            sections[section] |= json.loads(b"{" + stream.read(end - start) + b"}")
    return chosen_forms(sections, set(table.removed))


class _Found:
    def __init__(self) -> None:
        self.places: dict[str, tuple[_Place, ...]] = {}

    def add(self, name: str, section: str, start: int, end: int) -> None:
        self.places[name] = (*self.places.get(name, ()), (section, start, end))


class _Scan:
    """Walks through a JSON text, and knows where it stands: the decoder of the standard library does not tell."""

    def __init__(self, text: str) -> None:
        self._text, self._at = text, 0
        self._key_at = 0
        self._counted = self._bytes = 0
        self._decode = json.JSONDecoder().raw_decode

    def value(self) -> Any:
        """The value that begins here."""
        value, self._at = self._decode(self._text, self._skip())
        return value

    def table(self) -> Iterator[str]:
        """The keys of the table that begins here; who asks for the next one has read the value."""
        self._expect("{")
        if self._text[self._skip() : self._at + 1] == "}":
            self._at += 1
            return
        while True:
            self._key_at = self._skip()
            key = self.value()
            if not isinstance(key, str):
                raise ValueError("a key is no text")  # noqa: TRY004 (every fault of a document is a ValueError)
            self._expect(":")
            yield key
            if self._expect(",}") == "}":
                return

    def runs(self) -> Iterator[tuple[str, int, int]]:
        """Of a section that begins here: each run of records of one package, and where it stands."""
        current, first, last = "", 0, 0
        for _ in self.table():
            begin, record = self._key_at, self.value()
            name = record.get("name") if isinstance(record, dict) else None
            if not isinstance(name, str) or not name:
                raise ValueError("a record without a name")
            if name != current:
                if current:
                    yield current, first, last
                current, first = name, begin
            last = self._at
        if current:
            yield current, first, last

    def in_bytes(self, first: int, last: int) -> tuple[int, int]:
        """Two places of the text, later than those asked for before, in bytes of UTF-8."""
        start = self._bytes + len(self._text[self._counted : first].encode())
        end = start + len(self._text[first:last].encode())
        self._counted, self._bytes = last, end
        return start, end

    def end(self) -> None:
        """ValueError where something but space is left."""
        if self._skip() != len(self._text):
            raise ValueError("something stands behind its end")

    def _skip(self) -> int:
        found = _SPACE.match(self._text, self._at)
        self._at = found.end() if found else self._at
        return self._at

    def _expect(self, signs: str) -> str:
        sign = self._text[self._skip() : self._at + 1]
        if not sign or sign not in signs:
            raise ValueError(f"{' or '.join(signs)} is wanted at {self._at}")
        self._at += 1
        return sign
