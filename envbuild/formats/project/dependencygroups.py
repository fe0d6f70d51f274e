"""`[dependency-groups]` of a pyproject.toml (PEP 735): the requirements of the groups that were chosen.

Only what is chosen is judged, as the PEP has it ("Use Cases", lazy validation): a group that nobody asks for breaks nothing.
"""

from collections.abc import Iterable, Iterator, Sequence

from packaging.utils import canonicalize_name

from envbuild.formats.project.projecttables import Line
from envbuild.formats.toml.tomltable import Table, kind_of

__all__ = ["group_lines"]

_KEY = "dependency-groups"
_INCLUDE = 'a requirement in quotes, or { include-group = "other" }'


def group_lines(document: Table, groups: Sequence[str]) -> list[Line]:
    """The requirements of these groups, included ones among them, each with its line; what is wrong becomes a fault."""
    table = document.table(_KEY) if groups else None
    if table is None:
        for group in groups:
            document.fault(_KEY, f"there is no group {group!r}: the file has no [{_KEY}]", "leave --group out")
        return []
    spelled = _spellings(table)
    lines: list[Line] = []
    for group in groups:
        name = canonicalize_name(group)
        if name in spelled:
            lines += _Groups(table, spelled).of(name)
        else:
            document.fault(_KEY, f"there is no group {group!r}", _known(spelled))
    return list(dict.fromkeys(lines))


def _spellings(table: Table) -> dict[str, str]:
    """As the file writes each group's name, by the normalized one (PEP 503). Two of one name are a fault."""
    spelled: dict[str, str] = {}
    for key in table.values:
        first = spelled.setdefault(canonicalize_name(key), key)
        if first != key:
            table.fault(key, f"the same name as {first!r}, once normalized (PEP 735)", "join them, or rename one")
    return spelled


def _known(names: Iterable[str]) -> str:
    return f"there are: {', '.join(sorted(names))}"


class _Groups:
    def __init__(self, table: Table, spelled: dict[str, str]) -> None:
        self._table, self._spelled = table, spelled

    def of(self, name: str, chain: tuple[str, ...] = ()) -> Iterator[Line]:
        """The requirements of a group; `chain` includes it, outermost first."""
        key = self._spelled[name]
        if name in chain:
            way = " -> ".join((*chain[chain.index(name) :], name))
            self._table.fault(key, f"the group includes itself: {way}", "take one of the includes out")
            return
        for _, item in self._table.mixed(key, f"a list: each item {_INCLUDE}"):
            if isinstance(item, str):
                yield from self._table_line(key, item)
            else:
                yield from self._included(key, item, (*chain, name))

    def _table_line(self, key: str, text: str) -> Iterator[Line]:
        line = self._table.line(key, text)
        if text.lstrip().startswith("-"):
            self._table.fault(key, f"{text}: not a requirement (PEP 508)", f"write {_INCLUDE}", item=text)
        else:
            yield " ".join(text.split()), line

    def _included(self, key: str, item: object, chain: tuple[str, ...]) -> Iterator[Line]:
        if not isinstance(item, dict) or set(item) != {"include-group"} or not isinstance(item["include-group"], str):
            said = f"a table with {', '.join(item) or 'nothing'}" if isinstance(item, dict) else kind_of(item)
            self._table.fault(key, f"{said} is no item of a group (PEP 735)", f"write {_INCLUDE}")
            return
        name = canonicalize_name(item["include-group"])
        if name in self._spelled:
            yield from self.of(name, chain)
        else:
            what = f"includes the group {item['include-group']!r}, which is not there"
            self._table.fault(key, what, _known(self._spelled), item=item["include-group"])
