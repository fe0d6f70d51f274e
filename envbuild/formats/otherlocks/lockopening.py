"""Another tool's lock as a text and a TOML table, with what can be wrong before anything in it is looked at."""

import re

from envbuild.errors import Fault, InvalidDefinition
from envbuild.formats.sourcefile import Loader, load_text
from envbuild.formats.toml.tomlplaces import Places, parse_toml
from envbuild.formats.toml.tomltable import Table

__all__ = ["LARGEST_LOCK", "entries", "headers", "lock_table", "lock_text", "needed", "too_new"]

LARGEST_LOCK = 16 << 20
"""Bytes that a lock may have: one names every file of every package."""

_MARKS = re.compile(r"(?m)^(?:<<<<<<<|>>>>>>>|\|\|\|\|\|\|\|)(?: |$)")


def lock_text(path: str, load: Loader, again: str) -> str:
    """The text of a lock; `again` is the command that makes it anew.

    UsageError: it cannot be read. InvalidDefinition: it is no text, or a merge was not finished.
    """
    text = load_text(path, load, largest=LARGEST_LOCK)
    if mark := _MARKS.search(text):
        line = text.count("\n", 0, mark.start()) + 1
        hint = f"take one side (git checkout --ours or --theirs), then bring it up to date: {again}"
        raise InvalidDefinition([Fault(f"{path}:{line}", "a merge left its conflict marks in the lock", hint)])
    if not text.strip():
        raise InvalidDefinition([Fault(path, "the lock is empty", f"make it anew: {again}")])
    return text


def lock_table(path: str, load: Loader, again: str) -> Table:
    """The document of a lock that is TOML. Errors as `lock_text`, and InvalidDefinition where it is no TOML."""
    text = lock_text(path, load, again)
    return Table(parse_toml(text, path), Places.in_text(text, path), [])


def headers(table: Table, name: str) -> list[str]:
    """file:line of each `[[name]]`, in order."""
    places = table.places
    return [f"{places.path}:{n}" for n, line in enumerate(places.lines, 1) if line.strip() == f"[[{name}]]"]


def entries(table: Table, key: str, places: list[str] | None = None) -> list[Table]:
    """A list of tables, each told at its own line of `places`, or where the table itself stands."""
    found = []
    for number, item in table.mixed(key, "a list of tables"):
        standing = places[number] if places and number < len(places) else table.standing
        inner = Table(item, table.places, table.faults, field_path=f"{table.path_of(key)}[{number}]", standing=standing)
        if isinstance(item, dict):
            found.append(inner)
        else:
            table.fault(key, "expected a list of tables", "was the lock edited by hand?")
    return found


def needed(table: Table, key: str, again: str) -> None:
    """A fault where a table lacks a key that the tool always writes: what it would have said is not known."""
    if key not in table.values:
        table.fault(key, "missing", f"was the lock edited by hand? Make it anew: {again}")


def too_new(at: str, what: str, known: str) -> InvalidDefinition:
    """The error for a lock of a format that came after this envbuild."""
    says = f"{what} needs a newer envbuild: this one reads {known}"
    return InvalidDefinition([Fault(at, says, "upgrade: pip install -U envbuild")])
